import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { regionNumber, regionVariable } from "../../client/localRegion";
import { cacheDirectory, cached } from "../machine/cache";
import { run } from "../machine/exec";
import type { Service, SpawnOptions } from "../machine/service";

const systemPython = "/usr/bin/python3";
const lockFile = join(__dirname, "requirements.txt");

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
 * Python version.
 */
export async function motoPython(
  options: { readonly signal?: AbortSignal; readonly report?: (what: string) => void } = {},
): Promise<string> {
  const lock = await readFile(lockFile);
  const version = await run(systemPython, [
    "-c",
    "import sys, sysconfig; print(sys.version, sysconfig.get_platform())",
  ]);
  const key = createHash("sha256").update(lock).update(version).digest("hex").slice(0, 16);
  const { signal, report } = options;
  const make = async (draft: string) => {
    report?.("installing into the cache");
    await run(systemPython, ["-m", "venv", draft], { signal });
    // Started as `python -m`, a virtual environment finds itself by where its interpreter is, so it may be renamed.
    const pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
    await run(join(draft, "bin", "python"), [...pip, "--require-hashes", "--requirement", lockFile], {
      signal,
    });
  };
  return join(await cached(join(cacheDirectory(), `moto-${key}`), { make, report, signal }), "bin", "python");
}

/** Starts moto on a free loopback port and waits until it answers. */
export async function startMoto(python: string, spawn: Spawn, signal?: AbortSignal): Promise<Moto> {
  let port: string | undefined;
  const service = await spawn("moto", python, ["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], {
    env: {
      PATH: "/usr/bin:/bin",
      HOME: "/nonexistent",
      PYTHONUNBUFFERED: "1",
      // The region registers its own images; moto's thousand would only cost time.
      MOTO_EC2_LOAD_DEFAULT_AMIS: "false",
      // Tells whose it is.
      [regionVariable]: String(regionNumber()),
    },
    isReady: async (started) => {
      if (signal?.aborted) return true;
      [, port] = /Running on http:\/\/127\.0\.0\.1:(\d+)\n/.exec(started.output()) ?? [];
      return port !== undefined && (await fetch(`http://127.0.0.1:${port}/moto-api/config`)).ok;
    },
  });
  if (signal?.aborted) {
    await service.stop();
    signal.throwIfAborted();
  }
  return { port: Number(port), service };
}
