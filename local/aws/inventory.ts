import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { GroupMember, ScalingActivity, ScalingSource, TargetHealthSource } from "../api/apiFront";
import type { AwsClients } from "../api/clients";
import type { TargetGroup } from "../machine/balancer/targetGroup";
import { Host } from "../machine/host/host";
import { MetadataService } from "../machine/host/metadata";
import { makeAuthority } from "../machine/network/authority";
import type { Authority } from "../machine/network/authority";
import type { Endpoints } from "../machine/network/endpoints";
import type { VpcNetwork } from "../machine/network/vpcNetwork";
import type { StateDirectory } from "../machine/state";
import type { BlockDevice } from "../machine/volumes";
import { FaultLog } from "./faultLog";
import { Instances } from "./instances";
import type { Placement, TemplateData } from "./instances";
import { CapacityError, type ScalingGroup } from "./scalingGroup";

/** What everything in the region is made with. */
export interface InventoryOptions {
  readonly state: StateDirectory;
  readonly clients: AwsClients;
  /** Port of the AWS API on the machine's loopback address. */
  readonly apiPort: number;
  /** Folder of the Debian tree that hosts start from. */
  readonly baseImage: string;
  /** Told of what goes wrong while nobody waits for it, such as a host that could not be replaced. */
  readonly onFault: (error: Error) => void;
  /** How long a minute of alarms and of warm-up lasts, in milliseconds. */
  readonly minute: number;
}

/** A subnet, as instances are placed in it. */
export interface SubnetRecord {
  readonly vpcId: string;
  readonly region: string;
  readonly zone: string;
  /** Whether its hosts get a public address unless they say otherwise. */
  mapsPublicAddress: boolean;
}

/** What exists in the local region, by AWS id. Handlers of resource types add to it and take from it. */
export class Inventory implements TargetHealthSource, ScalingSource {
  readonly vpcs = new Map<string, VpcNetwork>();
  readonly subnets = new Map<string, SubnetRecord>();
  readonly instances: Instances;
  /** Layers of each image, the topmost first. */
  readonly images = new Map<string, readonly string[]>();
  readonly volumes = new Map<string, BlockDevice>();
  /** Files with the content of volumes. */
  readonly snapshots = new Map<string, string>();
  readonly faults = new FaultLog();
  /** Zones in which nothing can be started. */
  readonly lostZones = new Set<string>();
  /** Versions of each launch template, the first at index 0. */
  readonly launchTemplates = new Map<string, TemplateData[]>();
  readonly scalingGroups = new Map<string, ScalingGroup>();
  /** By ARN. */
  readonly targetGroups = new Map<string, TargetGroup>();

  private constructor(
    private readonly options: InventoryOptions,
    private readonly metadata: MetadataService,
    /** Of the services that hosts reach in their network. */
    readonly endpoints: Endpoints,
    authority: Authority,
  ) {
    const { state, clients, onFault } = options;
    this.instances = new Instances({
      clients,
      metadata,
      onFault,
      place: (imageId, subnetId) => this.place(imageId, subnetId),
      makeHost: (host) => new Host(state, host, authority.certificate),
    });
  }

  static async open(options: InventoryOptions): Promise<Inventory> {
    const metadata = new MetadataService();
    const authority = await makeAuthority(options.state);
    const endpoints = {
      metadata: await metadata.listen(),
      api: options.apiPort,
      certificateFile: authority.serviceFile,
    };
    return new Inventory(options, metadata, endpoints, authority);
  }

  get state(): StateDirectory {
    return this.options.state;
  }

  get clients(): AwsClients {
    return this.options.clients;
  }

  get onFault(): (error: Error) => void {
    return this.options.onFault;
  }

  /** How long a minute of alarms and of warm-up lasts, in milliseconds. */
  get minute(): number {
    return this.options.minute;
  }

  find<T>(kind: string, items: { get(id: string): T | undefined }, id: string): T {
    const item = items.get(id);
    if (item === undefined) throw new Error(`there is no ${kind} ${id} in the local region`);
    return item;
  }

  networkOf(subnetId: string): VpcNetwork {
    return this.find("VPC", this.vpcs, this.find("subnet", this.subnets, subnetId).vpcId);
  }

  /** The network that holds a security group. */
  networkOfGroup(groupId: string): VpcNetwork | undefined {
    return [...this.vpcs.values()].find((network) => network.hasGroup(groupId));
  }

  private place(imageId: string, subnetId: string): Placement {
    const { zone } = this.find("subnet", this.subnets, subnetId);
    if (this.lostZones.has(zone)) throw new CapacityError(zone);
    return {
      layers: this.find("image", this.images, imageId),
      network: this.networkOf(subnetId),
      ...this.find("subnet", this.subnets, subnetId),
    };
  }

  describe(targetGroupArn: string) {
    return this.targetGroups.get(targetGroupArn)?.describe();
  }

  activitiesOf(groupName: string): readonly ScalingActivity[] {
    return this.scalingGroups.get(groupName)?.activities.list() ?? [];
  }

  memberOf(instanceId: string): GroupMember | undefined {
    const state = [...this.scalingGroups.values()].map((group) => group.stateOf(instanceId)).find(Boolean);
    return state && { ...state, zone: this.instances.get(instanceId)?.placement.zone };
  }

  leaving(groupName: string, count: number): readonly string[] {
    return this.scalingGroups.get(groupName)?.leaving(count) ?? [];
  }

  setZone(zone: string, isLost: boolean): void {
    if (isLost) this.lostZones.add(zone);
    else this.lostZones.delete(zone);
  }

  noteFault(id: string, what: string): void {
    this.faults.begin(id, what);
  }

  endFault(id: string): void {
    this.faults.end(id);
  }

  completeLaunch(groupName: string, instanceId: string, hook: string, result: string): boolean {
    const isResult = result === "CONTINUE" || result === "ABANDON";
    return isResult && this.scalingGroups.get(groupName)?.completeLaunch(instanceId, hook, result) === true;
  }

  /** The base image under the id that stands for a Debian image of that name. */
  imageNamed(name: string): string {
    const id = `ami-0${createHash("sha256").update(name).digest("hex").slice(0, 16)}`;
    this.images.set(id, [this.options.baseImage]);
    return id;
  }

  /** A folder for the layer of a new image. */
  imageFolder(id: string): string {
    return join(this.state.folder("images"), id);
  }

  /** The layer of an image stays while a host's disk rests on it. */
  async deleteImage(id: string): Promise<void> {
    const [layer] = this.images.get(id) ?? [];
    this.images.delete(id);
    // Tens of thousands of files: meanwhile the region answers.
    if (layer !== undefined && !this.instances.use(layer)) await rm(layer, { recursive: true, force: true });
  }

  /** Lets nothing begin any more, waits for what was begun, and ends the hosts that are left. */
  async close(): Promise<void> {
    await Promise.all([...this.scalingGroups.values()].map((group) => group.close()));
    await this.instances.close();
    await this.metadata.close();
  }
}
