import { mkdirSync, statfsSync } from "node:fs";
import { controlGroupsOf } from "../controlGroups";
import { run } from "../exec";
import { namePrefix } from "../state";

/** systemd-nspawn keeps mount points here and cannot clean them up unless the folder is on a tmpfs. */
export const nspawnFolder = "/run/systemd/nspawn";
/** Source of the tmpfs that this program mounts there. */
export const nspawnMountSource = `${namePrefix}nspawn`;

/** Puts the shell into control groups of its own, then becomes the command after `--`. */
const enterGroups = `
while [ "$1" != -- ]; do
  mkdir -p "$1" && echo $$ > "$1/cgroup.procs" || exit 1
  shift
done
shift
exec "$@"`;

/** Gives systemd-nspawn a tmpfs for its own mount points where /run is not one. */
export async function prepareNspawnFolder(): Promise<void> {
  const tmpfs = 0x01021994; // statfs(2), TMPFS_MAGIC
  mkdirSync(nspawnFolder, { recursive: true });
  if (statfsSync(nspawnFolder).type !== tmpfs)
    await run("mount", ["-t", "tmpfs", nspawnMountSource, nspawnFolder]);
}

/** A systemd-nspawn command in control groups of its own, with the environment that it needs. */
export function nspawn(
  id: string,
  args: readonly string[],
): { readonly command: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv } {
  const groups = controlGroupsOf(id);
  return {
    command: "sh",
    args: [
      ...["-c", enterGroups, "sh", ...groups, "--"],
      ...["systemd-nspawn", "--quiet", "--settings=no", "--register=no", "--keep-unit", "--link-journal=no"],
      ...["--timezone=off", `--machine=${id}`, ...args],
    ],
    // On a machine with the old control groups the host still gets the new ones, which its systemd insists on.
    env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: groups.length > 1 ? "1" : undefined },
  };
}
