import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { parseCidr } from "./cidr";
import { kindCidr, letterOf, regionOf, type SubnetKind, zoneSubnetCidr } from "./networkPlan";
import type {
  ClientNetwork,
  HostNetwork,
  PeeredNetwork,
  PublicNetwork,
  RouteTable,
  Subnet,
} from "./networks";
import { VpcFlowLog } from "./vpcFlowLog";

/**
 * How hosts reach the internet: from public subnets with addresses of their own, through one NAT gateway (whose zone is then
 * a single point of failure for outgoing traffic), or through one in each zone.
 */
export type Egress = "public" | "singleNat" | "natPerAz";

/** Arguments of a {@link RegionNetwork}. */
export interface RegionNetworkArgs {
  /** Range of the VPC: a /16 that no peered VPC overlaps. */
  readonly cidrBlock: string;
  /** Full names of the zones, all of one region, such as `us-east-1a`. */
  readonly zones: readonly string[];
  readonly egress: Egress;
  /** How long flow logs are kept, in days. */
  readonly flowLogRetentionDays: number;
  /** Refuse to replace or delete the VPC. */
  readonly protect: boolean;
}

/**
 * One region's VPC: a public and a private subnet in each zone, the way out, the S3 gateway endpoint, a default security
 * group that allows nothing, and flow logs.
 *
 * A month costs: with egress `public` nothing but $3.65 for each host's address; $32.85 and $3.65 for the address for each
 * NAT gateway, and $0.045 for each GB through it; $0.50 for each GB of flow logs. dev has no NAT gateway, prod three in the
 * web region and one in the database's ($146.00).
 *
 * | change | effect |
 * |---|---|
 * | a zone more or less | in place: the other zones keep their subnets and ranges, and what a zone less takes away goes last; another first zone moves the single NAT gateway and the hosts that run once |
 * | `egress` | routes and gateways in place, the old ones going last; `public` against the others moves hosts to other subnets: replaced |
 * | `cidrBlock` | everything in the network is replaced: refused while `protect` is on |
 * | `flowLogRetentionDays`, `protect` | in place |
 */
