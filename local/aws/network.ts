import {
  CreateSubnetCommand,
  CreateVpcCommand,
  DeleteSubnetCommand,
  DeleteVpcCommand,
} from "@aws-sdk/client-ec2";
import type { Handler, Handlers, Properties, ResourceRequest } from "../engine/handler";
import { flagOr, numberOr, optionalText, text } from "../engine/properties";
import type { FirewallRule } from "../machine/network/firewall";
import type { RouteTarget } from "../machine/network/routeTables";
import { VpcNetwork } from "../machine/network/vpcNetwork";
import { present } from "./errors";
import type { Inventory } from "./inventory";
import { accountId, arn, physicalName, randomHex, resourceId } from "./naming";

/** A resource without a record of its own; what it changes in the region is in `apply`. */
function inputsOnly(
  prefix: string,
  outputs: (id: string, request: ResourceRequest) => Properties,
  effects: {
    readonly apply?: (request: ResourceRequest) => Promise<void>;
    readonly remove?: (state: Properties) => Promise<void>;
  } = {},
): Handler {
  return {
    async create(request) {
      const id = resourceId(prefix);
      await effects.apply?.(request);
      return { id, outputs: outputs(id, request) };
    },
    read: (id, state) => Promise.resolve({ id, outputs: state }),
    async update(id, _state, request) {
      await effects.apply?.(request);
      return { id, outputs: {} };
    },
    delete: async (_id, state) => effects.remove?.(state),
  };
}

