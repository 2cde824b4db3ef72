import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { Rate } from "../../../local/aws/metrics";
import { type Capacity, TargetTracking } from "../../../local/aws/targetTracking";

const two: Capacity = { desired: 2, min: 2, max: 6, warm: 2, isChanging: false };

describe("target tracking", () => {
  let requests: number | undefined;
  let load: number | undefined;
  let tracking: TargetTracking;
  const policy = (name: string, target: number, measure: () => number | undefined, scalesIn = true) => ({
    ...{ name, target, scalesIn },
    measure: async () => measure(),
  });
  beforeEach(() => {
    [requests, load] = [50, 10];
    tracking = new TargetTracking("web");
    tracking.add(policy("requests", 100, () => requests));
    tracking.add(policy("cpu", 60, () => load));
  });
  /** What is decided in each of so many minutes. */
  const minutes = async (count: number, capacity: Capacity) => {
    const decided: (number | undefined)[] = [];
    for (let minute = 0; minute < count; minute++) decided.push((await tracking.decide(capacity))?.desired);
    return decided;
  };

  it("grows when a figure is above its target for three minutes, by as many as are missing", async () => {
    requests = 210;
    assert.deepEqual(await minutes(3, two), [undefined, undefined, 5]);
  });

  it("is not moved by two minutes above the target, nor by one below it in between", async () => {
    requests = 200;
    await minutes(2, two);
    requests = 100;
    await minutes(1, two);
    requests = 200;
    assert.deepEqual(await minutes(3, two), [undefined, undefined, 4]);
  });

  it("tells which alarm had which policy do it", async () => {
    load = 90;
    await minutes(2, two);
    assert.deepEqual(await tracking.decide(two), {
      desired: 3,
      cause:
        "a monitor alarm TargetTracking-web-AlarmHigh in state ALARM triggered policy cpu changing the desired capacity from 2 to 3",
    });
  });

  it("goes by the policy that wants most, and not beyond the limit", async () => {
    [requests, load] = [150, 90];
    assert.deepEqual((await minutes(3, two)).at(-1), 3);
    requests = 900;
    assert.deepEqual(await minutes(1, { ...two, desired: 3 }), [6]);
    assert.deepEqual(await minutes(1, { ...two, desired: 6 }), [undefined]);
  });

  it("counts what is being started: the same load asks for the same number", async () => {
    requests = 150;
    assert.deepEqual((await minutes(3, two)).at(-1), 3);
    assert.deepEqual(await minutes(3, { ...two, desired: 3, isChanging: true }), [
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("shrinks after fifteen minutes well below all targets, one host at a time", async () => {
    const four = { ...two, desired: 4, warm: 4 };
    assert.deepEqual(
      (await minutes(15, four)).flatMap((size) => size ?? []),
      [3],
    );
    assert.deepEqual(await minutes(1, { ...two, desired: 3, warm: 3 }), [2]);
  });

  for (const { title, change } of [
    { title: "at the least size", change: { min: 4 } },
    { title: "while hosts warm up or leave", change: { isChanging: true } },
  ])
    it(`does not shrink ${title}`, async () => {
      const decided = await minutes(20, { ...two, desired: 4, warm: 4, ...change });
      assert.deepEqual(
        decided.flatMap((size) => size ?? []),
        [],
      );
    });

  for (const { title, set } of [
    { title: "one policy is near its target", set: () => (load = 55) },
    { title: "one policy has no figures", set: () => (load = undefined) },
    { title: "one fewer would have too much each", set: () => (requests = 80) },
  ])
    it(`does not shrink when ${title}`, async () => {
      set();
      const decided = await minutes(20, { ...two, desired: 3, warm: 3 });
      assert.deepEqual(
        decided.flatMap((size) => size ?? []),
        [],
      );
    });

  it("does not shrink by a policy that is not to", async () => {
    const other = new TargetTracking("web");
    other.add(policy("requests", 100, () => 0, false));
    for (let minute = 0; minute < 20; minute++)
      assert.equal(await other.decide({ ...two, desired: 4, warm: 4 }), undefined);
  });

  it("decides nothing without policies", async () => {
    assert.deepEqual(await minutes(0, two), []);
    const none = new TargetTracking("web");
    assert.equal(await none.decide({ ...two, desired: 4, warm: 4 }), undefined);
  });
});

describe("a rate", () => {
  it("is how much a counter grew a second, and unknown at first and when it began anew", async () => {
    let [count, time]: [number | undefined, number] = [100, 0];
    const rate = new Rate(
      () => count,
      () => time,
    );
    const next = async (newCount: number | undefined) => {
      [count, time] = [newCount, time + 2000];
      return rate.perSecond();
    };
    assert.equal(await rate.perSecond(), undefined);
    assert.equal(await next(150), 25);
    assert.equal(await next(150), 0);
    assert.equal(await next(10), undefined, "its process is another");
    assert.equal(await next(20), 5);
    assert.equal(await next(undefined), undefined);
    assert.equal(await next(40), undefined);
  });
});
