import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { releaseLock, takeLock } from "./processLock";

/** The user's cache directory for this project: what is here is shared by every clone and may be deleted at any time. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  // The XDG specification has relative paths ignored.
  const base = env["XDG_CACHE_HOME"]?.startsWith("/") ? env["XDG_CACHE_HOME"] : join(homedir(), ".cache");
  return join(base, "django-on-ec2");
}

/** Between the name of what is made and the process that makes it. */
const draftMark = ".draft-";

/** How something that the cache lacks is made. */
export interface Recipe {
  /** Makes it under a name that nothing else has. */
  readonly make: (draft: string) => Promise<void>;
  /** Told what takes its time. */
  readonly report?: ((what: string) => void) | undefined;
  /** Ends the waiting for another process. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A folder of the cache, made if it is missing, and by one process of the machine: others wait for it. It is made beside its
 * place and renamed, so that a killed process leaves no half of one. Answers its path.
 */
export async function cached(place: string, { make, report, signal }: Recipe): Promise<string> {
  if (existsSync(place)) return place;
  await mkdir(dirname(place), { recursive: true });
  return exclusively(
    place,
    async () => {
      if (existsSync(place)) return place;
      await removeDrafts(dirname(place));
      const draft = `${place}${draftMark}${process.pid}`;
      try {
        await make(draft);
        await rename(draft, place);
      } finally {
        // A program that was just stopped may still write for a moment.
        await rm(draft, { recursive: true, force: true, maxRetries: 10 });
      }
      return place;
    },
    { report, signal },
  );
}

/** Does something while no other process of the machine does it under the same name, which is that of a file. */
export async function exclusively<T>(
  name: string,
  action: () => Promise<T>,
  { report, signal }: Omit<Recipe, "make"> = {},
): Promise<T> {
  const lock = `${name}.lock`;
  for (let holder = takeLock(lock); holder; holder = takeLock(lock)) {
    report?.(`waiting for process ${holder.pid}, which is at it`);
    await sleep(500, undefined, { signal });
  }
  try {
    return await action();
  } finally {
    releaseLock(lock);
  }
}

/** Removes what processes left that were killed. */
async function removeDrafts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [, pid] = name.split(draftMark);
    if (pid && !existsSync(`/proc/${pid}`)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
