import { existsSync, readdirSync, statfsSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { cacheDirectory, exclusively } from "../machine/cache";
import { suite } from "../machine/host/baseImage";
import { CommandError, run } from "../machine/exec";
import { statePath } from "../machine/state";

/** Packages of Debian 12 and 13 that the local region runs on. */
export const requiredPackages: readonly string[] = [
  "ca-certificates",
  "curl",
  "debian-archive-keyring",
  "dnsmasq-base",
  "e2fsprogs",
  "haproxy",
  "iproute2",
  "mmdebstrap",
  "nftables",
  "openssl",
  "procps",
  "python3-venv",
  "slirp4netns",
  "systemd-container",
  "util-linux",
];

const bytesPerGib = 1024 ** 3;
/** Hosts' own files and the data volume of a run; the base image and the Python environment in the cache. */
const stateGib = 4;
const cacheGib = 2;
const mirrorSeconds = 20;

/** What the machine lacks, and what to do about it. */
export class PreflightError extends Error {
  constructor(
    problem: string,
    readonly remedy: string,
  ) {
    super(`${problem}\n${remedy}`);
    this.name = "PreflightError";
  }
}

/** Linux, root, and a Debian to install packages on: all that can be told without touching anything. */
export function checkMachine(): void {
  if (process.platform !== "linux") {
    throw new PreflightError(
      `The local region needs Linux: its hosts are containers. This is ${process.platform}.`,
      "Run it in a Debian 12 or 13 virtual machine.",
    );
  }
  if (process.getuid?.() !== 0) {
    throw new PreflightError(
      "The local region needs root: it mounts file systems and makes network namespaces.",
      'Start it as root: "sudo npm start".',
    );
  }
  if (!existsSync("/usr/bin/apt-get")) {
    throw new PreflightError(
      "The local region needs Debian's packages, and there is no apt-get here.",
      "Run it on Debian 12 or 13.",
    );
  }
}

/** The packages of the list that are not installed. */
export async function missingPackages(packages: readonly string[] = requiredPackages): Promise<string[]> {
  // Asked for by name, dpkg-query fails for packages that it never heard of.
  const listed = await run("dpkg-query", ["--show", "--showformat=${Package} ${db:Status-Status}\n"]);
  const lines = new Set(listed.split("\n"));
  return packages.filter((name) => !lines.has(`${name} installed`));
}

/**
 * Debian's packages enable and start the services they bring; this machine asked for none. In a mount namespace of
 * its own, apt finds `true` in place of the programs that would do so; nothing of that outlives it.
 */
const installWithoutServices = `
for program in /usr/sbin/invoke-rc.d /usr/sbin/update-rc.d /usr/bin/deb-systemd-invoke /usr/bin/deb-systemd-helper; do
  [ ! -e "$program" ] || mount --bind /bin/true "$program" || exit
done
exec apt-get install --yes --quiet --no-install-recommends --no-upgrade "$@"`;

/** Installs packages without starting or enabling any service. */
export async function installPackages(packages: readonly string[], signal?: AbortSignal): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_SUSPEND: "1" };
  const install = async () => {
    await run("apt-get", ["update", "--quiet"], { env, signal });
    // Not to be stopped: a package manager that is cut short leaves the machine in need of repair.
    const unshare = ["--mount", "--propagation", "private", "--", "sh", "-c", installWithoutServices, "sh"];
    await run("unshare", [...unshare, ...packages], { env });
  };
  try {
    // Another local region may install the same: apt itself would fail rather than wait.
    await exclusively("/var/lib/django-on-ec2-packages", install, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    const reason = error instanceof CommandError ? error.stderr.trim().slice(-1500) : String(error);
    throw new PreflightError(
      `These packages are needed and could not be installed: ${packages.join(" ")}\n${reason}`,
      `Install them yourself: "apt-get update && apt-get install ${packages.join(" ")}".`,
    );
  }
}

interface KernelCheck {
  readonly script: string;
  readonly problem: string;
  readonly remedy: string;
}

const containerRemedy =
  "Inside a container, start that container privileged; otherwise load the kernel's module for it.";

/** What root of an unprivileged container lacks; even the packages are installed in a mount namespace. */
const privilegeChecks: readonly KernelCheck[] = [
  {
    script: "unshare --mount true",
    problem: "The kernel refuses mount namespaces, in which the hosts live: this root lacks the privilege.",
    remedy: containerRemedy,
  },
  {
    script: "unshare --net true",
    problem: "The kernel refuses network namespaces, in which the VPCs live: this root lacks the privilege.",
    remedy: containerRemedy,
  },
];

