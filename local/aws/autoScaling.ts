import {
  CreateAutoScalingGroupCommand,
  DeleteAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  UpdateAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import { CreateLaunchTemplateCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { Cloud } from "./cloud";
import { present } from "../engine/errors";
import { Handler, Handlers, Properties } from "../engine/handler";
import { arn, physicalName } from "./naming";
import { nested, nestedList, numberOr, optionalText, text, textList } from "../engine/properties";
import { LaunchTemplates } from "./compute";

/** How often a group compares what it should have with what it has, in seconds. */
const RECONCILE_INTERVAL = 1;

interface GroupSettings {
  readonly templateId: string;
  /** Version of the launch template, from 1. */
  readonly templateVersion: number;
  readonly subnetIds: readonly string[];
  readonly targetGroupArns: readonly string[];
  readonly checksBalancer: boolean;
  /** Seconds after its start in which the balancer's verdict does not count. */
  readonly gracePeriod: number;
  readonly label: string;
}

interface Member {
  phase: "starting" | "running" | "ending";
  readonly subnetId: string;
  readonly startedAt: number;
}

/**
 * Keeps the hosts of an auto scaling group as moto's record of the group says: moto holds the desired number and mints
 * the instances' ids, this loop starts and ends a host for each, and has moto replace what is dead or unhealthy.
 */
class ScalingGroup {
  private readonly members = new Map<string, Member>();
  private readonly timer: NodeJS.Timeout;
  private isBusy = false;
  private isClosed = false;
  private readonly work = new Set<Promise<void>>();

  constructor(
    private readonly cloud: Cloud,
    private readonly templates: LaunchTemplates,
    readonly name: string,
    private readonly region: string,
    public settings: GroupSettings,
  ) {
    this.timer = setInterval(() => void this.tick(), RECONCILE_INTERVAL * 1000);
  }

  private async tick(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      await this.reconcile();
    } catch (error) {
      if (!this.isClosed) this.cloud.onFault(error as Error);
    } finally {
      this.isBusy = false;
    }
  }

  /** Ids that the group should have. */
  private async wanted(): Promise<string[]> {
    const { AutoScalingGroups } = await this.cloud.clients
      .in(this.region)
      .autoScaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [this.name] }));
    return (AutoScalingGroups?.[0]?.Instances ?? []).map((instance) =>
      present(instance.InstanceId, "an instance id"),
    );
  }

  private async reconcile(): Promise<void> {
    const wanted = await this.wanted();
    if (this.isClosed) return;
    for (const id of wanted) if (!this.members.has(id)) this.track(this.startMember(id));
    for (const [id, member] of this.members) {
      if (!wanted.includes(id)) {
        if (member.phase === "running") this.track(this.endMember(id, member));
      } else if (member.phase === "running" && this.mustReplace(id, member)) {
        // moto takes a terminated instance out of the group and mints another for it.
        await this.cloud.clients
          .in(this.region)
          .ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
      }
    }
  }

  private track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) => this.cloud.onFault(error as Error))
      .finally(() => this.work.delete(tracked));
    this.work.add(tracked);
  }

  private mustReplace(id: string, member: Member): boolean {
    // A host that does not run is replaced even in its grace period, as EC2 Auto Scaling does.
    if (!this.cloud.isUp(id)) return true;
    const isInGrace = Date.now() - member.startedAt < this.settings.gracePeriod * 1000;
    return (
      this.settings.checksBalancer &&
      !isInGrace &&
      this.settings.targetGroupArns.some((targetGroup) =>
        this.cloud
          .describe(targetGroup)
          ?.some((target) => target.targetId === id && target.state === "unhealthy"),
      )
    );
  }

  /** The subnet with the fewest members: groups spread evenly over their zones. */
  private nextSubnet(): string {
    const count = (subnetId: string) =>
      [...this.members.values()].filter((member) => member.subnetId === subnetId && member.phase !== "ending")
        .length;
    return this.settings.subnetIds.reduce((best, subnetId) =>
      count(subnetId) < count(best) ? subnetId : best,
    );
  }

  private async startMember(id: string): Promise<void> {
    const subnetId = this.nextSubnet();
    const member: Member = { phase: "starting", subnetId, startedAt: Date.now() };
    this.members.set(id, member);
    try {
      await this.launch(id, subnetId);
    } catch (error) {
      // Without its host the next look has it replaced.
      await this.cloud.terminate(id);
      throw error;
    } finally {
      member.phase = "running";
    }
  }

  private async launch(id: string, subnetId: string): Promise<void> {
    const { templateId, templateVersion, targetGroupArns, label } = this.settings;
    const data = this.cloud.find("launch template", this.templates, templateId)[templateVersion - 1];
    if (!data) throw new Error(`launch template ${templateId} has no version ${templateVersion}`);
    const instance = await this.cloud.launch({ ...data, label, subnetId, instanceId: id });
    for (const targetGroup of targetGroupArns)
      this.cloud.find("target group", this.cloud.targetGroups, targetGroup).register(id, instance.privateIp);
  }

  private async endMember(id: string, member: Member): Promise<void> {
    member.phase = "ending";
    try {
      const isRunning = this.cloud.instances.get(id)?.host.isRunning === true;
      for (const targetGroup of this.settings.targetGroupArns) {
        const group = this.cloud.targetGroups.get(targetGroup);
        await (isRunning ? group?.deregister(id) : group?.drop(id));
      }
      await this.cloud.terminate(id);
      this.members.delete(id);
    } catch (error) {
      member.phase = "running"; // to be ended again
      throw error;
    }
  }

  /** Ends all hosts of the group. */
  async close(): Promise<void> {
    this.isClosed = true;
    clearInterval(this.timer);
    await Promise.all(this.work);
    const ends = await Promise.allSettled(
      [...this.members].map(([id, member]) => this.endMember(id, member)),
    );
    const failed = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as Error] : []));
    if (failed.length > 0)
      throw new Error(failed.map((error) => error.message).join("\n"), { cause: failed[0] });
  }
}

