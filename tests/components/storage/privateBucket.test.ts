import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PrivateBucket, type PrivateBucketArgs } from "../../../components/storage/privateBucket";
import { evaluate, valueOf } from "../../support/component";
import { ancestors, find, ofType } from "../../../local/engine/recorder";

const bucket = (args: Partial<PrivateBucketArgs> = {}) =>
  evaluate((provider) => new PrivateBucket("box", { protect: false, ...args }, { provider }));
const s3 = (name: string) => `aws:s3/${name.charAt(0).toLowerCase()}${name.slice(1)}:${name}`;

interface Rule {
  readonly id: string;
  readonly filter: { readonly prefix?: string };
  readonly expiration?: { readonly days: number };
  readonly noncurrentVersionExpiration?: { readonly noncurrentDays: number };
}

const rules = async (args: Partial<PrivateBucketArgs>) =>
  find(await bucket(args), s3("BucketLifecycleConfiguration"), "box-lifecycle").inputs["rules"] as Rule[];

describe("PrivateBucket", () => {
  it("is closed, without ACLs and encrypted", async () => {
    const graph = await bucket();
    const block = find(graph, s3("BucketPublicAccessBlock"), "box-public-access").inputs;
    for (const key of ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"])
      assert.equal(block[key], true, key);
    const ownership = find(graph, s3("BucketOwnershipControls"), "box-ownership").inputs["rule"];
    assert.deepEqual(ownership, { objectOwnership: "BucketOwnerEnforced" });
    const encryption = find(graph, s3("BucketServerSideEncryptionConfiguration"), "box-encryption");
    assert.match(JSON.stringify(encryption.inputs["rules"]), /"sseAlgorithm":"AES256"/);
    assert.equal(await valueOf(graph.made.bucketName), "box-1234567");
  });

  it("refuses what does not speak TLS, and takes more statements about itself", async () => {
    const graph = await bucket({
      statements: (arn) => [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: arn }],
    });
    const policy = find(graph, s3("BucketPolicy"), "box-policy");
    const { Statement } = JSON.parse(String(policy.inputs["policy"])) as { Statement: object[] };
    assert.equal(Statement.length, 2);
    assert.match(JSON.stringify(Statement[0]), /"Deny".*"aws:SecureTransport":"false"/);
    assert.match(JSON.stringify(Statement[1]), /"arn:aws:s3:::box-1234567"/);
    assert.ok(ancestors(graph, policy).has("box-public-access"));
  });

  it("keeps no versions unless it is to", async () => {
    assert.deepEqual(ofType(await bucket(), s3("BucketVersioning")), []);
    const graph = await bucket({ versioned: true });
    assert.equal(ofType(graph, s3("BucketVersioning")).length, 1);
    const lifecycle = find(graph, s3("BucketLifecycleConfiguration"), "box-lifecycle");
    assert.ok(ancestors(graph, lifecycle).has("box-versioning"));
  });

  it("lets earlier versions go after 90 days, or when it is told", async () => {
    const days = async (args: Partial<PrivateBucketArgs>) =>
      (await rules(args))[0]?.noncurrentVersionExpiration?.noncurrentDays;
    assert.equal(await days({}), undefined);
    assert.equal(await days({ versioned: true }), 90);
    assert.equal(await days({ versioned: true, noncurrentDays: 30 }), 30);
  });

  it("can be locked when it is to be, from its beginning on", async () => {
    const lock = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration";
    for (const [lockDays, canBeLocked, locks] of [
      [undefined, undefined, 0],
      [0, true, 0],
      [7, true, 1],
    ] as const) {
      const graph = await bucket({ versioned: true, lockDays });
      assert.equal(find(graph, s3("Bucket"), "box").inputs["objectLockEnabled"], canBeLocked);
      assert.equal(ofType(graph, lock).length, locks);
    }
  });

  it("lets objects go by prefix", async () => {
    assert.deepEqual(
      (await rules({ expiry: { "boot/": 30, "AWSLogs/": 7 } }))
        .slice(1)
        .map(({ id, filter, expiration }) => [id, filter.prefix, expiration?.days]),
      [
        ["boot", "boot/", 30],
        ["AWSLogs", "AWSLogs/", 7],
      ],
    );
  });

  it("takes its objects along when it goes, unless it is protected", async () => {
    for (const protect of [true, false]) {
      const resource = find(await bucket({ protect }), s3("Bucket"), "box");
      assert.deepEqual([resource.protect, resource.inputs["forceDestroy"]], [protect, !protect]);
    }
  });
});
