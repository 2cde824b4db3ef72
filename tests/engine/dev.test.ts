/** The dev stack under the real engine: every test begins with the same deployment. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { replacedByAppChange } from "../../tools/criticalPath";
import { Deployment, inWords, needsCli, type Outcome, type Saved } from "./deployment";
import { assertOrder, assertSequence, assertSucceeded, stepNames } from "./support";

describe("dev under the real engine", needsCli, () => {
  let stack: Deployment;
  let first: { readonly preview: Outcome; readonly up: Outcome };
  let saved: Saved;

  before(async () => {
    stack = await Deployment.create("dev");
    first = { preview: await stack.preview(), up: await stack.up() };
    saved = stack.save();
  });
  beforeEach(() => stack.restore(saved));
  after(() => stack.close());

  const changeApp = () => stack.edit("app/manage.py", (text) => `${text}# changed\n`);
  const changeAppBack = () => stack.edit("app/manage.py", (text) => text.replace("# changed\n", ""));
  const failGate = (name: string) =>
    stack.cloud.fail({ method: "create", name, type: "Invocation", message: "host i-1: no" });
  const groupIds = () => stack.cloud.ofType("Group").map(({ id }) => id);

  it("is made as it was previewed, from nothing", () => {
    assertSucceeded(first.preview);
    assert.deepEqual(first.preview.calls, []);
    assertSucceeded(first.up);
    assert.deepEqual(stepNames(first.up), stepNames(first.preview));
    assert.ok(first.up.steps.every(({ op }) => op === "create"));
  });

  it("has nothing to do in a second preview, and after a refresh", async () => {
    const preview = await stack.preview();
    assertSucceeded(preview);
    assert.deepEqual(preview.steps, []);
    const refresh = await stack.refresh();
    assertSucceeded(refresh);
    assert.deepEqual([refresh.steps, refresh.calls], [[], []]);
  });

  it("is destroyed without a rest", async () => {
    assertSucceeded(await stack.destroy());
    assert.deepEqual([...stack.cloud.resources.keys()], []);
    assert.deepEqual(await stack.exported(), []);
  });

  it("keeps no secret in clear: not in the state, its ids or its outputs, not in what is shown", () => {
    assert.ok(stack.cloud.secrets.length > 4);
    const texts = [...stack.files(), first.preview.output, first.up.output];
    const found = stack.cloud.secrets.filter((secret) => texts.some((text) => text.includes(secret)));
    assert.deepEqual(found, []);
  });

  describe("with another app", () => {
    it("makes builder, image, release host, template version and group anew, and then lets the old ones go", async () => {
      changeApp();
      const preview = await stack.preview();
      const up = await stack.up();
      assertSucceeded(up);
      assert.deepEqual(stepNames(up), stepNames(preview));
      const rolled = replacedByAppChange.map((words) => words.replace(" ", " dev-"));
      const of = (method: string) =>
        inWords(up.calls)
          .filter((call) => call.startsWith(`${method} `) && !call.includes("BucketObjectv2"))
          .map((call) => call.slice(method.length + 1))
          .sort();
      assert.deepEqual(of("create"), rolled);
      assert.deepEqual(of("delete"), rolled);
      assert.deepEqual(of("update"), [
        "Dashboard dev-dashboard",
        "LaunchTemplate dev-web",
        "MetricAlarm dev-web-alarms-no-capacity",
        "RolePolicy dev-image-builder-role-policy",
      ]);
      const path = [
        /create BucketObjectv2 dev-image-app-/,
        /create Instance dev-image-builder$/,
        /create Invocation dev-image-builder-gate/,
        /create InstanceState dev-image-builder-stopped/,
        /create AmiFromInstance dev-image/,
        /create Instance dev-release-host$/,
        /create Invocation dev-release-host-gate/,
        /create Group dev-web/,
        /create Invocation dev-web-gate/,
        /^delete /,
      ] as const;
      path.forEach((call, index) => {
        const next = path[index + 1];
        if (next) assertOrder(up, call, next);
      });
      assertOrder(up, /update LaunchTemplate dev-web/, /create Group dev-web/);
      assertOrder(up, /create Invocation dev-web-gate/, /create Policy|update (Dashboard|MetricAlarm)/);
    });

    it("bakes nothing of a builder that failed, however often it is tried", async () => {
      changeApp();
      failGate("dev-image-builder-gate");
      for (const attempt of [1, 2]) {
        const up = await stack.up();
        assert.match(up.errors.join(), /host i-1: no/, `attempt ${attempt}`);
        assert.deepEqual(
          inWords(up.calls).filter((call) => /AmiFromInstance|InstanceState|^delete/.test(call)),
          [],
        );
      }
      stack.cloud.mend();
      assertSucceeded(await stack.up());
    });

    it("keeps the old fleet through three failing cut-overs, and cleans up when it goes back", async () => {
      const [serving] = groupIds();
      changeApp();
      failGate("dev-web-gate");
      for (const attempt of [1, 2, 3]) {
        const up = await stack.up();
        assert.match(up.errors.join(), /host i-1: no/, `attempt ${attempt}`);
        assert.equal(inWords(up.calls).at(-1), "failed: create Invocation dev-web-gate");
        assert.deepEqual(
          inWords(up.calls).filter((call) => /^delete|Policy dev-web/.test(call)),
          [],
        );
        assert.ok(groupIds().includes(serving!));
        // After the first, nothing is left to do but to ask the gate again.
        if (attempt > 1) assert.equal(up.calls.length, 1);
      }
      stack.cloud.mend();
      changeAppBack();
      const back = await stack.up();
      assertSucceeded(back);
      assertOrder(back, /create Invocation dev-web-gate/, /^delete/);
      for (const type of ["Group", "AmiFromInstance", "LaunchTemplate"])
        assert.equal(stack.cloud.ofType(type).length, 1, type);
      assert.equal(stack.cloud.ofType("Instance").length, 3);
      assert.deepEqual((await stack.preview()).steps, []);
    });

    it("goes on where it failed when the gate is content", async () => {
      changeApp();
      failGate("dev-web-gate");
      await stack.up();
      stack.cloud.mend();
      const up = await stack.up();
      assertSucceeded(up);
      assert.equal(inWords(up.calls)[0], "create Invocation dev-web-gate");
      assert.equal(groupIds().length, 1);
      assert.deepEqual((await stack.preview()).steps, []);
    });

    it("asks a gate again whose answer was lost", async () => {
      changeApp();
      stack.cloud.fail({
        method: "create",
        name: "dev-web-gate",
        afterEffect: true,
        times: 1,
        message: "the connection broke",
      });
      assert.match((await stack.up()).errors.join(), /the connection broke/);
      const up = await stack.up();
      assertSucceeded(up);
      assert.equal(inWords(up.calls)[0], "create Invocation dev-web-gate");
    });

    it("still has the archive of an app that it went back to", async () => {
      const archives = () => [...stack.cloud.objects].filter((key) => key.includes("/app/"));
      const [good] = archives();
      changeApp();
      failGate("dev-web-gate");
      await stack.up();
      stack.cloud.mend();
      changeAppBack();
      assertSucceeded(await stack.up());
      assert.ok(archives().includes(good!), `${good} is gone`);
    });
  });

  it("leaves the database host alone when the web hosts' base image changes", async () => {
    stack.set({ debianImage: "debian-13-amd64-20261102-2650" });
    const up = await stack.up();
    assertSucceeded(up);
    assert.ok(inWords(up.calls).includes("create Instance dev-image-builder"));
    assert.deepEqual(
      inWords(up.calls).filter((call) => call.includes(" dev-db")),
      [],
    );
  });

  for (const [change, settings] of [
    ["its own base image", { databaseDebianImage: "debian-13-amd64-20261102-2650" }],
    ["another type of the same memory", { databaseInstanceType: "t3a.small" }],
  ] as const) {
    it(`replaces the database host after a snapshot, the old host first, and keeps its volume: ${change}`, async () => {
      stack.set(settings);
      const preview = await stack.preview();
      const up = await stack.up();
      assertSucceeded(up);
      assert.deepEqual(stepNames(up), stepNames(preview));
      assertSequence(up, [
        "create Snapshot dev-db-before",
        "delete VolumeAttachment dev-db-data",
        "delete Instance dev-db",
        "create Instance dev-db",
        "create VolumeAttachment dev-db-data",
        "create Invocation dev-db-gate",
        "delete Snapshot dev-db-before",
      ]);
      assert.deepEqual(
        inWords(up.calls).filter((call) => / Volume |Group dev-web/.test(call)),
        [],
      );
    });
  }

  /** What lets hosts of the serving fleet reach the database. */
  const paths = /(Route|RouteTable|RouteTableAssociation|Subnet|SecurityGroup\w*Rule) /;

  for (const [change, settings] of [
    ["another egress", { egress: "singleNat" }],
    ["a zone more", { webZones: ["us-east-1a", "us-east-1b", "us-east-1c"] }],
    ["another zone", { webZones: ["us-east-1a", "us-east-1c"] }],
  ] as const) {
    it(`takes no path of the serving fleet away before the next one serves: ${change}`, async () => {
      stack.set(settings);
      const up = await stack.up();
      assertSucceeded(up);
      const words = inWords(up.calls);
      const gone = words.indexOf("delete Group dev-web");
      assert.ok(words.indexOf("create Invocation dev-web-gate") < gone, words.join("\n"));
      // Whether a subnet gives addresses matters to hosts that start in it, and to no other.
      const early = words
        .slice(0, gone)
        .filter((call) => /^(delete|update)/.test(call) && paths.test(call) && !/update Subnet/.test(call));
      assert.deepEqual(early, []);
      assert.deepEqual((await stack.preview()).steps, []);
    });
  }

  it("changes the size of the fleet in place, and has the gate see to it", async () => {
    stack.set({ webMinSize: 3 });
    const up = await stack.up();
    assertSucceeded(up);
    assert.deepEqual(inWords(up.calls), [
      "update Group dev-web",
      "create Invocation dev-web-gate",
      "delete Invocation dev-web-gate",
    ]);
  });

  for (const [setting, sequence] of Object.entries({
    appPasswordVersion: [
      "create RandomPassword dev-db-app-password-2",
      "create SecretVersion dev-db-app-value",
      "update BucketObjectv2 dev-db-roles",
      // The template's new version is left out: it may come before the gate, and harms nobody before its group.
      "create Invocation dev-db-gate",
      "create Group dev-web",
      "create Invocation dev-web-gate",
      "delete Group dev-web",
    ],
    ownerPasswordVersion: [
      "create RandomPassword dev-db-owner-password-2",
      "create SecretVersion dev-db-owner-value",
      "update BucketObjectv2 dev-db-roles",
      "create Invocation dev-db-gate",
      "create Instance dev-release-host",
      "create Invocation dev-release-host-gate",
      "delete Instance dev-release-host",
    ],
    databaseCaVersion: [
      "update BucketObjectv2 dev-db-roles",
      // The database signs with an authority that every host trusts already, before any host ends the trust in the last one.
      "create Invocation dev-db-gate",
      "create Instance dev-release-host",
      "create Invocation dev-release-host-gate",
      "create Group dev-web",
      "create Invocation dev-web-gate",
      "delete Group dev-web",
    ],
    serviceKeyVersion: [
      "create SecretVersion dev-accounts-service-value",
      "update LaunchTemplate dev-web",
      "create Group dev-web",
      "create Invocation dev-web-gate",
      "delete Group dev-web",
    ],
  })) {
    it(`rotates as the preview says, and leaves the database host alone: ${setting}`, async () => {
      stack.set({ [setting]: 2 });
      const preview = await stack.preview();
      const up = await stack.up();
      assertSucceeded(up);
      assert.deepEqual(stepNames(up), stepNames(preview));
      assertSequence(up, sequence);
      assert.deepEqual(
        inWords(up.calls).filter((call) => / (Instance dev-db|Snapshot|Volume|VolumeAttachment)/.test(call)),
        [],
      );
      assert.deepEqual((await stack.preview()).steps, []);
    });
  }
});
