import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { GroupScaling } from "../../../local/aws/groupScaling";
import type { RegionClients } from "../../../local/api/clients";

describe("the scaling of a group", () => {
  /** What the group has, and the calls that change it. */
  let size: { MinSize: number; MaxSize: number; DesiredCapacity: number };
  let calls: object[];
  let announced: string[];
  let scaling: GroupScaling;

  beforeEach(() => {
    size = { MinSize: 2, MaxSize: 6, DesiredCapacity: 3 };
    [calls, announced] = [[], []];
    const autoScaling = {
      send: async ({ constructor, input }: { constructor: { name: string }; input: object }) => {
        if (constructor.name.startsWith("Describe")) return { AutoScalingGroups: [size] };
        calls.push(input);
        return {};
      },
    };
    scaling = new GroupScaling({
      groupName: "web",
      group: {
        warm: () => ["i-1", "i-2", "i-3"],
        isChanging: () => false,
        announce: (cause) => void announced.push(cause),
      },
      clients: { autoScaling } as unknown as Pick<RegionClients, "autoScaling">,
      minute: 60_000,
      warmup: () => 60,
      onFault: (error) => assert.fail(error),
    });
  });

  it("sets the size that its policies ask for, and has the group tell why", async () => {
    scaling.tracking.add({ name: "cpu", target: 60, scalesIn: true, measure: async () => 90 });
    for (let minute = 0; minute < 3; minute++) await scaling.track();
    assert.deepEqual(calls, [{ AutoScalingGroupName: "web", DesiredCapacity: 5 }]);
    assert.match(
      announced[0]!,
      /AlarmHigh in state ALARM triggered policy cpu changing the desired capacity from 3 to 5$/,
    );
  });

  const at = (time: string) => scaling.keepSchedules(new Date(`2026-11-25T${time}Z`));
  const schedule = (min: number, max: number) =>
    scaling.schedules.set("day", { recurrence: "0 7 * * *", timeZone: "Etc/UTC", min, max });

  it("sets a schedule's limits once in its minute, and leaves a size within them alone", async () => {
    schedule(2, 4);
    for (const time of ["06:59:59", "07:00:00", "07:00:30", "07:01:00"]) await at(time);
    assert.deepEqual(calls, [{ AutoScalingGroupName: "web", MinSize: 2, MaxSize: 4, DesiredCapacity: 3 }]);
    assert.deepEqual(announced, []);
  });

  for (const { min, max, desired } of [
    { min: 5, max: 6, desired: 5 },
    { min: 1, max: 2, desired: 2 },
  ])
    it(`brings a size of 3 within ${min} and ${max}, and tells why`, async () => {
      schedule(min, max);
      await at("07:00:00");
      assert.deepEqual(calls, [
        { AutoScalingGroupName: "web", MinSize: min, MaxSize: max, DesiredCapacity: desired },
      ]);
      assert.deepEqual(announced, [
        `a scheduled action update of AutoScalingGroup constraints to min: ${min}, max: ${max}, desired: ${desired} changing the desired capacity from 3 to ${desired}`,
      ]);
    });

  it("decides nothing once it is closed", async () => {
    scaling.tracking.add({ name: "cpu", target: 60, scalesIn: true, measure: async () => 90 });
    scaling.follow();
    await scaling.close();
    for (let minute = 0; minute < 3; minute++) await scaling.track();
    assert.deepEqual(calls, []);
  });
});
