import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory, cached } from "../cache";
import { run } from "../exec";

/** Debian release of the hosts. */
export const suite = "trixie";

/**
 * What Debian's own EC2 image of that release has, as far as boot scripts may lean on it: an init, cloud-init, the
 * network and file system tools, curl and Python.
 */
const packages = [
  ...["systemd", "systemd-sysv", "dbus", "cloud-init", "iproute2", "netbase", "iputils-ping", "procps"],
  ...["ca-certificates", "curl", "python3", "e2fsprogs", "util-linux", "udev", "openssl"],
];

/** Timers and services that do nothing for a container but cost time at boot. */
const maskedUnits = [
  ...["apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service"],
  ...[
    "fstrim.timer",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-networkd-wait-online.service",
  ],
  ...["systemd-udevd.service", "systemd-udevd-kernel.socket", "systemd-udevd-control.socket"],
  "systemd-udev-trigger.service",
];

/**
 * The Ec2 datasource recognises AWS by DMI data, which a container does not have: the same first boot comes from a
 * NoCloud seed. Addresses are set from outside. ds-identify reads the list only if it is on one line.
 */
const cloudConfig = ["datasource_list: [ NoCloud, None ]", "network: { config: disabled }", ""].join("\n");

const certificatesFile = "/etc/ssl/certs/ca-certificates.crt";
const pemBlock = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/g;

/**
 * Package sources: the mirrors of the machine's own apt configuration. None where it has none for Debian, which leaves
 * mmdebstrap its default.
 */
export async function packageSources(): Promise<string[]> {
  const format = "$(REPO_URI) $(LABEL)";
  const listed = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  const mirrors = new Map(
    listed
      .split("\n")
      .map((line) => line.split(" "))
      .map(([uri = "", label = ""]) => [label, uri.replace(/\/$/, "")]),
  );
  const [mirror, security] = [mirrors.get("Debian"), mirrors.get("Debian-Security")];
  if (mirror === undefined) return [];
  return [
    `deb ${mirror} ${suite} main`,
    `deb ${mirror} ${suite}-updates main`,
    ...(security === undefined ? [] : [`deb ${security} ${suite}-security main`]),
  ];
}

function machineCertificates(): string {
  return existsSync(certificatesFile) ? readFileSync(certificatesFile, "utf8") : "";
}

/**
 * The Debian tree that every host starts from, built once with mmdebstrap and kept in the cache under a name that
 * holds the hash of all that went into it. Answers its folder.
 */
export async function ensureBaseImage(report: (step: string) => void, signal?: AbortSignal): Promise<string> {
  const sources = await packageSources();
  const recipe = JSON.stringify([suite, sources, packages, maskedUnits, cloudConfig, machineCertificates()]);
  const name = `base-${createHash("sha256").update(recipe).digest("hex").slice(0, 16)}`;
  return cached(join(cacheDirectory(), name), {
    make: (draft) => build(draft, sources, report, signal),
    report,
    signal,
  });
}

async function build(
  draft: string,
  sources: readonly string[],
  report: (step: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  report(`building the Debian ${suite} base image with mmdebstrap`);
  await run(
    // mmdebstrap mounts /proc and /sys in the tree: in namespaces of their own these go with it, whatever ends it.
    "unshare",
    [
      ...["--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "mmdebstrap"],
      "--quiet",
      "--variant=minbase",
      '--aptopt=Apt::Install-Recommends "false"',
      // Hosts are thrown away: no package needs to survive a power cut, nobody reads manuals on them.
      "--dpkgopt=force-unsafe-io",
      "--dpkgopt=path-exclude=/usr/share/man/*",
      "--dpkgopt=path-exclude=/usr/share/locale/*",
      `--include=${packages.join(",")}`,
      suite,
      draft,
      ...sources,
    ],
    { signal },
  );
  customise(draft);
  await trustMachineCertificates(draft);
}

function customise(root: string): void {
  writeFileSync(join(root, "etc/cloud/cloud.cfg.d/90_local.cfg"), cloudConfig);
  for (const unit of maskedUnits) {
    const link = join(root, "etc/systemd/system", unit);
    rmSync(link, { force: true });
    symlinkSync("/dev/null", link);
  }
  // Each host is given its own at its first boot.
  writeFileSync(join(root, "etc/machine-id"), "");
}

/** Has hosts trust the certificate authorities that the machine trusts beyond Debian's own. */
async function trustMachineCertificates(root: string): Promise<void> {
  const own = new Set(
    readFileSync(join(root, certificatesFile), "utf8")
      .match(pemBlock)
      ?.map((pem) => pem.trim()),
  );
  const extra = (machineCertificates().match(pemBlock) ?? []).filter((pem) => !own.has(pem.trim()));
  if (extra.length === 0) return;
  const folder = join(root, "usr/local/share/ca-certificates");
  mkdirSync(folder, { recursive: true });
  extra.forEach((pem, index) => writeFileSync(join(folder, `machine-${index}.crt`), `${pem.trim()}\n`));
  await run("chroot", [root, "update-ca-certificates"]);
}
