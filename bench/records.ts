/** Where benches leave their figures, for `npm run report`. */
import { cpus, loadavg, release, totalmem } from "node:os";
import * as path from "node:path";
import { type RunRecord, writeRecord } from "../report/record";

const folder = path.join(__dirname, "..", ".local", "records");

/** File of a bench's last record. */
export const recordOf = (name: string): string => path.join(folder, `${name}.json`);

/** Writes what a bench measured on this machine, and says where. */
export function record(name: string, run: Omit<RunRecord, "startedAt" | "circumstances">): void {
  const file = recordOf(name);
  const startedAt = new Date(Date.now() - performance.now()).toISOString();
  const circumstances = {
    machine: `${cpus().length} processors (${cpus()[0]?.model ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GiB of memory`,
    // What else ran there, too.
    "processes that wanted a processor": `${(loadavg()[0] ?? 0).toFixed(1)}, mean of the last minute`,
    Linux: release(),
    "Node.js": process.version,
  };
  writeRecord({ startedAt, circumstances, ...run }, file);
  console.log(`for a page with charts: npm run report -- ${path.relative(process.cwd(), file)}`);
}
