import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Report } from "./report";
import { tell } from "./report";

const root = join(__dirname, "..");
const goals = { "from nothing": 180, cached: 75 } as const;
/** Steps that a chart has room for. */
const most = 6;

interface Step {
  readonly name: string;
  readonly seconds: number;
}

/** What `npm start` tells under "Where the time went": the slowest steps, and all of it as the last. */
export function readSteps(output: string): readonly Step[] {
  const [, told = ""] = /Where the time went\n([^]*?)\n\n/.exec(output) ?? [];
  return told.split("\n").flatMap((line) => {
    const [, minutes = "0", seconds, name = ""] = /^ +(?:(\d+) min )?([\d.]+) s {1,2}(.+)$/.exec(line) ?? [];
    return seconds === undefined ? [] : [{ name, seconds: Number(minutes) * 60 + Number(seconds) }];
  });
}

/** Runs `npm start -- --once` to its end. */
async function runOnce(cache: string): Promise<readonly Step[]> {
  const child = spawn("npm", ["start", "--silent", "--", "--once"], {
    cwd: root,
    env: { ...process.env, XDG_CACHE_HOME: cache, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output, [status]] = await Promise.all([
    text(child.stdout),
    once(child, "close") as Promise<[number | null]>,
  ]);
  if (status !== 0) throw new Error(`npm start ended with ${status}:\n${output}`);
  return readSteps(output);
}

/** `npm start` with an empty cache, and again with what that has left there. */
export async function benchStart(): Promise<void> {
  const cache = mkdtempSync(join(tmpdir(), "django-on-ec2-cache-"));
  try {
    const runs = { "from nothing": await runOnce(cache), cached: await runOnce(cache) };
    tell(report(runs));
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

function report(runs: Readonly<Record<keyof typeof goals, readonly Step[]>>): Report {
  const all = Object.entries(runs) as [keyof typeof goals, readonly Step[]][];
  return {
    name: "start",
    title: "npm start",
    summary:
      "Until the service has answered as a user asks it, with an empty cache and with a full one. Steps run side by side.",
    goals: all.map(([name, steps]) => {
      const seconds = steps.at(-1)?.seconds ?? Infinity;
      return {
        what: `npm start, ${name}`,
        wanted: `within ${goals[name]} s`,
        measured: `${seconds.toFixed(0)} s`,
        isHeld: seconds <= goals[name],
      };
    }),
    charts: all.map(([name, steps]) => ({
      kind: "bars",
      title: `Slowest steps, ${name}`,
      y: "seconds",
      series: ["seconds"],
      rows: [...steps.slice(0, most - 1), ...steps.slice(-1)].map((step) => ({
        label: step.name.replace(/^in all;.*/, "all of it").split("  ")[0] ?? "",
        values: [step.seconds],
      })),
    })),
  };
}
