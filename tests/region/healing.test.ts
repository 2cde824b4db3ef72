/** A host that fails, in whatever way, under requests: what becomes of them, and of the fleet. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DescribeScalingActivitiesCommand, SetDesiredCapacityCommand } from "@aws-sdk/client-auto-scaling";
import type { FaultName } from "../../local/faults";
import { eventually } from "../support/eventually";
import { RequestLoad } from "../support/requestLoad";
import { useRegion } from "../support/runningRegion";

describe("the fleet heals itself", () => {
  const region = useRegion();

  /** The host that joined last: nothing is granted to one that is new. */
  let newest: string | undefined;

  const cases: readonly { readonly fault: FaultName; readonly cause: RegExp }[] = [
    { fault: "kill", cause: /EC2 health check indicating it has been terminated or stopped/ },
    { fault: "cut-power", cause: /EC2 health check indicating it has been terminated or stopped/ },
    { fault: "hang", cause: /ELB system health check failure/ },
    { fault: "errors", cause: /ELB system health check failure/ },
    { fault: "cut-host", cause: /ELB system health check failure/ },
    { fault: "lose-disk", cause: /health check/ },
    { fault: "fill-disk", cause: /health check/ },
  ];
  for (const { fault, cause } of cases)
    it(`after ${fault}: no request fails once the host is out, and another takes its place`, async () => {
      const before = await region.webHosts();
      const victim = newest ?? before[0]!;
      const load = new RequestLoad(`${region.outputs["serviceUrl"]}/livez`);
      try {
        await eventually("requests", async () => load.sent > 20);
        await region.fault(fault, victim);
        await eventually("the host out", async () => (await region.targetStates()).get(victim) !== "healthy");
        const sentBefore = load.sent;
        await eventually("a whole fleet", async () => {
          const members = await region.webHosts();
          const states = await region.targetStates();
          const isWhole =
            members.length === before.length && members.every((id) => states.get(id) === "healthy");
          return isWhole && !members.includes(victim);
        });
        const sentThen = load.sent;
        await eventually("more requests", async () => load.sent > sentThen + 50);
        const failed = await load.stop(sentBefore);
        assert.deepEqual(
          failed.filter(({ number }) => number > sentBefore),
          [],
        );
      } finally {
        await load.stop();
      }
      const after = await region.webHosts();
      for (const id of before) assert.ok(id === victim || after.includes(id), "the others stay");
      newest = after.find((id) => !before.includes(id));
      const { Activities = [] } = await region.api
        .in("us-east-1")
        .autoScaling.send(
          new DescribeScalingActivitiesCommand({ AutoScalingGroupName: region.outputs["webGroupName"]! }),
        );
      const told = (verb: string, id: string) =>
        Activities.find(({ Description }) => Description === `${verb} EC2 instance: ${id}`);
      assert.match(told("Terminating", victim)!.Cause!, cause);
      assert.equal(told("Launching a new", newest!)!.StatusCode, "Successful");
    });

  it("a zone that is lost: the others answer and take its hosts over, and it gets them back when it is there again", async () => {
    const zones = async () => {
      const states = await region.targetStates();
      const serving = (await region.members()).filter(({ id }) => states.get(id) === "healthy");
      const of = (zone: string) => serving.filter((member) => member.zone === zone).length;
      return [of("us-east-1a"), of("us-east-1b")];
    };
    const become = (wanted: readonly number[]) =>
      eventually(`${wanted.join(" and ")} hosts`, async () => String(await zones()) === String(wanted));
    const setSize = (DesiredCapacity: number) =>
      region.api.in("us-east-1").autoScaling.send(
        new SetDesiredCapacityCommand({
          AutoScalingGroupName: region.outputs["webGroupName"]!,
          DesiredCapacity,
        }),
      );
    await setSize(4);
    await become([2, 2]);
    const load = new RequestLoad(`${region.outputs["serviceUrl"]}/livez`);
    try {
      const lost = (await region.members()).filter(({ zone }) => zone === "us-east-1a").map(({ id }) => id);
      const restore = await region.fault("lose-zone", "us-east-1a");
      await eventually("the zone out", async () => {
        const states = await region.targetStates();
        return lost.every((id) => states.get(id) !== "healthy");
      });
      const sentBefore = load.sent;
      await become([0, 4]);
      await restore();
      await become([2, 2]);
      const failed = await load.stop(sentBefore);
      assert.deepEqual(
        failed.filter(({ number }) => number > sentBefore),
        [],
      );
    } finally {
      await load.stop();
    }
    await setSize(2);
    await become([1, 1]);
  });
});
