import type { FaultName } from "../local/faults";
import { RequestLoad } from "../tests/support/requestLoad";
import type { BenchRegion } from "./region";
import type { Report } from "./report";
import { pollSeconds, type ReplacedSystem } from "./replaced";

/** Requests a second that each system gets meanwhile. */
const pace = 20;
const outGoal = 10;
const wholeGoal = 20;

const cases = [
  { fault: "cut-power", label: "killed" },
  { fault: "hang", label: "hung" },
] as const satisfies readonly { readonly fault: FaultName; readonly label: string }[];

/** What became of a system that lost a host. Times in seconds from the fault. */
interface Outcome {
  readonly failed: number;
  /** Of the requests that were sent when the host was out. */
  readonly failedLater: number;
  readonly out: number;
  readonly whole: number;
}

/** A system under a fault: how it is asked and looked at. */
interface Subject {
  readonly url: string;
  readonly isOut: () => boolean;
  readonly isWhole: () => boolean;
}

/** A host that is killed and one that hangs, under load: in this system, and beside it in the replaced one, at the same time. */
export async function benchFaults(region: BenchRegion, replaced: ReplacedSystem): Promise<Report> {
  await replaced.start();
  replaced.loop();
  const outcomes: { readonly label: string; readonly ours: Outcome; readonly theirs: Outcome }[] = [];
  for (const { fault, label } of cases) {
    const size = region.healthy.length;
    const [victim = "", other = ""] = [region.healthy[0], replaced.ids[0]];
    const watch = (subject: Subject) => ({
      subject,
      load: new RequestLoad(`${subject.url}/livez`, 1000 / pace),
    });
    const both = [
      watch({
        url: region.url,
        isOut: () => !region.sendsTo(victim),
        isWhole: () =>
          !region.fleet.some(({ id }) => id === victim) &&
          region.healthy.length === size &&
          !region.healthy.includes(victim),
      }),
      watch({
        url: replaced.url,
        isOut: () => !region.sendsTo(other),
        isWhole: () => !replaced.ids.includes(other) && replaced.healthy.length === size,
      }),
    ];
    await replaced.midway();
    region.say(`${label}: ${victim} of this system and ${other} of the replaced one`);
    const since = performance.now();
    await Promise.all([region.fault(fault, victim), region.fault(fault, other)]);
    const [ours, theirs] = await Promise.all(both.map((each) => follow(region, each, since)));
    if (ours && theirs) outcomes.push({ label, ours, theirs });
  }
  return report(outcomes);
}

async function follow(
  region: BenchRegion,
  { subject, load }: { readonly subject: Subject; readonly load: RequestLoad },
  since: number,
): Promise<Outcome> {
  const out = await region.until("the host out", subject.isOut);
  const sentBefore = load.sent;
  const whole = await region.until("a whole fleet", subject.isWhole);
  const sentThen = load.sent;
  await region.until("more requests", () => load.sent > sentThen + pace);
  const failed = await load.stop(sentBefore);
  return {
    failed: failed.length,
    failedLater: failed.filter(({ number }) => number > sentBefore).length,
    out: (out - since) / 1000,
    whole: (whole - since) / 1000,
  };
}

function report(
  outcomes: readonly { readonly label: string; readonly ours: Outcome; readonly theirs: Outcome }[],
): Report {
  const seconds = (value: number) => `${value.toFixed(1)} s`;
  return {
    name: "faults",
    title: "A host that fails, under load",
    summary:
      `Two hosts each, ${pace} requests a second: this system, and beside it at the same time the replaced one, whose loop polls ` +
      `every ${pollSeconds} s, terminates, creates and provisions, behind a balancer with ELB's defaults. The fault comes midway between two polls.`,
    goals: outcomes.flatMap(({ label, ours, theirs }) => [
      {
        what: `${label}: out of rotation`,
        wanted: `within ${outGoal} s`,
        measured: `${seconds(ours.out)} (replaced: ${seconds(theirs.out)})`,
        isHeld: ours.out <= outGoal,
      },
      {
        what: `${label}: whole after it is out`,
        wanted: `within ${wholeGoal} s`,
        measured: `${seconds(ours.whole - ours.out)} (replaced: ${seconds(theirs.whole - theirs.out)})`,
        isHeld: ours.whole - ours.out <= wholeGoal,
      },
      {
        what: `${label}: requests that fail when it is out`,
        wanted: "none",
        measured: `${ours.failedLater} (replaced: ${theirs.failedLater})`,
        isHeld: ours.failedLater === 0,
      },
      {
        what: `${label}: requests that fail at all`,
        wanted: "fewer than in the replaced system",
        measured: `${ours.failed} (replaced: ${theirs.failed})`,
        isHeld: ours.failed < theirs.failed,
      },
      {
        what: `${label}: whole again`,
        wanted: "sooner than the replaced system",
        measured: `${(theirs.whole / ours.whole).toFixed(1)} x (${seconds(ours.whole)} and ${seconds(theirs.whole)})`,
        isHeld: ours.whole < theirs.whole,
      },
    ]),
    charts: [
      {
        kind: "bars",
        title: "Time from the fault",
        y: "seconds",
        series: ["out of rotation", "whole again"],
        rows: outcomes.flatMap(({ label, ours, theirs }) => [
          { label: `${label}, this one`, values: [ours.out, ours.whole] },
          { label: `${label}, replaced`, values: [theirs.out, theirs.whole] },
        ]),
      },
      {
        kind: "bars",
        title: "Failed requests",
        y: "requests",
        series: ["this system", "the replaced one"],
        rows: outcomes.map(({ label, ours, theirs }) => ({ label, values: [ours.failed, theirs.failed] })),
      },
    ],
  };
}
