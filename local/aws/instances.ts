import {
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { Mutex, Semaphore } from "async-mutex";
import { UnknownInstanceError } from "../api/apiFront";
import type { HostControl } from "../api/apiFront";
import type { AwsClients } from "../api/clients";
import type { Host, HostOptions } from "../machine/host/host";
import type { MetadataService } from "../machine/host/metadata";
import type { VpcNetwork } from "../machine/network/vpcNetwork";
import { Undo } from "../machine/undo";
import { present } from "./errors";
import { accountId } from "./naming";

/** Hosts that boot at the same time: more than cores only makes each slower, and systemd-nspawn less reliable. */
const bootsAtOnce = 2;

/** What an instance is started from. */
export interface LaunchOptions {
  /** Name for people. */
  readonly label: string;
  readonly imageId: string;
  readonly instanceType: string;
  readonly subnetId: string;
  readonly groupIds: readonly string[];
  readonly userData: Buffer;
  readonly profile?: string;
  readonly requiresToken: boolean;
  /** Default: as the subnet says. */
  readonly hasPublicAddress?: boolean;
  readonly privateIp?: string;
  /** Of a member of an auto scaling group: moto has its record already, and the group replaces it when its host ends. */
  readonly memberId?: string;
}

/** What EC2 can change of an instance. */
export type InstanceChange = Pick<
  LaunchOptions,
  "label" | "groupIds" | "instanceType" | "profile" | "requiresToken" | "userData"
>;

/** A launch template's data, as an auto scaling group starts hosts from it. */
export type TemplateData = Omit<LaunchOptions, "label" | "subnetId" | "memberId">;

/** Where an instance is placed, and what its disk rests on. */
export interface Placement {
  /** Layers of the image, the topmost first. */
  readonly layers: readonly string[];
  readonly network: Pick<
    VpcNetwork,
    "id" | "takeAddress" | "releaseAddress" | "attach" | "setGroups" | "detach"
  >;
  readonly region: string;
  readonly zone: string;
  /** Whether the subnet's hosts get a public address unless they say otherwise. */
  readonly mapsPublicAddress: boolean;
}

/** What instances are made with. */
export interface InstancesOptions {
  readonly clients: AwsClients;
  readonly metadata: Pick<MetadataService, "register" | "forget">;
  /** Throws when there is no such image or subnet. */
  readonly place: (imageId: string, subnetId: string) => Placement;
  readonly makeHost: (options: HostOptions) => Host;
  /** Told of what goes wrong while nobody waits for it. */
  readonly onFault: (error: Error) => void;
}

/** A host whose user data failed, or that ended by itself. */
export interface HostFailure {
  readonly label: string;
  readonly instanceId: string;
  /** The last lines of its cloud-init output. */
  readonly output: string;
}

/** An instance and the host behind it, from the beginning of its launch until nothing of it is left. */
export class Instance {
  private ownHost: Host | undefined;
  private address = "";
  private publicAddress: string | undefined;
  /** What is done to the instance follows each other. */
  private readonly turns = new Mutex();
  private readonly undo = new Undo();
  /** Whether its end was asked for. */
  isEnding = false;
  private isRebooting = false;
  /** Why the host ended by itself, until it is started again. */
  private endedBecause: string | undefined;

  constructor(
    readonly id: string,
    readonly placement: Placement,
    private options: LaunchOptions,
    private readonly shared: InstancesOptions & { readonly boots: Semaphore; nextPublicAddress(): string },
  ) {}

  get isMember(): boolean {
    return this.options.memberId !== undefined;
  }

  get label(): string {
    return this.options.label;
  }

  /** Whether there was a host at all. */
  get isLaunched(): boolean {
    return this.ownHost !== undefined;
  }

  get privateIp(): string {
    return this.address;
  }

  get publicIp(): string | undefined {
    return this.publicAddress;
  }

  get isRunning(): boolean {
    return this.ownHost?.isRunning === true;
  }

  /** Whether its host runs, or will again in a moment. */
  get isUp(): boolean {
    return this.isRunning || this.isRebooting;
  }

  /** Why its user data, or the host itself, failed; undefined while nothing is wrong. */
  get failure(): HostFailure | undefined {
    const host = this.ownHost;
    if (!host || !(host.userDataFailed() || this.endedBecause !== undefined)) return undefined;
    return { label: this.options.label, instanceId: this.id, output: host.userDataOutput() };
  }

  private get host(): Host {
    if (!this.ownHost) throw new Error(`instance ${this.id} (${this.options.label}) is not launched yet`);
    return this.ownHost;
  }

  /** Makes the host and boots it; aborting the signal cancels what of that has not begun. */
  launch(signal?: AbortSignal): Promise<void> {
    return this.turn(() => this.build(signal));
  }

  private async build(signal: AbortSignal | undefined): Promise<void> {
    const { options, placement, shared, undo } = this;
    const { network } = placement;
    const { subnetId, label, userData } = options;
    if (!this.isMember)
      undo.add(() =>
        shared.clients
          .in(placement.region)
          .ec2.send(new TerminateInstancesCommand({ InstanceIds: [this.id] })),
      );
    const privateIp = (this.address = network.takeAddress(subnetId, options.privateIp));
    undo.add(() => network.releaseAddress(subnetId, privateIp));
    const isPublic = options.hasPublicAddress ?? placement.mapsPublicAddress;
    this.publicAddress = isPublic ? shared.nextPublicAddress() : undefined;
    this.checkWanted(signal);
    const attachment = await network.attach(this.id, {
      address: privateIp,
      groupIds: options.groupIds,
      isPublic,
    });
    undo.add(() => network.detach(attachment));
    this.tellIdentity();
    undo.add(() => shared.metadata.forget(network.id, privateIp));
    const host = shared.makeHost({ id: this.id, label, layers: placement.layers, userData, attachment });
    undo.add(() => host.terminate());
    this.ownHost = host;
    await this.boot(signal);
  }

  /** Has the metadata service answer the host. */
  private tellIdentity(): void {
    const { options, placement, shared } = this;
    shared.metadata.register(placement.network.id, {
      instanceId: this.id,
      imageId: options.imageId,
      instanceType: options.instanceType,
      region: placement.region,
      availabilityZone: placement.zone,
      accountId,
      privateIp: this.address,
      publicIp: this.publicAddress,
      userData: options.userData,
      profile: options.profile,
      requiresToken: options.requiresToken,
    });
  }

  private checkWanted(signal?: AbortSignal): void {
    signal?.throwIfAborted();
    if (this.isEnding) throw new Error(`instance ${this.id} (${this.options.label}) is being terminated`);
  }

  private async boot(signal?: AbortSignal): Promise<void> {
    await this.shared.boots.runExclusive(async () => {
      this.checkWanted(signal);
      this.endedBecause = undefined;
      await this.host.start((reason) => this.noteEnd(reason));
    });
  }

  /** The record follows a host that ended by itself; a group has its dead members replaced. */
  private noteEnd(reason: string): void {
    this.endedBecause = reason;
    if (this.isMember || this.isEnding) return;
    this.setPower(false).catch((error: unknown) => {
      if (!this.isEnding) this.shared.onFault(error as Error);
    });
  }

  /** Does something in its turn, unless the end was asked for. */
  private turn<T>(action: () => Promise<T>): Promise<T> {
    return this.turns.runExclusive(() => {
      this.checkWanted();
      return action();
    });
  }

  start(): Promise<void> {
    return this.turn(async () => {
      if (!this.isRunning) await this.boot();
    });
  }

  stop(): Promise<void> {
    return this.turn(() => this.host.stop());
  }

  reboot(): Promise<void> {
    return this.turn(() => this.restart());
  }

  private async restart(): Promise<void> {
    this.isRebooting = true;
    try {
      await this.host.stop();
      await this.boot();
    } finally {
      this.isRebooting = false;
    }
  }

  /** Starts or stops the instance through the API, so that moto's record follows. */
  async setPower(isOn: boolean): Promise<void> {
    const { ec2 } = this.shared.clients.in(this.placement.region);
    if (isOn) await ec2.send(new StartInstancesCommand({ InstanceIds: [this.id] }));
    else await ec2.send(new StopInstancesCommand({ InstanceIds: [this.id] }));
  }

  /**
   * Makes what the host has written into a read-only layer, on which the host itself goes on; answers the layers. EC2, too,
   * shuts a running instance down to copy its disk, and starts it again.
   */
  copyDisk(target: string): Promise<readonly string[]> {
    return this.turn(async () => {
      const wasRunning = this.isRunning;
      if (wasRunning) await this.host.stop();
      const layers = this.host.snapshot(target);
      if (wasRunning) await this.boot();
      return layers;
    });
  }

  /** Whether its disk rests on a layer. */
  uses(layer: string): boolean {
    return this.ownHost?.uses(layer) === true;
  }

  attachDevice(name: string, device: string): Promise<void> {
    return this.turn(() => this.host.attachDevice(name, device));
  }

  detachDevice(name: string): Promise<void> {
    return this.turn(() => this.host.detachDevice(name));
  }

  /** Changes it in place; for another type or other user data it is stopped and started again, as EC2 asks. */
  change(wanted: InstanceChange): Promise<void> {
    return this.turn(async () => {
      const { instanceType, userData } = this.options;
      await this.placement.network.setGroups(this.host.options.attachment, wanted.groupIds);
      this.options = { ...this.options, ...wanted };
      this.tellIdentity();
      this.host.setUserData(wanted.userData);
      const isRestarted = wanted.instanceType !== instanceType || !wanted.userData.equals(userData);
      if (isRestarted && this.isRunning) await this.restart();
    });
  }

  /**
   * Shuts the host down and deletes it. It waits for what was begun before, lets nothing begin after, and can be tried again
   * when it fails.
   */
  terminate(): Promise<void> {
    this.isEnding = true;
    return this.turns.runExclusive(() => this.undo.run());
  }
}

/** The instances of the region: the one owner of each host's life. */
export class Instances implements HostControl {
  private readonly instances = new Map<string, Instance>();
  private readonly launches = new Set<Promise<unknown>>();
  private readonly shared: InstancesOptions & { readonly boots: Semaphore; nextPublicAddress(): string };
  private isClosed = false;
  private publicAddresses = 0;

  constructor(private readonly options: InstancesOptions) {
    this.shared = {
      ...options,
      boots: new Semaphore(bootsAtOnce),
      // RFC 5737 sets this range aside for examples: nothing is ever reached at it.
      nextPublicAddress: () => `203.0.113.${(++this.publicAddresses % 254) + 1}`,
    };
  }

  /** Undefined when there is none, or nothing is left of it. */
  get(id: string): Instance | undefined {
    return this.instances.get(id);
  }

  /**
   * Makes an instance and boots its host; when that fails, nothing is left. Aborting the signal cancels what of it has not
   * begun.
   */
  async launch(options: LaunchOptions, signal?: AbortSignal): Promise<Instance> {
    const launch = this.begin(options, signal);
    this.launches.add(launch);
    try {
      return await launch;
    } finally {
      this.launches.delete(launch);
    }
  }

  private async begin(options: LaunchOptions, signal: AbortSignal | undefined): Promise<Instance> {
    if (this.isClosed) throw new Error("the local region is being closed");
    const placement = this.options.place(options.imageId, options.subnetId);
    const id = options.memberId ?? (await this.mint(options, placement.region));
    const instance = new Instance(id, placement, options, this.shared);
    this.instances.set(id, instance);
    const undo = new Undo();
    undo.add(() => this.terminate(id));
    await undo.ifFails(() => instance.launch(signal));
    return instance;
  }

  /** Has moto make the record of an instance. Its address there is moto's own choice. */
  private async mint(options: LaunchOptions, region: string): Promise<string> {
    const { Instances: minted } = await this.options.clients.in(region).ec2.send(
      new RunInstancesCommand({
        ImageId: options.imageId,
        InstanceType: options.instanceType as never, // the SDK lists every type by name
        MinCount: 1,
        MaxCount: 1,
        SubnetId: options.subnetId,
      }),
    );
    return present(minted?.[0]?.InstanceId, "an instance id");
  }

  private known(id: string): Instance {
    const instance = this.instances.get(id);
    if (!instance) throw new UnknownInstanceError(id);
    return instance;
  }

  async start(id: string): Promise<void> {
    await this.known(id).start();
  }

  async stop(id: string): Promise<void> {
    await this.known(id).stop();
  }

  async reboot(id: string): Promise<void> {
    await this.known(id).reboot();
  }

  /** Ends an instance; safe to call when it is gone. */
  async terminate(id: string): Promise<void> {
    await this.instances.get(id)?.terminate();
    this.instances.delete(id);
  }

  /**
   * Follows moto's record of an instance that ended through the API. A member's host is shut down, whatever its balancers think:
   * its group finds it so, and clears it away.
   */
  endedByApi(id: string): void {
    const instance = this.instances.get(id);
    if (!instance) return;
    const end = instance.isMember ? instance.stop() : this.terminate(id);
    end.catch((error: unknown) => {
      // A member that its group has begun to end meanwhile: the group hears of what goes wrong.
      if (!(instance.isMember && instance.isEnding)) this.options.onFault(error as Error);
    });
  }

  /** Whether an instance's disk rests on a layer. */
  use(layer: string): boolean {
    return [...this.instances.values()].some((instance) => instance.uses(layer));
  }

  list(): readonly Instance[] {
    return [...this.instances.values()];
  }

  /** Hosts that failed, for the report of a failed run. */
  failures(): HostFailure[] {
    return [...this.instances.values()].flatMap(({ failure }) => failure ?? []);
  }

  /** Lets nothing begin any more, waits for what was begun, and ends what is left. */
  async close(): Promise<void> {
    this.isClosed = true;
    const endAll = () => [...this.instances.keys()].map((id) => this.terminate(id));
    await Promise.allSettled([...endAll(), ...this.launches]);
    await Promise.all(endAll());
  }
}
