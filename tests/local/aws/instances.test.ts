import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { Instances } from "../../../local/aws/instances";
import type { LaunchOptions, Placement } from "../../../local/aws/instances";
import type { AwsClients } from "../../../local/api/clients";
import type { Host } from "../../../local/machine/host/host";
import type { Attachment } from "../../../local/machine/network/vpcNetwork";
import { Gate, settled } from "../support";

const options: LaunchOptions = {
  label: "web",
  imageId: "ami-1",
  instanceType: "t3.micro",
  subnetId: "subnet-1",
  groupIds: ["sg-1"],
  userData: Buffer.alloc(0),
  requiresToken: true,
};
const member = (memberId: string): LaunchOptions => ({ ...options, memberId });

describe("the owner of the hosts' lives", () => {
  /** What exists: addresses, namespaces, metadata, hosts that run, records in moto. */
  let existing: Set<string>;
  let gates: Map<string, Gate>;
  let faults: string[];
  let instances: Instances;
  /** What was set of the host and its place, and how often it booted. */
  let set: string[];
  /** Ends a host as if by itself. */
  let endByItself: (reason: string) => void;

  const at = (place: string) => gates.get(place)?.pass() ?? Promise.resolve();
  const shut = (place: string): Gate => {
    const gate = new Gate();
    gates.set(place, gate);
    return gate;
  };

  const placement: Placement = {
    layers: ["/base"],
    region: "us-east-1",
    zone: "us-east-1a",
    mapsPublicAddress: false,
    network: {
      id: "vpc-1",
      takeAddress: () => {
        existing.add("address");
        return "10.10.0.4";
      },
      releaseAddress: () => void existing.delete("address"),
      async attach(id, { address, groupIds, isPublic }): Promise<Attachment> {
        await at("attach");
        existing.add("namespace");
        return { namespace: `doe2-${id}`, interface: "h1", address, groupIds, isPublic };
      },
      setGroups: (_attachment, groupIds) => {
        set.push(`groups ${groupIds.join()}`);
        return Promise.resolve();
      },
      async detach() {
        await at("detach");
        existing.delete("namespace");
      },
    },
  };

  function makeHost(): Host {
    const host = {
      options: { label: "web" },
      isRunning: false,
      userDataFailed: () => false,
      userDataOutput: () => "",
      uses: () => false,
      setUserData: (userData: Buffer) => void set.push(`user data ${userData.toString()}`),
      async start(onEnd: (reason: string) => void) {
        await at("start");
        set.push("boot");
        host.isRunning = true;
        existing.add("host");
        endByItself = (reason) => {
          host.isRunning = false;
          existing.delete("host");
          onEnd(reason);
        };
      },
      async stop() {
        await at("stop");
        host.isRunning = false;
        existing.delete("host");
      },
      async terminate() {
        await at("terminate");
        host.isRunning = false;
        existing.delete("host");
      },
    };
    return host as unknown as Host;
  }

  /** moto, of which instances ask three things. */
  const clients = {
    in: () => ({
      ec2: {
        async send(command: object) {
          await at(command.constructor.name);
          if (command.constructor.name === "RunInstancesCommand") {
            existing.add("record");
            return { Instances: [{ InstanceId: "i-minted" }] };
          }
          if (command.constructor.name === "StopInstancesCommand") await instances.stop("i-minted");
          if (command.constructor.name === "TerminateInstancesCommand") existing.delete("record");
          return {};
        },
      },
    }),
  } as unknown as AwsClients;

  beforeEach(() => {
    existing = new Set();
    gates = new Map();
    faults = [];
    set = [];
    instances = new Instances({
      clients,
      metadata: {
        register(_vpcId, { instanceType, profile }) {
          existing.add("metadata");
          set.push(`identity ${instanceType} ${profile ?? ""}`);
        },
        forget: () => void existing.delete("metadata"),
      },
      place: () => placement,
      makeHost,
      onFault: (error) => faults.push(error.message),
    });
  });

  it("launches and ends", async () => {
    const { id } = await instances.launch(options);
    assert.deepEqual([...existing].sort(), ["address", "host", "metadata", "namespace", "record"]);
    await instances.terminate(id);
    assert.deepEqual([...existing], []);
    assert.equal(instances.get(id), undefined);
  });

  for (const step of ["RunInstancesCommand", "attach", "start"])
    it(`leaves nothing of a launch that fails at ${step}`, async () => {
      gates.set(step, Gate.failing("not now"));
      await assert.rejects(instances.launch(options), /not now/);
      assert.deepEqual([...existing], []);
      assert.equal(instances.get("i-minted"), undefined);
    });

  for (const step of ["attach", "start"])
    it(`leaves nothing of an instance that is ended while it is at ${step} of its launch`, async () => {
      const gate = shut(step);
      const launch = instances.launch(member("i-1"));
      const refused = step === "attach" ? assert.rejects(launch, /is being terminated/) : launch;
      await settled();
      assert.equal(gate.arrivals, 1);
      let isEnded = false;
      const end = instances.terminate("i-1").then(() => (isEnded = true));
      await settled();
      assert.equal(isEnded, false, "an end waits for what was begun");
      gate.open();
      await refused;
      await end;
      assert.deepEqual([...existing], []);
    });

  it("cancels a launch that waits for its turn to boot", async () => {
    const gate = shut("start");
    const launches = ["i-1", "i-2", "i-3"].map((id) => instances.launch(member(id)));
    await settled();
    assert.equal(gate.arrivals, 2, "two boot at a time");
    const cancel = new AbortController();
    const waiting = assert.rejects(instances.launch(member("i-4"), cancel.signal), { name: "AbortError" });
    await settled();
    cancel.abort();
    gate.open();
    await Promise.all(launches);
    await waiting;
    assert.equal(instances.get("i-4"), undefined);
  });

  it("ends an instance whose end failed half-way when asked again", async () => {
    const { id } = await instances.launch(options);
    gates.set("detach", Gate.failing("the namespace is busy"));
    await assert.rejects(instances.terminate(id), /the namespace is busy/);
    assert.deepEqual([...existing], ["namespace"]);
    gates.clear();
    await instances.terminate(id);
    assert.deepEqual([...existing], []);
  });

  it("begins nothing on an instance that is being ended", async () => {
    const { id } = await instances.launch(options);
    const gate = shut("terminate");
    const end = instances.terminate(id);
    const refused = [instances.reboot(id), instances.start(id), instances.stop(id)].map((action) =>
      assert.rejects(action, /is being terminated/),
    );
    await settled();
    gate.open();
    await Promise.all([end, ...refused]);
    assert.deepEqual([...existing], []);
  });

  it("an end waits for a reboot, which counts as being up", async () => {
    const { id } = await instances.launch(member("i-1"));
    const gate = shut("stop");
    const reboot = instances.reboot(id);
    await settled();
    assert.equal(instances.get(id)?.isUp, true);
    const end = instances.terminate(id);
    gate.open();
    await assert.rejects(reboot, /is being terminated/);
    await end;
    assert.deepEqual([...existing], []);
  });

  it("tells moto of a host that ended by itself, unless a group replaces it", async () => {
    await instances.launch(options);
    const told = shut("StopInstancesCommand");
    endByItself("exit status 1");
    await settled();
    assert.equal(told.arrivals, 1);
    assert.deepEqual(
      instances.failures().map(({ instanceId }) => instanceId),
      ["i-minted"],
    );
    told.open();
    await instances.launch(member("i-1"));
    endByItself("exit status 1");
    await settled();
    assert.equal(told.arrivals, 1);
    assert.deepEqual(faults, []);
  });

  it("changes in place, and is started again for another type or other user data", async () => {
    const instance = await instances.launch(options);
    const change = async (wanted: Partial<LaunchOptions>) => {
      set = [];
      await instance.change({ ...options, profile: undefined, ...wanted });
      return set;
    };
    assert.deepEqual(await change({ groupIds: ["sg-2"], profile: "db", userData: Buffer.alloc(0) }), [
      ...["groups sg-2", "identity t3.micro db", "user data "],
    ]);
    assert.deepEqual(await change({ instanceType: "t3.small" }), [
      ...["groups sg-1", "identity t3.small ", "user data ", "boot"],
    ]);
    assert.deepEqual(await change({ instanceType: "t3.small", userData: Buffer.from("new") }), [
      ...["groups sg-1", "identity t3.small ", "user data new", "boot"],
    ]);
    await instance.stop();
    assert.equal((await change({ instanceType: "t3.micro" })).includes("boot"), false);
  });

  it("ends with its record in moto, and of a group's host only the power", async () => {
    await instances.launch(options);
    await instances.launch(member("i-1"));
    instances.endedByApi("i-1");
    instances.endedByApi("i-none");
    instances.endedByApi("i-minted");
    assert.equal(instances.get("i-minted")?.isEnding, true);
    instances.endedByApi("i-minted"); // what ends it tells moto, which tells this
    await settled();
    assert.equal(instances.get("i-minted"), undefined);
    const kept = instances.get("i-1");
    assert.deepEqual([kept?.isEnding, kept?.isUp], [false, false]);
    const failing = await instances.launch(options);
    gates.set("terminate", Gate.failing("busy"));
    instances.endedByApi(failing.id);
    await settled();
    assert.deepEqual(faults, ["busy"]);
  });

  it("closed while moto mints an instance, waits for it and ends it", async () => {
    const gate = shut("RunInstancesCommand");
    const launch = instances.launch(options);
    await settled();
    const closed = instances.close();
    await settled();
    gate.open();
    await launch;
    await closed;
    assert.deepEqual([...existing], []);
  });

  it("closed, waits for launches and ends what is left", async () => {
    await instances.launch(member("i-1"));
    const gate = shut("attach");
    const launch = assert.rejects(instances.launch(member("i-2")), /is being terminated/);
    await settled();
    const closed = instances.close();
    await settled();
    gate.open();
    await closed;
    await launch;
    assert.deepEqual([...existing], []);
    await assert.rejects(instances.launch(options), /being closed/);
  });
});
