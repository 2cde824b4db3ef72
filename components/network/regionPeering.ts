import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { RegionNetwork } from "./regionNetwork";

/** One side of a peering. */
export interface PeeringSide {
  readonly network: RegionNetwork;
  /** Of the network's region: a component inherits only one provider of a package. */
  readonly provider: aws.Provider;
}

/** Arguments of a {@link RegionPeering}. */
export interface RegionPeeringArgs {
  /** Asks for the connection. */
  readonly requester: PeeringSide;
  /** Accepts it. */
  readonly accepter: PeeringSide;
}

/**
 * A private path between the hosts of two regions: the connection, its acceptance, name resolution both ways, and on each
 * side routes to the other side's host subnets and to nothing else.
 *
 * A month costs nothing at rest, and $0.01 for each GB that crosses.
 *
 * | change | effect |
 * |---|---|
 * | a zone more or less on either side | routes in place |
 * | either network replaced | replaced: the regions are apart until the new connection is accepted |
 */
export class RegionPeering extends pulumi.ComponentResource {
  readonly connectionId: pulumi.Output<string>;

  private readonly name: string;

  constructor(name: string, args: RegionPeeringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:RegionPeering", name, {}, opts);
    this.name = name;
    const { requester, accepter } = args;
    const accepted = this.connect(requester, accepter);
    this.connectionId = accepted.vpcPeeringConnectionId;
    this.resolveNames("requester", requester, accepted);
    this.resolveNames("accepter", accepter, accepted);
    this.route("to-accepter", requester, accepter);
    this.route("to-requester", accepter, requester);
    this.registerOutputs({ connectionId: this.connectionId });
  }

  private connect(requester: PeeringSide, accepter: PeeringSide): aws.ec2.VpcPeeringConnectionAccepter {
    const connection = new aws.ec2.VpcPeeringConnection(
      this.name,
      {
        vpcId: requester.network.vpcId,
        peerVpcId: accepter.network.vpcId,
        peerRegion: accepter.network.region,
        tags: { Name: this.name },
      },
      { parent: this, provider: requester.provider },
    );
    return new aws.ec2.VpcPeeringConnectionAccepter(
      `${this.name}-accepter`,
      { vpcPeeringConnectionId: connection.id, autoAccept: true, tags: { Name: this.name } },
      { parent: this, provider: accepter.provider },
    );
  }

  /** Each side's options are its own, and can only be set once the connection is accepted. */
  private resolveNames(
    side: "requester" | "accepter",
    { provider }: PeeringSide,
    accepted: aws.ec2.VpcPeeringConnectionAccepter,
  ): void {
    new aws.ec2.PeeringConnectionOptions(
      `${this.name}-${side}-options`,
      { vpcPeeringConnectionId: accepted.id, [side]: { allowRemoteVpcDnsResolution: true } },
      { parent: this, provider },
    );
  }

  private route(suffix: string, from: PeeringSide, to: PeeringSide): void {
    for (const table of from.network.hostRouteTables) {
      for (const subnet of to.network.hostSubnets) {
        new aws.ec2.Route(
          `${this.name}-${suffix}-${table.name}-${subnet.zone}`,
          {
            routeTableId: table.id,
            destinationCidrBlock: subnet.cidrBlock,
            vpcPeeringConnectionId: this.connectionId,
          },
          { parent: this, provider: from.provider },
        );
      }
    }
  }
}
