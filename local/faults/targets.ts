import { DescribeAutoScalingGroupsCommand } from "@aws-sdk/client-auto-scaling";
import { webRegion } from "../../settings/regions";
import type { Fault, Site } from "./fault";

/** A host of the fleet. */
export interface Member {
  readonly id: string;
  readonly zone: string;
  readonly isInService: boolean;
}

/** The hosts of the group that serves. */
export async function members({ clients, outputs }: Pick<Site, "clients" | "outputs">): Promise<Member[]> {
  const { AutoScalingGroups } = await clients
    .in(webRegion)
    .autoScaling.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [outputs["webGroupName"] ?? ""] }),
    );
  return (AutoScalingGroups?.[0]?.Instances ?? []).map(
    ({ InstanceId = "", AvailabilityZone = "", LifecycleState }) => ({
      id: InstanceId,
      zone: AvailabilityZone,
      isInService: LifecycleState === "InService",
    }),
  );
}

/** What a fault is done to: what was asked for, if it is there, or the first that is. Empty where there is nothing to choose. */
export async function targetOf(fault: Fault, site: Site, wanted: string | undefined): Promise<string> {
  const serving = fault.target ? (await members(site)).filter(({ isInService }) => isInService) : [];
  const all = [...new Set(serving.map(({ id, zone }) => (fault.target === "host" ? id : zone)))].sort();
  if (fault.target === undefined) {
    if (wanted !== undefined)
      throw new Error(`${wanted}: this fault is not done to a host or zone; leave it out`);
    return "";
  }
  const target = wanted ?? all[0];
  if (target === undefined || !all.includes(target))
    throw new Error(
      `there is no ${fault.target} ${wanted ?? ""} in service; there are: ${all.join(", ") || "none"}`,
    );
  return target;
}
