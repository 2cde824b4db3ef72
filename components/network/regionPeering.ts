import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { PeeredNetwork } from "./networks";

/** One side of a peering. */
export interface PeeringSide {
  readonly network: PeeredNetwork;
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
 * A private path between the hosts of two regions: the connection, its acceptance, and on each side routes to the other side's
 * host subnets and to nothing else. Names need no option of the peering: a private zone is associated with both networks. So
 * nothing is asked of the requester's region, which can learn of the acceptance later than the accepter's.
 *
 * A month costs nothing at rest, and $0.01 for each GB that crosses.
 *
 * | change | effect |
 * |---|---|
 * | a zone more or less, or other host subnets, on either side | routes come first, and old ones go last |
 * | either network replaced | replaced: the regions are apart until the new connection is accepted |
 */
export class RegionPeering extends pulumi.ComponentResource {
  readonly connectionId: pulumi.Output<string>;

  private readonly name: string;

  constructor(name: string, args: RegionPeeringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:RegionPeering", name, {}, opts);
    this.name = name;
    const { requester, accepter } = args;
    // By way of the accepter: who has the id has a connection that is in force.
    this.connectionId = this.connect(requester, accepter).vpcPeeringConnectionId;
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

  private route(suffix: string, from: PeeringSide, to: PeeringSide): void {
    for (const table of from.network.hostRouteTables) {
      for (const subnet of to.network.hostSubnets) {
        new aws.ec2.Route(
          // Named after what it joins: while a fleet in other subnets takes over, both need their routes.
          `${this.name}-${suffix}-${table.name}-${subnet.name}`,
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
