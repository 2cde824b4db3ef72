import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { CapacityError, ScalingGroup } from "../../../local/aws/scalingGroup";
import type { GroupSettings, MemberHosts } from "../../../local/aws/scalingGroup";
import { Gate, settled } from "../support";

const settings: GroupSettings = {
  label: "web",
  templateId: "lt-1",
  templateVersion: 1,
  subnetIds: ["zone-a", "zone-b"],
  targetGroupArns: [],
  checksBalancer: true,
  gracePeriod: 0,
  launchHook: undefined,
  instanceType: undefined,
  warmup: 0,
  maxLifetime: undefined,
};

describe("an auto scaling group", () => {
  let wanted: string[];
  let replaced: string[];
  let faults: string[];
  /** Subnets of the hosts that exist. */
  let hosts: Map<string, string>;
  let unhealthy: Set<string>;
  /** Hosts that the balancers know. */
  let admitted: string[];
  /** Subnets whose zone is lost. */
  let lost: Set<string>;
  /** The group's clock, in milliseconds. */
  let time: number;
  /** Hosts that were ever made. */
  let launched: string[];
  /** Where hosts wait, if there is a gate for them: for their turn to boot, for their boot, for their end. */
  let turns: Map<string, Gate>;
  let launches: Map<string, Gate>;
  let ends: Map<string, Gate>;
  let group: ScalingGroup;

  const fleet: MemberHosts = {
    async launch(id, subnetId, _settings, signal) {
      await turns.get(id)?.pass();
      signal.throwIfAborted();
      await launches.get(id)?.pass();
      if (lost.has(subnetId)) throw new CapacityError(subnetId);
      launched.push(id);
      hosts.set(id, subnetId);
    },
    admit: (id) => void admitted.push(id),
    hasRoom: (subnetId) => !lost.has(subnetId),
    isUp: (id) => hosts.has(id),
    isUnhealthy: (id) => unhealthy.has(id),
    async end(id) {
      await ends.get(id)?.pass();
      hosts.delete(id);
    },
  };
  /** One look, and all that it begins which no gate holds. */
  const look = async () => {
    await group.look();
    await settled();
  };

  beforeEach(() => {
    wanted = ["i-1", "i-2"];
    replaced = [];
    faults = [];
    hosts = new Map();
    unhealthy = new Set();
    admitted = [];
    lost = new Set();
    time = 0;
    launched = [];
    turns = new Map();
    launches = new Map();
    ends = new Map();
    const record = {
      wanted: async () => [...wanted],
      replace: async (id: string) => {
        replaced.push(id);
        wanted = wanted.map((other) => (other === id ? `${id}'` : other));
      },
    };
    group = new ScalingGroup(
      record,
      fleet,
      settings,
      (error) => faults.push(error.message),
      () => time,
    );
  });

  it("spreads its hosts over the zones while they are being launched", async () => {
    for (const id of wanted) launches.set(id, new Gate());
    await look();
    for (const gate of launches.values()) gate.open();
    await settled();
    assert.deepEqual(Object.fromEntries(hosts), { "i-1": "zone-a", "i-2": "zone-b" });
  });

  for (const dead of ["i-1", "i-2"])
    it(`puts the replacement of ${dead} into the zone that lost a host, while that still ends`, async () => {
      await look();
      const zone = hosts.get(dead);
      unhealthy.add(dead);
      ends.set(dead, new Gate());
      await look();
      assert.deepEqual(replaced, [dead]);
      await look();
      assert.equal(hosts.get(`${dead}'`), zone);
      ends.get(dead)?.open();
      await settled();
      assert.deepEqual([...hosts.values()].sort(), ["zone-a", "zone-b"]);
    });

  it("replaces a host that could not be launched, and tells why", async () => {
    launches.set("i-2", Gate.failing("no such image"));
    await look();
    assert.deepEqual(faults, ["no such image"]);
    await look();
    assert.deepEqual(replaced, ["i-2"]);
    time += 1000;
    await look();
    assert.deepEqual(Object.fromEntries(hosts), { "i-1": "zone-a", "i-2'": "zone-b" });
  });

  it("waits longer and longer while launches fail, leaves the others alone, and begins anew after one that does not", async () => {
    await look();
    hosts.delete("i-2");
    let id = "i-2'";
    launches.set(id, Gate.failing("no such image"));
    await look();
    await look();
    for (const pause of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
      await look();
      id = `${id}'`;
      const launch = Gate.failing("no such image");
      launches.set(id, launch);
      time += pause - 1;
      await look();
      assert.equal(launch.arrivals, 0, `before ${pause} ms`);
      time += 1;
      await look();
      assert.equal(launch.arrivals, 1, `after ${pause} ms`);
    }
    assert.deepEqual([...hosts.keys()], ["i-1"]);
    await look();
    time += 60_000;
    await look();
    id = `${id}'`;
    assert.ok(hosts.has(id));
    hosts.delete(id);
    await look();
    await look();
    id = `${id}'`;
    assert.ok(hosts.has(id), "a host that served is replaced at once");
    hosts.delete(id);
    await look();
    id = `${id}'`;
    launches.set(id, Gate.failing("no such image"));
    await look();
    await look();
    time += 1000;
    await look();
    assert.ok(hosts.has(`${id}'`), "the first pause is short again");
    assert.equal(replaced.includes("i-1"), false);
  });

  /** Ids of the hosts that are, by subnet. */
  const bySubnet = () => {
    const of = (subnetId: string) => [...hosts].flatMap(([id, other]) => (other === subnetId ? [id] : []));
    return [of("zone-a"), of("zone-b")];
  };

  it("fills up the other zones when one is lost, and evens out when it is back, one host at a time", async () => {
    wanted = ["i-1", "i-2", "i-3", "i-4"];
    await look();
    assert.deepEqual(bySubnet(), [
      ["i-1", "i-3"],
      ["i-2", "i-4"],
    ]);
    lost.add("zone-b");
    for (const id of ["i-2", "i-4"]) hosts.delete(id);
    for (let round = 0; round < 20; round++) {
      await look();
      time += 1000;
    }
    const [inA, inB] = bySubnet();
    assert.deepEqual([inA!.length, inB], [4, []]);
    assert.deepEqual(faults, [], "a zone without room is no fault of the group's");
    assert.equal(replaced.includes("i-1") || replaced.includes("i-3"), false);
    for (let round = 0; round < 100; round++) {
      await look();
      time += 1000;
    }
    assert.deepEqual(bySubnet(), [inA, []], "none is moved while there is no room");
    lost.clear();
    await look();
    assert.equal(replaced.at(-1), "i-1");
    const successor = new Gate();
    launches.set("i-1'", successor);
    await look();
    await look();
    assert.ok(hosts.has("i-1"), "it serves until its successor does");
    successor.open();
    await settled();
    for (let round = 0; round < 5; round++) await look();
    assert.deepEqual(
      bySubnet().map((ids) => ids.length),
      [2, 2],
    );
    assert.equal(hosts.has("i-1"), false);
  });

  it("replaces hosts that reach their greatest age, one at a time, each after its successor serves", async () => {
    group.settings = { ...settings, maxLifetime: 100 };
    await look();
    time = 99_999;
    await look();
    assert.deepEqual(replaced, []);
    time = 100_000;
    const successor = new Gate();
    launches.set("i-1'", successor);
    await look();
    await look();
    assert.deepEqual([replaced, hosts.has("i-1")], [["i-1"], true]);
    successor.open();
    await settled();
    await look();
    assert.equal(hosts.has("i-1"), false);
    await look();
    await look();
    await look();
    assert.deepEqual(replaced, ["i-1", "i-2"]);
    assert.deepEqual([...hosts.keys()].sort(), ["i-1'", "i-2'"]);
    const told = group.activities.list().map(({ description, cause }) => `${description}: ${cause}`);
    assert.ok(told.some((one) => /^Terminating EC2 instance: i-1: .* maximum instance lifetime/.test(one)));
  });

  it("lets the oldest of the fullest zone go when there are to be fewer", async () => {
    wanted = ["i-1", "i-2", "i-3", "i-4", "i-5"];
    await look();
    assert.deepEqual(group.leaving(1), ["i-1"]);
    assert.deepEqual(group.leaving(3), ["i-1", "i-2", "i-3"]);
    assert.deepEqual(group.leaving(-1), []);
  });

  it("counts a host as warm after a while, and as changing until all are", async () => {
    await look();
    assert.deepEqual([group.warm(60), group.isChanging(60)], [[], true]);
    time = 60_000;
    assert.deepEqual([group.warm(60), group.isChanging(60)], [["i-1", "i-2"], false]);
    wanted.push("i-3");
    await look();
    assert.deepEqual([group.warm(60), group.isChanging(60)], [["i-1", "i-2"], true]);
  });

  it("tells why it changed its size when a policy or a schedule had it do so, and that once", async () => {
    await look();
    group.announce("a monitor alarm told so");
    wanted.push("i-3");
    await look();
    wanted.push("i-4");
    await look();
    assert.match(told().at(-2)!, /i-3 \| a monitor alarm told so\. /);
    assert.match(told().at(-1)!, /i-4 \| a user request explicitly set/);
  });

  describe("with a hook for launches", () => {
    beforeEach(() => (group.settings = { ...settings, launchHook: { name: "serves", timeout: 420 } }));
    const states = () => wanted.map((id) => group.stateOf(id)?.lifecycle);

    it("has a host be in service, and behind its balancers, when it says so", async () => {
      launches.set("i-2", new Gate());
      await look();
      assert.deepEqual(states(), ["Pending:Wait", "Pending"]);
      assert.equal(group.completeLaunch("i-1", "another", "CONTINUE"), false);
      assert.equal(group.completeLaunch("i-3", "serves", "CONTINUE"), false);
      assert.deepEqual(admitted, []);
      assert.equal(group.completeLaunch("i-1", "serves", "CONTINUE"), true);
      assert.equal(group.completeLaunch("i-1", "serves", "CONTINUE"), false, "once");
      // Its user data may be faster than the start of the host is known.
      assert.equal(group.completeLaunch("i-2", "serves", "CONTINUE"), true);
      assert.deepEqual([admitted, states()], [["i-1"], ["InService", "Pending"]]);
      launches.get("i-2")!.open();
      await settled();
      assert.deepEqual(
        [admitted, states()],
        [
          ["i-1", "i-2"],
          ["InService", "InService"],
        ],
      );
    });

    it("does not ask the balancer of a host that has not joined, and heeds it at once when it has", async () => {
      await look();
      unhealthy.add("i-1");
      await look();
      assert.deepEqual(replaced, []);
      group.completeLaunch("i-1", "serves", "CONTINUE");
      await look();
      assert.deepEqual(replaced, ["i-1"]);
    });

    it("replaces a host that gives up, that never answers, or that ends while it is awaited, and keeps the others", async () => {
      wanted = ["i-1", "i-2", "i-3", "i-4"];
      await look();
      group.completeLaunch("i-4", "serves", "CONTINUE");
      group.completeLaunch("i-1", "serves", "ABANDON");
      hosts.delete("i-2");
      await look();
      assert.deepEqual(replaced, ["i-1", "i-2"]);
      time = 419_999;
      await look();
      assert.equal(replaced.includes("i-3"), false);
      time = 420_000;
      await look();
      assert.deepEqual(replaced, ["i-1", "i-2", "i-3"]);
      await look();
      assert.deepEqual(admitted, ["i-4"]);
      const cancelled = group.activities.list().filter(({ status }) => status === "Cancelled");
      assert.deepEqual(cancelled.map(({ description }) => description).sort(), [
        "Launching a new EC2 instance: i-1",
        "Launching a new EC2 instance: i-2",
        "Launching a new EC2 instance: i-3",
      ]);
      const messages = cancelled.map(({ message = "" }) => message);
      assert.ok(
        messages.some((message) => message.endsWith("ABANDON Result")),
        String(messages),
      );
      assert.ok(
        messages.some((message) => message.endsWith("Heartbeat Timeout")),
        String(messages),
      );
    });

    it("ends a host that it should not have any more while it awaits it", async () => {
      await look();
      wanted = ["i-1"];
      await look();
      assert.deepEqual([...hosts.keys()], ["i-1"]);
      assert.equal(group.completeLaunch("i-2", "serves", "CONTINUE"), false);
    });
  });

  it("leaves alone what is unhealthy in its grace period, and replaces what is dead in it", async () => {
    group.settings = { ...settings, gracePeriod: 1000 };
    await look();
    unhealthy.add("i-1");
    hosts.delete("i-2");
    await look();
    assert.deepEqual(replaced, ["i-2"]);
  });

  it("neither judges nor ends a host twice while it is launched or ended", async () => {
    launches.set("i-1", new Gate());
    await look();
    await look();
    assert.deepEqual(replaced, [], "a host that is not there yet is not dead");
    launches.get("i-1")?.open();
    await settled();
    wanted = ["i-2"];
    const gate = new Gate();
    ends.set("i-1", gate);
    await look();
    await look();
    assert.equal(gate.arrivals, 1);
    gate.open();
    await settled();
    assert.deepEqual([...hosts.keys()], ["i-2"]);
    const told = group.activities.list().filter(({ description }) => description.startsWith("Terminating"));
    assert.equal(told.length, 1);
  });

  it("ends again what could not be ended", async () => {
    await look();
    wanted = ["i-2"];
    const end = new Gate();
    ends.set("i-1", end);
    await look();
    await look();
    end.fail("the disk is busy");
    await settled();
    assert.deepEqual(faults, ["the disk is busy"]);
    ends.clear();
    await look();
    assert.deepEqual([...hosts.keys()], ["i-2"]);
  });

  /** What the group has done, the oldest first: what, why (without the times), and how it ended. */
  const told = () =>
    group.activities
      .list()
      .map(({ description, cause, status, message }) =>
        [
          description,
          cause.replace(/At \S+Z /g, ""),
          status,
          ...(message === undefined ? [] : [message]),
        ].join(" | "),
      )
      .reverse();

  it("tells what it did when it was made, and when its size was changed", async () => {
    await look();
    const first =
      "a user request created an AutoScalingGroup changing the desired capacity from 0 to 2.  an instance was started in response to a difference between desired and actual capacity, increasing the capacity from 0 to 2. | Successful";
    assert.deepEqual(told(), [
      `Launching a new EC2 instance: i-1 | ${first}`,
      `Launching a new EC2 instance: i-2 | ${first}`,
    ]);
    wanted.push("i-3");
    await look();
    await look();
    assert.deepEqual(told().slice(2), [
      "Launching a new EC2 instance: i-3 | a user request explicitly set group desired capacity changing the desired capacity from 2 to 3.  an instance was started in response to a difference between desired and actual capacity, increasing the capacity from 2 to 3. | Successful",
    ]);
    wanted = ["i-2", "i-3"];
    await look();
    await look();
    assert.deepEqual(told().slice(3), [
      "Terminating EC2 instance: i-1 | a user request explicitly set group desired capacity changing the desired capacity from 3 to 2.  an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from 3 to 2. | Successful",
    ]);
  });

  const replacement =
    "an instance was launched in response to an unhealthy instance needing to be replaced. | Successful";
  for (const { title, fault, cause } of [
    {
      title: "unhealthy",
      fault: () => unhealthy.add("i-1"),
      cause: "an instance was taken out of service in response to an ELB system health check failure.",
    },
    {
      title: "dead",
      fault: () => hosts.delete("i-1"),
      cause:
        "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped.",
    },
    {
      title: "terminated by somebody else",
      fault: () => (wanted = ["i-2", "i-1'"]),
      cause:
        "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped.",
    },
  ])
    it(`tells that it replaces a host that is ${title}`, async () => {
      await look();
      fault();
      await look();
      await look();
      assert.deepEqual(told().slice(2), [
        `Terminating EC2 instance: i-1 | ${cause} | Successful`,
        `Launching a new EC2 instance: i-1' | ${replacement}`,
      ]);
    });

  it("tells of a launch that is under way, that fails, and that is cancelled", async () => {
    launches.set("i-1", new Gate());
    launches.set("i-2", Gate.failing("no such image"));
    turns.set("i-3", new Gate());
    wanted.push("i-3");
    await look();
    wanted.pop();
    await look();
    turns.get("i-3")?.open();
    await settled();
    const ended = group.activities.list().map(({ status, message, endedAt }) => ({
      status,
      message,
      isEnded: endedAt !== undefined,
    }));
    assert.deepEqual(ended.reverse().slice(0, 3), [
      { status: "InProgress", message: undefined, isEnded: false },
      { status: "Failed", message: "no such image", isEnded: true },
      { status: "Cancelled", message: undefined, isEnded: true },
    ]);
    launches.get("i-1")?.open();
  });

  it("closed while a replacement boots, waits for it, and leaves nothing", async () => {
    await look();
    unhealthy.add("i-1");
    await look();
    const gate = new Gate();
    launches.set("i-1'", gate);
    await look();
    assert.equal(gate.arrivals, 1);
    const closed = group.close();
    await settled();
    assert.ok(!hosts.has("i-2"), "the others need not wait");
    gate.open();
    await closed;
    assert.deepEqual([...hosts.keys()], []);
    assert.deepEqual(faults, []);
  });

  it("closed while a host waits for its turn to boot, cancels its launch", async () => {
    const gate = new Gate();
    turns.set("i-2", gate);
    await look();
    const closed = group.close();
    gate.open();
    await closed;
    assert.deepEqual(launched, ["i-1"]);
    assert.deepEqual([...hosts.keys()], []);
    assert.deepEqual(faults, [], "a cancelled launch is no fault");
  });

  it("closed while a host ends, waits for that end", async () => {
    await look();
    wanted = ["i-2"];
    const gate = new Gate();
    ends.set("i-1", gate);
    await look();
    let isClosed = false;
    const closed = group.close().then(() => (isClosed = true));
    await settled();
    assert.equal(isClosed, false);
    gate.open();
    await closed;
    assert.deepEqual([...hosts.keys()], []);
    assert.equal(gate.arrivals, 1);
  });

  it("closed while it looks, begins nothing any more", async () => {
    const asked = new Gate();
    const late = new ScalingGroup(
      {
        wanted: async () => {
          await asked.pass();
          return wanted;
        },
        replace: async () => undefined,
      },
      fleet,
      settings,
      (error) => faults.push(error.message),
    );
    late.follow();
    await settled();
    let isClosed = false;
    const closed = late.close().then(() => (isClosed = true));
    await settled();
    assert.equal(isClosed, false, "the look is waited for");
    asked.open();
    await closed;
    await settled();
    assert.deepEqual([...hosts.keys()], []);
  });

  it("closed while an end fails, ends that host again", async () => {
    await look();
    wanted = ["i-2"];
    const gate = new Gate();
    ends.set("i-1", gate);
    await look();
    const closed = group.close();
    ends.clear();
    gate.fail("the disk is busy");
    await closed;
    assert.deepEqual([...hosts.keys()], []);
  });

  it("closes in spite of a host that cannot be ended, tells which, and can be closed again", async () => {
    await look();
    ends.set("i-1", Gate.failing("the disk is busy"));
    await assert.rejects(group.close(), /the disk is busy/);
    assert.deepEqual([...hosts.keys()], ["i-1"]);
    ends.clear();
    await group.close();
    assert.deepEqual([...hosts.keys()], []);
  });
});
