import { readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../machine/exec";
import { isAlive, readRecord } from "../machine/processRecord";
import { namePrefix, statePath } from "../machine/state";

/** Whether a process is the first of a host: its numbers, as the namespaces count them, end with 1. */
function isInit(pid: string): boolean {
  try {
    return /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch (error) {
    // It has ended since.
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

/** The command, and its arguments, that runs a script in the namespaces of a host, as its console would. */
export async function hostCommand(
  instanceId: string,
  script: string,
): Promise<readonly [command: string, args: readonly string[]]> {
  const pids = await run("ip", ["netns", "pids", namespaceOf(instanceId)]);
  const init = pids.split("\n").find((pid) => pid !== "" && isInit(pid));
  if (init === undefined) throw new Error(`host ${instanceId} does not run`);
  const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wdns=/"];
  return ["nsenter", [`--target=${init}`, ...namespaces, "--", "bash", "-c", script]];
}

/** Runs a script on a host, and answers what it printed. */
export async function onHost(instanceId: string, script: string): Promise<string> {
  return run(...(await hostCommand(instanceId, script)));
}

/** Ends all that runs on a host at once. */
export function cutPower(instanceId: string): void {
  const record = readRecord(join(statePath(), "processes", `${instanceId}.json`));
  if (!record || !isAlive(record)) throw new Error(`host ${instanceId} does not run`);
  process.kill(record.pid, "SIGKILL");
}

/** Network namespace of a host. */
export const namespaceOf = (instanceId: string): string => `${namePrefix()}${instanceId}`;
