import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Mutex } from "async-mutex";
import { controlGroupsOf, removeControlGroup } from "../controlGroups";
import { run } from "../exec";
import { unmount } from "../mounts";
import { trust } from "../network/authority";
import { apiAddress } from "../network/endpoints";
import { resolverAddress } from "../network/resolver";
import type { Attachment } from "../network/vpcNetwork";
import { spawnService } from "../service";
import type { Service } from "../service";
import { namePrefix } from "../state";
import type { StateDirectory } from "../state";
import { nspawn } from "./nspawn";

/** Time that a host has for an orderly shutdown, as EC2 gives before it cuts the power. */
const shutdownSeconds = 30;
/** With this systemd-nspawn tells that the host's own init asked for a restart. */
const restartStatus = "exit status 133";

/** What a host is made of. */
export interface HostOptions {
  readonly id: string;
  /** Name for people: the resource's name, or its group's. */
  readonly label: string;
  /** Read-only trees below the host's own writes, the topmost first. */
  readonly layers: readonly string[];
  readonly userData: Buffer;
  readonly attachment: Attachment;
}

/** A Debian host: systemd-nspawn on an overlay, in a network namespace of its own. */
export class Host {
  private service: Service | undefined;
  private layers: readonly string[];
  private userData: Buffer;
  /** Block devices by their name below /dev/disk/by-id. */
  private readonly devices = new Map<string, string>();
  private readonly folder: string;
  /** Power on, power off and the end follow each other. */
  private readonly power = new Mutex();
  private isTerminated = false;

  constructor(
    private readonly state: StateDirectory,
    readonly options: HostOptions,
    /** Certificate of the authority that the region's services have theirs from. */
    private readonly authority: string,
  ) {
    this.layers = options.layers;
    this.userData = options.userData;
    this.folder = state.folder("hosts", options.id);
  }

  get id(): string {
    return this.options.id;
  }

  get isRunning(): boolean {
    return this.service !== undefined;
  }

  private get root(): string {
    return join(this.folder, "root");
  }

  /**
   * Boots the host; answers when its init runs, as EC2 does: what user data does comes later. When that fails the host is
   * off. A host that restarts itself comes up again; `onUnexpectedEnd` is told when it ends in any other way that was not
   * asked for.
   */
  start(onUnexpectedEnd: (reason: string) => void): Promise<void> {
    return this.power.runExclusive(() => this.boot(onUnexpectedEnd));
  }

  private async boot(onUnexpectedEnd: (reason: string) => void): Promise<void> {
    if (this.isTerminated) throw new Error(`host ${this.id} (${this.options.label}) is terminated`);
    await this.release(); // of a host that ended by itself
    try {
      await this.mount();
      this.writeIdentity();
      const { command, args, env } = nspawn(this.id, [
        ...["--boot", "--console=pipe", "--resolv-conf=off"],
        `--directory=${this.root}`,
        `--hostname=${this.hostName()}`,
        `--network-namespace-path=/run/netns/${this.options.attachment.namespace}`,
      ]);
      const isReady = (service: Service) => leaderOf(service) !== undefined;
      const service = await spawnService(this.state, this.id, command, args, { env, isReady });
      this.service = service;
      void service.ended.then((reason) => this.afterEnd(service, reason, onUnexpectedEnd));
      for (const [name, device] of this.devices) await this.makeDevice(name, device);
    } catch (error) {
      await this.shutDown();
      throw error;
    }
  }

  /** Takes note that systemd-nspawn ended, by itself or because it was stopped. */
  private async afterEnd(
    service: Service,
    reason: string,
    onUnexpectedEnd: (reason: string) => void,
  ): Promise<void> {
    if (this.service !== service) return; // stopped on purpose
    this.service = undefined;
    try {
      await this.power.runExclusive(async () => {
        if (this.isTerminated) return;
        if (reason === restartStatus) await this.boot(onUnexpectedEnd);
        // Without systemd-nspawn the host's processes would live on: the power is off only when they are gone, too.
        else await this.release();
      });
      if (reason !== restartStatus && !this.isTerminated) onUnexpectedEnd(reason);
    } catch (error) {
      onUnexpectedEnd(`${reason}, and then: ${(error as Error).message}`);
    }
  }

  private hostName(): string {
    return `ip-${this.options.attachment.address.replaceAll(".", "-")}`;
  }

  private async mount(): Promise<void> {
    for (const name of ["root", "upper", "work"]) mkdirSync(join(this.folder, name), { recursive: true });
    const options = [
      `lowerdir=${this.layers.join(":")}`,
      `upperdir=${join(this.folder, "upper")}`,
      `workdir=${join(this.folder, "work")}`,
    ];
    await run("mount", ["-t", "overlay", `${namePrefix()}${this.id}`, "-o", options.join(","), this.root]);
  }

