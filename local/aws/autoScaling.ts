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
import { nested, nestedList, numberOr, optionalText, text, textList } from "../engine/properties";
import { present, unless } from "./errors";
import type { Inventory } from "./inventory";
import { arn, physicalName } from "./naming";
import { ScalingGroup } from "./scalingGroup";
import type { GroupRecord, GroupSettings, LaunchHook, MemberHosts } from "./scalingGroup";

const groupType = "aws:autoscaling/group:Group";

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
    async launch(id, subnetId, { templateId, templateVersion, label }, signal) {
      const data = inventory.find("launch template", launchTemplates, templateId)[templateVersion - 1];
      if (!data) throw new Error(`launch template ${templateId} has no version ${templateVersion}`);
      await instances.launch({ ...data, label, subnetId, memberId: id }, signal);
    },
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
    launchHook: launchHookOf(inputs),
    label: named ? text(named, "value") : label,
  };
}

/** Auto scaling groups. */
export function autoScalingHandlers(inventory: Inventory): Handlers {
  const { scalingGroups: groups } = inventory;
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
      const settings = settingsOf(request.name, inputs);
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
      const settings = settingsOf(name, inputs);
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
      await group.close();
      await inventory.clients
        .in(region)
        .autoScaling.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: id, ForceDelete: true }));
      groups.delete(id);
    },
  };

  return { [groupType]: group };
}
