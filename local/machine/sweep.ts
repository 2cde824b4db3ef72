import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { allControlGroups, removeControlGroup } from "./controlGroups";
import { run } from "./exec";
import { releaseNspawnFolder } from "./host/nspawn";
import { mountsBelow, unmount } from "./mounts";
import { namespaceFolder, NetworkNamespace } from "./network/namespace";
import { patiently } from "./patiently";
import { isAlive, readRecord } from "./processRecord";
import { namePrefix } from "./state";
import type { StateDirectory } from "./state";

/**
 * Removes everything that a local region ever makes on a machine: processes, mounts, loop devices, network
 * namespaces (and with them addresses, routes and firewall tables), control groups and files. It recognises its own by
 * recorded process, folder and name prefix, and touches nothing else, nor anything of another local region. Answers what it
 * removed.
 * Throws one error that lists whatever could not be removed.
 */
export async function sweep(state: StateDirectory): Promise<string[]> {
  const removed: string[] = [];
  const problems: string[] = [];
  const remove = async (what: string, action: () => Promise<unknown>) => {
    try {
      await action();
      removed.push(what);
    } catch (error) {
      problems.push(`${what}: ${(error as Error).message}`);
    }
  };

  const processes = join(state.path, "processes");
  for (const file of existsSync(processes) ? readdirSync(processes) : []) {
    const record = readRecord(join(processes, file));
    if (!record || !isAlive(record)) continue;
    await remove(`process ${record.pid} (${basename(file, ".json")})`, () =>
      patiently(() => {
        if (isAlive(record)) process.kill(record.pid, "SIGKILL");
      }),
    );
  }
  const namespaces = (existsSync(namespaceFolder) ? readdirSync(namespaceFolder) : [])
    .filter((name) => name.startsWith(namePrefix()))
    .map((name) => new NetworkNamespace(name));
  for (const namespace of namespaces)
    await namespace
      .killProcesses()
      .catch((error: unknown) =>
        problems.push(`processes in ${namespace.name}: ${(error as Error).message}`),
      );
  for (const mount of mountsBelow(state.path)) await remove(`mount ${mount}`, () => unmount(mount));
  const devices = await run("losetup", ["--list", "--noheadings", "--output", "NAME,BACK-FILE"]);
  for (const line of devices.split("\n")) {
    const [device, file] = line.trim().split(/\s+/, 2);
    if (!device || !file?.startsWith(`${state.path}/`)) continue;
    await remove(`loop device ${device}`, () => patiently(() => run("losetup", ["--detach", device])));
  }
  for (const namespace of namespaces)
    await remove(`network namespace ${namespace.name}`, () => patiently(() => namespace.delete()));
  for (const group of allControlGroups())
    await remove(`control group ${basename(group)}`, () => removeControlGroup(group));
  await patiently(releaseNspawnFolder).catch((error: unknown) => problems.push((error as Error).message));
  // Never delete through a mount that is still there.
  if (mountsBelow(state.path).length === 0) rmSync(state.path, { recursive: true, force: true });
  if (problems.length > 0) throw new Error(`could not remove:\n  ${problems.join("\n  ")}`);
  return removed;
}