  /** What the platform gives a host from outside: its first-boot data, its resolver, where the AWS API is and whom to trust. */
  private writeIdentity(): void {
    const write = (file: string, content: string | Buffer) => {
      const target = join(this.root, file);
      mkdirSync(dirname(target), { recursive: true });
      rmSync(target, { force: true }); // it may be a link that leads out of the host
      writeFileSync(target, content);
    };
    const seed = "var/lib/cloud/seed/nocloud";
    write(`${seed}/meta-data`, `instance-id: ${this.id}\nlocal-hostname: ${this.hostName()}\n`);
    write(`${seed}/user-data`, this.userData);
    write("etc/resolv.conf", `nameserver ${resolverAddress}\n`);
    write(
      "etc/systemd/system.conf.d/50-aws-endpoint.conf",
      `[Manager]\nDefaultEnvironment=AWS_ENDPOINT_URL=http://${apiAddress}\n`,
    );
    trust(this.root, this.authority);
  }

  /** Gives the host other user data from the next boot on. */
  setUserData(userData: Buffer): void {
    this.userData = userData;
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
    const node = statSync(device).rdev;
    const [major, minor] = [(node >> 8) & 0xfff, (node & 0xff) | ((node >> 12) & 0xfff00)];
    const script = `mkdir -p /dev/disk/by-id
      [ -b ${device} ] || mknod -m 660 ${device} b ${major} ${minor}
      ln -sfn ${device} /dev/disk/by-id/${name}`;
    await this.run("sh", ["-ec", script]);
  }

  /** Runs a command on the host, as a console would. */
  private async run(command: string, args: readonly string[]): Promise<string> {
    const leader = this.service && leaderOf(this.service);
    if (leader === undefined) throw new Error(`host ${this.id} (${this.options.label}) is not running`);
    const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wdns=/"];
    return run("nsenter", [`--target=${leader}`, ...namespaces, "--", command, ...args]);
  }

  /** The last lines of what user data printed. */
  userDataOutput(lines = 40): string {
    for (const tree of [this.root, join(this.folder, "upper")]) {
      const file = join(tree, "var/log/cloud-init-output.log");
      if (existsSync(file)) return readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
    }
    return "";
  }

  /** Whether cloud-init finished with an error in the last boot. */
  userDataFailed(): boolean {
    return reportsErrors(join(this.folder, "upper/var/lib/cloud/data/result.json"));
  }

  /** Whether the host's disk rests on a layer. */
  uses(layer: string): boolean {
    return this.layers.includes(layer);
  }

  /** Shuts the host down in order; its disk stays. */
  stop(): Promise<void> {
    return this.power.runExclusive(() => this.shutDown());
  }

  private async shutDown(): Promise<void> {
    const service = this.service;
    this.service = undefined;
    await service?.stop(shutdownSeconds);
    await this.release();
  }

  /** Gives back what an ended host still holds. */
  private async release(): Promise<void> {
    await unmount(this.root);
    for (const group of controlGroupsOf(this.id)) await removeControlGroup(group);
  }

  /** Makes what a stopped host has written into a read-only layer, on which the host itself goes on. */
  snapshot(target: string): readonly string[] {
    if (this.isRunning) throw new Error(`host ${this.id} must be stopped before its disk is copied`);
    renameSync(join(this.folder, "upper"), target);
    this.layers = [target, ...this.layers];
    return this.layers;
  }

  /** Stops the host for good and deletes its disk; what fails can be tried again. */
  terminate(): Promise<void> {
    return this.power.runExclusive(async () => {
      this.isTerminated = true;
      await this.shutDown();
      // A host may have written tens of thousands of files.
      await rm(this.folder, { recursive: true, force: true });
    });
  }
}

/** Process id, on the machine, of the init of the host that a systemd-nspawn runs. */
function leaderOf({ pid }: Service): number | undefined {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  for (const child of children.filter(Boolean)) {
    const status = readFileSync(`/proc/${child}/status`, "utf8");
    if (/^NSpid:\s+\d+\s+1$/m.test(status) && /^Name:\s+systemd$/m.test(status)) return Number(child);
  }
  return undefined;
}

/** Whether cloud-init's result is there and has errors. One that the image had and the host deleted is a device with nothing behind it. */
export function reportsErrors(file: string): boolean {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (["ENOENT", "ENXIO"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
  const result = JSON.parse(text) as { v1: { errors: unknown[] } };
  return result.v1.errors.length > 0;
}
