import { readFileSync } from "node:fs";

/** Changes with each start of the machine, and with it what a process id and a start time mean. */
const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

/** What names one process for good, on disk too. */
export interface ProcessRecord {
  readonly pid: number;
  readonly bootId: string;
  /** In clock ticks since boot. */
  readonly startTime: string;
  readonly command: string;
}

/** Undefined for a process that is gone. */
export function processRecord(pid: number, command: string): ProcessRecord | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // proc(5): the second field, the command in parentheses, may hold spaces; starttime is field 22.
    const startTime = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return startTime === undefined ? undefined : { pid, bootId, startTime, command };
  } catch {
    return undefined; // gone
  }
}

export function isAlive(record: ProcessRecord): boolean {
  return (
    record.bootId === bootId && processRecord(record.pid, record.command)?.startTime === record.startTime
  );
}

/** Undefined when there is no such file, or only a part of one. */
export function readRecord(file: string): ProcessRecord | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as ProcessRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