/** Each tries the thing itself, in namespaces that end with the attempt. */
function kernelChecks(): KernelCheck[] {
  return [
    {
      script: "unshare --net ip link add check0 type veth peer name check1",
      problem: "The kernel refuses veth links, which join hosts to their VPC.",
      remedy: `${containerRemedy} ("modprobe veth")`,
    },
    {
      script:
        "unshare --net nft 'add table inet check; add chain inet check c { type filter hook forward priority 0; }'",
      problem: "The kernel refuses nftables rules, which are the security groups.",
      remedy: `${containerRemedy} ("modprobe nf_tables")`,
    },
    {
      script: "[ -c /dev/net/tun ] || modprobe tun; : < /dev/net/tun",
      problem: "There is no /dev/net/tun, by which hosts reach the outside.",
      remedy: `${containerRemedy} ("modprobe tun")`,
    },
    {
      script: "[ -c /dev/loop-control ] || modprobe loop; losetup --find",
      problem: "There are no loop devices, which are the EBS volumes.",
      remedy: `${containerRemedy} ("modprobe loop")`,
    },
    {
      script: "grep -qw xfs /proc/filesystems || modprobe xfs",
      problem: "The kernel has no XFS, which is on the database's volume.",
      remedy: `${containerRemedy} ("modprobe xfs")`,
    },
    {
      script: `
        cd ${statePath()} && folder=$(mktemp -d check.XXXXXX) && cd "$folder" && mkdir lower upper work root
        unshare --mount mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root
        status=$?
        cd .. && rm -rf "$folder"
        exit $status`,
      problem: `Overlay file systems can't be mounted below ${statePath()}, where hosts keep their files.`,
      remedy:
        'Load the module ("modprobe overlay"), and have the folder on ext4 or XFS: on another overlay, as inside most ' +
        "containers, mount a volume there.",
    },
  ];
}

/** Whether this root may do what the region does, tried with what every Debian has. */
export function checkPrivilege(checks: readonly KernelCheck[] = privilegeChecks): Promise<void> {
  return tryEach(checks);
}

/** What of the kernel the hosts and networks need, tried rather than looked up. */
export async function checkKernel(): Promise<void> {
  await mkdir(statePath(), { recursive: true });
  await tryEach(kernelChecks());
}

async function tryEach(checks: readonly KernelCheck[]): Promise<void> {
  for (const { script, problem, remedy } of checks) {
    try {
      await run("sh", ["-c", script]);
    } catch (error) {
      const reason = error instanceof CommandError ? error.stderr.trim() : String(error);
      throw new PreflightError(reason ? `${problem} (${reason})` : problem, remedy);
    }
  }
}

/** A folder on the way to the given one that exists. */
function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(dirname(folder));
}

/** Room for the hosts' files and for the cache, which may be on one file system. */
export function checkDisk(needed: ReadonlyMap<string, number> = diskNeeds()): void {
  const devices = new Map<number, { folders: string[]; gib: number }>();
  for (const [folder, gib] of needed) {
    const device = statSync(existing(folder)).dev;
    const known = devices.get(device);
    devices.set(device, { folders: [...(known?.folders ?? []), folder], gib: (known?.gib ?? 0) + gib });
  }
  for (const { folders, gib } of devices.values()) {
    const { bavail, bsize } = statfsSync(existing(folders[0] ?? "/"));
    const free = (bavail * bsize) / bytesPerGib;
    if (free >= gib) continue;
    throw new PreflightError(
      `The disk that holds ${folders.join(" and ")} has ${free.toFixed(1)} GiB free; the local region needs ${gib} GiB.`,
      "Free some space, or move the cache with XDG_CACHE_HOME.",
    );
  }
}

/** What a run needs, in GiB, by folder. A filled cache needs no more room; one that went out of date counts as filled. */
export function diskNeeds(cache: string = cacheDirectory()): Map<string, number> {
  const names = existsSync(cache) ? readdirSync(cache) : [];
  // Names of drafts have more behind the hash.
  const isFilled = [/^base-[0-9a-f]+$/, /^moto-[0-9a-f]+$/].every((form) =>
    names.some((name) => form.test(name)),
  );
  return new Map([[statePath(), stateGib], ...(isFilled ? [] : [[cache, cacheGib] as const])]);
}

/**
 * Whether Debian's mirror can be reached and has the release of the hosts, which install packages from there while they
 * boot. Only apt itself could ask a mirror on other media than the web.
 */
export async function checkNetwork(mirror: string, signal?: AbortSignal): Promise<void> {
  if (!/^https?:/.test(mirror)) return;
  const url = `${mirror.replace(/\/$/, "")}/dists/${suite}/Release`;
  const limit = AbortSignal.timeout(mirrorSeconds * 1000);
  try {
    const answer = await fetch(url, {
      method: "HEAD",
      signal: signal ? AbortSignal.any([limit, signal]) : limit,
    });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  } catch (error) {
    signal?.throwIfAborted();
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = limit.aborted
      ? `no answer in ${mirrorSeconds} s`
      : cause instanceof Error
        ? cause.message
        : String(cause);
    throw new PreflightError(
      `There is no way to Debian's mirror, ${url}: ${reason}.`,
      `Hosts install Debian ${suite} from there: check the network, the resolver and the mirror in apt's sources.`,
    );
  }
}
