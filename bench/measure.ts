/** Whole Node.js processes, measured from inside: from their start to their exit. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as path from "node:path";
import { text } from "node:stream/consumers";
import type { Readable } from "node:stream";

const root = path.join(__dirname, "..");

/** What a run took. */
export interface Figures {
  /** From start to exit. */
  readonly seconds: number;
  /** Of the processor, the operating system's part included. */
  readonly processor: number;
  /** The most memory at a time. */
  readonly mebibytes: number;
}

/** A Node.js process to measure. */
export interface Measured {
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

async function runOnce(measured: Measured): Promise<Figures> {
  const child = spawn(process.execPath, ["--require", path.join(__dirname, "report.cjs"), ...measured.args], {
    cwd: root,
    env: { ...process.env, ...measured.env },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const [stdout, stderr, report] = child.stdio.slice(1) as [Readable, Readable, Readable];
  const [printed, complained, told, [status]] = await Promise.all([
    text(stdout),
    text(stderr),
    text(report),
    once(child, "close") as Promise<[number | null]>,
  ]);
  if (status !== 0)
    throw new Error(`node ${measured.args.join(" ")} ended with ${status}:\n${printed}${complained}`);
  return JSON.parse(told) as Figures;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/**
 * Runs the processes in turn, so that a machine whose speed drifts treats them alike, and answers the median of each figure.
 * A first round, which fills caches, does not count.
 */
export async function measure<Name extends string>(
  processes: Readonly<Record<Name, Measured>>,
  rounds: number,
): Promise<Record<Name, Figures>> {
  const names = Object.keys(processes) as Name[];
  const figures = new Map<Name, Figures[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++)
    for (const name of names) {
      const figure = await runOnce(processes[name]);
      if (round > 0) figures.get(name)?.push(figure);
    }
  return Object.fromEntries(
    [...figures].map(([name, runs]) => [
      name,
      {
        seconds: median(runs.map(({ seconds }) => seconds)),
        processor: median(runs.map(({ processor }) => processor)),
        mebibytes: median(runs.map(({ mebibytes }) => mebibytes)),
      },
    ]),
  ) as Record<Name, Figures>;
}
