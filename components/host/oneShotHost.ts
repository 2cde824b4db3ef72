import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { BootGate, ReportVariables } from "./gates";
import { Firewall, internetEgress, type Opening } from "../network/firewall";
import { metadataOptions, rootDisk } from "./host";
import { HostRole } from "./hostRole";
import type { Statement } from "../iam/policies";
import type { HostNetwork } from "../network/networks";

/** Arguments of a {@link OneShotHost}. */
export interface OneShotHostArgs {
  /** What the host is for, in the words of an error message. */
  readonly label: string;
  /** The host goes into its first host subnet. */
  readonly network: HostNetwork;
  readonly gate: BootGate;
  readonly imageId: pulumi.Input<string>;
  readonly instanceType: pulumi.Input<string>;
  /** What the host runs, in base64, made of the variables by which it reports. */
  readonly userData: (report: ReportVariables) => pulumi.Output<string>;
  /** What the host may do beyond reporting. */
  readonly statements: readonly Statement[];
  /** Ways out beyond those to the internet. @default none */
  readonly egress?: readonly Opening[];
  /** Tags of the instance's disk. */
  readonly tags: Readonly<Record<string, string>>;
  /** What must be there before the host starts, beyond its network, role and firewall. @default nothing */
  readonly after?: readonly pulumi.Resource[];
}

/**
 * A host that runs one script, and is stopped when the gate has seen the script succeed. Depend on the whole component to come
 * after that. Nobody logs in to it: its boot report says why it failed.
 *
 * A month costs $0.64 for the disk of the stopped host, in dev and prod alike.
 *
 * | change | effect |
 * |---|---|
 * | `imageId`, `instanceType`, `userData`, the network | a new host runs the script, then the old one goes |
 * | `statements`, `egress`, `tags` | in place; the script does not run again |
 */
export class OneShotHost extends pulumi.ComponentResource {
  /** Known when the host runs, which is before its script has ended. */
  readonly instanceId: pulumi.Output<string>;
  readonly userData: pulumi.Output<string>;

  constructor(name: string, args: OneShotHostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:OneShotHost", name, {}, opts);
    const child = { parent: this };
    const role = new HostRole(
      `${name}-role`,
      { statements: [args.gate.reportStatement(), ...args.statements], sessionManager: false },
      child,
    );
    const firewall = new Firewall(
      `${name}-firewall`,
      {
        vpcId: args.network.vpcId,
        description: "A host that runs one script: nothing gets in",
        egress: [...internetEgress, ...(args.egress ?? [])],
      },
      child,
    );
    const tags = { ...args.tags, Name: name };
    this.userData = args.userData(args.gate.reportVariables(role.roleId));
    const instance = new aws.ec2.Instance(
      name,
      {
        ami: args.imageId,
        instanceType: args.instanceType,
        subnetId: args.network.hostSubnets[0]?.id,
        vpcSecurityGroupIds: [firewall.securityGroupId],
        iamInstanceProfile: role.profileName,
        metadataOptions,
        rootBlockDevice: rootDisk(tags),
        userDataBase64: this.userData,
        userDataReplaceOnChange: true,
        tags,
      },
      {
        ...child,
        dependsOn: [args.network.ready, role, firewall, ...(args.after ?? [])],
        // In place, another type would start the stopped host, and its script, again.
        replaceOnChanges: ["instanceType"],
      },
    );
    const booted = args.gate.waitForBoot(
      `${name}-gate`,
      { label: args.label, roleId: role.roleId, instanceId: instance.id, region: args.network.region },
      child,
    );
    new aws.ec2transitgateway.InstanceState(
      `${name}-stopped`,
      { instanceId: instance.id, state: "stopped" },
      { ...child, dependsOn: booted },
    );
    this.instanceId = instance.id;
    this.registerOutputs({ instanceId: this.instanceId });
  }
}
