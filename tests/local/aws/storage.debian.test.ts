import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import * as s3 from "@aws-sdk/client-s3";
import { DescribeSecretCommand, GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { GetParameterCommand } from "@aws-sdk/client-ssm";
import { asset } from "@pulumi/pulumi";
import { secretHandlers } from "../../../local/aws/secrets";
import { storageHandlers } from "../../../local/aws/storage";
import type { Handler, Handlers, Properties, ResourceState } from "../../../local/engine/handler";
import { request, startServices } from "../support";
import type { Services } from "../support";

const bucketType = "aws:s3/bucket:Bucket";
const objectType = "aws:s3/bucketObjectv2:BucketObjectv2";
const secretType = "aws:secretsmanager/secret:Secret";
const versionType = "aws:secretsmanager/secretVersion:SecretVersion";
const parameterType = "aws:ssm/parameter:Parameter";

describe("storage and secrets", () => {
  let services: Services;
  let handlers: Handlers;
  const handler = (type: string): Handler => {
    const found = handlers[type];
    assert.ok(found, type);
    return found;
  };
  const create = (type: string, name: string, inputs: Properties, region?: string): Promise<ResourceState> =>
    handler(type).create(request(type, name, inputs, region));
  const client = () => services.clients.in("us-east-1").s3;

  before(async () => {
    services = await startServices();
    const { clients } = services;
    handlers = { ...storageHandlers(clients), ...secretHandlers(clients) };
  });
  after(() => services.stop());

  it("lock what a bucket gets, and no more once the lock is gone", async () => {
    const type = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration";
    const { id: bucket } = await create(bucketType, "locked", { objectLockEnabled: true });
    await create("aws:s3/bucketVersioning:BucketVersioning", "locked", {
      bucket,
      versioningConfiguration: { status: "Enabled" },
    });
    const days = async () => {
      const command = new s3.GetObjectLockConfigurationCommand({ Bucket: bucket });
      return (await client().send(command)).ObjectLockConfiguration?.Rule?.DefaultRetention?.Days;
    };
    const inputs = { bucket, rule: { defaultRetention: { mode: "GOVERNANCE", days: 7 } } };
    const { id } = await create(type, "lock", inputs);
    assert.equal(await days(), 7);
    await handler(type).delete(id, inputs, "us-east-1");
    assert.equal(await days(), undefined);
  });

  it("make a bucket with all of its settings", async () => {
    const { id: bucket, outputs } = await create(bucketType, "Accounts", { tags: { a: "b" } });
    assert.match(bucket, /^accounts-[0-9a-f]{7}$/);
    assert.equal(outputs["arn"], `arn:aws:s3:::${bucket}`);
    const setting = (type: string, inputs: Properties) =>
      create(`aws:s3/${type.charAt(0).toLowerCase()}${type.slice(1)}:${type}`, type, { bucket, ...inputs });
    await setting("BucketVersioning", { versioningConfiguration: { status: "Enabled" } });
    await setting("BucketServerSideEncryptionConfiguration", {
      rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" }, bucketKeyEnabled: true }],
    });
    await setting("BucketPublicAccessBlock", { blockPublicAcls: true, blockPublicPolicy: true });
    await setting("BucketOwnershipControls", { rule: { objectOwnership: "BucketOwnerEnforced" } });
    await setting("BucketLifecycleConfiguration", {
      rules: [
        {
          id: "old",
          status: "Enabled",
          noncurrentVersionExpiration: { noncurrentDays: 30, newerNoncurrentVersions: 3 },
          abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
        },
        { id: "reports", status: "Enabled", filter: { prefix: "boot/" }, expiration: { days: 30 } },
      ],
    });
    const versioning = await client().send(new s3.GetBucketVersioningCommand({ Bucket: bucket }));
    assert.equal(versioning.Status, "Enabled");
    const lifecycle = await client().send(new s3.GetBucketLifecycleConfigurationCommand({ Bucket: bucket }));
    assert.deepEqual(
      lifecycle.Rules?.map((rule) => [rule.ID, rule.Filter?.Prefix, rule.Expiration?.Days]),
      [
        ["old", "", undefined],
        ["reports", "boot/", 30],
      ],
    );
    assert.equal(lifecycle.Rules[0]?.NoncurrentVersionExpiration?.NoncurrentDays, 30);
    const encryption = await client().send(new s3.GetBucketEncryptionCommand({ Bucket: bucket }));
    assert.equal(encryption.ServerSideEncryptionConfiguration?.Rules?.[0]?.BucketKeyEnabled, true);
    for (const type of Object.keys(handlers).filter(
      (key) =>
        key.startsWith("aws:s3/bucket") &&
        !key.includes("ObjectLock") &&
        key !== bucketType &&
        key !== objectType,
    )) {
      await handler(type).delete(bucket, {}, "us-east-1");
    }
    await handler(bucketType).delete(bucket, outputs, "us-east-1");
    await handler(bucketType).delete(bucket, outputs, "us-east-1");
    assert.equal(await handler(bucketType).read(bucket, outputs, "us-east-1"), undefined);
  });

  it("keep a bucket that is not empty, unless told otherwise", async () => {
    const { id: bucket } = await create(bucketType, "full", { bucket: "full" }, "us-east-2");
    await create("aws:s3/bucketVersioning:BucketVersioning", "v", {
      bucket,
      versioningConfiguration: { status: "Enabled" },
    });
    for (const content of ["one", "two"]) await create(objectType, "o", { bucket, key: "k", content });
    await create(objectType, "o", { bucket, key: "k2", content: "other" });
    await assert.rejects(handler(bucketType).delete(bucket, {}, "us-east-2"), { name: "BucketNotEmpty" });
    await handler(objectType).delete("full/k", {}, "us-east-2");
    const left = await client().send(new s3.ListObjectVersionsCommand({ Bucket: bucket }));
    assert.deepEqual(
      left.Versions?.map(({ Key }) => Key),
      ["k2"],
    );
    await handler(bucketType).delete(bucket, { forceDestroy: true }, "us-east-2");
    assert.equal(await handler(bucketType).read(bucket, {}, "us-east-2"), undefined);
  });

  it("empty a bucket of more versions than one answer lists, and say which one may not go", async () => {
    const { id: bucket } = await create(bucketType, "full", { objectLockEnabled: true });
    const put = (Key: string) => client().send(new s3.PutObjectCommand({ Bucket: bucket, Key, Body: "x" }));
    for (let number = 0; number < 1050; number += 50)
      await Promise.all(Array.from({ length: 50 }, (_, index) => put(`${(number + index) % 350}`)));
    await client().send(
      new s3.PutObjectRetentionCommand({
        Bucket: bucket,
        Key: "7",
        Retention: { Mode: "GOVERNANCE", RetainUntilDate: new Date(Date.now() + 3_600_000) },
      }),
    );
    const remove = (objectLockEnabled: boolean) =>
      handler(bucketType).delete(bucket, { forceDestroy: true, objectLockEnabled }, "us-east-1");
    await assert.rejects(remove(false), /full-[0-9a-f]+\/7: AccessDenied/);
    await remove(true);
    await assert.rejects(client().send(new s3.HeadBucketCommand({ Bucket: bucket })));
  });

  it("upload text, assets and archives", async () => {
    const { id: bucket } = await create(bucketType, "objects", {});
    const stored = async (key: string, inputs: Properties) => {
      const { id, outputs } = await create(objectType, "o", { bucket, key, ...inputs });
      assert.equal(id, `${bucket}/${key}`);
      const { Body, ContentType } = await client().send(
        new s3.GetObjectCommand({ Bucket: bucket, Key: key }),
      );
      return { text: await Body?.transformToString(), type: ContentType, etag: outputs["etag"] };
    };
    assert.equal((await stored("a", { content: "ü", contentType: "text/plain" })).type, "text/plain");
    assert.equal((await stored("b/c d", { contentBase64: "AAEC" })).text, "\0\x01\x02");
    assert.equal((await stored("c", { source: new asset.StringAsset("asset") })).text, "asset");
    const archive = () => new asset.AssetArchive({ x: new asset.StringAsset("x") });
    const first = await stored("d.zip", { source: archive() });
    assert.ok(first.text?.startsWith("PK"));
    assert.equal((await stored("e.zip", { source: archive() })).etag, first.etag);
  });

  it("keep secrets where both regions can read them", async () => {
    const { id, outputs } = await create(
      secretType,
      "owner",
      { replicas: [{ region: "us-east-1" }], recoveryWindowInDays: 0, tags: { a: "b" } },
      "us-east-2",
    );
    assert.match(
      id,
      /^arn:aws:secretsmanager:us-east-2:123456789012:secret:owner-[0-9a-f]{7}-[A-Za-z0-9]{6}$/,
    );
    const version = await create(versionType, "owner", { secretId: id, secretString: "hush" }, "us-east-2");
    assert.match(version.id, /\|/);
    for (const region of ["us-east-1", "us-east-2"]) {
      const { secretsManager } = services.clients.in(region);
      const replica = id.replace("us-east-2", region);
      const { SecretString } = await secretsManager.send(new GetSecretValueCommand({ SecretId: replica }));
      assert.equal(SecretString, "hush", region);
    }
    const staged = async () => {
      const { secretsManager } = services.clients.in("us-east-2");
      const { VersionIdsToStages = {} } = await secretsManager.send(
        new DescribeSecretCommand({ SecretId: id }),
      );
      return VersionIdsToStages[version.outputs["versionId"] as string];
    };
    const stages = (...versionStages: string[]) =>
      request(versionType, "owner", { secretId: id, secretString: "hush", versionStages }, "us-east-2");
    const before = { versionStages: ["AWSCURRENT"] };
    await handler(versionType).update(version.id, before, stages("AWSCURRENT", "mine"));
    assert.deepEqual((await staged())?.sort(), ["AWSCURRENT", "mine"]);
    await handler(versionType).update(version.id, { versionStages: await staged() }, stages("AWSCURRENT"));
    assert.deepEqual(await staged(), ["AWSCURRENT"]);
    const next = await create(versionType, "owner", { secretId: id, secretString: "hush 2" }, "us-east-2");
    assert.deepEqual(await staged(), ["AWSPREVIOUS"]);
    // Of the old version the provider takes away what it was made with: the current stage has moved on by itself.
    await handler(versionType).delete(version.id, before, "us-east-2");
    assert.deepEqual(await staged(), ["AWSPREVIOUS"]);
    assert.ok(await handler(versionType).read(next.id, {}, "us-east-2"));
    const state = { ...outputs, replicas: [{ region: "us-east-1" }], recoveryWindowInDays: 0 };
    assert.ok(await handler(versionType).read(version.id, {}, "us-east-2"));
    await handler(secretType).update(id, state, request(secretType, "owner", { replicas: [] }, "us-east-2"));
    const gone = new GetSecretValueCommand({ SecretId: id.replace("us-east-2", "us-east-1") });
    await assert.rejects(services.clients.in("us-east-1").secretsManager.send(gone), {
      name: "ResourceNotFoundException",
    });
    await handler(secretType).delete(id, { ...state, replicas: [] }, "us-east-2");
    await handler(secretType).delete(id, { ...state, replicas: [] }, "us-east-2");
    assert.equal(await handler(secretType).read(id, state, "us-east-2"), undefined);
    assert.equal(await handler(versionType).read(version.id, {}, "us-east-2"), undefined);
  });

  it("keep parameters", async () => {
    const { id, outputs } = await create(parameterType, "p", {
      name: "/a/b",
      type: "SecureString",
      value: "v1",
    });
    assert.equal(outputs["arn"], "arn:aws:ssm:us-east-1:123456789012:parameter/a/b");
    const change = request(parameterType, "p", { name: "/a/b", type: "SecureString", value: "v2" });
    assert.equal((await handler(parameterType).update(id, outputs, change)).outputs["version"], 2);
    const command = new GetParameterCommand({ Name: id, WithDecryption: true });
    const { Parameter } = await services.clients.in("us-east-1").ssm.send(command);
    assert.equal(Parameter?.Value, "v2");
    await handler(parameterType).delete(id, outputs, "us-east-1");
    await handler(parameterType).delete(id, outputs, "us-east-1");
    assert.equal(await handler(parameterType).read(id, outputs, "us-east-1"), undefined);
  });
});
