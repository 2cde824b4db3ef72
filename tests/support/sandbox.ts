import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory, cached } from "../../local/machine/cache";
import { ensureBaseImage, suite } from "../../local/machine/host/baseImage";
import { run } from "../../local/machine/exec";
import { nspawn, prepareNspawnFolder } from "../../local/machine/host/nspawn";
import { spawnService } from "../../local/machine/service";
import { StateDirectory } from "../../local/machine/state";
import { sweep } from "../../local/machine/sweep";

const root = join(__dirname, "..", "..");
const requirements = join(root, "tests/app/requirements.txt");
const appRequirements = join(root, "app/requirements.txt");

/**
 * What the hosts have and the service's tests need: PostgreSQL of the database host, Python of the web hosts. In a tree of
 * its own, of Debian's next release, PostgreSQL 18 beside 17: the way there is rehearsed. It is not configured, as what is asked of it
 * are programs only, and a mirror that is behind will do.
 */
const prepareScript = `set -eu
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/none.conf
apt-get -qq update
apt-get -qq install -y --no-install-recommends postgresql-17 python3-venv mmdebstrap > /dev/null
next=/opt/debian-14
sed -n 'p; s/ ${suite} main$/ forky main/p' /etc/apt/sources.list |
  mmdebstrap --quiet --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
    --dpkgopt='path-exclude=/usr/share/*' --dpkgopt='path-include=/usr/share/postgresql/*' --dpkgopt='path-include=/usr/share/zoneinfo/*' \
    --include=bash,dash,coreutils,util-linux,postgresql-17,postgresql-18,pgbackrest forky $next -
for folder in bin lib lib64 sbin; do [ -e $next/$folder ] || ln -s usr/$folder $next/$folder; done
cp /etc/passwd /etc/group $next/etc/
mkdir -p $next/proc $next/var/lib/postgresql
python3 -m venv /opt/venv
/opt/venv/bin/pip --quiet install --require-hashes --only-binary :all: -r /src/tests/app/requirements.txt
`;

/** Mounts a tree of layers, runs a command in it and unmounts it. Answers how the command ended. */
async function inTree(
  state: StateDirectory,
  name: string,
  layers: readonly string[],
  upper: string,
  nspawnArgs: readonly string[],
  onOutput: (chunk: string) => void,
): Promise<string> {
  const tree = state.folder("sandbox", name);
  const work = `${upper}.work`;
  for (const folder of [upper, work]) mkdirSync(folder, { recursive: true });
  await run("mount", [
    ...["-t", "overlay", name, "-o"],
    ...[`lowerdir=${layers.join(":")},upperdir=${upper},workdir=${work}`, tree],
  ]);
  try {
    // Another run of the tests may have a machine of the same kind.
    const { command, args, env } = nspawn(`${name}-${process.pid}`, [
      ...[`--directory=${tree}`, "--as-pid2", "--pipe", `--bind-ro=${root}:/src`, ...nspawnArgs],
    ]);
    const service = await spawnService(state, name, command, args, { env, onOutput });
    return await service.ended;
  } finally {
    await run("umount", [tree]);
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Runs a command on a Debian 13 tree with PostgreSQL 17 and the tests' Python packages: the service is tested with the
 * versions that its hosts have, whatever the machine has. The prepared tree is kept in the cache. Throws unless the
 * command succeeds.
 */
export async function runInSandbox(
  command: readonly string[],
  onOutput: (chunk: string) => void,
): Promise<void> {
  const state = StateDirectory.acquire();
  try {
    await sweep(state);
    await prepareNspawnFolder();
    const report = (step: string) => onOutput(`${step}\n`);
    const base = await ensureBaseImage(report);
    const recipe = [
      base,
      prepareScript,
      ...[requirements, appRequirements].map((file) => readFileSync(file, "utf8")),
    ];
    const key = createHash("sha256").update(JSON.stringify(recipe)).digest("hex").slice(0, 16);
    const prepare = async (draft: string) => {
      report("preparing a Debian 13 tree with PostgreSQL 17 and the tests' Python packages");
      const command = ["--resolv-conf=replace-host", "sh", "-c", prepareScript];
      const ended = await inTree(state, "prepare", [base], draft, command, onOutput);
      if (ended !== "exit status 0") throw new Error(`preparing the tree for the service's tests: ${ended}`);
    };
    const prepared = await cached(join(cacheDirectory(), `sandbox-${key}`), { make: prepare, report });
    // No network but its own loopback: what the tests talk to, they have started.
    const ended = await inTree(
      state,
      "django",
      [prepared, base],
      join(state.folder("sandbox"), "writes"),
      ["--private-network", "--chdir=/src/tests/app", "--setenv=PYTHONDONTWRITEBYTECODE=1", ...command],
      onOutput,
    );
    if (ended !== "exit status 0") throw new Error(`${command.join(" ")}: ${ended}`);
  } finally {
    await sweep(state);
    state.release();
  }
}
