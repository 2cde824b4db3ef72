import type { HostStatus, RegionStatus } from "../terminal/status";
import type { Instance } from "./instances";
import type { Inventory } from "./inventory";

function stateOf({ isEnding, isLaunched, isUp, failure }: Instance): HostStatus["state"] {
  if (failure !== undefined) return "failed";
  if (!isLaunched) return "starting";
  return isUp && !isEnding ? "running" : "stopped";
}

/** How the region is doing. */
export function regionStatus(inventory: Inventory): RegionStatus {
  const { instances, targetGroups, scalingGroups, faults } = inventory;
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
      lifecycle: inventory.memberOf(instance.id)?.lifecycle,
      health: reports.get(instance.id),
    })),
    faults: faults.list(),
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
