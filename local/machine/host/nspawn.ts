import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { controlGroupsOf } from "../controlGroups";
import { run } from "../exec";
import { namePrefix } from "../state";

/** systemd-nspawn keeps mount points here and cannot clean them up unless the folder is on a tmpfs. */
const nspawnFolder = "/run/systemd/nspawn";
/** Source of the tmpfs that this program mounts there. */
const nspawnMountSource = "django-on-ec2-nspawn";
/** Says of a local region that it uses the folder. */
const claim = () => `${nspawnFolder}/${namePrefix()}claim`;

/** Puts the shell into control groups of its own, then becomes the command after `--`. */
const enterGroups = `
while [ "$1" != -- ]; do
  mkdir -p "$1" && echo $$ > "$1/cgroup.procs" || exit 1
  shift
done
shift
exec "$@"`;

/** Does something with the folder while no other local region does. */
async function withNspawnFolder(script: string): Promise<void> {
  const parent = dirname(nspawnFolder);
  mkdirSync(parent, { recursive: true });
  await run("flock", [parent, "sh", "-ec", script, "sh", nspawnFolder, nspawnMountSource, claim()]);
}

/** Gives systemd-nspawn a tmpfs for its own mount points where /run is not one; the machine's local regions share it. */
export const prepareNspawnFolder = (): Promise<void> =>
  withNspawnFolder(`
    mkdir -p "$1"
    [ "$(stat -f -c %T "$1")" = tmpfs ] || mount -t tmpfs "$2" "$1"
    : >"$3"`);

/** Takes the tmpfs away again, unless another local region uses it. Safe to call when there is none. */
export const releaseNspawnFolder = (): Promise<void> =>
  withNspawnFolder(`
    rm -f "$3"
    grep -q "^$2 $1 " /proc/self/mounts || exit 0
    for claim in "$1"/*-claim; do [ ! -e "$claim" ] || exit 0; done
    umount "$1"`);

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
