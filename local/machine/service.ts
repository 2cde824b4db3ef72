import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandError } from "./exec";
import { processRecord } from "./processRecord";
import type { StateDirectory } from "./state";

/** A process that runs beside this one until it is stopped. */
export interface Service {
  readonly name: string;
  readonly pid: number;
  /** Resolves with the reason once the process has ended. */
  readonly ended: Promise<string>;
  /** The last lines that it printed. */
  output(): string;
  /** Asks the process to end and kills it after the grace time. Safe to call twice. */
  stop(graceSeconds?: number): Promise<void>;
}

/** How a service is started. */
export interface SpawnOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Told of all that the process prints. */
  readonly onOutput?: (chunk: string) => void;
  /** Asked until it says so; an error means "not yet". Default: ready as soon as the process runs. */
  readonly isReady?: (service: Service) => boolean | Promise<boolean>;
}

const outputLimit = 16_384;
/** A process that lives and says nothing for this long hangs; on a busy machine a start takes many times its usual time. */
const readySeconds = 120;

/**
 * Starts a process and records its id, so that a later run recognises what a killed run left behind. Answers when it is
 * ready; a process that ends before that, or never gets there, is an error with what it printed, and nothing of it is left.
 * It is in a process group of its own: Ctrl-C reaches this program only, which then stops things in order.
 */
export async function spawnService(
  state: Pick<StateDirectory, "folder">,
  name: string,
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Service> {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: options.env,
    cwd: options.cwd,
  });
  let output = "";
  const keep = (chunk: string) => {
    output = (output + chunk).slice(-outputLimit);
    options.onOutput?.(chunk);
  };
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => reject(new CommandError(command, null, error.message)));
  });
  const { pid } = child;
  if (pid === undefined) throw new CommandError(command, null, "it has no process id");
  const recordFile = join(state.folder("processes"), `${name}.json`);
  writeFileSync(recordFile, JSON.stringify(processRecord(pid, `${command} ${args.join(" ")}`)));
  let alive = true;
  const ended = new Promise<string>((resolve) => {
    child.once("close", (status, signal) => {
      alive = false;
      rmSync(recordFile, { force: true });
      resolve(signal === null ? `exit status ${status}` : `signal ${signal}`);
    });
  });
  const service: Service = {
    name,
    pid,
    ended,
    output: () => output,
    async stop(graceSeconds = 5) {
      if (alive) child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), graceSeconds * 1000);
      await ended;
      clearTimeout(timer);
    },
  };
  if (options.isReady)
    try {
      await untilReady(service, options.isReady);
    } catch (error) {
      await service.stop();
      throw error;
    }
  return service;
}

async function untilReady(
  service: Service,
  isReady: (service: Service) => boolean | Promise<boolean>,
): Promise<void> {
  let ended: string | undefined;
  void service.ended.then((reason) => (ended = reason));
  for (const deadline = Date.now() + readySeconds * 1000; ;) {
    try {
      if (await isReady(service)) return;
    } catch {
      // Not yet: what is asked may not be there before the process is ready.
    }
    if (ended !== undefined)
      throw new Error(`${service.name} ended with ${ended}: ${service.output().trim()}`);
    if (Date.now() > deadline)
      throw new Error(`${service.name} was not ready after ${readySeconds} s: ${service.output().trim()}`);
    await sleep(50);
  }
}
