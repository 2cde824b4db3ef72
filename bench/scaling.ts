import { RequestLoad } from "../tests/support/requestLoad";
import { type BenchRegion, minuteSeconds, requestsPerTarget } from "./region";
import type { Report } from "./report";

/** Load of two hosts, as a share of what they are to have. */
const share = 0.9;
const size = 2;

/** Doubles the load of a fleet, and waits until there are hosts enough for it. */
export async function benchScaling(region: BenchRegion): Promise<Report> {
  const needed = Math.ceil(2 * size * share);
  const perSecond = (size * share * requestsPerTarget) / 60;
  const loads = [new RequestLoad(`${region.url}/livez`, 1000 / perSecond)];
  const stop = async () => (await Promise.all(loads.map((load) => load.stop()))).flat().map(({ why }) => why);
  try {
    // The figures of the minutes before are of other loads; so long the fleet keeps its size.
    await sleepMinutes(region, 3);
    await region.resize(size, { max: 2 * size });
    const known = region.decisions.length;
    await sleepMinutes(region, 1);
    if (region.decisions.length !== known)
      throw new Error("the fleet changed under a load that is right for it");
    region.say(`twice ${perSecond} requests a second`);
    const since = performance.now();
    loads.push(new RequestLoad(`${region.url}/livez`, 1000 / perSecond));
    const decided = await region.until("a decision", () =>
      region.decisions.some(
        ({ why, at }) =>
          /AlarmHigh|increasing the capacity/.test(why) && at.getTime() > performance.timeOrigin + since,
      ),
    );
    const enough = await region.until("hosts enough", () => region.healthy.length >= needed);
    const failed = await stop();
    await region.resize(size);
    return report(needed, (decided - since) / 1000, (enough - decided) / 1000, failed);
  } finally {
    await stop();
  }
}

function report(needed: number, waited: number, started: number, failed: readonly string[]): Report {
  return {
    name: "scaling",
    title: "From a doubled load to hosts enough",
    summary:
      `A minute of the policies lasts ${minuteSeconds} s here. With minutes of 60 s, as CloudWatch has them, the same takes ` +
      `${((waited * 60) / minuteSeconds).toFixed(0)} s until the decision, and the hosts as long as here.`,
    goals: [
      {
        what: "minutes from the doubled load to the decision: AWS's alarm wants three in a row",
        wanted: "at most 4",
        measured: (waited / minuteSeconds).toFixed(1),
        isHeld: waited / minuteSeconds <= 4,
      },
      {
        what: `from the decision to ${needed} healthy hosts`,
        wanted: "within 20 s",
        measured: `${started.toFixed(1)} s`,
        isHeld: started <= 20,
      },
      {
        what: "requests that fail meanwhile",
        wanted: "none",
        measured: [String(failed.length), ...new Set(failed)].join(", "),
        isHeld: failed.length === 0,
      },
    ],
    charts: [
      {
        kind: "bars",
        title: "From the doubled load",
        y: "seconds",
        series: ["seconds"],
        rows: [
          { label: "decision", values: [waited] },
          { label: "hosts enough", values: [waited + started] },
        ],
      },
    ],
  };
}

/** Waits so many minutes of the policies. */
async function sleepMinutes(region: BenchRegion, minutes: number): Promise<void> {
  const end = performance.now() + minutes * minuteSeconds * 1000;
  await region.until("time", () => performance.now() >= end);
}
