import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { parseCidr } from "./cidr";

/**
 * One opening: TCP on one port, from or to either a range of addresses or the members of a security group of the same region.
 */
export interface Opening {
  /** Unique among those of its direction. */
  readonly name: string;
  readonly description: string;
  readonly port: number;
  readonly cidrBlock?: string;
  readonly securityGroupId?: pulumi.Input<string>;
}

/** Arguments of a {@link Firewall}. */
export interface FirewallArgs {
  readonly vpcId: pulumi.Input<string>;
  /** A change of it replaces the group. */
  readonly description: string;
  /** @default nothing gets in */
  readonly ingress?: readonly Opening[];
  /** @default nothing gets out */
  readonly egress?: readonly Opening[];
}

/** Package mirrors and the APIs of AWS, which have no fixed addresses. */
export const internetEgress: readonly Opening[] = [
  { name: "http", description: "Debian package mirrors", port: 80, cidrBlock: "0.0.0.0/0" },
  { name: "https", description: "AWS APIs and package indexes", port: 443, cidrBlock: "0.0.0.0/0" },
];

/**
 * A security group, closed but for the openings given; each is a rule of its own, with a description. Depend on the whole
 * component to be sure that the rules are in force.
 *
 * It costs nothing. Openings change in place; `description` and `vpcId` replace the group.
 */
export class Firewall extends pulumi.ComponentResource {
  readonly securityGroupId: pulumi.Output<string>;

  constructor(name: string, args: FirewallArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:Firewall", name, {}, opts);
    validate(args);
    const child = { parent: this };
    const group = new aws.ec2.SecurityGroup(
      name,
      { vpcId: args.vpcId, description: args.description, revokeRulesOnDelete: true, tags: { Name: name } },
      child,
    );
    const rule = (opening: Opening) => ({
      securityGroupId: group.id,
      description: opening.description,
      ipProtocol: "tcp",
      fromPort: opening.port,
      toPort: opening.port,
      cidrIpv4: opening.cidrBlock,
      referencedSecurityGroupId: opening.securityGroupId,
      tags: { Name: `${name}-${opening.name}` },
    });
    for (const opening of args.ingress ?? []) {
      new aws.vpc.SecurityGroupIngressRule(`${name}-in-${opening.name}`, rule(opening), child);
    }
    for (const opening of args.egress ?? []) {
      new aws.vpc.SecurityGroupEgressRule(`${name}-out-${opening.name}`, rule(opening), child);
    }
    this.securityGroupId = group.id;
    this.registerOutputs({ securityGroupId: this.securityGroupId });
  }
}

function validate(args: FirewallArgs): void {
  for (const direction of ["ingress", "egress"] as const) {
    for (const { name, cidrBlock, securityGroupId } of args[direction] ?? []) {
      const refuse = (reason: string) =>
        new pulumi.InputPropertyError({ propertyPath: direction, reason: `Opening ${name}: ${reason}` });
      if ((cidrBlock === undefined) === (securityGroupId === undefined))
        throw refuse("name either a range or a security group.");
      if (cidrBlock !== undefined && !parseCidr(cidrBlock))
        throw refuse(`${cidrBlock} is no range such as 192.0.2.0/24.`);
    }
  }
}
