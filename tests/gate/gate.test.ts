import assert from "node:assert/strict";
import { afterEach, before, beforeEach, describe, it } from "node:test";
import { type BootEvent, type CutOverEvent, type GateEvent, reserveSeconds } from "../../gate/contract.cjs";
import type * as gateModule from "../../gate/index.mjs";
import { FakeAws, roleId } from "./fakeAws";

type Gate = typeof gateModule;
type Clock = Parameters<Gate["run"]>[2];

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
  gate = await import("../../gate/index.mjs");
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

/** Runs the gate as Lambda would: with two minutes to wait, and what it keeps for itself. */
const invoke = (event: GateEvent): Promise<unknown> => {
  const end = clock.now() + (120 + reserveSeconds) * 1000;
  return gate.run(event, { getRemainingTimeInMillis: () => end - clock.now() }, clock);
};

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
  const event: BootEvent = {
    kind: "boot",
    label: "dev-db",
    bucket: "reports",
    roleId,
    instanceId: "i-1",
    region: "us-east-2",
  };
  const run = () => invoke(event);
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
    assert.equal(clock.now(), 120_000, "all the time that there is, less what it needs to say so");
  });

  describe("of a host that applies something on its own", () => {
    const applying: BootEvent = { ...event, applied: "v2" };
    const refusal = { version: "v2", message: "role app_rw: permission denied" };

    it("waits until the newest report tells that it is applied", async () => {
      aws.instances.set("i-1", "running");
      aws.putReport("reports", "i-1", { script: "postgres", applied: "v1" });
      clock.after(50, () => aws.putReport("reports", "i-1", { script: "postgres", applied: "v2" }));
      await invoke(applying);
      assert.equal(clock.now(), 50_000);
    });

    it("throws why it cannot be applied, when that stands for a minute, and reboots nothing", async () => {
      aws.instances.set("i-1", "running");
      aws.putReport("reports", "i-1", { applied: "v1" });
      clock.after(10, () => aws.putReport("reports", "i-1", { applied: "v1", applyError: refusal }));
      assert.equal(
        await messageOf(invoke(applying)),
        "dev-db (i-1) cannot apply version v2: role app_rw: permission denied",
      );
      assert.equal(clock.now(), 70_000);
      assert.deepEqual(aws.changes, []);
    });

    it("passes when it is applied within that minute, and counts a second refusal anew", async () => {
      aws.instances.set("i-1", "running");
      aws.putReport("reports", "i-1", { applyError: refusal });
      clock.after(50, () => aws.putReport("reports", "i-1", { applied: "v1" }));
      clock.after(60, () => aws.putReport("reports", "i-1", { applyError: refusal }));
      clock.after(110, () => aws.putReport("reports", "i-1", { applied: "v2" }));
      await invoke(applying);
      assert.equal(clock.now(), 110_000);
    });

    it("does not mind that an earlier version could not be applied", async () => {
      aws.instances.set("i-1", "running");
      aws.putReport("reports", "i-1", { applied: "v0", applyError: { ...refusal, version: "v1" } });
      assert.match(
        await messageOf(invoke(applying)),
        /^dev-db \(i-1\) has not applied version v2 after 120 s, but v0; the instance is running\./,
      );
    });

    it("reboots it when its boot failed, as any other", async () => {
      aws.instances.set("i-1", "running");
      aws.putReport("reports", "i-1", failed);
      clock.after(30, () => aws.putReport("reports", "i-1", { bootId: "boot-2", applied: "v2" }));
      await invoke(applying);
      assert.deepEqual(aws.changes, ["RebootInstances i-1"]);
    });
  });

  it("names the host when the gate itself is refused something", async () => {
    aws.failing.set("GetObject", "AccessDenied");
    assert.match(await messageOf(run()), /^dev-db: the gate itself failed: AccessDenied: no/);
  });
});

