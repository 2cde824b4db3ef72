import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Inventory } from "../../../local/aws/inventory";
import { regionStatus } from "../../../local/aws/status";

const instance = (id: string, change: object = {}) => ({
  ...{ id, label: "web", placement: { zone: "us-east-1a" }, privateIp: "10.0.0.1" },
  ...{ isEnding: false, isLaunched: true, isUp: true, failure: undefined },
  ...change,
});
const summary = { rate: 1, failed: 0, latency: undefined };

const noted = [{ id: "f", what: "hang i-1", at: new Date(0), endedAt: undefined }];

function inventory(instances: readonly object[], activities: readonly object[] = []): Inventory {
  const group = (isServing: boolean, rate: number, targets: readonly object[]) => ({
    isServing,
    traffic: { summary: () => ({ ...summary, rate }) },
    describe: () => targets,
  });
  return {
    instances: { list: () => instances },
    targetGroups: new Map([
      ["old", group(false, 7, [])],
      ["web", group(true, 1, [{ targetId: "i-1", state: "healthy" }])],
    ]),
    scalingGroups: new Map([["group", { activities: { list: () => activities } }]]),
    memberOf: (id: string) => (id === "i-2" ? { lifecycle: "Pending" } : undefined),
    faults: { list: () => noted },
  } as unknown as Inventory;
}

describe("the status of a region", () => {
  it("has the state of every host, its place in its group, and what the balancer thinks of those that it asks", () => {
    const { hosts } = regionStatus(
      inventory([
        instance("i-1"),
        instance("i-2", { isLaunched: false, isUp: false }),
        instance("i-3", { isUp: false }),
        instance("i-4", { isEnding: true }),
        instance("i-5", { failure: { output: "no" }, isUp: false }),
      ]),
    );
    assert.deepEqual(
      hosts.map(({ id, state, lifecycle, health }) => [id, state, lifecycle, health]),
      [
        ["i-1", "running", undefined, "healthy"],
        ["i-2", "starting", "Pending", undefined],
        ["i-3", "stopped", undefined, undefined],
        ["i-4", "stopped", undefined, undefined],
        ["i-5", "failed", undefined, undefined],
      ],
    );
  });

  it("has the faults that were told of", () => assert.deepEqual(regionStatus(inventory([])).faults, noted));

  it("has the traffic of the group that serves", () =>
    assert.deepEqual(regionStatus(inventory([])).traffic, summary));

  it("has what groups did, the newest first, with the nearest cause, or with what went wrong", () => {
    const activity = (second: number, change: object) => ({
      id: String(second),
      startedAt: new Date(second * 1000),
      description: `Launching i-${second}`,
      cause: "At 2026-01-02T03:04:05Z a user asked.  At 2026-01-02T03:04:06Z an instance was started.",
      status: "Successful",
      ...change,
    });
    const { decisions } = regionStatus(
      inventory([], [activity(1, {}), activity(2, { status: "Failed", message: "no room" })]),
    );
    assert.deepEqual(
      decisions.map(({ what, why, status }) => [what, why, status]),
      [
        ["Launching i-2", "no room", "Failed"],
        ["Launching i-1", "an instance was started.", "Successful"],
      ],
    );
  });
});
