import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { processRecord } from "../../local/machine/processRecord";

const prefix = "django-on-ec2-engine-";
const startOf = (pid: number) => processRecord(pid, "")?.startTime;

/**
 * A temporary folder, whose name tells which process made it. Those of processes that are gone, and could not remove theirs, are
 * removed first.
 */
export function ownFolder(parent = tmpdir()): string {
  for (const name of readdirSync(parent)) {
    const [, pid, start] = new RegExp(`^${prefix}(\\d+)-(\\d+)-\\w+$`).exec(name) ?? [];
    if (pid !== undefined && startOf(Number(pid)) !== start)
      rmSync(path.join(parent, name), { recursive: true, force: true });
  }
  return mkdtempSync(path.join(parent, `${prefix}${process.pid}-${startOf(process.pid)}-`));
}
