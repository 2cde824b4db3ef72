import * as fs from "node:fs";
import * as path from "node:path";
import { Semaphore } from "./semaphore";
import { run } from "./exec";
import { API_ADDRESS, Attachment, RESOLVER_ADDRESS } from "./network";
import {
  controlGroupRoots,
  PREFIX,
  removeControlGroup,
  Service,
  spawnService,
  StateDirectory,
  unmount,
  until,
} from "./state";

/** Time that a host has for an orderly shutdown, as EC2 gives before it cuts the power. */
const SHUTDOWN_SECONDS = 30;

/** Puts the shell into control groups of its own, then becomes the command after `--`. */
const ENTER_GROUPS = `
while [ "$1" != -- ]; do
  mkdir -p "$1" && echo $$ > "$1/cgroup.procs" || exit 1
  shift
done
shift
exec "$@"`;

/** Control groups of a host: a group of its own in each hierarchy, so that hosts do not share their systemd's groups. */
const controlGroups = (id: string) => controlGroupRoots().map((root) => path.join(root, `${PREFIX}${id}`));

/** A systemd-nspawn command in control groups of its own, with the environment that it needs. */
export function nspawn(
  id: string,
  args: readonly string[],
): { readonly command: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv } {
  const groups = controlGroups(id);
  return {
    command: "sh",
    args: [
      ...["-c", ENTER_GROUPS, "sh", ...groups, "--"],
      ...["systemd-nspawn", "--quiet", "--settings=no", "--register=no", "--keep-unit", "--link-journal=no"],
      ...["--timezone=off", `--machine=${id}`, ...args],
    ],
    // On a machine with the old control groups the host still gets the new ones, which its systemd insists on.
    env: { ...process.env, ...(groups.length > 1 && { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" }) },
  };
}

export interface HostOptions {
  readonly id: string;
  /** Name for people: the resource's name, or its group's. */
  readonly label: string;
  /** Read-only trees below the host's own writes, the topmost first. */
  readonly layers: readonly string[];
  readonly userData: string;
  readonly attachment: Attachment;
}

/** With this systemd-nspawn tells that the host's own init asked for a restart. */
const RESTART = "exit status 133";

/** A Debian host: systemd-nspawn on an overlay, in a network namespace of its own. */
export class Host {
  private service: Service | undefined;
  private layers: readonly string[];
  /** Block devices by their name below /dev/disk/by-id. */
  private readonly devices = new Map<string, string>();
  private readonly folder: string;
  /** Starts and stops follow each other. */
  private readonly power = new Semaphore(1);

  constructor(
    private readonly state: StateDirectory,
    readonly options: HostOptions,
  ) {
    this.layers = options.layers;
    this.folder = state.folder("hosts", options.id);
  }

  get id(): string {
    return this.options.id;
  }

  get isRunning(): boolean {
    return this.service !== undefined;
  }

  private get root(): string {
    return path.join(this.folder, "root");
  }

  /**
   * Boots the host; answers when its init runs, as EC2 does: what user data does comes later. A host that restarts itself comes
   * up again; `onUnexpectedEnd` is told when it ends in any other way that was not asked for.
   */
  start(onUnexpectedEnd: (reason: string) => void): Promise<void> {
    return this.power.run(() => this.boot(onUnexpectedEnd));
  }

  private async boot(onUnexpectedEnd: (reason: string) => void): Promise<void> {
    await this.release(); // of a host that ended by itself
    await this.mount();
    this.writeIdentity();
    const { command, args, env } = nspawn(this.id, [
      ...["--boot", "--console=pipe", "--resolv-conf=off"],
      `--directory=${this.root}`,
      `--hostname=${this.hostName()}`,
      `--network-namespace-path=/run/netns/${this.options.attachment.namespace}`,
    ]);
    const service = await spawnService(this.state, this.id, command, args, { env });
    this.service = service;
    void service.ended.then((reason) => {
      if (this.service !== service) return; // stopped on purpose
      this.service = undefined;
      // Without systemd-nspawn the host's processes would live on: the power is off only when they are gone, too.
      const next =
        reason === RESTART
          ? this.start(onUnexpectedEnd)
          : this.power.run(() => this.release()).then(() => onUnexpectedEnd(reason));
      next.catch((error: unknown) => onUnexpectedEnd(`${reason}, and then: ${(error as Error).message}`));
    });
    await until(() => Promise.resolve(this.leader() !== undefined), service);
    for (const [name, device] of this.devices) await this.makeDevice(name, device);
  }

  private hostName(): string {
    return `ip-${this.options.attachment.address.replaceAll(".", "-")}`;
  }

  private async mount(): Promise<void> {
    for (const name of ["root", "upper", "work"])
      fs.mkdirSync(path.join(this.folder, name), { recursive: true });
    const options = [
      `lowerdir=${this.layers.join(":")}`,
      `upperdir=${path.join(this.folder, "upper")}`,
      `workdir=${path.join(this.folder, "work")}`,
    ];
    await run("mount", ["-t", "overlay", `${PREFIX}${this.id}`, "-o", options.join(","), this.root]);
  }

  /** What the platform gives a host from outside: its first-boot data, its resolver and where the AWS API is. */
  private writeIdentity(): void {
    const write = (file: string, content: string) => {
      const target = path.join(this.root, file);
      fs.mkdirSync(path.dirname(target), { recursive: true });
      fs.rmSync(target, { force: true }); // it may be a link that leads out of the host
      fs.writeFileSync(target, content);
    };
    const seed = "var/lib/cloud/seed/nocloud";
    write(`${seed}/meta-data`, `instance-id: ${this.id}\nlocal-hostname: ${this.hostName()}\n`);
    write(`${seed}/user-data`, this.options.userData);
    write("etc/resolv.conf", `nameserver ${RESOLVER_ADDRESS}\n`);
    write(
      "etc/systemd/system.conf.d/50-aws-endpoint.conf",
      `[Manager]\nDefaultEnvironment=AWS_ENDPOINT_URL=http://${API_ADDRESS}\n`,
    );
  }

  /** Process id of the host's init on the machine. */
  private leader(): number | undefined {
    if (!this.service) return undefined;
    const { pid } = this.service;
    const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
    for (const child of children.filter(Boolean)) {
      const status = fs.readFileSync(`/proc/${child}/status`, "utf8");
      if (/^NSpid:\s+\d+\s+1$/m.test(status) && /^Name:\s+systemd$/m.test(status)) return Number(child);
    }
    return undefined;
  }

  /** Shows a block device to the host, now and after each boot. */
  async attachDevice(name: string, device: string): Promise<void> {
    this.devices.set(name, device);
    if (this.isRunning) await this.makeDevice(name, device);
  }

  async detachDevice(name: string): Promise<void> {
    this.devices.delete(name);
    if (this.isRunning) await this.run("rm", ["-f", `/dev/disk/by-id/${name}`]);
  }

  private async makeDevice(name: string, device: string): Promise<void> {
    const node = fs.statSync(device).rdev;
    const [major, minor] = [(node >> 8) & 0xfff, (node & 0xff) | ((node >> 12) & 0xfff00)];
    const script = `mkdir -p /dev/disk/by-id
      [ -b ${device} ] || mknod -m 660 ${device} b ${major} ${minor}
      ln -sfn ${device} /dev/disk/by-id/${name}`;
    await this.run("sh", ["-ec", script]);
  }

  /** Runs a command on the host, as a console would. */
  async run(command: string, args: readonly string[], input?: string): Promise<string> {
    const leader = this.leader();
    if (leader === undefined) throw new Error(`host ${this.id} (${this.options.label}) is not running`);
    const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wdns=/"];
    return run("nsenter", [`--target=${leader}`, ...namespaces, "--", command, ...args], { input });
  }

  /** The last lines of what user data printed. */
  userDataOutput(lines = 40): string {
    for (const tree of [this.root, path.join(this.folder, "upper")]) {
      const file = path.join(tree, "var/log/cloud-init-output.log");
      if (fs.existsSync(file))
        return fs.readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
    }
    return "";
  }

  /** Whether cloud-init finished with an error in the last boot. */
  userDataFailed(): boolean {
    const file = path.join(this.folder, "upper/var/lib/cloud/data/result.json");
    if (!fs.existsSync(file)) return false;
    const result = JSON.parse(fs.readFileSync(file, "utf8")) as { v1: { errors: unknown[] } };
    return result.v1.errors.length > 0;
  }

  /** Whether the host's disk rests on a layer. */
  uses(layer: string): boolean {
    return this.layers.includes(layer);
  }

  /** Shuts the host down in order; its disk stays. */
  stop(): Promise<void> {
    return this.power.run(async () => {
      const service = this.service;
      this.service = undefined;
      await service?.stop(SHUTDOWN_SECONDS);
      await this.release();
    });
  }

  /** Gives back what an ended host still holds. */
  private async release(): Promise<void> {
    if (fs.existsSync(this.root) && isMounted(this.root)) await unmount(this.root);
    for (const group of controlGroups(this.id)) await removeControlGroup(group);
  }

  /** Makes what a stopped host has written into a read-only layer, on which the host itself goes on. */
  snapshot(target: string): readonly string[] {
    if (this.isRunning) throw new Error(`host ${this.id} must be stopped before its disk is copied`);
    fs.renameSync(path.join(this.folder, "upper"), target);
    this.layers = [target, ...this.layers];
    return this.layers;
  }

  /** Stops the host and deletes its disk. */
  async terminate(): Promise<void> {
    await this.stop();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

function isMounted(point: string): boolean {
  return fs.readFileSync("/proc/self/mountinfo", "utf8").includes(` ${point} `);
}