describe("cutting over to a new group", () => {
  const event: CutOverEvent = {
    kind: "cutOver",
    label: "dev-web",
    bucket: "reports",
    roleId,
    groupName: "new",
    tier: "dev-web",
    targetGroupArn: "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t/1",
    minSize: 2,
    maxSize: 4,
  };
  const run = () => invoke(event);

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
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "unhealthy", "i-n3": "initial", "i-n4": "unhealthy" });
    aws.targets.set("i-n4", { state: "unhealthy", reason: "Target.ResponseCodeMismatch" });
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
        "dev-web (new): 1 of 2 hosts healthy and ready after 120 s; 1 failed to boot",
        "i-n3 (InService) is not registered",
        "i-n4 (InService) is unhealthy: Target.ResponseCodeMismatch",
        'i-n2, which was replaced: web.sh failed at "start the application": no start',
        "The new group is scaled to zero; what served before still does.",
      ].join("\n"),
    );
    assert.deepEqual(aws.changes, [
      "new: min 2, max 4, desired 2",
      "TerminateInstanceInAutoScalingGroup i-n2",
      "new: min 0, max 4, desired 0",
    ]);
  });

  it("restores the minimum when a failed roll-out is tried again", async () => {
    addGroup("new", 0, {});
    aws.groups.get("new")!.min = 0;
    addGroup("old", 2, { "i-o1": "healthy" });
    clock.after(10, () => addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy" }));
    assert.deepEqual(await run(), { groupName: "new", desired: 2, replaced: ["old"] });
    assert.equal(aws.changes[0], "new: min 2, max 4, desired 2");
  });

  const failure = { succeeded: false, step: "read the secrets", message: "no such secret" };
  /** Whoever is taken out gets a successor, to which `boot` happens ten seconds later. */
  const replaceHosts = (boot: (id: string) => void): void => {
    let count = 0;
    aws.onTerminate = (_, group) => {
      const id = `i-r${++count}`;
      group.instances.push({ id, lifecycle: "InService" });
      aws.targets.set(id, { state: "initial" });
      clock.after(clock.now() / 1000 + 10, () => boot(id));
    };
  };

  it("counts hosts that reported their failure and left by themselves, and gives their reasons", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "initial" });
    addGroup("old", 2, { "i-o1": "healthy", "i-o2": "healthy" });
    const leave = (second: number, id: string, successor: string) =>
      clock.after(second, () => {
        aws.putReport("reports", id, { ...failure, message: `no such secret on ${id}` });
        aws.groups.get("new")!.instances.splice(1, 1, { id: successor, lifecycle: "Pending:Wait" });
        aws.targets.delete(id);
      });
    leave(10, "i-n2", "i-n3");
    leave(20, "i-n3", "i-n4");
    leave(30, "i-n4", "i-n5");
    const message = await messageOf(run());
    assert.match(message, /1 of 2 hosts healthy and ready after 30 s; 3 failed to boot/);
    for (const id of ["i-n2", "i-n3", "i-n4"])
      assert.match(message, new RegExp(`${id}, which was replaced: .*no such secret on ${id}`));
    assert.deepEqual(aws.changes, ["new: min 2, max 4, desired 2", "new: min 0, max 4, desired 0"]);
  });

  it("waits for a slow host", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "unhealthy" });
    addGroup("old", 2, { "i-o1": "healthy", "i-o2": "healthy" });
    clock.after(110, () => heal("i-n2"));
    await run();
    assert.equal(clock.now(), 110_000);
    assert.deepEqual(aws.changes, ["new: min 2, max 4, desired 2"]);
  });

  it("has a host replaced that failed to boot, and lets its successor take over", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "initial" });
    addGroup("old", 2, { "i-o1": "healthy", "i-o2": "healthy" });
    replaceHosts(heal);
    clock.after(20, () => aws.putReport("reports", "i-n2", failure));
    assert.deepEqual(await run(), { groupName: "new", desired: 2, replaced: ["old"] });
    assert.deepEqual(aws.changes, [
      "new: min 2, max 4, desired 2",
      "TerminateInstanceInAutoScalingGroup i-n2",
    ]);
    assert.equal(clock.now(), 30_000);
  });

  it("has a host replaced whose boot failed although the balancer finds it healthy", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy" });
    addGroup("old", 2, { "i-o1": "healthy", "i-o2": "healthy" });
    aws.putReport("reports", "i-n2", { ...failure, ready: true });
    replaceHosts(heal);
    await run();
    assert.deepEqual(aws.changes.slice(1), ["TerminateInstanceInAutoScalingGroup i-n2"]);
  });

  for (const [size, replacements] of [
    [1, 2],
    [2, 2],
    [3, 3],
  ] as const)
    it(`gives up on a fleet of ${size} when more than ${replacements} hosts have failed to boot`, async () => {
      addGroup(
        "new",
        size,
        Object.fromEntries(Array.from({ length: size }, (_, n) => [`i-n${n}`, "initial"])),
      );
      addGroup("old", size, { "i-o1": "healthy" });
      aws.putReport("reports", "i-n0", failure);
      replaceHosts((id) => aws.putReport("reports", id, { ...failure, message: `${id} has no such secret` }));
      const message = await messageOf(invoke({ ...event, minSize: 1 }));
      const seconds = replacements * 10;
      assert.match(
        message,
        new RegExp(
          `^dev-web \\(new\\): 0 of ${size} hosts healthy and ready after ${seconds} s; ${replacements + 1} failed to boot`,
        ),
      );
      assert.match(
        message,
        /^i-n0, which was replaced: web\.sh failed at "read the secrets": no such secret$/m,
      );
      const last = `i-r${replacements}: web.sh failed at "read the secrets": i-r${replacements} has no such secret`;
      assert.ok(message.includes(`\n${last}\n`), message);
      const terminations = aws.changes.filter((change) => change.startsWith("Terminate"));
      assert.equal(terminations.length, replacements);
      assert.deepEqual(aws.changes.at(-1), "new: min 0, max 4, desired 0");
    });

  it("goes by a host's newest report, when the group is too busy to take it out", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy" });
    addGroup("old", 2, { "i-o1": "healthy" });
    aws.putReport("reports", "i-n2", failure);
    aws.failing.set("TerminateInstanceInAutoScalingGroup", "ScalingActivityInProgress");
    clock.after(20, () => heal("i-n2"));
    await run();
    assert.equal(clock.now(), 20_000);
  });

  it("is not surprised when the group itself was faster to take out a host", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "initial" });
    addGroup("old", 2, { "i-o1": "healthy" });
    aws.putReport("reports", "i-n2", failure);
    aws.failing.set("TerminateInstanceInAutoScalingGroup", "ValidationError");
    aws.failureMessage = "Instance Id not found - No managed instance found for instance ID i-n2";
    clock.after(10, () => {
      aws.groups.get("new")!.instances = [];
      addGroup("new", 2, { "i-n1": "healthy", "i-n3": "healthy" });
    });
    await run();
    assert.equal(clock.now(), 10_000);
  });

  it("fails when it may not take out a host", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "initial" });
    addGroup("old", 2, { "i-o1": "healthy" });
    aws.putReport("reports", "i-n2", failure);
    aws.failing.set("TerminateInstanceInAutoScalingGroup", "AccessDenied");
    assert.match(await messageOf(run()), /^dev-web: AccessDenied: refused by the test\n/);
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
    assert.match(await messageOf(run()), /^dev-web \(new\): 2 of 3 hosts healthy after 120 s\n/);
    assert.deepEqual(aws.changes, ["new: min 2, max 4, desired 3"]);
  });

  const unready = { succeeded: true, ready: false, readiness: '{"database":"refused"}' };

  it("does not let a fleet take over that is alive but not ready, and says why it is not", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy" });
    for (const id of ["i-n1", "i-n2"]) aws.putReport("reports", id, unready);
    addGroup("old", 2, { "i-o1": "healthy", "i-o2": "healthy" });
    const message = await messageOf(run());
    assert.match(message, /0 of 2 hosts healthy and ready after 120 s\n/);
    assert.match(message, /i-n1 \(InService\) is healthy, but not ready: \{"database":"refused"\}/);
    assert.deepEqual(aws.changes, ["new: min 2, max 4, desired 2", "new: min 0, max 4, desired 0"]);
  });

  it("lets it take over once the database is back, and not while it is away again", async () => {
    addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy" });
    addGroup("old", 2, { "i-o1": "healthy", "i-o2": "healthy" });
    aws.putReport("reports", "i-n2", unready);
    clock.after(30, () => {
      aws.putReport("reports", "i-n1", unready);
      heal("i-n2");
    });
    clock.after(60, () => heal("i-n1"));
    await run();
    assert.equal(clock.now(), 60_000);
  });

  describe("when only its limits have changed", () => {
    const resize: CutOverEvent = { ...event, minSize: 3 };

    it("passes, whatever the reports of the hosts that serve say", async () => {
      addGroup("new", 3, { "i-n1": "healthy", "i-n2": "healthy", "i-n3": "healthy" });
      aws.putReport("reports", "i-n1", unready);
      aws.putReport("reports", "i-n2", failure);
      aws.objects.delete("reports/boot/AROAEXAMPLE:i-n3.json");
      assert.deepEqual(await invoke({ ...event, maxSize: 5 }), {
        groupName: "new",
        desired: 3,
        replaced: [],
      });
      assert.deepEqual(aws.changes, ["new: min 2, max 5, desired 3"]);
      assert.equal(clock.now(), 0);
    });

    it("waits for the hosts that it brings to be healthy, ready or not", async () => {
      addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy" });
      clock.after(10, () => {
        addGroup("new", 3, { "i-n1": "healthy", "i-n2": "healthy", "i-n3": "initial" });
        for (const id of ["i-n1", "i-n2", "i-n3"]) aws.putReport("reports", id, unready);
      });
      clock.after(20, () => aws.targets.set("i-n3", { state: "healthy" }));
      await invoke(resize);
      assert.equal(clock.now(), 20_000);
      assert.deepEqual(aws.changes, ["new: min 3, max 4, desired 3"]);
    });

    it("has one of those replaced that fails to boot, but none that served", async () => {
      addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy" });
      for (const id of ["i-n1", "i-n2"]) aws.putReport("reports", id, failure);
      replaceHosts(heal);
      clock.after(10, () => {
        aws.groups.get("new")!.instances.push({ id: "i-n3", lifecycle: "InService" });
        aws.putReport("reports", "i-n3", failure);
        aws.targets.set("i-n1", { state: "unhealthy" });
      });
      clock.after(30, () => aws.targets.set("i-n1", { state: "healthy" }));
      await invoke(resize);
      assert.equal(clock.now(), 30_000);
      assert.deepEqual(aws.changes.slice(1), ["TerminateInstanceInAutoScalingGroup i-n3"]);
    });

    it("counts no failure of a host that served and has left since", async () => {
      addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy" });
      aws.putReport("reports", "i-n1", failure);
      clock.after(10, () => {
        aws.targets.delete("i-n1");
        addGroup("new", 3, { "i-n2": "healthy", "i-n3": "initial", "i-n4": "initial" });
      });
      await assert.rejects(invoke(resize), (error: Error) => {
        assert.match(error.message, /1 of 3 hosts healthy after/);
        assert.doesNotMatch(error.message, /failed to boot|i-n1/);
        return true;
      });
    });

    it("keeps to readiness for a first fleet, of which some hosts are still going", async () => {
      addGroup("new", 2, { "i-n1": "initial", "i-g1": "healthy" });
      aws.groups.get("new")!.instances[1]!.lifecycle = "Terminating:Wait";
      clock.after(10, () => {
        addGroup("new", 2, { "i-n1": "healthy", "i-n2": "healthy" });
        aws.putReport("reports", "i-n2", unready);
      });
      assert.match(await messageOf(run()), /1 of 2 hosts healthy and ready/);
      assert.deepEqual(aws.changes.at(-1), "new: min 0, max 4, desired 0");
    });
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
    const report = {
      ...{ instanceId: "i-1", script: "web", succeeded: false, step: "s", message: "m", logTail: "a\nb\nc" },
      ...{ bootId: "boot-1", finishedAt: "2026-01-01T00:00:00+00:00" },
    };
    assert.equal(gate.describeFailure(report, 2), 'web.sh failed at "s": m\nEnd of the host\'s log:\nb\nc');
    assert.equal(gate.describeFailure({ ...report, logTail: "" }), 'web.sh failed at "s": m');
  });

  it("refuses an event that it does not know", async () => {
    const event = { kind: "cutover" } as unknown as GateEvent;
    assert.match(await messageOf(invoke(event)), /unknown kind of event/);
  });
});
