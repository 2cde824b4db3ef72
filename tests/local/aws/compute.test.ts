import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { computeHandlers } from "../../../local/aws/compute";
import type { Inventory } from "../../../local/aws/inventory";
import type { Handler, Handlers, Properties } from "../../../local/engine/handler";
import { request } from "../support";

const instanceType = "aws:ec2/instance:Instance";
const attachmentType = "aws:ec2/volumeAttachment:VolumeAttachment";
const templateType = "aws:ec2/launchTemplate:LaunchTemplate";
const region = "us-east-1";

describe("hosts and what is theirs", () => {
  let handlers: Handlers;
  /** What was done to instances, in order. */
  let log: string[];
  /** By id; an instance that is there. */
  let instances: Map<string, { isEnding: boolean }>;
  const handler = (type: string): Handler => handlers[type]!;

  beforeEach(() => {
    log = [];
    const note = (what: string) => {
      log.push(what);
      return Promise.resolve();
    };
    const instance = (id: string) => ({
      ...{
        isEnding: false,
        isRunning: true,
        privateIp: "10.0.0.4",
        placement: { region, zone: "us-east-1a" },
      },
      attachDevice: (name: string) => note(`${id} attach ${name}`),
      detachDevice: (name: string) => note(`${id} detach ${name}`),
      setPower: (isOn: boolean) => note(`${id} ${isOn ? "on" : "off"}`),
      change: ({ instanceType: type, groupIds }: { instanceType: string; groupIds: string[] }) =>
        note(`${id} change ${type} ${groupIds.join()}`),
    });
    const known = (instances = new Map(["i-1", "i-2"].map((id) => [id, instance(id)])));
    handlers = computeHandlers({
      instances: {
        get: (id: string) => known.get(id),
        terminate: (id: string) => {
          known.delete(id);
          return note(`${id} terminate`);
        },
      },
      images: new Map(),
      volumes: new Map([["vol-1", { device: "/dev/loop1" }]]),
      snapshots: new Map(),
      launchTemplates: new Map(),
      find: (kind: string, items: { get(id: string): unknown }, id: string) => {
        const found = items.get(id);
        if (found === undefined) throw new Error(`there is no ${kind} ${id}`);
        return found;
      },
    } as unknown as Inventory);
  });

  describe("an instance", () => {
    const inputs: Properties = {
      ...{ ami: "ami-1", instanceType: "t3.micro", subnetId: "s-1", vpcSecurityGroupIds: ["sg-1"] },
    };

    it("changes in place", async () => {
      const wanted = { ...inputs, instanceType: "t3.small" };
      await handler(instanceType).update("i-1", inputs, request(instanceType, "db", wanted));
      assert.deepEqual(log, ["i-1 change t3.small sg-1"]);
    });

    it("is gone from the moment that its end begins", async () => {
      assert.ok(await handler(instanceType).read("i-1", {}, region));
      instances.get("i-1")!.isEnding = true;
      assert.equal(await handler(instanceType).read("i-1", {}, region), undefined);
    });

    it("is kept while it is protected, unless that is told to give way", async () => {
      const remove = (state: Properties) => handler(instanceType).delete("i-1", state, region);
      await assert.rejects(remove({ disableApiTermination: true }), /i-1 may not be terminated/);
      assert.deepEqual(log, []);
      await remove({ disableApiTermination: true, forceDestroy: true });
      await remove({ disableApiTermination: true });
      assert.deepEqual(log, ["i-1 terminate", "i-1 terminate"]);
    });
  });

  describe("a volume", () => {
    const attachment = (instanceId: string): Properties => ({ instanceId, volumeId: "vol-1" });
    const attach = (instanceId: string) =>
      handler(attachmentType).create(request(attachmentType, "data", attachment(instanceId)));
    const isAttached = async (instanceId: string) =>
      (await handler(attachmentType).read("vai-1", attachment(instanceId), region)) !== undefined;

    it("is attached to one instance at a time", async () => {
      await attach("i-1");
      await assert.rejects(attach("i-2"), /VolumeInUse: vol-1 is attached to i-1/);
      await assert.rejects(handler("aws:ebs/volume:Volume").delete("vol-1", {}, region), /VolumeInUse/);
      assert.deepEqual([await isAttached("i-1"), await isAttached("i-2")], [true, false]);
      await handler(attachmentType).delete("vai-1", attachment("i-1"), region);
      assert.equal(await isAttached("i-1"), false);
      await attach("i-2");
    });

    it("is let go by an instance that ends", async () => {
      await attach("i-1");
      instances.get("i-1")!.isEnding = true;
      assert.equal(await isAttached("i-1"), false);
      instances.delete("i-1");
      await attach("i-2");
      log = [];
      // The attachment that was with the old instance has nothing to detach.
      await handler(attachmentType).delete("vai-1", attachment("i-1"), region);
      assert.deepEqual(log, []);
      assert.equal(await isAttached("i-2"), true);
    });

    it("is detached from a host that is shut down first, if so asked", async () => {
      await attach("i-1");
      log = [];
      const state = { ...attachment("i-1"), stopInstanceBeforeDetaching: true };
      await handler(attachmentType).delete("vai-1", state, region);
      assert.deepEqual(log, ["i-1 off", "i-1 detach nvme-Amazon_Elastic_Block_Store_vol1"]);
    });
  });

  describe("a launch template", () => {
    const inputs: Properties = { imageId: "ami-1", instanceType: "t3.micro", tags: { a: "b" } };

    it("has a new version when something of what hosts start from is new, and for nothing else", async () => {
      const { id, outputs } = await handler(templateType).create(request(templateType, "web", inputs));
      const update = async (changed: Properties) => {
        const state = { ...inputs, ...outputs, tagsAll: { a: "b" }, region };
        const wanted = request(templateType, "web", { ...inputs, name: outputs["name"], ...changed });
        return (await handler(templateType).update(id, state, wanted)).outputs["latestVersion"];
      };
      assert.equal(outputs["latestVersion"], 1);
      assert.equal(await update({ tags: { a: "c" } }), 1);
      assert.equal(await update({ imageId: "ami-2" }), 2);
      assert.equal(await update({ monitoring: { enabled: true } }), 3);
    });
  });
});
