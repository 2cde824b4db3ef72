/** What the real engine does with the database, its secrets and the archive of the application. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Deployment, needsCli } from "./deployment";

describe("the database of dev, under the real engine", needsCli, () => {
  let stack: Deployment;
  before(async () => {
    stack = await Deployment.create("dev");
    assert.deepEqual((await stack.up()).errors, []);
  });
  after(() => stack.close());

  /** Deploys, as it was previewed, and answers the calls as `method name`. */
  async function deploy(): Promise<string[]> {
    const preview = await stack.preview();
    const up = await stack.up();
    assert.deepEqual([...preview.errors, ...up.errors], []);
    const changes = ({ steps }: typeof up) => steps.map(({ op, name }) => `${op} ${name}`).sort();
    assert.deepEqual(changes(up), changes(preview), "the preview said something else");
    return up.calls.map(({ method, type, name }) => `${method} ${type.split(":").at(-1)} ${name}`);
  }

  it("is not replaced by a rotation, which the preview tells as it is", async () => {
    stack.set({ appPasswordVersion: 2 });
    const calls = await deploy();
    assert.deepEqual(
      calls.filter((call) => / (Instance|Snapshot|Volume|VolumeAttachment) /.test(call)),
      [],
    );
    const order = [
      "create RandomPassword dev-db-app-password-2",
      "create SecretVersion dev-db-app-value",
      "update BucketObjectv2 dev-db-roles",
      "create Invocation dev-db-gate",
      "update LaunchTemplate dev-web",
      "create Group dev-web",
      "create Invocation dev-web-gate",
      "delete Group dev-web",
    ];
    assert.deepEqual(
      calls.filter((call) => order.includes(call)),
      order,
    );
  });

  it("is replaced by another type of the same memory, after a snapshot, the old host first", async () => {
    stack.set({ databaseInstanceType: "t3a.small" });
    const calls = await deploy();
    const order = [
      "create Snapshot dev-db-before",
      "delete VolumeAttachment dev-db-data",
      "delete Instance dev-db",
      "create Instance dev-db",
      "create VolumeAttachment dev-db-data",
      "create Invocation dev-db-gate",
      "delete Snapshot dev-db-before",
    ];
    assert.deepEqual(
      calls.filter((call) => order.includes(call)),
      order,
    );
    assert.ok(!calls.some((call) => / Volume /.test(call)));
  });

  it("keeps the archive of the application when a failed roll-out is taken back", async () => {
    const archive = () => [...stack.cloud.objects].filter((key) => /\/app\/\w+\.zip$/.test(key));
    const before = archive();
    assert.equal(before.length, 1);
    stack.edit("app/service/urls.py", (text) => `${text}\n# another\n`);
    stack.cloud.fail({ method: "create", name: "dev-image-builder-gate", message: "django.sh failed" });
    assert.equal((await stack.up()).succeeded, false);
    stack.cloud.mend();
    stack.edit("app/service/urls.py", (text) => text.replace("\n# another\n", ""));
    assert.deepEqual((await stack.up()).errors, []);
    assert.deepEqual(archive(), before);
  });

  it("shows no secret in the exported state", async () => {
    const text = JSON.stringify(await stack.exported());
    assert.ok(stack.cloud.secrets.length >= 7);
    for (const secret of stack.cloud.secrets) assert.ok(!text.includes(secret), secret);
  });
});
