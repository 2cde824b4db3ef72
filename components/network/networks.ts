/** What others need of a region's network: each its part. */
import type * as pulumi from "@pulumi/pulumi";
import type { SubnetKind } from "./networkPlan";

/** A subnet of a network. */
export interface Subnet {
  /** Kind and zone, such as `private-a`: unique within the network, and never given to a subnet with another range. */
  readonly name: string;
  readonly kind: SubnetKind;
  /** In full, such as `us-east-1a`. */
  readonly zone: string;
  readonly id: pulumi.Output<string>;
  readonly cidrBlock: string;
}

/** A route table of host subnets; several subnets may share one. */
export interface RouteTable {
  /** Unique within the network. */
  readonly name: string;
  readonly id: pulumi.Output<string>;
}

/** What a component needs that places hosts in a network. */
export interface HostNetwork {
  readonly vpcId: pulumi.Output<string>;
  readonly region: string;
  /** Where hosts go, in the order of their zones; at least one. */
  readonly hostSubnets: readonly Subnet[];
  /** Whether hosts need public addresses to reach the internet. */
  readonly hostsHavePublicIp: boolean;
  /** There when the hosts' way out is. */
  readonly ready: pulumi.Resource;
}

/** What a component needs that lets the hosts of a network in. */
export interface ClientNetwork {
  readonly vpcId: pulumi.Output<string>;
  readonly region: string;
  readonly hostSubnets: readonly Subnet[];
  /** Range that the host subnets are cut from, whatever the zones. */
  readonly hostRange: string;
}

/** What a component needs that faces the internet. */
export interface PublicNetwork {
  readonly vpcId: pulumi.Output<string>;
  readonly region: string;
  readonly publicSubnetIds: readonly pulumi.Output<string>[];
  /** There when the public subnets have their way in and out. */
  readonly ready: pulumi.Resource;
}

/** What a peering needs of either side. */
export interface PeeredNetwork {
  readonly vpcId: pulumi.Output<string>;
  readonly region: string;
  readonly hostSubnets: readonly Subnet[];
  readonly hostRouteTables: readonly RouteTable[];
}
