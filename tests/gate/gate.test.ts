import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { afterEach, before, beforeEach, describe, it } from "node:test";
import { FakeAws } from "./fakeAws";

interface Clock {
  now(): number;
  sleep(millis: number): Promise<void>;
}
interface Context {
  getRemainingTimeInMillis(): number;
}
interface Gate {
  readonly POLL_MILLIS: number;
  readonly RESERVE_MILLIS: number;
  run(event: object, context: Context | undefined, clock: Clock): Promise<unknown>;
  chooseSize(sizes: { minSize: number; maxSize: number; serving: readonly number[] }): number;
  mayScaleToZero(before: { servedBefore: boolean; othersServing: boolean }): boolean;
  objection(report: object | undefined): string | undefined;
  isHopeless(seen: { failedHosts: number; size: number }): boolean;
  nextAction(state: string | undefined, mustReboot: boolean): string;
  describeFailure(report: object, lines?: number): string;
}

/** Time passes only when the gate sleeps; what a test planned for a second happens in it. */
class TestClock implements Clock {
  private millis = 0;
  private readonly plans: { at: number; action: () => void }[] = [];

  now(): number {
    return this.millis;
  }

  after(seconds: number, action: () => void): void {
    this.plans.push({ at: seconds * 1000, action });
  }

  sleep(millis: number): Promise<void> {
    this.millis += millis;
    for (const plan of this.plans.splice(0))
      if (plan.at <= this.millis) plan.action();
      else this.plans.push(plan);
    return Promise.resolve();
  }
}

let gate: Gate;
let aws: FakeAws;
let clock: TestClock;

before(async () => {
  // A computed specifier: the compiler has no declarations for the function's plain JavaScript.
  const file = pathToFileURL(resolve(__dirname, "../../gate/index.mjs")).href;
  gate = (await import(file)) as Gate;
  Object.assign(process.env, {
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  });
});

beforeEach(async () => {
  aws = new FakeAws();
  clock = new TestClock();
  process.env.AWS_ENDPOINT_URL = await aws.start();
});
afterEach(() => aws.stop());

/** The message of the error that the gate threw. */
async function messageOf(promise: Promise<unknown>): Promise<string> {
  try {
    const result = await promise;
    assert.fail(`the gate passed: ${JSON.stringify(result)}`);
  } catch (error) {
    assert.ok(error instanceof Error);
    assert.equal(error.name, "GateError", error.message);
    return error.message;
  }
}