function settingsOf(label: string, inputs: Properties): GroupSettings {
  const template = nested(inputs, "launchTemplate");
  const named = nestedList(inputs, "tags").find((tag) => tag["key"] === "Name");
  return {
    templateId: text(template, "id"),
    templateVersion: Number(text(template, "version")),
    subnetIds: textList(inputs, "vpcZoneIdentifiers"),
    targetGroupArns: textList(inputs, "targetGroupArns"),
    checksBalancer: optionalText(inputs, "healthCheckType") === "ELB",
    gracePeriod: numberOr(inputs, "healthCheckGracePeriod", 300),
    label: named ? text(named, "value") : label,
  };
}

/** Auto scaling groups. */
export function autoScalingHandlers(cloud: Cloud, templates: LaunchTemplates): Handlers {
  const groups = new Map<string, ScalingGroup>();

  const group: Handler = {
    async create(request) {
      const { inputs, region } = request;
      const name = physicalName(request, 255);
      const settings = settingsOf(request.name, inputs);
      const { autoScaling, ec2 } = cloud.clients.in(region);
      // moto wants a launch template to exist; what hosts are started from is this region's own record.
      const { LaunchTemplate } = await ec2.send(
        new CreateLaunchTemplateCommand({ LaunchTemplateName: name, LaunchTemplateData: {} }),
      );
      await autoScaling.send(
        new CreateAutoScalingGroupCommand({
          AutoScalingGroupName: name,
          MinSize: numberOr(inputs, "minSize", 0),
          MaxSize: numberOr(inputs, "maxSize", 0),
          DesiredCapacity: numberOr(inputs, "desiredCapacity", numberOr(inputs, "minSize", 0)),
          LaunchTemplate: {
            LaunchTemplateId: present(LaunchTemplate?.LaunchTemplateId, "a launch template id"),
            Version: "$Latest",
          },
          VPCZoneIdentifier: settings.subnetIds.join(","),
          HealthCheckType: settings.checksBalancer ? "ELB" : "EC2",
          HealthCheckGracePeriod: settings.gracePeriod,
          Tags: nestedList(inputs, "tags").map((tag) => ({
            Key: text(tag, "key"),
            Value: text(tag, "value"),
            PropagateAtLaunch: tag["propagateAtLaunch"] === true,
            ResourceId: name,
            ResourceType: "auto-scaling-group",
          })),
        }),
      );
      groups.set(name, new ScalingGroup(cloud, templates, name, region, settings));
      return {
        id: name,
        outputs: { name, arn: arn("autoscaling", region, `autoScalingGroup:1:autoScalingGroupName/${name}`) },
      };
    },
    read: (id, state) => Promise.resolve(groups.has(id) ? { id, outputs: state } : undefined),
    async update(id, state, { inputs, name, region }) {
      cloud.find("auto scaling group", groups, id).settings = settingsOf(name, inputs);
      await cloud.clients.in(region).autoScaling.send(
        new UpdateAutoScalingGroupCommand({
          AutoScalingGroupName: id,
          MinSize: numberOr(inputs, "minSize", 0),
          MaxSize: numberOr(inputs, "maxSize", 0),
        }),
      );
      return { id, outputs: state };
    },
    async delete(id, _state, region) {
      const gone = groups.get(id);
      if (!gone) return;
      groups.delete(id);
      await gone.close();
      await cloud.clients
        .in(region)
        .autoScaling.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: id, ForceDelete: true }));
    },
  };

  return { "aws:autoscaling/group:Group": group };
}
