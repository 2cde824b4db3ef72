/** What the benches measured, as their records in `bench/results` have it: copies of what `npm run bench` leaves in `.local/records`. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { readRecord, type RunRecord } from "../report/record";
import { table } from "./markdown";

const folder = path.join(__dirname, "..", "bench", "results");

/** Undefined if the bench has no record there. */
export function resultOf(bench: string): RunRecord | undefined {
  const file = path.join(folder, `${bench}.json`);
  return existsSync(file) ? readRecord(readFileSync(file, "utf8"), file) : undefined;
}

/** Every goal of the benches, whether it is held, and what else was measured. */
export function benchmarkTables(): string {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => path.basename(name, ".json"))
    .sort();
  return names
    .flatMap((name) => {
      const run = resultOf(name);
      if (!run) return [];
      const where = Object.entries(run.circumstances).map(([what, value]) => `${what}: ${value}`);
      return [
        `### ${run.title}`,
        `${run.summary} Measured at ${run.startedAt.slice(0, 16).replace("T", " ")} UTC; ${where.join("; ")}.`,
        table(
          ["goal", "wanted", "measured", ""],
          ...run.goals.map(({ what, wanted, measured, isHeld }) => [
            what,
            wanted,
            measured,
            isHeld ? "held" : "**missed**",
          ]),
        ),
      ];
    })
    .join("\n\n");
}