describe("waiting for a boot", () => {
  const event = {
    kind: "boot",
    label: "dev-db",
    bucket: "reports",
    instanceId: "i-1",
    region: "us-east-2",
    timeoutSeconds: 120,
  };
  const run = (context?: Context): Promise<unknown> => gate.run(event, context, clock);
  const failed = {
    script: "postgres",
    succeeded: false,
    step: "mount the data volume",
    message: "vol-1 holds something else",
    logTail: "one\ntwo",
  };

  it("passes at once when the host has succeeded, also when it is stopped or gone since", async () => {
    aws.putReport("reports", "i-1", { script: "django", finishedAt: "2026-01-01T00:00:09+00:00" });
    aws.failing.set("DescribeInstances", "UnauthorizedOperation");
    assert.deepEqual(await run(), {
      instanceId: "i-1",
      script: "django",
      finishedAt: "2026-01-01T00:00:09+00:00",
    });
    assert.equal(clock.now(), 0);
  });

  it("waits while EC2 does not know the instance yet, and until the report appears", async () => {
    clock.after(4, () => aws.instances.set("i-1", "running"));
    clock.after(60, () => aws.putReport("reports", "i-1", {}));
    await run();
    assert.equal(clock.now(), 60_000);
    assert.deepEqual(aws.changes, []);
  });

  it("throws the host's step, message and log", async () => {
    aws.instances.set("i-1", "running");
    clock.after(10, () => aws.putReport("reports", "i-1", failed));
    assert.equal(
      await messageOf(run()),
      'dev-db (i-1): postgres.sh failed at "mount the data volume": vol-1 holds something else\n' +
        "End of the host's log:\none\ntwo",
    );
    assert.deepEqual(aws.changes, [], "the first failure of a new host is final");
  });

  it("reboots a host that failed before, and judges only its next boot", async () => {
    aws.instances.set("i-1", "running");
    aws.putReport("reports", "i-1", failed);
    clock.after(30, () => aws.putReport("reports", "i-1", { bootId: "boot-2" }));
    await run();
    assert.deepEqual(aws.changes, ["RebootInstances i-1"]);
  });

  it("throws the second boot's reason when that fails as well", async () => {
    aws.instances.set("i-1", "running");
    aws.putReport("reports", "i-1", failed);
    clock.after(30, () => aws.putReport("reports", "i-1", { ...failed, bootId: "boot-2", message: "again" }));
    assert.match(
      await messageOf(run()),
      /^dev-db \(i-1\): postgres\.sh failed at "mount the data volume": again\n/,
    );
    assert.deepEqual(aws.changes, ["RebootInstances i-1"]);
  });

  it("starts a host that failed and was stopped, once it has stopped", async () => {
    aws.instances.set("i-1", "stopping");
    aws.putReport("reports", "i-1", failed);
    clock.after(6, () => aws.instances.set("i-1", "stopped"));
    clock.after(8, () => aws.instances.set("i-1", "running"));
    clock.after(30, () => aws.putReport("reports", "i-1", { bootId: "boot-2" }));
    await run();
    assert.deepEqual(aws.changes, ["StartInstances i-1"]);
  });

  it("starts a host that was stopped before it could report", async () => {
    aws.instances.set("i-1", "stopped");
    clock.after(2, () => aws.instances.set("i-1", "pending"));
    clock.after(30, () => aws.putReport("reports", "i-1", {}));
    await run();
    assert.deepEqual(aws.changes, ["StartInstances i-1"]);
  });

  for (const state of ["shutting-down", "terminated"])
    it(`gives up at once when the instance is ${state}, and tells what is known`, async () => {
      aws.instances.set("i-1", state);
      aws.putReport("reports", "i-1", failed);
      const message = await messageOf(run());
      assert.match(
        message,
        new RegExp(
          `^dev-db \\(i-1\\) is ${state} and cannot report any more: have it replaced with "pulumi up --refresh"\n`,
        ),
      );
      assert.match(message, /The boot before: postgres\.sh failed at "mount the data volume"/);
      assert.equal(clock.now(), 0);
    });

  it("says what it waited for when the time is over", async () => {
    aws.instances.set("i-1", "running");
    assert.match(
      await messageOf(run()),
      /^dev-db \(i-1\): no boot report after 120 s; the instance is running\./,
    );
  });

  it("stops before Lambda stops it", async () => {
    aws.instances.set("i-1", "running");
    const limit = 60_000;
    const context = { getRemainingTimeInMillis: () => limit - clock.now() };
    assert.match(
      await messageOf(run(context)),
      /no boot report after 40 s \(the function's own limit; 120 s were asked for\); the instance is running/,
    );
    assert.ok(clock.now() <= limit - gate.RESERVE_MILLIS + gate.POLL_MILLIS);
  });

  it("names the host when the gate itself is refused something", async () => {
    aws.failing.set("GetObject", "AccessDenied");
    assert.match(await messageOf(run()), /^dev-db: the gate itself failed: AccessDenied: no/);
  });
});

describe("cutting over to a new group", () => {
  const event = {
    kind: "cutOver",
    label: "dev-web",
    bucket: "reports",
    groupName: "new",
    tier: "dev-web",
    targetGroupArn: "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t/1",
    minSize: 2,
    maxSize: 4,
    timeoutSeconds: 120,
  };
  const run = (context?: Context): Promise<unknown> => gate.run(event, context, clock);

  const addGroup = (name: string, desired: number, hosts: Record<string, string>, tier = "dev-web"): void => {
    aws.groups.set(name, {
      tier,
      min: 2,
      max: 4,
      desired,
      instances: Object.keys(hosts).map((id) => ({ id, lifecycle: "InService" })),
    });
    for (const [id, state] of Object.entries(hosts)) {
      aws.targets.set(id, { state });
      if (state === "healthy") aws.putReport("reports", id, { succeeded: true, ready: true });
    }
  };
  const heal = (...ids: string[]): void => {
    for (const id of ids) {
      aws.targets.set(id, { state: "healthy" });
      aws.putReport("reports", id, { succeeded: true, ready: true });
    }
  };

  it("keeps the size that serves, whatever the deployment's minimum is", async () => {
    addGroup("new", 2, { "i-n1": "initial", "i-n2": "initial", "i-n3": "initial" });
    addGroup("old", 3, { "i-o1": "healthy", "i-o2": "healthy", "i-o3": "healthy" });
    addGroup("stranger", 9, {}, "another-tier");
    clock.after(10, () => heal("i-n1", "i-n2"));
    clock.after(20, () => heal("i-n3"));
    assert.deepEqual(await run(), { groupName: "new", desired: 3, replaced: ["old"] });
    assert.deepEqual(aws.changes, ["new: min 2, max 4, desired 3"]);
    assert.equal(clock.now(), 20_000, "the old group's healthy hosts don't count");
  });

  it("does not exceed the maximum, nor follow a group that is being deleted", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy", "i-n3": "healthy", "i-n4": "healthy" });
    addGroup("old", 9, {});
    addGroup("older", 3, {});
    aws.groups.get("older")!.status = "Delete in progress";
    assert.deepEqual(await run(), { groupName: "new", desired: 4, replaced: ["old"] });
  });

  it("counts only hosts in service", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy" });
    aws.groups.get("new")!.instances[1]!.lifecycle = "Terminating";
    clock.after(30, () => (aws.groups.get("new")!.instances[1]!.lifecycle = "InService"));
    await run();
    assert.equal(clock.now(), 30_000);
  });

  it("on failure scales the new group to zero, and names hosts, reasons and boot reports", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "unhealthy", "i-n3": "unhealthy" });
    aws.targets.set("i-n2", { state: "unhealthy", reason: "Target.ResponseCodeMismatch" });
    aws.targets.delete("i-n3");
    aws.putReport("reports", "i-n2", {
      succeeded: false,
      step: "start the application",
      message: "no start",
    });
    addGroup("old", 2, { "i-o1": "healthy", "i-o2": "healthy" });
    const message = await messageOf(run());
    assert.equal(
      message,
      [
        "dev-web (new): 1 of 2 hosts healthy and ready after 120 s",
        "i-n2 (InService) is unhealthy: Target.ResponseCodeMismatch",
        "i-n3 (InService) is not registered",
        'i-n2: web.sh failed at "start the application": no start',
        "The new group is scaled to zero; what served before still does.",
      ].join("\n"),
    );
    assert.deepEqual(aws.changes, ["new: min 2, max 4, desired 2", "new: min 0, max 4, desired 0"]);
  });

  it("restores the minimum when a failed roll-out is tried again", async () => {
    addGroup("new", 0, {});
    aws.groups.get("new")!.min = 0;
    addGroup("old", 2, { "i-o1": "healthy" });
    clock.after(10, () => addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy" }));
    assert.deepEqual(await run(), { groupName: "new", desired: 2, replaced: ["old"] });
    assert.equal(aws.changes[0], "new: min 2, max 4, desired 2");
  });

  it("gives up early when more hosts than the group holds have failed to boot", async () => {
    addGroup("new", 2, {});
    addGroup("old", 2, { "i-o1": "healthy" });
    for (let n = 0; n < 6; n++)
      clock.after(n * 10, () => {
        aws.groups.get("new")!.instances = [{ id: `i-n${n}`, lifecycle: "InService" }];
        aws.putReport("reports", `i-n${n}`, {
          succeeded: false,
          step: "read the secrets",
          message: `reason ${n}`,
        });
      });
    const message = await messageOf(run());
    assert.match(message, /0 of 2 hosts healthy and ready after 20 s; 3 failed/);
    assert.match(message, /i-n0: web\.sh failed at "read the secrets": reason 0/);
    assert.deepEqual(aws.changes.at(-1), "new: min 0, max 4, desired 0");
  });

  it("does not count the failures of an earlier attempt, whose hosts are still going", async () => {
    addGroup("new", 0, {});
    addGroup("old", 2, { "i-o1": "healthy", "i-o2": "healthy" });
    for (const id of ["i-n1", "i-n2", "i-n3"]) {
      aws.groups.get("new")!.instances.push({ id, lifecycle: "Terminating:Wait" });
      aws.putReport("reports", id, { succeeded: false });
    }
    clock.after(10, () => addGroup("new", 2, { "i-n4": "healthy", "i-n5": "healthy" }));
    assert.deepEqual(await run(), { groupName: "new", desired: 2, replaced: ["old"] });
  });

  it("does not take a group without a healthy host for one that serves", async () => {
    addGroup("new", 3, { "i-n1": "healthy", "i-n2": "unhealthy", "i-n3": "healthy" });
    addGroup("left over", 2, { "i-l1": "unhealthy" });
    await messageOf(run());
    assert.deepEqual(aws.changes, ["new: min 2, max 4, desired 3"]);
  });

  it("never scales the only group that serves to zero", async () => {
    addGroup("new", 3, { "i-n1": "healthy", "i-n2": "unhealthy", "i-n3": "healthy" });
    assert.match(await messageOf(run()), /^dev-web \(new\): 2 of 3 hosts healthy and ready after 120 s\n/);
    assert.deepEqual(aws.changes, ["new: min 2, max 4, desired 3"]);
  });

  it("does not let a fleet take over that is alive but not ready, and says why it is not", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy" });
    for (const id of ["i-n1", "i-n2"])
      aws.putReport("reports", id, { succeeded: true, ready: false, readiness: '{"database":"refused"}' });
    addGroup("old", 2, { "i-o1": "healthy", "i-o2": "healthy" });
    const message = await messageOf(run());
    assert.match(message, /0 of 2 hosts healthy and ready after 120 s/);
    assert.match(message, /i-n1: alive, but not ready: \{"database":"refused"\}/);
    assert.deepEqual(aws.changes.at(-1), "new: min 0, max 4, desired 0");
  });

  it("waits for the report of a host that the balancer finds healthy", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "initial" });
    addGroup("old", 2, { "i-o1": "healthy" });
    aws.targets.set("i-n2", { state: "healthy" });
    clock.after(10, () => heal("i-n2"));
    await run();
    assert.equal(clock.now(), 10_000);
  });

  it("follows the old group when that grows while the new one starts", async () => {
    addGroup("new", 2, { "i-n1": "initial", "i-n2": "initial" });
    addGroup("old", 2, { "i-o1": "healthy", "i-o2": "healthy" });
    clock.after(10, () => {
      heal("i-n1", "i-n2");
      aws.groups.get("old")!.desired = 3;
    });
    clock.after(20, () => addGroup("new", 3, { "i-n1": "healthy", "i-n2": "healthy", "i-n3": "healthy" }));
    assert.deepEqual(await run(), { groupName: "new", desired: 3, replaced: ["old"] });
    assert.deepEqual(aws.changes, ["new: min 2, max 4, desired 2", "new: min 2, max 4, desired 3"]);
  });

  it("does not end a fleet that once served because it is unhealthy for the moment", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy" });
    for (const id of ["i-n1", "i-n2"]) aws.targets.set(id, { state: "unhealthy" });
    await messageOf(run());
    assert.deepEqual(aws.changes, ["new: min 2, max 4, desired 2"]);
  });

  it("scales to zero when the gate itself is refused something half way", async () => {
    addGroup("new", 2, { "i-n1": "initial", "i-n2": "initial" });
    clock.after(10, () => aws.failing.set("DescribeTargetHealth", "AccessDenied"));
    const message = await messageOf(run());
    assert.match(message, /^dev-web: AccessDenied: refused by the test\nThe new group is scaled to zero/);
    assert.deepEqual(aws.changes.at(-1), "new: min 0, max 4, desired 0");
  });

  it("tells when it could not scale to zero", async () => {
    addGroup("new", 2, { "i-n1": "initial" });
    clock.after(10, () => aws.failing.set("UpdateAutoScalingGroup", "ScalingActivityInProgress"));
    assert.match(
      await messageOf(run()),
      /The new group could not be scaled to zero: \S+: refused by the test$/,
    );
  });
});

