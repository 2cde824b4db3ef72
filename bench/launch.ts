import { type BenchRegion } from "./region";
import type { Report } from "./report";
import type { ReplacedSystem } from "./replaced";

const rounds = 3;
const ratioGoal = 10;
const secondsGoal = 5;

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

/** From a host's launch to its first healthy answer: from the image, and installed at boot. */
export async function benchLaunch(region: BenchRegion, replaced: ReplacedSystem): Promise<Report> {
  await replaced.start();
  const baked: number[] = [];
  for (let round = 0; round < rounds; round++) baked.push(await launchOne(region));
  const installed = [...replaced.launches];
  const [ours, theirs] = [median(baked), median(installed)];
  const ratio = theirs / ours;
  return {
    name: "launch",
    title: "Launch of a host",
    summary:
      "From the launch of a host to its first healthy answer: baked into an image, and installed at boot by the same scripts from the same mirrors.",
    goals: [
      {
        what: "a baked host is there sooner than one that installs at boot",
        wanted: `at least ${ratioGoal} x`,
        measured: `${ratio.toFixed(1)} x (${ours.toFixed(1)} s and ${theirs.toFixed(1)} s)`,
        isHeld: ratio >= ratioGoal,
      },
      {
        what: "launch of a baked host to its first healthy answer",
        wanted: `at most ${secondsGoal} s`,
        measured: `${ours.toFixed(1)} s (${baked.map((seconds) => seconds.toFixed(1)).join(", ")})`,
        isHeld: ours <= secondsGoal,
      },
    ],
    charts: [
      {
        kind: "bars",
        title: "Launch to first healthy answer, each",
        y: "seconds",
        series: ["seconds"],
        rows: [
          ...baked.map((seconds, index) => ({ label: `baked ${index + 1}`, values: [seconds] })),
          ...installed.map((seconds, index) => ({ label: `installed ${index + 1}`, values: [seconds] })),
        ],
      },
    ],
  };
}

/** Has the group start one host more, and end one again. */
async function launchOne(region: BenchRegion): Promise<number> {
  const size = region.healthy.length;
  const known = new Set(region.hosts.map(({ id }) => id));
  const resized = region.resize(size + 1);
  let id = "";
  await region.until("a launch", () => {
    id = region.fleet.find((host) => !known.has(host.id))?.id ?? "";
    return id !== "";
  });
  const answered = await region.firstAnswer(id);
  const launch = region.decisions.find(({ what }) => what === `Launching a new EC2 instance: ${id}`);
  if (!launch) throw new Error(`the group does not tell of the launch of ${id}`);
  const seconds = (performance.timeOrigin + answered - launch.at.getTime()) / 1000;
  await resized;
  await region.resize(size);
  return seconds;
}
