import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AccountStore } from "../accounts/accountStore";
import { tierTag } from "../../gate/contract.cjs";
import type { BootReports, CutOverGate, HostBucket } from "../gate/gates";
import { Firewall, internetEgress } from "../network/firewall";
import type { HostAccess } from "../host/hostAccess";
import type { PostgresHost } from "../database/postgresHost";
import type { RegionNetwork } from "../network/regionNetwork";
import { databaseEgress, type ReleaseTask } from "../release/releaseTask";
import { type Domain, WebEntrance } from "./webEntrance";
import { WebTemplate } from "./webTemplate";

/** Arguments of a {@link ScalingWebTier}. */
export interface ScalingWebTierArgs {
  readonly network: RegionNetwork;
  /** Network of the database. */
  readonly databaseNetwork: RegionNetwork;
  readonly gate: BootReports & CutOverGate & HostBucket;
  readonly access: HostAccess;
  readonly database: PostgresHost;
  readonly accounts: AccountStore;
  /** Must be done before a fleet of its image starts. */
  readonly release: ReleaseTask;
  readonly imageId: pulumi.Input<string>;
  readonly instanceType: string;
  /** Number of hosts within which operator and scaling policies choose. */
  readonly minSize: number;
  readonly maxSize: number;
  /** Requests a minute that one host is to have. */
  readonly requestsPerTarget: number;
  /** Mean processor load that the fleet is to have, in percent. */
  readonly cpuTargetPercent: number;
  /** Undefined: plain HTTP, with a warning. */
  readonly domain: Domain | undefined;
  /** Who may reach the service. */
  readonly accessCidrs: readonly string[];
  /** How long access logs are kept, in days. */
  readonly logRetentionDays: number;
  /** Refuse to delete the load balancer and its logs. */
  readonly protect: boolean;
  /** Tags of hosts, disks and network interfaces, which come from the launch template. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * How long the balancer's word does not count against a new host, in seconds. As long as its boot script waits for `/livez`: a
 * small instance whose disk is still being loaded from the image takes minutes, and replaced in the midst it would never start.
 * A host that cannot start says so itself, and during a roll-out the gate replaces it at once.
 */
const bootSeconds = 300;

/**
 * The fleet behind the load balancer. A new image or boot script makes a new auto scaling group beside the old one; the gate
 * gives it the old one's size and waits until all its hosts are healthy; only then does the old group go, its hosts draining.
 * If they do not get healthy, the new group is scaled to zero, the deployment fails with the hosts' own reason, and the old
 * fleet goes on serving. The desired size is never set here: it belongs to the operator and to the scaling policies.
 *
 * A month costs, with {@link WebEntrance}: in dev two t3.micro at $7.59, their disks at $0.64, addresses at $3.65 and detailed
 * monitoring at $2.10 ($28); in prod three c6i.large at $62.05, $0.64 and $2.10 ($194). Each further host as much again.
 *
 * | change | effect |
 * |---|---|
 * | `imageId`, `instanceType`, `userdata/web.sh`, `userdata/lib.sh`, `tags`, key pair | rolled, behind the gate |
 * | `minSize`, `maxSize`, targets of the policies, `accessCidrs`, `protect` | in place |
 * | `domain` | listeners in place; the hosts must know the name: rolled |
 * | a zone more or less | in place; auto scaling evens the fleet out |
 */
export class ScalingWebTier extends pulumi.ComponentResource {
  readonly dnsName: pulumi.Output<string>;
  readonly url: pulumi.Output<string>;
  readonly groupName: pulumi.Output<string>;

  private readonly name: string;
  private readonly args: ScalingWebTierArgs;
  private readonly child = { parent: this };

  constructor(name: string, args: ScalingWebTierArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:ScalingWebTier", name, {}, opts);
    validate(args);
    this.name = name;
    this.args = args;
    const firewall = this.createFirewall();
    const entrance = this.createEntrance(firewall);
    const template = this.createTemplate(firewall, entrance);
    const group = this.createGroup(firewall, entrance, template);
    const serving = this.cutOver(group, template, entrance);
    this.createPolicies(group, entrance, serving);
    this.dnsName = entrance.dnsName;
    this.url = entrance.url;
    this.groupName = group.name;
    this.registerOutputs({ dnsName: this.dnsName, url: this.url, groupName: this.groupName });
  }

