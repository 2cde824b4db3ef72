import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { tierTag } from "../../gate/contract.cjs";
import type { BootReports, CutOverGate, HostBucket } from "../host/gates";
import { Firewall, internetEgress } from "../network/firewall";
import type { HostNetwork } from "../network/networks";
import type { Entrance } from "./webEntrance";
import type { Schedule } from "./schedule";
import { launchHook, type WebHost, WebTemplate } from "./webTemplate";

/** How many hosts a fleet has. */
export interface FleetSize {
  /** At least one. */
  readonly min: number;
  /** At least as many as `min`. */
  readonly max: number;
}

/** How busy the hosts of a fleet are to be. */
export interface FleetLoad {
  /** Requests a minute that one host is to have. */
  readonly requestsPerTarget: number;
  /** Mean processor load that the fleet is to have, in percent. */
  readonly cpuPercent: number;
}

/** What hosts of a fleet may be besides what the template says, and for how long. */
export interface FleetSupply {
  /** Instance types that are taken, in this order, where the template's cannot be had. */
  readonly otherTypes: readonly string[];
  /** Share of Spot instances among the hosts beyond the first. */
  readonly spotPercent: number;
  /** Age at which a host is replaced, in days; 0 for never. */
  readonly maxLifetimeDays: number;
  /** How long a host is in service before its load counts, in seconds. */
  readonly warmupSeconds: number;
}

/** Arguments of a {@link ScalingWebTier}. */
export interface ScalingWebTierArgs {
  readonly network: HostNetwork;
  /** The way in. */
  readonly entrance: Entrance;
  readonly gate: BootReports & CutOverGate & HostBucket;
  readonly host: WebHost;
  /**
   * What a fleet needs before it starts, and until it is gone: the release of its image, the database, the path there. What of
   * these a change takes away is taken away after the fleet that used it.
   */
  readonly after: readonly pulumi.Resource[];
  /** Limits within which operator and scaling policies choose the number of hosts. */
  readonly size: FleetSize;
  /** What the scaling policies aim at. */
  readonly load: FleetLoad;
  /** Limits that the fleet gets at certain times, by name; the next deployment that changes `size` or rolls gives it those back. */
  readonly schedules: Readonly<Record<string, Schedule>>;
  readonly supply: FleetSupply;
  /** Tags of hosts, disks and network interfaces, which come from the launch template. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * How long a new host may take to say that it serves, in seconds: its kernel's start, and the 300 s that its boot script waits for
 * `/livez`. A small instance whose disk is still being loaded from the image takes minutes, and replaced in the midst it would
 * never start. A host that cannot start says so itself, and is replaced at once.
 */
const bootSeconds = 420;

/**
 * The fleet behind the load balancer. A new image or boot script makes a new auto scaling group beside the old one; the gate
 * gives it the old one's size and waits until all its hosts are healthy; only then does the old group go, its hosts draining.
 * If they do not get healthy, the new group is scaled to zero, the deployment fails with the hosts' own reason, and the old
 * fleet goes on serving. The desired size is never set here: it belongs to the operator and to the scaling policies.
 *
 * A host joins when its boot script says that it serves, and leaves when the balancer or EC2 finds it unhealthy: the group starts
 * its successor first, and lets it finish its requests.
 *
 * A month costs, without the entrance: in dev two t3.micro at $7.59, their disks at $0.64, addresses at $3.65 and detailed
 * monitoring at $2.10 ($27.96); in prod three c6i.large at $62.05, $0.64 and $2.10 ($194.37). Each further host as much again.
 *
 * | change | effect |
 * |---|---|
 * | `imageId`, `instanceType`, `userdata/web.sh` and the parts of `userdata/lib/` that it names, a new version of a secret that the hosts read, `tags`, key pair | rolled, behind the gate |
 * | a zone more or less, `egress` between public and private | rolled; rules and routes of the old fleet go after it |
 * | a name that the entrance answers to, `legacyRoutes`, `corsOrigins`, `telemetry` | rolled, as the hosts must know it |
 * | `otherTypes`, `spotPercent` | rolled |
 * | `size`, `load`, `schedules`, `maxLifetimeDays`, `warmupSeconds` | in place |
 */
export class ScalingWebTier extends pulumi.ComponentResource {
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
    const wayOutOfBalancer = this.letBalancerOut(firewall);
    const template = this.createTemplate(firewall);
    const group = this.createGroup(template, [firewall, wayOutOfBalancer, template]);
    const serving = this.cutOver(group, template);
    this.createPolicies(group, serving);
    this.createSchedules(group, serving);
    // What watches the group turns to the new one when it serves.
    this.groupName = pulumi.all([group.name, serving.urn]).apply(([name]) => name);
    this.registerOutputs({ groupName: this.groupName });
  }

  private createFirewall(): Firewall {
    const { network, entrance, host } = this.args;
    const fromBalancer = {
      name: "balancer",
      description: "The application, from the load balancer",
      port: entrance.hostPort,
      securityGroupId: entrance.securityGroupId,
    };
    return new Firewall(
      `${this.name}-firewall`,
      {
        vpcId: network.vpcId,
        description: "Web hosts",
        ingress: [fromBalancer, ...host.access.openings],
        egress: [...internetEgress, ...host.database.openings],
      },
      this.child,
    );
  }

