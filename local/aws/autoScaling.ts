import {
  CreateAutoScalingGroupCommand,
  DeleteAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  UpdateAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import { CreateLaunchTemplateCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import type { RegionClients } from "../api/clients";
import type { Handler, Handlers, Properties } from "../engine/handler";
import { nested, nestedList, numberOr, optionalText, text, textList } from "../engine/properties";
import { present } from "./errors";
import type { Inventory } from "./inventory";
import { arn, physicalName } from "./naming";
import { ScalingGroup } from "./scalingGroup";
import type { GroupRecord, GroupSettings, MemberHosts } from "./scalingGroup";

/** moto holds a group's desired number and mints the ids of its instances. */
function motoRecord({ autoScaling, ec2 }: RegionClients, name: string): GroupRecord {
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
      // moto takes a terminated instance out of the group and mints another for it.
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    },
  };
}

/** Hosts from a launch template, behind the balancers of the group's target groups. */
function templateHosts(inventory: Inventory): MemberHosts {
  const { instances, targetGroups, launchTemplates } = inventory;
  return {
    async launch(id, subnetId, { templateId, templateVersion, targetGroupArns, label }, signal) {
      const data = inventory.find("launch template", launchTemplates, templateId)[templateVersion - 1];
      if (!data) throw new Error(`launch template ${templateId} has no version ${templateVersion}`);
      const groups = targetGroupArns.map((group) => inventory.find("target group", targetGroups, group));
      const { privateIp } = await instances.launch({ ...data, label, subnetId, memberId: id }, signal);
      for (const group of groups) group.register(id, privateIp);
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
export function autoScalingHandlers(inventory: Inventory): Handlers {
  const { scalingGroups: groups } = inventory;
  const hosts = templateHosts(inventory);

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
          Tags: nestedList(inputs, "tags").map((tag) => ({
            Key: text(tag, "key"),
            Value: text(tag, "value"),
            PropagateAtLaunch: tag["propagateAtLaunch"] === true,
            ResourceId: name,
            ResourceType: "auto-scaling-group",
          })),
        }),
      );
      const started = new ScalingGroup(motoRecord(clients, name), hosts, settings, inventory.onFault);
      groups.set(name, started);
      started.follow();
      return {
        id: name,
        outputs: { name, arn: arn("autoscaling", region, `autoScalingGroup:1:autoScalingGroupName/${name}`) },
      };
    },
    read: (id, state) => Promise.resolve(groups.has(id) ? { id, outputs: state } : undefined),
    async update(id, state, { inputs, name, region }) {
      inventory.find("auto scaling group", groups, id).settings = settingsOf(name, inputs);
      await inventory.clients.in(region).autoScaling.send(
        new UpdateAutoScalingGroupCommand({
          AutoScalingGroupName: id,
          MinSize: numberOr(inputs, "minSize", 0),
          MaxSize: numberOr(inputs, "maxSize", 0),
        }),
      );
      return { id, outputs: state };
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

  return { "aws:autoscaling/group:Group": group };
}
