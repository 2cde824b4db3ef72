import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, processRecord, readRecord } from "./processRecord";

/** Everything that the local region keeps on disk, the base image apart. */
export const statePath = "/var/lib/django-on-ec2";
/** Prefix of the network namespaces, control groups and mount sources that belong to the local region. */
export const namePrefix = "doe2-";

const lockFile = `${statePath}.lock`;

/** Another local region runs on this machine. */
export class RegionBusyError extends Error {
  constructor(readonly pid: number) {
    super(
      `another local region runs on this machine (process ${pid}); ` +
        `one machine holds one region: stop that run with Ctrl-C or "kill ${pid}", then start again`,
    );
    this.name = "RegionBusyError";
  }
}

/** The state directory, held by this process alone. */
export class StateDirectory {
  private constructor(readonly path: string) {}

  /** Takes the machine's only region; throws `RegionBusyError` while another process holds it. */
  static acquire(): StateDirectory {
    const own = processRecord(process.pid, process.argv.join(" "));
    const draft = `${lockFile}.${process.pid}`;
    try {
      writeFileSync(draft, JSON.stringify(own));
      for (;;) {
        try {
          linkSync(draft, lockFile); // appears whole, or not at all
          break;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
          const holder = readRecord(lockFile);
          if (holder && isAlive(holder)) throw new RegionBusyError(holder.pid);
          removeStaleLock();
        }
      }
    } finally {
      rmSync(draft, { force: true });
    }
    return new StateDirectory(statePath);
  }

  /** A folder below the state directory, made if it is missing. */
  folder(...names: string[]): string {
    const folder = join(this.path, ...names);
    // For root alone: hosts' disks hold programs that run as root, and what hosts have written.
    mkdirSync(this.path, { recursive: true, mode: 0o700 });
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  release(): void {
    rmSync(lockFile, { force: true });
  }
}

/** Of two runs that find the same dead holder, one removes its lock: taking it away by name is atomic. */
function removeStaleLock(): void {
  const aside = `${lockFile}.stale-${process.pid}`;
  try {
    renameSync(lockFile, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return; // the other run was first
    throw error;
  }
  const taken = readRecord(aside);
  // The other run was first by more than that, and holds a lock of its own by now: it gets it back.
  if (taken && isAlive(taken)) linkSync(aside, lockFile);
  rmSync(aside, { force: true });
}
