import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Timeline } from "../../../local/run/timeline";
import type { HostStatus, RegionStatus } from "../../../local/terminal/status";
import { readRecord } from "../../../report/record";

const at = (second: number) => new Date(Date.UTC(2026, 0, 2) + second * 1000);
const host = (health: string | undefined): HostStatus => ({
  ...{ id: "i-1", label: "web", zone: "us-east-1a", address: "10.0.0.1", state: "running", health },
  lifecycle: undefined,
});
const decision = (second: number) => ({
  ...{ id: String(second), at: at(second), what: `Launching ${second}`, why: "wanted", status: "Successful" },
});
const look = (
  hosts: readonly HostStatus[],
  rate: number,
  decisions: RegionStatus["decisions"],
): RegionStatus => ({
  ...{
    hosts,
    traffic: { rate, failed: 0.5, latency: rate > 0 ? { p50: 1, p90: 2, p99: 3 } : undefined },
    decisions,
    faults: [{ id: "f", what: "hang i-1", at: at(1), endedAt: at(3) }],
  },
});

describe("the timeline of a region", () => {
  const timeline = new Timeline(at(0));
  timeline.take(look([host("healthy"), host(undefined)], 0, [decision(-5)]), at(0));
  timeline.take(
    look([host("healthy"), host("unhealthy")], 4, [decision(2), decision(1), decision(-5)]),
    at(2),
  );
  const run = timeline.record();
  const points = (chart: number) => {
    const found = run.charts[chart];
    return found?.kind === "lines" ? found.series.map((series) => [series.name, ...series.points]) : [];
  };

  it("is a record", () => assert.deepEqual(readRecord(JSON.stringify(run), "run"), run));

  it("counts the hosts that the balancer asks", () =>
    assert.deepEqual(points(0), [
      ["healthy", [0, 1], [2, 1]],
      ["not healthy", [0, 0], [2, 1]],
    ]));

  it("has the requests, and the times of those that there were", () => {
    assert.deepEqual(points(1), [
      ["all", [0, 0], [2, 4]],
      ["answered 5xx", [0, 0], [2, 2]],
    ]);
    assert.deepEqual(points(2), [
      ["p50", [2, 1]],
      ["p99", [2, 3]],
    ]);
  });

  it("has what was decided and done to it meanwhile, the oldest first, and nothing from before", () => {
    const [chart] = run.charts;
    assert.deepEqual(chart?.kind === "lines" && chart.marks, [
      { x: 1, label: "Launching 1 (wanted)" },
      { x: 1, label: "fault: hang i-1" },
      { x: 2, label: "Launching 2 (wanted)" },
      { x: 3, label: "fault ended: hang i-1" },
    ]);
  });
});
