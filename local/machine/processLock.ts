import { linkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isAlive, type ProcessRecord, processRecord, readRecord } from "./processRecord";

/**
 * Takes a lock, a file that names the process which holds it. Undefined when it is this process's now; else the record of the
 * process that has it. What a process left that has ended is no obstacle.
 */
export function takeLock(file: string): ProcessRecord | undefined {
  const own = processRecord(process.pid, process.argv.join(" "));
  const draft = `${file}.${process.pid}`;
  try {
    writeFileSync(draft, JSON.stringify(own));
    for (;;) {
      try {
        linkSync(draft, file); // appears whole, or not at all
        return undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        const holder = readRecord(file);
        if (holder && isAlive(holder)) return holder;
        removeStaleLock(file);
      }
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Gives back a lock that this process has taken. */
export function releaseLock(file: string): void {
  rmSync(file, { force: true });
}

/** Of two runs that find the same dead holder, one removes its lock: taking it away by name is atomic. */
function removeStaleLock(file: string): void {
  const aside = `${file}.stale-${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return; // the other run was first
    throw error;
  }
  const taken = readRecord(aside);
  // The other run was first by more than that, and holds a lock of its own by now: it gets it back.
  if (taken && isAlive(taken)) linkSync(aside, file);
  rmSync(aside, { force: true });
}
