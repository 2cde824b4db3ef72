import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import type { DestroyOptions } from "@pulumi/pulumi/automation";
import { Deployment, inWords, needsCli, type Saved } from "./deployment";

describe("prod, which is protected, under the real engine", needsCli, () => {
  let stack: Deployment;
  let deployed: Saved;
  before(async () => {
    stack = await Deployment.create("prod");
    assert.deepEqual((await stack.up()).errors, []);
    deployed = stack.save();
  });
  beforeEach(() => stack.restore(deployed));
  after(() => stack.close());

  it("has nothing to do in a second preview, and after a refresh", async () => {
    const preview = await stack.preview();
    assert.deepEqual([preview.errors, preview.steps], [[], []]);
    const refresh = await stack.refresh();
    assert.deepEqual([refresh.errors, refresh.steps, refresh.calls], [[], [], []]);
  });

  const ways: Readonly<Record<string, DestroyOptions>> = {
    "without a preview": {},
    "with the stack itself": { remove: true },
    "past errors": { continueOnError: true },
    "but for what is protected": { excludeProtected: true },
    "from one subnet on": { target: ["**prod-db-network-public-a"], targetDependents: true },
    "from a policy that nothing depends on": { target: ["**prod-web-cpu"], targetDependents: true },
  };
  for (const [way, options] of Object.entries(ways)) {
    it(`is not destroyed ${way}, not in the least`, async () => {
      const before = await held(stack);
      const outcome = await stack.destroy(options);
      assert.deepEqual(outcome.calls, []);
      const refusals = outcome.errors.filter((message) => message.includes("prod-guard"));
      assert.equal(refusals.length, options.excludeProtected ? 0 : 1, outcome.output);
      assert.deepEqual(await held(stack), before, "the state has lost something");
    });
  }

  it("refuses other ranges of its networks in the plan, and when there is no plan before it touches anything", async () => {
    for (const key of ["webCidr", "databaseCidr"]) {
      stack.set({ [key]: "10.50.0.0/16" });
      for (const outcome of [await stack.preview(), await stack.up()]) {
        assert.ok(!outcome.succeeded, key);
        assert.match(outcome.errors.join("\n"), /unable to replace resource .*Vpc::prod-(web|db)-network/);
        assert.deepEqual(outcome.calls, [], key);
      }
      stack.restore(deployed);
    }
  });

  it("lets its database host be replaced: the guard stays as it is", async () => {
    stack.set({ databaseDebianImage: "debian-13-amd64-20261101-2345" });
    const { errors, steps, calls } = await stack.up();
    assert.deepEqual(errors, []);
    assert.ok(inWords(calls).includes("delete Instance prod-db"));
    assert.deepEqual(
      steps.filter(({ name }) => name === "prod-guard"),
      [],
    );
  });

  const volumes = () =>
    [...stack.cloud.resources.keys()].filter((key) => key.startsWith("aws:ebs/volume:Volume")).length;

  it("begins one generation of its database after the other, and keeps the volume of each", async () => {
    for (const databaseGeneration of [2, 3]) {
      stack.set({ databaseGeneration });
      const { errors, calls } = await stack.up();
      assert.deepEqual(errors, []);
      assert.ok(inWords(calls).includes(`create Volume prod-db-data-${databaseGeneration}`));
      assert.equal(volumes(), databaseGeneration);
    }
  });

  it("has its database beside the web hosts when its region is lost, by one command, and goes back by another", async () => {
    stack.cloud.lost = "us-east-2";
    try {
      stack.set({ databaseGeneration: 2, databaseWebGeneration: 2 });
      const lost = await stack.up({ exclude: ["**::prod-db**", "**::prod-peering**"] });
      assert.deepEqual(lost.errors, []);
      const order = inWords(lost.calls);
      for (const call of ["create Instance prod-rescue", "create Group prod-web", "delete Group prod-web"])
        assert.ok(order.includes(call), `${call} in\n${order.join("\n")}`);
      assert.ok(order.indexOf("create Invocation prod-rescue-gate") < order.indexOf("create Group prod-web"));
    } finally {
      stack.cloud.lost = undefined;
    }
    stack.set({ databaseGeneration: 3 });
    const back = await stack.up();
    assert.deepEqual(back.errors, []);
    const order = inWords(back.calls);
    assert.ok(order.includes("create Volume prod-db-data-3"));
    assert.ok(!order.includes("create Volume prod-db-data-2"));
    assert.ok(
      order.indexOf("create Invocation prod-web-gate") < order.indexOf("delete Instance prod-rescue"),
    );
    assert.equal(volumes(), 3, "of each generation");
  });

  it("takes away a zone after the fleet that has hosts in it", async () => {
    stack.set({ webZones: ["us-east-1a", "us-east-1b"] });
    const { errors, calls } = await stack.up();
    assert.deepEqual(errors, []);
    const order = inWords(calls);
    assertLast(order, [
      "delete SecurityGroupIngressRule prod-db-firewall-in-postgresql-private-c",
      "delete Route prod-peering-to-accepter-private-c-private-a",
      "delete Route prod-peering-to-requester-private-a-private-c",
      "delete Route prod-web-network-private-c-internet",
      "delete RouteTableAssociation prod-web-network-private-c",
      "delete NatGateway prod-web-network-nat-c",
      "delete Subnet prod-web-network-private-c",
    ]);
  });

  it("gets another network once it is not protected any more, and keeps its data", async () => {
    stack.set({ protect: false });
    assert.deepEqual((await stack.up()).errors, []);
    stack.set({ webCidr: "10.50.0.0/16" });
    const { errors, calls } = await stack.up();
    assert.deepEqual(errors, []);
    const order = inWords(calls);
    assert.ok(order.includes("delete Vpc prod-web-network"));
    const lost = order.filter((call) => /^delete (Volume|Bucket|Secret|Random\w+) /.test(call));
    assert.deepEqual(lost, []);
  });

  it("goes once it is not protected, and leaves no more than the snapshot that was taken while it was", async () => {
    stack.set({ databaseDebianImage: "debian-13-amd64-20261101-2345" });
    assert.deepEqual((await stack.up()).errors, []);
    stack.set({ protect: false });
    assert.deepEqual((await stack.up()).errors, []);
    assert.deepEqual((await stack.destroy()).errors, []);
    const types = [...stack.cloud.resources.keys()].map((key) => key.split(" ")[0]);
    assert.deepEqual(types, ["aws:ebs/snapshot:Snapshot"]);
  });
});

/** What the state holds, whatever its order. */
const held = async (stack: Deployment) =>
  [...(await stack.exported())].sort((one, other) => one.urn.localeCompare(other.urn));

/** The new fleet serves, the old one goes, and then these, in whatever order. */
function assertLast(order: readonly string[], last: readonly string[]): void {
  const fleet = (what: string) =>
    order.findIndex((call) => call.startsWith(what) && /(dev|prod)-web(-gate)?$/.test(call));
  const [serves, gone] = [fleet("create Invocation"), fleet("delete Group")];
  assert.ok(serves >= 0 && serves < gone, order.join("\n"));
  for (const call of last) assert.ok(order.indexOf(call) > gone, `${call} in\n${order.join("\n")}`);
}
