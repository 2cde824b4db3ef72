import type { HostStatus, RegionStatus } from "../terminal/status";
import type { Instance } from "./instances";
import type { Inventory } from "./inventory";

function stateOf({ isEnding, isLaunched, isUp, failure }: Instance): HostStatus["state"] {
  if (failure !== undefined) return "failed";
  if (!isLaunched) return "starting";
  return isUp && !isEnding ? "running" : "stopped";
}

/** How the region is doing. */
export function regionStatus({ instances, targetGroups, scalingGroups }: Inventory): RegionStatus {
  const groups = [...targetGroups.values()];
  const reports = new Map(
    groups.flatMap((group) => group.describe().map(({ targetId, state }) => [targetId, state])),
  );
  const decisions = [...scalingGroups.values()].flatMap(({ activities }) => activities.list());
  const traffic = groups.find(({ isServing }) => isServing)?.traffic.summary();
  return {
    hosts: instances.list().map((instance) => ({
      id: instance.id,
      label: instance.label,
      zone: instance.placement.zone,
      address: instance.privateIp,
      state: stateOf(instance),
      health: reports.get(instance.id),
    })),
    traffic: traffic ?? { rate: 0, failed: 0, latency: undefined },
    decisions: decisions
      .map(({ id, startedAt, description, cause, status, message }) => ({
        id,
        at: startedAt,
        what: description,
        // Of several causes the last is the nearest; its time stands before it.
        why: message ?? (cause.split("  ").at(-1) ?? "").replace(/^At \S+ /, ""),
        status,
      }))
      .sort((one, other) => other.at.getTime() - one.at.getTime()),
  };
}