  private createFirewall(): Firewall {
    return new Firewall(
      `${this.name}-firewall`,
      {
        vpcId: this.args.network.vpcId,
        description: "Web hosts",
        ingress: this.args.access.openings,
        egress: [...internetEgress, ...databaseEgress(this.args.databaseNetwork)],
      },
      this.child,
    );
  }

  private createEntrance(firewall: Firewall): WebEntrance {
    const { network, domain, accessCidrs, logRetentionDays, protect } = this.args;
    return new WebEntrance(
      this.name,
      {
        network,
        domain,
        accessCidrs,
        logRetentionDays,
        protect,
        hostSecurityGroupId: firewall.securityGroupId,
      },
      this.child,
    );
  }

  private createTemplate(firewall: Firewall, entrance: WebEntrance): WebTemplate {
    const { network, gate, access, database, accounts, imageId, instanceType, tags } = this.args;
    return new WebTemplate(
      this.name,
      {
        network,
        gate,
        access,
        database,
        accounts,
        imageId,
        instanceType,
        tags,
        tier: this.name,
        securityGroupId: firewall.securityGroupId,
        hostNames: entrance.hostNames,
      },
      this.child,
    );
  }

  private createGroup(
    firewall: Firewall,
    entrance: WebEntrance,
    template: WebTemplate,
  ): aws.autoscaling.Group {
    const { network, release, minSize, maxSize } = this.args;
    const tags = { ...this.args.tags, Name: this.name, [tierTag]: this.name };
    return new aws.autoscaling.Group(
      this.name,
      {
        minSize,
        maxSize,
        vpcZoneIdentifiers: network.hostSubnets.map(({ id }) => id),
        targetGroupArns: [entrance.targetGroupArn],
        launchTemplate: { id: template.templateId, version: template.version },
        healthCheckType: "ELB",
        healthCheckGracePeriod: bootSeconds,
        defaultInstanceWarmup: 60,
        instanceMaintenancePolicy: { minHealthyPercentage: 100, maxHealthyPercentage: 110 },
        // The gate waits, and knows better what for.
        waitForCapacityTimeout: "0",
        tags: Object.entries(tags).map(([key, value]) => ({ key, value, propagateAtLaunch: false })),
      },
      {
        ...this.child,
        dependsOn: [release, firewall, entrance, template],
        replaceOnChanges: ["launchTemplate"],
      },
    );
  }

  private cutOver(
    group: aws.autoscaling.Group,
    template: WebTemplate,
    entrance: WebEntrance,
  ): pulumi.Resource {
    const { gate, minSize, maxSize } = this.args;
    return gate.waitForCutOver(
      `${this.name}-gate`,
      {
        label: "web tier",
        groupName: group.name,
        templateVersion: template.version,
        roleId: template.roleId,
        tier: this.name,
        targetGroupArn: entrance.targetGroupArn,
        minSize,
        maxSize,
      },
      this.child,
    );
  }

  /** After the cut-over: until then the new group must keep the size that the gate gave it. */
  private createPolicies(
    group: aws.autoscaling.Group,
    entrance: WebEntrance,
    serving: pulumi.Resource,
  ): void {
    const track = (
      suffix: string,
      predefinedMetricSpecification: aws.types.input.autoscaling.PolicyTargetTrackingConfigurationPredefinedMetricSpecification,
      targetValue: number,
    ) =>
      new aws.autoscaling.Policy(
        `${this.name}-${suffix}`,
        {
          policyType: "TargetTrackingScaling",
          autoscalingGroupName: group.name,
          targetTrackingConfiguration: { predefinedMetricSpecification, targetValue },
        },
        { ...this.child, dependsOn: serving },
      );
    track(
      "requests",
      { predefinedMetricType: "ALBRequestCountPerTarget", resourceLabel: entrance.metricLabel },
      this.args.requestsPerTarget,
    );
    track("cpu", { predefinedMetricType: "ASGAverageCPUUtilization" }, this.args.cpuTargetPercent);
  }
}

function validate({ minSize, maxSize }: ScalingWebTierArgs): void {
  if (minSize > maxSize) {
    const reason = `${minSize} is more than maxSize, which is ${maxSize}.`;
    throw new pulumi.InputPropertyError({ propertyPath: "minSize", reason });
  }
}