/** Networks: VPCs, subnets, gateways, routes, security groups and peerings. */
export function networkHandlers(inventory: Inventory): Handlers {
  const network = (id: string) => inventory.find("VPC", inventory.vpcs, id);
  /** Networks of the two sides of each peering, the requester first. */
  const peerings = new Map<
    string,
    { readonly sides: readonly [VpcNetwork, VpcNetwork]; isActive: boolean }
  >();
  const routeTables = new Map<string, VpcNetwork>();
  const natGateways = new Set<string>();
  const internetGateways = new Set<string>();

  const vpc: Handler = {
    async create(request) {
      const cidrBlock = text(request.inputs, "cidrBlock");
      const { Vpc } = await inventory.clients
        .in(request.region)
        .ec2.send(new CreateVpcCommand({ CidrBlock: cidrBlock }));
      const id = present(Vpc?.VpcId, "a VPC id");
      const created = await VpcNetwork.create(inventory.state, id, inventory.endpoints, inventory.onFault);
      inventory.vpcs.set(id, created);
      // What AWS makes along with a VPC; nothing of the program hangs on them.
      const defaultGroup = resourceId("sg");
      created.addGroup(defaultGroup);
      return {
        id,
        outputs: {
          arn: arn("ec2", request.region, `vpc/${id}`),
          ownerId: accountId,
          defaultSecurityGroupId: defaultGroup,
          defaultRouteTableId: resourceId("rtb"),
          mainRouteTableId: resourceId("rtb"),
          defaultNetworkAclId: resourceId("acl"),
        },
      };
    },
    read: (id, state) => Promise.resolve(inventory.vpcs.has(id) ? { id, outputs: state } : undefined),
    update: (id) => Promise.resolve({ id, outputs: {} }),
    async delete(id, _state, region) {
      const vpc = inventory.vpcs.get(id);
      if (!vpc) return;
      await vpc.destroy();
      await inventory.clients.in(region).ec2.send(new DeleteVpcCommand({ VpcId: id }));
      inventory.vpcs.delete(id);
    },
  };

  const subnet: Handler = {
    async create({ inputs, region }) {
      const [vpcId, cidrBlock, zone] = [
        text(inputs, "vpcId"),
        text(inputs, "cidrBlock"),
        text(inputs, "availabilityZone"),
      ];
      const { Subnet } = await inventory.clients
        .in(region)
        .ec2.send(new CreateSubnetCommand({ VpcId: vpcId, CidrBlock: cidrBlock, AvailabilityZone: zone }));
      const id = present(Subnet?.SubnetId, "a subnet id");
      network(vpcId).addSubnet(id, cidrBlock);
      inventory.subnets.set(id, {
        vpcId,
        region,
        zone,
        mapsPublicAddress: flagOr(inputs, "mapPublicIpOnLaunch", false),
      });
      return {
        id,
        outputs: {
          arn: arn("ec2", region, `subnet/${id}`),
          ownerId: accountId,
          availabilityZoneId: Subnet?.AvailabilityZoneId,
        },
      };
    },
    read: (id, state) => Promise.resolve(inventory.subnets.has(id) ? { id, outputs: state } : undefined),
    update(id, _state, { inputs }) {
      inventory.find("subnet", inventory.subnets, id).mapsPublicAddress = flagOr(
        inputs,
        "mapPublicIpOnLaunch",
        false,
      );
      return Promise.resolve({ id, outputs: {} });
    },
    async delete(id, _state, region) {
      const gone = inventory.subnets.get(id);
      if (!gone) return;
      inventory.subnets.delete(id);
      inventory.vpcs.get(gone.vpcId)?.removeSubnet(id);
      await inventory.clients.in(region).ec2.send(new DeleteSubnetCommand({ SubnetId: id }));
    },
  };

  const routeTable: Handler = {
    async create({ inputs, region }) {
      const id = resourceId("rtb");
      const owner = network(text(inputs, "vpcId"));
      await owner.addRouteTable(id);
      routeTables.set(id, owner);
      return { id, outputs: { arn: arn("ec2", region, `route-table/${id}`), ownerId: accountId } };
    },
    read: (id, state) => Promise.resolve(routeTables.has(id) ? { id, outputs: state } : undefined),
    update: (id) => Promise.resolve({ id, outputs: {} }),
    async delete(id) {
      await routeTables.get(id)?.removeRouteTable(id);
      routeTables.delete(id);
    },
  };

  const association = inputsOnly("rtbassoc", () => ({}), {
    apply: ({ inputs }) =>
      inventory
        .networkOf(text(inputs, "subnetId"))
        .associate(text(inputs, "subnetId"), text(inputs, "routeTableId")),
    remove: async (state) => {
      const subnetId = text(state, "subnetId");
      if (inventory.subnets.has(subnetId)) await inventory.networkOf(subnetId).associate(subnetId, undefined);
    },
  });

  const target = (inputs: Properties): RouteTarget => {
    const gateway = optionalText(inputs, "gatewayId");
    const nat = optionalText(inputs, "natGatewayId");
    const peeringId = optionalText(inputs, "vpcPeeringConnectionId");
    if (gateway !== undefined && internetGateways.has(gateway)) return { kind: "internetGateway" };
    if (nat !== undefined && natGateways.has(nat)) return { kind: "natGateway" };
    if (peeringId !== undefined) return { kind: "peering", peeringId };
    throw new Error("a route of the local region leads to an internet gateway, a NAT gateway or a peering");
  };
  const route: Handler = {
    async create({ inputs }) {
      const [tableId, cidr] = [text(inputs, "routeTableId"), text(inputs, "destinationCidrBlock")];
      await inventory.find("route table", routeTables, tableId).setRoute(tableId, cidr, target(inputs));
      return { id: `r-${tableId}${randomHex(8)}`, outputs: { origin: "CreateRoute", state: "active" } };
    },
    read: (id, state) => Promise.resolve({ id, outputs: state }),
    async update(id, _state, request) {
      const [tableId, cidr] = [
        text(request.inputs, "routeTableId"),
        text(request.inputs, "destinationCidrBlock"),
      ];
      await inventory
        .find("route table", routeTables, tableId)
        .setRoute(tableId, cidr, target(request.inputs));
      return { id, outputs: {} };
    },
    async delete(_id, state) {
      const tableId = text(state, "routeTableId");
      await routeTables.get(tableId)?.removeRoute(tableId, text(state, "destinationCidrBlock"));
    },
  };

  const gateway = (prefix: string, kind: string, ids: Set<string>): Handler => ({
    create({ region }) {
      const id = resourceId(prefix);
      ids.add(id);
      const outputs = {
        arn: arn("ec2", region, `${kind}/${id}`),
        ownerId: accountId,
        publicIp: kind === "natgateway" ? "203.0.113.1" : undefined,
      };
      return Promise.resolve({ id, outputs });
    },
    read: (id, state) => Promise.resolve(ids.has(id) ? { id, outputs: state } : undefined),
    update: (id) => Promise.resolve({ id, outputs: {} }),
    delete(id) {
      ids.delete(id);
      return Promise.resolve();
    },
  });

  const securityGroup: Handler = {
    create(request) {
      const id = resourceId("sg");
      network(text(request.inputs, "vpcId")).addGroup(id);
      return Promise.resolve({
        id,
        outputs: {
          name: physicalName(request, 255),
          arn: arn("ec2", request.region, `security-group/${id}`),
          ownerId: accountId,
        },
      });
    },
    read: (id, state) => Promise.resolve(inventory.networkOfGroup(id) ? { id, outputs: state } : undefined),
    update: (id) => Promise.resolve({ id, outputs: {} }),
    delete: async (id) => inventory.networkOfGroup(id)?.removeGroup(id),
  };

  const firewallRule = (inputs: Properties): FirewallRule => {
    const group = optionalText(inputs, "referencedSecurityGroupId");
    const named = text(inputs, "ipProtocol");
    const protocol = { "1": "icmp", "6": "tcp", "17": "udp" }[named] ?? named;
    if (!["tcp", "udp", "icmp", "-1"].includes(protocol))
      throw new Error(`the local region's firewall knows tcp, udp, icmp and -1, not ${named}`);
    return {
      protocol,
      fromPort: numberOr(inputs, "fromPort", 0),
      toPort: numberOr(inputs, "toPort", numberOr(inputs, "fromPort", 65_535)),
      peer: group === undefined ? { cidr: text(inputs, "cidrIpv4") } : { groupId: group },
    };
  };
  const securityGroupRule = (direction: "ingress" | "egress"): Handler => {
    const set = async (id: string, inputs: Properties) => {
      const groupId = text(inputs, "securityGroupId");
      const owner = inventory.networkOfGroup(groupId);
      if (!owner) throw new Error(`there is no security group ${groupId} in the local region`);
      await owner.setRule(groupId, direction, id, firewallRule(inputs));
    };
    return {
      async create({ inputs, region }) {
        const id = resourceId("sgr");
        await set(id, inputs);
        const outputs = {
          securityGroupRuleId: id,
          arn: arn("ec2", region, `security-group-rule/${id}`),
        };
        return { id, outputs };
      },
      read: (id, state) => Promise.resolve({ id, outputs: state }),
      async update(id, _state, { inputs }) {
        await set(id, inputs);
        return { id, outputs: {} };
      },
      async delete(id, state) {
        const groupId = text(state, "securityGroupId");
        await inventory.networkOfGroup(groupId)?.removeRule(groupId, direction, id);
      },
    };
  };

  const peering: Handler = {
    create({ inputs }) {
      const id = resourceId("pcx");
      const sides = [network(text(inputs, "vpcId")), network(text(inputs, "peerVpcId"))] as const;
      peerings.set(id, { sides, isActive: false });
      return Promise.resolve({
        id,
        outputs: { acceptStatus: "pending-acceptance", peerOwnerId: accountId },
      });
    },
    read: (id, state) => Promise.resolve(peerings.has(id) ? { id, outputs: state } : undefined),
    update: (id) => Promise.resolve({ id, outputs: {} }),
    async delete(id) {
      const gone = peerings.get(id);
      if (gone?.isActive) await VpcNetwork.unpeer(id, ...gone.sides);
      peerings.delete(id);
    },
  };
  const accepter: Handler = {
    async create({ inputs }) {
      const id = text(inputs, "vpcPeeringConnectionId");
      const accepted = inventory.find("peering", peerings, id);
      if (!flagOr(inputs, "autoAccept", false))
        throw new Error(`peering ${id} is accepted with autoAccept only`);
      await VpcNetwork.peer(id, ...accepted.sides);
      accepted.isActive = true;
      const [requester, own] = accepted.sides;
      return { id, outputs: { acceptStatus: "active", vpcId: own.id, peerVpcId: requester.id } };
    },
    read: (id, state) => Promise.resolve(peerings.has(id) ? { id, outputs: state } : undefined),
    update: (id) => Promise.resolve({ id, outputs: {} }),
    // As on AWS, the connection lives until its requester deletes it.
    delete: () => Promise.resolve(),
  };

  return {
    "aws:ec2/vpc:Vpc": vpc,
    "aws:ec2/subnet:Subnet": subnet,
    "aws:ec2/routeTable:RouteTable": routeTable,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": association,
    "aws:ec2/route:Route": route,
    "aws:ec2/internetGateway:InternetGateway": gateway("igw", "internet-gateway", internetGateways),
    "aws:ec2/natGateway:NatGateway": gateway("nat", "natgateway", natGateways),
    "aws:ec2/eip:Eip": inputsOnly("eipalloc", (id) => ({ allocationId: id, publicIp: "203.0.113.1" })),
    // The S3 API is reached at a link-local address, whatever the routes; the endpoint changes nothing here.
    "aws:ec2/vpcEndpoint:VpcEndpoint": inputsOnly("vpce", (id, { region }) => ({
      arn: arn("ec2", region, `vpc-endpoint/${id}`),
      prefixListId: resourceId("pl"),
      state: "available",
    })),
    // The group that AWS makes with a VPC has no rule here from the start.
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": inputsOnly("sg", (id, { region }) => ({
      arn: arn("ec2", region, `security-group/${id}`),
      name: "default",
    })),
    "aws:ec2/securityGroup:SecurityGroup": securityGroup,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": securityGroupRule("ingress"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": securityGroupRule("egress"),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": peering,
    "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": accepter,
  };
}
