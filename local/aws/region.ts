import { Cloud, HostFailure } from "./cloud";
import { Handlers, Invokes } from "../engine/handler";
import { autoScalingHandlers } from "./autoScaling";
import { computeHandlers, computeInvokes, LaunchTemplates } from "./compute";
import { dnsHandlers } from "./dns";
import { loadBalancingHandlers } from "./loadBalancing";
import { networkHandlers } from "./network";
import { prepareNspawnFolder, StateDirectory } from "../machine/state";
import { HostControl, TargetHealthSource } from "../api/apiFront";
import { AwsClients } from "../api/clients";

export interface RegionOptions {
  readonly state: StateDirectory;
  readonly clients: AwsClients;
  /** Port of the AWS API on the machine's loopback address. */
  readonly apiPort: number;
  /** Folder of the Debian tree that hosts start from. */
  readonly baseImage: string;
  /** Told of what goes wrong while nobody waits for it, such as a host that could not be replaced. */
  readonly onFault: (error: Error) => void;
}

/** The part of the local region that is made of hosts and networks. */
export interface Region {
  readonly handlers: Handlers;
  readonly invokes: Invokes;
  readonly hosts: HostControl;
  readonly targetHealth: TargetHealthSource;
  /** Hosts whose user data failed or that ended by themselves. */
  failedHosts(): HostFailure[];
  close(): Promise<void>;
}

export async function createRegion(options: RegionOptions): Promise<Region> {
  await prepareNspawnFolder();
  const ports = { metadata: 0, api: options.apiPort };
  const cloud = new Cloud(options.state, options.clients, ports, options.baseImage, options.onFault);
  ports.metadata = await cloud.metadata.listen();
  const templates: LaunchTemplates = new Map();
  return {
    handlers: {
      ...networkHandlers(cloud),
      ...dnsHandlers(cloud),
      ...computeHandlers(cloud, templates),
      ...loadBalancingHandlers(cloud),
      ...autoScalingHandlers(cloud, templates),
    },
    invokes: computeInvokes(cloud),
    hosts: cloud,
    targetHealth: cloud,
    failedHosts: () => cloud.failedHosts(),
    close: () => cloud.metadata.close(),
  };
}