export class RegionNetwork
  extends pulumi.ComponentResource
  implements HostNetwork, ClientNetwork, PublicNetwork, PeeredNetwork
{
  readonly vpcId: pulumi.Output<string>;
  readonly region: string;
  readonly publicSubnetIds: readonly pulumi.Output<string>[];
  /** Where hosts go: the public subnets under egress `public`, else the private ones. */
  readonly hostSubnets: readonly Subnet[];
  readonly hostRange: string;
  readonly hostRouteTables: readonly RouteTable[];
  readonly hostsHavePublicIp: boolean;
  readonly ready: pulumi.Resource = this;

  private readonly name: string;
  private readonly args: RegionNetworkArgs;
  private readonly child: pulumi.CustomResourceOptions = { parent: this };

  constructor(name: string, args: RegionNetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:RegionNetwork", name, {}, opts);
    validate(args);
    this.name = name;
    // One-shot hosts and the single NAT gateway go to the first zone, in whatever order they are named.
    this.args = { ...args, zones: [...args.zones].sort() };
    this.region = regionOf(args.zones[0] ?? "");
    this.hostsHavePublicIp = args.egress === "public";

    const vpc = this.createVpc();
    const gateway = new aws.ec2.InternetGateway(
      `${name}-gateway`,
      { vpcId: vpc.id, tags: this.tag("gateway") },
      this.child,
    );
    const publicSubnets = this.createSubnets(vpc, "public");
    const privateSubnets = this.createSubnets(vpc, "private");
    const publicTables = this.createPublicRoutes(vpc, gateway, publicSubnets);
    const privateTables = this.createPrivateRoutes(vpc, privateSubnets);
    this.createNatRoutes(vpc, gateway, publicSubnets, privateTables);
    this.createS3Endpoint(vpc, [...publicTables, ...privateTables]);
    new VpcFlowLog(
      `${name}-flow-log`,
      { vpcId: vpc.id, region: this.region, retentionDays: args.flowLogRetentionDays },
      this.child,
    );

    const [subnets, tables] = this.hostsHavePublicIp
      ? [publicSubnets, publicTables]
      : [privateSubnets, privateTables];
    this.vpcId = vpc.id;
    this.publicSubnetIds = publicSubnets.map(({ id }) => id);
    this.hostSubnets = subnets;
    this.hostRange = kindCidr(args.cidrBlock, this.hostsHavePublicIp ? "public" : "private");
    this.hostRouteTables = tables;
    this.registerOutputs({ vpcId: this.vpcId, publicSubnetIds: this.publicSubnetIds });
  }

  private createVpc(): aws.ec2.Vpc {
    const vpc = new aws.ec2.Vpc(
      this.name,
      {
        cidrBlock: this.args.cidrBlock,
        enableDnsSupport: true,
        enableDnsHostnames: true,
        tags: { Name: this.name },
      },
      { ...this.child, protect: this.args.protect },
    );
    new aws.ec2.DefaultSecurityGroup(
      `${this.name}-closed`,
      { vpcId: vpc.id, tags: this.tag("closed") },
      this.child,
    );
    return vpc;
  }

  private createSubnets(vpc: aws.ec2.Vpc, kind: SubnetKind): Subnet[] {
    return this.args.zones.map((zone) => {
      const cidrBlock = zoneSubnetCidr(this.args.cidrBlock, zone, kind);
      const name = `${kind}-${letterOf(zone)}`;
      const { id } = new aws.ec2.Subnet(
        `${this.name}-${name}`,
        {
          vpcId: vpc.id,
          availabilityZone: zone,
          cidrBlock,
          // Where hosts have no other way out.
          mapPublicIpOnLaunch: kind === "public" && this.hostsHavePublicIp,
          tags: this.tag(name),
        },
        this.child,
      );
      return { name, kind, zone, id, cidrBlock };
    });
  }

  private createPublicRoutes(
    vpc: aws.ec2.Vpc,
    gateway: aws.ec2.InternetGateway,
    subnets: readonly Subnet[],
  ): RouteTable[] {
    const table = this.createRouteTable(vpc, "public");
    new aws.ec2.Route(
      `${this.name}-public-internet`,
      { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", gatewayId: gateway.id },
      this.child,
    );
    for (const subnet of subnets) this.associate(subnet, table);
    return [table];
  }

  private createPrivateRoutes(vpc: aws.ec2.Vpc, subnets: readonly Subnet[]): RouteTable[] {
    return subnets.map((subnet) => {
      const table = this.createRouteTable(vpc, subnet.name);
      this.associate(subnet, table);
      return table;
    });
  }

  private createNatRoutes(
    vpc: aws.ec2.Vpc,
    gateway: aws.ec2.InternetGateway,
    publicSubnets: readonly Subnet[],
    tables: readonly RouteTable[],
  ): void {
    if (this.args.egress === "public") return;
    const served = this.args.egress === "natPerAz" ? publicSubnets : publicSubnets.slice(0, 1);
    const gateways = served.map((subnet) => {
      const suffix = `nat-${letterOf(subnet.zone)}`;
      const address = new aws.ec2.Eip(
        `${this.name}-${suffix}`,
        { domain: "vpc", tags: this.tag(suffix) },
        // In another VPC the next gateway is made before the old one goes, and two cannot have one address.
        { ...this.child, dependsOn: gateway, replaceWith: [vpc] },
      );
      return new aws.ec2.NatGateway(
        `${this.name}-${suffix}`,
        { allocationId: address.id, subnetId: subnet.id, tags: this.tag(suffix) },
        { ...this.child, dependsOn: gateway },
      );
    });
    tables.forEach((table, index) => {
      new aws.ec2.Route(
        `${this.name}-${table.name}-internet`,
        {
          routeTableId: table.id,
          destinationCidrBlock: "0.0.0.0/0",
          natGatewayId: (gateways[index] ?? gateways[0])?.id,
        },
        this.child,
      );
    });
  }

  /** Free, and it keeps the region's S3 traffic off the NAT gateways. */
  private createS3Endpoint(vpc: aws.ec2.Vpc, tables: readonly RouteTable[]): void {
    new aws.ec2.VpcEndpoint(
      `${this.name}-s3`,
      {
        vpcId: vpc.id,
        vpcEndpointType: "Gateway",
        serviceName: `com.amazonaws.${this.region}.s3`,
        routeTableIds: tables.map(({ id }) => id),
        tags: this.tag("s3"),
      },
      this.child,
    );
  }

  private createRouteTable(vpc: aws.ec2.Vpc, name: string): RouteTable {
    const { id } = new aws.ec2.RouteTable(
      `${this.name}-${name}`,
      { vpcId: vpc.id, tags: this.tag(name) },
      this.child,
    );
    return { name, id };
  }

  private associate(subnet: Subnet, table: RouteTable): void {
    new aws.ec2.RouteTableAssociation(
      `${this.name}-${subnet.name}`,
      { subnetId: subnet.id, routeTableId: table.id },
      this.child,
    );
  }

  private tag(suffix: string): Record<string, string> {
    return { Name: `${this.name}-${suffix}` };
  }
}

function validate({ cidrBlock, zones }: RegionNetworkArgs): void {
  const wrong = (propertyPath: string, reason: string) =>
    new pulumi.InputPropertyError({ propertyPath, reason });
  if (parseCidr(cidrBlock)?.prefix !== 16)
    throw wrong("cidrBlock", `${cidrBlock} is no /16 such as 10.10.0.0/16.`);
  if (zones.length === 0) throw wrong("zones", "Name at least one zone.");
  if (new Set(zones).size < zones.length) throw wrong("zones", `Name each zone once: ${zones.join(", ")}.`);
  if (new Set(zones.map(regionOf)).size > 1)
    throw wrong("zones", `${zones.join(", ")} are not of one region.`);
  const unknown = zones.find((zone) => !/^[a-z]{2}(-[a-z]+)+-\d[a-h]$/.test(zone));
  if (unknown !== undefined)
    throw wrong("zones", `${unknown} is no zone such as us-east-1a, of the letters a to h.`);
}