describe("pure decisions", () => {
  it("chooses the size", () => {
    for (const [minSize, maxSize, serving, size] of [
      [2, 4, [], 2],
      [2, 4, [0], 2],
      [2, 4, [3, 1], 3],
      [2, 4, [9], 4],
    ] as const)
      assert.equal(gate.chooseSize({ minSize, maxSize, serving }), size);
  });

  it("decides when a failed roll-out may be scaled to zero", () => {
    assert.equal(
      gate.mayScaleToZero({ servedBefore: false, othersServing: false }),
      true,
      "a first deployment",
    );
    assert.equal(
      gate.mayScaleToZero({ servedBefore: true, othersServing: true }),
      true,
      "the old group serves",
    );
    assert.equal(
      gate.mayScaleToZero({ servedBefore: true, othersServing: false }),
      false,
      "it is what serves",
    );
  });

  it("allows as many failed hosts as the group holds", () => {
    assert.equal(gate.isHopeless({ failedHosts: 2, size: 2 }), false);
    assert.equal(gate.isHopeless({ failedHosts: 3, size: 2 }), true);
  });

  it("knows what to do about a host that has not reported", () => {
    for (const [state, mustReboot, action] of [
      [undefined, false, "wait"],
      ["pending", true, "wait"],
      ["running", false, "wait"],
      ["running", true, "reboot"],
      ["stopping", true, "wait"],
      ["stopped", false, "start"],
      ["shutting-down", true, "give up"],
      ["terminated", false, "give up"],
    ] as const)
      assert.equal(gate.nextAction(state, mustReboot), action, `${state}, ${mustReboot}`);
  });

  it("shortens a log to its end, and omits an empty one", () => {
    const report = { script: "web", step: "s", message: "m", logTail: "a\nb\nc" };
    assert.equal(gate.describeFailure(report, 2), 'web.sh failed at "s": m\nEnd of the host\'s log:\nb\nc');
    assert.equal(gate.describeFailure({ ...report, logTail: "" }), 'web.sh failed at "s": m');
  });

  it("refuses an event that it does not know", async () => {
    assert.match(await messageOf(gate.run({ kind: "cutover" }, undefined, clock)), /unknown kind of event/);
  });
});
