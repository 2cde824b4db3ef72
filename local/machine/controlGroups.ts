import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { patiently } from "./patiently";
import { namePrefix } from "./state";

/** Roots of the control group hierarchies in which each host gets a group of its own. */
function roots(): string[] {
  const unified = "/sys/fs/cgroup";
  if (existsSync(`${unified}/cgroup.controllers`)) return [unified];
  return [`${unified}/systemd`, `${unified}/unified`].filter((root) => existsSync(root));
}

/** A host's control groups: one of its own in each hierarchy, so that hosts do not share their systemd's groups. */
export const controlGroupsOf = (id: string): string[] =>
  roots().map((root) => join(root, `${namePrefix()}${id}`));

/** Processor time that a host has had, in seconds; undefined while it does not run. */
export function processorSeconds(id: string): number | undefined {
  const file = controlGroupsOf(id)
    .map((group) => join(group, "cpu.stat"))
    .find((name) => existsSync(name));
  const [, micros] = /^usage_usec (\d+)$/m.exec(file === undefined ? "" : readFileSync(file, "utf8")) ?? [];
  return micros === undefined ? undefined : Number(micros) / 1e6;
}

/** The control groups of all hosts of this local region, whatever run made them. */
export const allControlGroups = (): string[] =>
  roots().flatMap((root) =>
    readdirSync(root)
      .filter((name) => name.startsWith(namePrefix()))
      .map((name) => join(root, name)),
  );

/** Removes a host's control group and the groups below it, with what is left in them of an ended host. */
export const removeControlGroup = (group: string): Promise<void> => patiently(() => removeTree(group));

function removeTree(group: string): void {
  if (!existsSync(group)) return;
  for (const entry of readdirSync(group, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(group, entry.name));
  // What a host started and did not end with it; nothing else is ever in its groups.
  const members = readFileSync(join(group, "cgroup.procs"), "utf8").split("\n").filter(Boolean);
  for (const pid of members) process.kill(Number(pid), "SIGKILL");
  rmdirSync(group);
}