  /** Made here and not by the entrance: its rule names the hosts' group, and theirs names its. */
  private letBalancerOut({ securityGroupId }: Firewall): pulumi.Resource {
    const { hostPort, securityGroupId: balancer } = this.args.entrance;
    return new aws.vpc.SecurityGroupEgressRule(
      `${this.name}-balancer-to-hosts`,
      {
        securityGroupId: balancer,
        referencedSecurityGroupId: securityGroupId,
        description: "The application",
        ipProtocol: "tcp",
        fromPort: hostPort,
        toPort: hostPort,
        tags: { Name: `${this.name}-balancer-to-hosts` },
      },
      this.child,
    );
  }

  private createTemplate({ securityGroupId }: Firewall): WebTemplate {
    const { network, entrance, gate, host, tags } = this.args;
    return new WebTemplate(
      this.name,
      {
        ...host,
        network,
        gate,
        tier: this.name,
        securityGroupId,
        hostNames: entrance.hostNames,
        tags,
      },
      this.child,
    );
  }

  private createGroup(template: WebTemplate, parts: readonly pulumi.Resource[]): aws.autoscaling.Group {
    const { network, entrance, after, size, supply } = this.args;
    const tags = { ...this.args.tags, Name: this.name, [tierTag]: this.name };
    return new aws.autoscaling.Group(
      this.name,
      {
        minSize: size.min,
        maxSize: size.max,
        vpcZoneIdentifiers: network.hostSubnets.map(({ id }) => id),
        targetGroupArns: [entrance.targetGroupArn],
        ...this.sourceOf(template),
        healthCheckType: "ELB",
        // A host is in service once it says so: from then on the balancer's word counts.
        healthCheckGracePeriod: 0,
        initialLifecycleHooks: [
          {
            name: launchHook,
            lifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING",
            heartbeatTimeout: bootSeconds,
            defaultResult: "ABANDON",
          },
        ],
        defaultInstanceWarmup: supply.warmupSeconds,
        maxInstanceLifetime: supply.maxLifetimeDays * secondsPerDay || undefined,
        // Before Spot takes a host back, its successor is there.
        capacityRebalance: supply.spotPercent > 0,
        instanceMaintenancePolicy: { minHealthyPercentage: 100, maxHealthyPercentage: 110 },
        enabledMetrics: ["GroupDesiredCapacity", "GroupInServiceInstances", "GroupMaxSize"],
        // The gate waits, and knows better what for.
        waitForCapacityTimeout: "0",
        tags: Object.entries(tags).map(([key, value]) => ({ key, value, propagateAtLaunch: false })),
      },
      {
        ...this.child,
        // All of it by name: among deletions, the engine keeps in order only what depends on each other directly.
        dependsOn: [network.ready, entrance.ready, ...after, ...parts],
        // In place, a fleet would leave its subnets before the others serve.
        // A hook's change would not reach the group at all.
        replaceOnChanges: [
          "launchTemplate",
          "mixedInstancesPolicy",
          "vpcZoneIdentifiers",
          "initialLifecycleHooks",
        ],
      },
    );
  }

  /** What hosts start from: the template as it is, or with other types and prices. */
  private sourceOf(
    template: WebTemplate,
  ): Pick<aws.autoscaling.GroupArgs, "launchTemplate" | "mixedInstancesPolicy"> {
    const { host, supply } = this.args;
    const { templateId, version } = template;
    if (supply.otherTypes.length === 0 && supply.spotPercent === 0)
      return { launchTemplate: { id: templateId, version } };
    return {
      mixedInstancesPolicy: {
        launchTemplate: {
          launchTemplateSpecification: { launchTemplateId: templateId, version },
          overrides: [host.instanceType, ...supply.otherTypes].map((instanceType) => ({ instanceType })),
        },
        instancesDistribution: {
          onDemandAllocationStrategy: "prioritized",
          // What Spot takes back, it may take back all at once.
          onDemandBaseCapacity: 1,
          onDemandPercentageAboveBaseCapacity: 100 - supply.spotPercent,
          spotAllocationStrategy: "price-capacity-optimized",
        },
      },
    };
  }

  private cutOver(group: aws.autoscaling.Group, template: WebTemplate): pulumi.Resource {
    const { gate, entrance, size } = this.args;
    return gate.waitForCutOver(
      `${this.name}-gate`,
      {
        label: "web tier",
        groupName: group.name,
        templateVersion: template.version,
        roleId: template.roleId,
        tier: this.name,
        targetGroupArn: entrance.targetGroupArn,
        minSize: size.min,
        maxSize: size.max,
      },
      this.child,
    );
  }

  /** After the cut-over: until then the new group must keep the size that the gate gave it. */
  private createPolicies(group: aws.autoscaling.Group, serving: pulumi.Resource): void {
    const { entrance, load } = this.args;
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
      load.requestsPerTarget,
    );
    track("cpu", { predefinedMetricType: "ASGAverageCPUUtilization" }, load.cpuPercent);
  }

  /** They set limits only: within them the size is the operator's and the policies'. */
  private createSchedules(group: aws.autoscaling.Group, serving: pulumi.Resource): void {
    for (const [name, { recurrence, timeZone, min, max }] of Object.entries(this.args.schedules))
      new aws.autoscaling.Schedule(
        `${this.name}-${name}`,
        {
          autoscalingGroupName: group.name,
          scheduledActionName: name,
          recurrence,
          timeZone,
          minSize: min,
          maxSize: max,
          // Unset, the provider would have it be none.
          desiredCapacity: -1,
        },
        { ...this.child, dependsOn: serving },
      );
  }
}

const secondsPerDay = 86_400;

function validate({ size: { min, max } }: ScalingWebTierArgs): void {
  if (min > max) {
    const reason = `${min} is more than size.max, which is ${max}.`;
    throw new pulumi.InputPropertyError({ propertyPath: "size.min", reason });
  }
}
