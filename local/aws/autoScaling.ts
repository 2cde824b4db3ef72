import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import {
  CreateAutoScalingGroupCommand,
  CreateOrUpdateTagsCommand,
  DeleteAutoScalingGroupCommand,
  DeleteTagsCommand,
  DescribeAutoScalingGroupsCommand,
  TerminateInstanceInAutoScalingGroupCommand,
  UpdateAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import { CreateLaunchTemplateCommand } from "@aws-sdk/client-ec2";
import type { RegionClients } from "../api/clients";
import type { Handler, Handlers, Properties } from "../engine/handler";
import { flagOr, nested, nestedList, numberOr, optionalText, text, textList } from "../engine/properties";
import { processorSeconds } from "../machine/controlGroups";
import { present, unless } from "./errors";
import type { Inventory } from "./inventory";
import { GroupScaling } from "./groupScaling";
import { Rate } from "./metrics";
import { arn, physicalName } from "./naming";
import { ScalingGroup } from "./scalingGroup";
import type { GroupRecord, GroupSettings, LaunchHook, MemberHosts } from "./scalingGroup";
import type { TrackingPolicy } from "./targetTracking";

const groupType = "aws:autoscaling/group:Group";
/** Processors of every instance type that the local region has. */
const processors = 2;

/** moto holds a group's desired number and mints the ids of its instances. */
function motoRecord({ autoScaling }: RegionClients, name: string): GroupRecord {
  return {
    async wanted() {
      const { AutoScalingGroups } = await autoScaling.send(
        new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
      );
      return (AutoScalingGroups?.[0]?.Instances ?? []).map((instance) =>
        present(instance.InstanceId, "an instance id"),
      );
    },
    async replace(id) {
      // moto mints another for it. Who asks EC2 to terminate it has it shut down undrained.
      const replace = new TerminateInstanceInAutoScalingGroupCommand({
        InstanceId: id,
        ShouldDecrementDesiredCapacity: false,
      });
      // Somebody else may have been faster.
      await unless("ValidationError", () => autoScaling.send(replace));
    },
  };
}

/** Hosts from a launch template, behind the balancers of the group's target groups. */
function templateHosts(inventory: Inventory): MemberHosts {
  const { instances, targetGroups, launchTemplates } = inventory;
  return {
    async launch(id, subnetId, { templateId, templateVersion, instanceType, label }, signal) {
      const data = inventory.find("launch template", launchTemplates, templateId)[templateVersion - 1];
      if (!data) throw new Error(`launch template ${templateId} has no version ${templateVersion}`);
      const type = instanceType ?? data.instanceType;
      await instances.launch({ ...data, instanceType: type, label, subnetId, memberId: id }, signal);
    },
    hasRoom: (subnetId) => !inventory.lostZones.has(inventory.subnets.get(subnetId)?.zone ?? ""),
    admit(id, { targetGroupArns }) {
      const { privateIp } = inventory.find("instance", instances, id);
      for (const group of targetGroupArns)
        inventory.find("target group", targetGroups, group).register(id, privateIp);
    },
    isUp: (id) => instances.get(id)?.isUp === true,
    isUnhealthy: (id, { targetGroupArns }) =>
      targetGroupArns.some((group) =>
        inventory.describe(group)?.some((target) => target.targetId === id && target.state === "unhealthy"),
      ),
    async end(id, { targetGroupArns }) {
      const isRunning = instances.get(id)?.isRunning === true;
      for (const targetGroup of targetGroupArns) {
        const group = targetGroups.get(targetGroup);
        await (isRunning ? group?.deregister(id) : group?.drop(id));
      }
      await instances.terminate(id);
    },
  };
}

/** Tags as the API takes them. */
function tagsOf(inputs: Properties, group: string) {
  return nestedList(inputs, "tags").map((tag) => ({
    Key: text(tag, "key"),
    Value: text(tag, "value"),
    PropagateAtLaunch: tag["propagateAtLaunch"] === true,
    ResourceId: group,
    ResourceType: "auto-scaling-group",
  }));
}

/** The hook that new hosts answer to. */
function launchHookOf(inputs: Properties): LaunchHook | undefined {
  const hook = nestedList(inputs, "initialLifecycleHooks").find(
    (each) => each["lifecycleTransition"] === "autoscaling:EC2_INSTANCE_LAUNCHING",
  );
  return hook && { name: text(hook, "name"), timeout: numberOr(hook, "heartbeatTimeout", 3600) };
}

function settingsOf(label: string, inputs: Properties, minute: number): GroupSettings {
  // Of several types, the first that AWS would try.
  const mixed = nested(nested(inputs, "mixedInstancesPolicy"), "launchTemplate");
  const [override] = nestedList(mixed, "overrides");
  const template = nested(inputs, "launchTemplate");
  const specification = nested(mixed, "launchTemplateSpecification");
  const named = nestedList(inputs, "tags").find((tag) => tag["key"] === "Name");
  return {
    templateId: optionalText(template, "id") ?? text(specification, "launchTemplateId"),
    templateVersion: Number(optionalText(template, "version") ?? text(specification, "version")),
    instanceType: override && text(override, "instanceType"),
    subnetIds: textList(inputs, "vpcZoneIdentifiers"),
    targetGroupArns: textList(inputs, "targetGroupArns"),
    checksBalancer: optionalText(inputs, "healthCheckType") === "ELB",
    gracePeriod: numberOr(inputs, "healthCheckGracePeriod", 300),
    launchHook: launchHookOf(inputs),
    warmup: (numberOr(inputs, "defaultInstanceWarmup", 0) * minute) / 60_000,
    maxLifetime: numberOr(inputs, "maxInstanceLifetime", 0) || undefined,
    label: named ? text(named, "value") : label,
  };
}

/** Requests a minute that each healthy target of a target group has, as `AWS/ApplicationELB` counts them. */
function requestsPerTarget(
  inventory: Inventory,
  targetGroupArns: readonly string[],
): TrackingPolicy["measure"] {
  const [targetGroup] = targetGroupArns.flatMap((group) => inventory.targetGroups.get(group) ?? []);
  const rate = new Rate(() => (targetGroup?.isServing ? targetGroup.traffic.total : undefined));
  return async () => {
    const perSecond = await rate.perSecond();
    const healthy = targetGroup?.describe().filter(({ state }) => state === "healthy").length ?? 0;
    return perSecond === undefined || healthy === 0 ? undefined : (perSecond * 60) / healthy;
  };
}

/** Mean processor load, in percent, of the hosts of a group that are warm. */
function processorLoad(group: ScalingGroup): TrackingPolicy["measure"] {
  const rates = new Map<string, Rate>();
  return async () => {
    const warm = group.warm(group.settings.warmup);
    for (const id of rates.keys()) if (!warm.includes(id)) rates.delete(id);
    const loads: number[] = [];
    for (const id of warm) {
      const rate = rates.get(id) ?? new Rate(() => processorSeconds(id));
      rates.set(id, rate);
      const perSecond = await rate.perSecond();
      if (perSecond !== undefined) loads.push((perSecond * 100) / processors);
    }
    return loads.length === 0 ? undefined : loads.reduce((sum, load) => sum + load) / loads.length;
  };
}

/** Auto scaling groups, their policies and schedules. */
export function autoScalingHandlers(inventory: Inventory): Handlers {
  const { scalingGroups: groups } = inventory;
  const scalings = new Map<string, GroupScaling>();
  const hosts = templateHosts(inventory);

  /** Operators and gates change a group's size through the API. Undefined when there is no such group. */
  const sizeOf = async (name: string, region: string): Promise<Properties | undefined> => {
    const { AutoScalingGroups } = await inventory.clients
      .in(region)
      .autoScaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }));
    const [found] = AutoScalingGroups ?? [];
    return (
      found && {
        minSize: found.MinSize,
        maxSize: found.MaxSize,
        desiredCapacity: found.DesiredCapacity,
      }
    );
  };

  const group: Handler = {
    async create(request) {
      const { inputs, region } = request;
      const name = physicalName(request, 255);
      const settings = settingsOf(request.name, inputs, inventory.minute);
      const clients = inventory.clients.in(region);
      const { autoScaling, ec2 } = clients;
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
          Tags: tagsOf(inputs, name),
        }),
      );
      const started = new ScalingGroup(motoRecord(clients, name), hosts, settings, inventory.onFault);
      groups.set(name, started);
      started.follow();
      const scaling = new GroupScaling({
        ...{ groupName: name, group: started, clients, minute: inventory.minute },
        warmup: () => started.settings.warmup,
        onFault: inventory.onFault,
      });
      scalings.set(name, scaling);
      scaling.follow();
      return {
        id: name,
        outputs: {
          name,
          arn: arn("autoscaling", region, `autoScalingGroup:1:autoScalingGroupName/${name}`),
          ...(await sizeOf(name, region)),
        },
      };
    },
    async read(id, _state, region) {
      const size = groups.has(id) ? await sizeOf(id, region) : undefined;
      return size && { id, outputs: size };
    },
    async update(id, state, { inputs, name, region }) {
      const group = inventory.find("auto scaling group", groups, id);
      const settings = settingsOf(name, inputs, inventory.minute);
      if (!isDeepStrictEqual(settings.targetGroupArns, group.settings.targetGroupArns))
        throw new Error(
          `${groupType}: the local region's groups keep their targetGroupArns; replace the group: ` +
            "`pulumi up --replace` with its URN",
        );
      group.settings = settings;
      const { autoScaling } = inventory.clients.in(region);
      await autoScaling.send(
        new UpdateAutoScalingGroupCommand({
          AutoScalingGroupName: id,
          MinSize: numberOr(inputs, "minSize", 0),
          MaxSize: numberOr(inputs, "maxSize", 0),
        }),
      );
      const [before, after] = [tagsOf(state, id), tagsOf(inputs, id)];
      const removed = before.filter(({ Key }) => !after.some((tag) => tag.Key === Key));
      if (removed.length > 0) await autoScaling.send(new DeleteTagsCommand({ Tags: removed }));
      if (after.length > 0) await autoScaling.send(new CreateOrUpdateTagsCommand({ Tags: after }));
      return { id, outputs: (await sizeOf(id, region)) ?? {} };
    },
    async delete(id, _state, region) {
      const group = groups.get(id);
      if (!group) return;
      await scalings.get(id)?.close();
      scalings.delete(id);
      await group.close();
      await inventory.clients
        .in(region)
        .autoScaling.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: id, ForceDelete: true }));
      groups.delete(id);
    },
  };

  /** Policies by ARN, and what takes them out. */
  const policies = new Map<string, () => void>();
  const addPolicy = (id: string, name: string, inputs: Properties) => {
    const groupName = text(inputs, "autoscalingGroupName");
    const group = inventory.find("auto scaling group", groups, groupName);
    const configuration = nested(inputs, "targetTrackingConfiguration");
    const metric = optionalText(
      nested(configuration, "predefinedMetricSpecification"),
      "predefinedMetricType",
    );
    const measures: Readonly<Record<string, () => TrackingPolicy["measure"]>> = {
      ALBRequestCountPerTarget: () => requestsPerTarget(inventory, group.settings.targetGroupArns),
      ASGAverageCPUUtilization: () => processorLoad(group),
    };
    const measure = measures[metric ?? ""];
    if (!measure)
      throw new Error(
        `the local region has no scaling policies for ${metric ?? "other than predefined metrics"}`,
      );
    const tracking = scalings.get(groupName)?.tracking;
    const policy = {
      name,
      target: numberOr(configuration, "targetValue", 0),
      scalesIn: !flagOr(configuration, "disableScaleIn", false),
      measure: measure(),
    };
    tracking?.add(policy);
    policies.set(id, () => tracking?.remove(policy));
  };
  const policy: Handler = {
    create(request) {
      const name = physicalName(request, 255);
      const groupName = text(request.inputs, "autoscalingGroupName");
      const place = `autoScalingGroupName/${groupName}:policyName/${name}`;
      const id = arn("autoscaling", request.region, `scalingPolicy:${randomUUID()}:${place}`);
      addPolicy(id, name, request.inputs);
      return Promise.resolve({ id, outputs: { name, arn: id } });
    },
    read: (id, state) => Promise.resolve(policies.has(id) ? { id, outputs: state } : undefined),
    update(id, state, { inputs }) {
      policies.get(id)?.();
      addPolicy(id, text(state, "name"), inputs);
      return Promise.resolve({ id, outputs: {} });
    },
    delete(id) {
      policies.get(id)?.();
      policies.delete(id);
      return Promise.resolve();
    },
  };

  const setSchedule = (id: string, inputs: Properties) => {
    const scaling = inventory.find("auto scaling group", scalings, text(inputs, "autoscalingGroupName"));
    scaling.schedules.set(id, {
      recurrence: text(inputs, "recurrence"),
      timeZone: optionalText(inputs, "timeZone") ?? "Etc/UTC",
      min: numberOr(inputs, "minSize", 0),
      max: numberOr(inputs, "maxSize", 0),
    });
  };
  const schedule: Handler = {
    create({ inputs, region }) {
      const id = text(inputs, "scheduledActionName");
      setSchedule(id, inputs);
      const place = `autoScalingGroupName/${text(inputs, "autoscalingGroupName")}:scheduledActionName/${id}`;
      return Promise.resolve({
        id,
        outputs: { arn: arn("autoscaling", region, `scheduledUpdateGroupAction:${randomUUID()}:${place}`) },
      });
    },
    read: (id, state) => {
      const isThere = scalings.get(text(state, "autoscalingGroupName"))?.schedules.has(id);
      return Promise.resolve(isThere ? { id, outputs: state } : undefined);
    },
    update(id, _state, { inputs }) {
      setSchedule(id, inputs);
      return Promise.resolve({ id, outputs: {} });
    },
    delete(id, state) {
      scalings.get(text(state, "autoscalingGroupName"))?.schedules.delete(id);
      return Promise.resolve();
    },
  };

  return {
    [groupType]: group,
    "aws:autoscaling/policy:Policy": policy,
    "aws:autoscaling/schedule:Schedule": schedule,
  };
}
