/** The fleet follows its load, and its schedules, with the reasons told. A minute of the policies lasts two seconds here. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Activity, DescribeScalingActivitiesCommand } from "@aws-sdk/client-auto-scaling";
import { eventually } from "../support/eventually";
import { RequestLoad } from "../support/requestLoad";
import { useRegion } from "../support/runningRegion";

describe("the fleet scales", () => {
  // Twenty requests a second are too many for three hosts, and right for four.
  const region = useRegion({
    args: ["--minute", "2"],
    settings: { requestsPerTarget: 350, webMaxSize: 4, webWarmupSeconds: 60 },
  });

  const activities = async (): Promise<Activity[]> => {
    const { Activities = [] } = await region.api
      .in("us-east-1")
      .autoScaling.send(
        new DescribeScalingActivitiesCommand({ AutoScalingGroupName: region.outputs["webGroupName"]! }),
      );
    return Activities;
  };
  const healthy = async () => {
    const states = await region.targetStates();
    return [...states.values()].filter((state) => state === "healthy").length;
  };

  it("grows with its load and shrinks when that has gone, and loses no request by either", async () => {
    assert.equal((await region.webHosts()).length, 2);
    const load = new RequestLoad(`${region.outputs["serviceUrl"]}/livez`);
    try {
      await eventually("four hosts that serve", async () => (await healthy()) === 4);
    } finally {
      assert.deepEqual(await load.stop(), []);
    }
    const grown = (await activities()).filter(({ Cause = "" }) => /AlarmHigh/.test(Cause));
    assert.ok(grown.length >= 2);
    for (const { Description, Cause } of grown) {
      assert.match(Description!, /^Launching a new EC2 instance: i-/);
      assert.match(
        Cause!,
        /a monitor alarm TargetTracking-\S+-AlarmHigh in state ALARM triggered policy \S*requests\S* changing the desired capacity from [23] to [34]/,
      );
    }

    // A few requests, too little for two hosts: who goes has them finished.
    const rest = new RequestLoad(`${region.outputs["serviceUrl"]}/livez`, 400);
    try {
      await eventually(
        "two hosts",
        async () => (await region.webHosts()).length === 2 && (await healthy()) === 2,
      );
      const sent = rest.sent;
      await eventually("more requests", async () => rest.sent > sent + 5);
    } finally {
      assert.deepEqual(await rest.stop(), []);
    }
    const zones = (await region.members()).map(({ zone }) => zone);
    assert.equal(new Set(zones).size, 2, "the zones stay even");
    const shrunk = (await activities()).filter(({ Cause = "" }) => /AlarmLow/.test(Cause));
    assert.deepEqual(
      shrunk.map(({ Cause }) => / changing the desired capacity from (\d to \d)/.exec(Cause!)?.[1]),
      ["3 to 2", "4 to 3"],
    );
  });
});
