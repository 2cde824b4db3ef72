import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheDirectory } from "../machine/cache";
import { run } from "../machine/exec";
import type { Service, SpawnOptions } from "../machine/service";

const systemPython = "/usr/bin/python3";
const lockFile = join(__dirname, "requirements.txt");
const readySeconds = 60;
const attempts = 3;
/** Between the name of an environment and the process that builds it. */
const draftMark = ".draft-";

/** Starts a long-lived process; `spawnService` bound to the state directory. */
export type Spawn = (
  name: string,
  command: string,
  args: readonly string[],
  options?: SpawnOptions,
) => Promise<Service>;

/** A running moto server. */
export interface Moto {
  readonly port: number;
  readonly service: Service;
}

/**
 * The Python that runs moto: a virtual environment in the user's cache directory, made once for each lock file and
 * Python version. It is built beside its place and renamed, so that a killed run leaves no half of one.
 */
export async function motoPython(
  options: { readonly signal?: AbortSignal; readonly onBuild?: () => void } = {},
): Promise<string> {
  const cache = cacheDirectory();
  const lock = await readFile(lockFile);
  const version = await run(systemPython, [
    "-c",
    "import sys, sysconfig; print(sys.version, sysconfig.get_platform())",
  ]);
  const key = createHash("sha256").update(lock).update(version).digest("hex").slice(0, 16);
  const place = join(cache, `moto-${key}`);
  const python = join(place, "bin", "python");
  if (existsSync(python)) return python;

  options.onBuild?.();
  await mkdir(cache, { recursive: true });
  await removeDrafts(cache);
  const draft = `${place}${draftMark}${process.pid}`;
  try {
    const { signal } = options;
    await run(systemPython, ["-m", "venv", draft], { signal });
    // Started as `python -m`, a virtual environment finds itself by where its interpreter is, so it may be renamed.
    const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
    await run(join(draft, "bin", "python"), [...pip, "--require-hashes", "--requirement", lockFile], {
      signal,
    });
    await rename(draft, place).catch((error: unknown) => {
      // Another clone was faster; its environment is as good as this one.
      if (!existsSync(python)) throw error;
    });
  } finally {
    // A pip that was just stopped may still write for a moment.
    await rm(draft, { recursive: true, force: true, maxRetries: 10 });
  }
  return python;
}

/** Removes what builds left that were killed. */
async function removeDrafts(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    const [, pid] = name.split(draftMark);
    if (name.startsWith("moto-") && pid && !existsSync(`/proc/${pid}`)) {
      await rm(join(cache, name), { recursive: true, force: true });
    }
  }
}

/** A TCP port of the loopback interface that nothing listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      const port = typeof address === "object" && address ? address.port : 0;
      probe.close(() => {
        resolve(port);
      });
    });
  });
}

async function untilAnswers(port: number, signal: AbortSignal): Promise<undefined> {
  const deadline = Date.now() + readySeconds * 1000;
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    const answer = await fetch(`http://127.0.0.1:${port}/moto-api/config`).catch(() => undefined);
    if (answer?.ok) return undefined;
    await sleep(50);
  }
  throw new Error(`moto did not answer within ${readySeconds} s`);
}

/** Starts moto on a free loopback port and waits until it answers. */
export async function startMoto(python: string, spawn: Spawn, signal?: AbortSignal): Promise<Moto> {
  // Between the look for a free port and moto's own bind another program may take it: then a new one is tried.
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const service = await spawn(
      "moto",
      python,
      ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)],
      {
        env: {
          PATH: "/usr/bin:/bin",
          HOME: "/nonexistent",
          PYTHONUNBUFFERED: "1",
          // The region registers its own images; moto's thousand would only cost time.
          MOTO_EC2_LOAD_DEFAULT_AMIS: "false",
        },
      },
    );
    const ended = service.ended.then((reason) => `moto ended with ${reason}:\n${service.output()}`);
    const settled = new AbortController();
    try {
      const either = signal ? AbortSignal.any([signal, settled.signal]) : settled.signal;
      const problem = await Promise.race([ended, untilAnswers(port, either)]);
      if (problem === undefined) return { port, service };
      if (attempt === attempts) throw new Error(problem);
    } catch (error) {
      await service.stop();
      throw error;
    } finally {
      settled.abort();
    }
  }
}
