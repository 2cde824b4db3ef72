import { createHash } from "node:crypto";
import * as fs from "node:fs";
import {
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { TargetGroup } from "../machine/balancer";
import { Host } from "../machine/hosts";
import { MetadataService } from "../machine/metadata";
import { VpcNetwork } from "../machine/network";
import { StateDirectory } from "../machine/state";
import { BlockDevice } from "../machine/volumes";
import { present } from "../engine/errors";
import { ACCOUNT_ID } from "./naming";
import { HostControl, TargetHealthSource, UnknownInstanceError } from "../api/apiFront";
import { AwsClients } from "../api/clients";
import { Semaphore } from "../machine/semaphore";

/** Hosts that boot at the same time: more than cores only makes each slower, and systemd-nspawn less reliable. */
const BOOTS_AT_ONCE = 2;

export interface Subnet {
  readonly vpcId: string;
  readonly region: string;
  readonly zone: string;
  /** Whether its hosts get a public address unless they say otherwise. */
  mapsPublicAddress: boolean;
}

export interface LaunchOptions {
  /** Name for people. */
  readonly label: string;
  readonly imageId: string;
  readonly instanceType: string;
  readonly subnetId: string;
  readonly groupIds: readonly string[];
  readonly userData: string;
  readonly profile?: string;
  readonly requiresToken: boolean;
  /** Default: as the subnet says. */
  readonly hasPublicAddress?: boolean;
  readonly privateIp?: string;
  /** Of an instance that moto minted already. */
  readonly instanceId?: string;
}

/** An instance and the host behind it. */
export interface Instance {
  readonly id: string;
  readonly host: Host;
  readonly network: VpcNetwork;
  readonly subnetId: string;
  readonly region: string;
  readonly privateIp: string;
  readonly publicIp: string | undefined;
  /** Whether an auto scaling group made it, and replaces it. */
  readonly isMember: boolean;
  /** Why the host ended by itself, until it is started again. */
  endedBecause: string | undefined;
  /** Whether it is off only for as long as a reboot takes. */
  isRebooting: boolean;
}

/** A host whose user data failed. */
export interface HostFailure {
  readonly label: string;
  readonly instanceId: string;
  /** The last lines of its cloud-init output. */
  readonly output: string;
}

/** What exists in the local region, by AWS id. Handlers of resource types add to it and take from it. */
export class Cloud implements HostControl, TargetHealthSource {
  readonly metadata = new MetadataService();
  readonly vpcs = new Map<string, VpcNetwork>();
  readonly subnets = new Map<string, Subnet>();
  readonly instances = new Map<string, Instance>();
  /** Layers of each image, the topmost first. */
  readonly images = new Map<string, readonly string[]>();
  readonly volumes = new Map<string, BlockDevice>();
  /** By ARN. */
  readonly targetGroups = new Map<string, TargetGroup>();
  private readonly boots = new Semaphore(BOOTS_AT_ONCE);
  private publicAddresses = 0;

  constructor(
    readonly state: StateDirectory,
    readonly clients: AwsClients,
    readonly ports: { readonly metadata: number; readonly api: number },
    private readonly baseImage: string,
    /** Told of what goes wrong while nobody waits for it. */
    readonly onFault: (error: Error) => void,
  ) {}

  /** The base image under the id that stands for a Debian image of that name. */
  imageNamed(name: string): string {
    const id = `ami-0${createHash("sha256").update(name).digest("hex").slice(0, 16)}`;
    this.images.set(id, [this.baseImage]);
    return id;
  }

  find<T>(kind: string, items: ReadonlyMap<string, T>, id: string): T {
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

  async launch(options: LaunchOptions): Promise<Instance> {
    const layers = this.find("image", this.images, options.imageId);
    const subnet = this.find("subnet", this.subnets, options.subnetId);
    const network = this.networkOf(options.subnetId);
    const privateIp = network.takeAddress(options.subnetId, options.privateIp);
    const id = options.instanceId ?? (await this.mintInstance(options, subnet.region));
    const hasPublicAddress = options.hasPublicAddress ?? subnet.mapsPublicAddress;
    // RFC 5737 sets this range aside for examples: nothing is ever reached at it.
    const publicIp = hasPublicAddress ? `203.0.113.${(++this.publicAddresses % 254) + 1}` : undefined;
    const attachment = await network.attach(id, {
      address: privateIp,
      groupIds: options.groupIds,
      isPublic: hasPublicAddress,
    });
    this.metadata.register(network.id, {
      instanceId: id,
      imageId: options.imageId,
      instanceType: options.instanceType,
      region: subnet.region,
      availabilityZone: subnet.zone,
      accountId: ACCOUNT_ID,
      privateIp,
      publicIp,
      userData: options.userData,
      profile: options.profile,
      requiresToken: options.requiresToken,
    });
    const instance: Instance = {
      id,
      host: new Host(this.state, {
        id,
        label: options.label,
        layers,
        userData: options.userData,
        attachment,
      }),
      network,
      subnetId: options.subnetId,
      region: subnet.region,
      privateIp,
      publicIp,
      isMember: options.instanceId !== undefined,
      endedBecause: undefined,
      isRebooting: false,
    };
    this.instances.set(id, instance);
    await this.boot(instance);
    return instance;
  }

  /** Has moto make the record of an instance. Its address there is moto's own choice. */
  private async mintInstance(options: LaunchOptions, region: string): Promise<string> {
    const { Instances } = await this.clients.in(region).ec2.send(
      new RunInstancesCommand({
        ImageId: options.imageId,
        InstanceType: options.instanceType as never, // the SDK lists every type by name
        MinCount: 1,
        MaxCount: 1,
        SubnetId: options.subnetId,
      }),
    );
    return present(Instances?.[0]?.InstanceId, "an instance id");
  }

  private boot(instance: Instance): Promise<void> {
    instance.endedBecause = undefined;
    return this.boots.run(() =>
      instance.host.start((reason) => {
        instance.endedBecause = reason;
        // The record follows the host; a group has its dead members replaced.
        if (!instance.isMember) this.setPower(instance.id, false).catch(this.onFault);
      }),
    );
  }

  private instance(id: string): Instance {
    const instance = this.instances.get(id);
    if (!instance) throw new UnknownInstanceError(id);
    return instance;
  }

  async start(id: string): Promise<void> {
    const instance = this.instance(id);
    if (!instance.host.isRunning) await this.boot(instance);
  }

  async stop(id: string): Promise<void> {
    await this.instance(id).host.stop();
  }

  async reboot(id: string): Promise<void> {
    const instance = this.instance(id);
    instance.isRebooting = true;
    try {
      await this.stop(id);
      await this.start(id);
    } finally {
      instance.isRebooting = false;
    }
  }

  /** Whether a host runs, or will again in a moment. */
  isUp(id: string): boolean {
    const instance = this.instances.get(id);
    return instance !== undefined && (instance.host.isRunning || instance.isRebooting);
  }

  /** Starts or stops an instance for a resource, so that moto's record follows. */
  async setPower(id: string, isOn: boolean): Promise<void> {
    const { ec2 } = this.clients.in(this.instance(id).region);
    if (isOn) await ec2.send(new StartInstancesCommand({ InstanceIds: [id] }));
    else await ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
  }

  /** Shuts a host down and deletes it; safe to call when it is gone. */
  async terminate(id: string): Promise<void> {
    const instance = this.instances.get(id);
    if (!instance) return;
    await instance.host.terminate();
    await instance.network.detach(instance.host.options.attachment);
    instance.network.releaseAddress(instance.subnetId, instance.privateIp);
    this.metadata.forget(instance.network.id, instance.privateIp);
    await this.clients.in(instance.region).ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    this.instances.delete(id);
  }

  describe(targetGroupArn: string) {
    return this.targetGroups.get(targetGroupArn)?.describe();
  }

  /** Hosts whose user data failed, for the report of a failed run. */
  failedHosts(): HostFailure[] {
    return [...this.instances.values()]
      .filter((instance) => instance.host.userDataFailed() || instance.endedBecause !== undefined)
      .map(({ id, host }) => ({ label: host.options.label, instanceId: id, output: host.userDataOutput() }));
  }

  /** A folder for the layer of a new image. */
  imageFolder(id: string): string {
    return `${this.state.folder("images")}/${id}`;
  }

  deleteImage(id: string): void {
    const [layer] = this.images.get(id) ?? [];
    this.images.delete(id);
    const isInUse = [...this.instances.values()].some(({ host }) => host.uses(layer ?? ""));
    if (layer !== undefined && !isInUse) fs.rmSync(layer, { recursive: true, force: true });
  }
}
