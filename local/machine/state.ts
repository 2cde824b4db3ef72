import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { regionNumber, regionVariable } from "../../client/localRegion";
import { releaseLock, takeLock } from "./processLock";

// Names of one local region must not begin those of another: each removes what has its own.
const marked = (mark: string, number: number) => (number === 0 ? "" : `${mark}${number}`);

/** Everything that a local region keeps on disk, the base image apart. */
export const statePath = (number = regionNumber()): string => `/var/lib/django-on-ec2${marked("-", number)}`;
/** Prefix of the network namespaces and control groups of a local region, and of the sources of its mounts. */
export const namePrefix = (number = regionNumber()): string => `doe2${marked("r", number)}-`;
/** Names the process that holds a local region. */
export const lockFile = (number = regionNumber()): string => `${statePath(number)}.lock`;
/** This local region's loopback addresses on the machine, counted from 1. */
export const loopbackAddress = (index: number): string => `127.0.${10 + regionNumber()}.${index}`;

/** Another process holds the local region. */
export class RegionBusyError extends Error {
  constructor(readonly pid: number) {
    super(
      `process ${pid} holds the local region ${regionNumber()} of this machine: stop that run with Ctrl-C or "kill ${pid}", ` +
        `then start again; or start another region beside it, by ${regionVariable}=${(regionNumber() + 1) % 100}`,
    );
    this.name = "RegionBusyError";
  }
}

/** The state directory, held by this process alone. */
export class StateDirectory {
  private constructor(readonly path: string) {}

  /** Takes this local region; throws `RegionBusyError` while another process holds it. */
  static acquire(): StateDirectory {
    const holder = takeLock(lockFile());
    if (holder) throw new RegionBusyError(holder.pid);
    return new StateDirectory(statePath());
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
    releaseLock(lockFile());
  }
}
