import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AccountStore, type AccountStoreArgs } from "../../../components/accounts/accountStore";
import { type Evaluation, evaluate, valueOf } from "../../support/component";
import { find, ofType, secretMark } from "../../../local/engine/recorder";

const construct = (changed: Partial<AccountStoreArgs> = {}) =>
  evaluate(
    (provider) =>
      new AccountStore(
        "accounts",
        { serviceKeyVersion: 1, protect: false, secretRecoveryDays: 0, ...changed },
        { provider },
      ),
  );

interface ServiceSecret {
  readonly secretKey: string;
  readonly tokenKeys: { kid: string; key: string }[];
}
function serviceSecret(graph: Evaluation<unknown>): ServiceSecret {
  const { inputs } = find(graph, "aws:secretsmanager/secretVersion:SecretVersion", "accounts-service-value");
  return JSON.parse(String(inputs["secretString"])) as ServiceSecret;
}

describe("AccountStore", () => {
  it("is a versioned bucket and two secrets, one for the service and one for the administrator", async () => {
    const graph = await construct();
    find(graph, "aws:s3/bucketVersioning:BucketVersioning", "accounts-versioning");
    assert.equal(ofType(graph, "aws:secretsmanager/secret:Secret").length, 2);
    assert.equal(await valueOf(graph.made.adminSecretName), "accounts-admin-1234567");
    const { inputs } = find(graph, "aws:secretsmanager/secretVersion:SecretVersion", "accounts-admin-value");
    assert.deepEqual(JSON.parse(String(inputs["secretString"])), {
      login: "admin",
      password: `${secretMark}-accounts-admin-password`,
    });
  });

  it("signs with the first version's key, and knows the next one already", async () => {
    const { secretKey, tokenKeys } = serviceSecret(await construct());
    assert.equal(secretKey, `${secretMark}-accounts-secret-key-1`);
    assert.deepEqual(tokenKeys, [
      { kid: "1", key: `${secretMark}-accounts-token-key-1` },
      { kid: "2", key: `${secretMark}-accounts-token-key-2` },
    ]);
  });

  for (const version of [1, 2, 7])
    it(`lets the fleets of versions ${version} and ${version + 1} verify each other's tokens`, async () => {
      const [old, now] = [
        serviceSecret(await construct({ serviceKeyVersion: version })).tokenKeys,
        serviceSecret(await construct({ serviceKeyVersion: version + 1 })).tokenKeys,
      ];
      const includes = (keys: typeof old, wanted: (typeof old)[number]) =>
        keys.some(({ kid, key }) => kid === wanted.kid && key === wanted.key);
      assert.notDeepEqual(old[0], now[0]);
      assert.ok(includes(old, now[0]!), "the old fleet does not know the new key");
      assert.ok(includes(now, old[0]!), "the new fleet does not know the old key");
      assert.ok(now.length <= 3);
    });

  it("protects the bucket on demand, and no key with it", async () => {
    const [open, guarded] = [await construct(), await construct({ protect: true })];
    const bucket = "aws:s3/bucket:Bucket";
    assert.deepEqual(
      [find(open, bucket, "accounts").protect, find(guarded, bucket, "accounts").protect],
      [false, true],
    );
    for (const key of ofType(guarded, "random:index/randomPassword:RandomPassword"))
      assert.equal(key.protect, false);
  });

  it("forgets counts of failed sign-ins after a day, and no account", async () => {
    const { inputs } = find(
      await construct(),
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
      "accounts-lifecycle",
    );
    const rules = inputs["rules"] as { filter: { prefix?: string }; expiration?: { days: number } }[];
    assert.deepEqual(
      rules
        .filter(({ expiration }) => expiration)
        .map(({ filter, expiration }) => [filter.prefix, expiration]),
      [["accounts/failures/", { days: 1 }]],
    );
  });

  it("draws 256 bits for each key", async () => {
    for (const { inputs } of ofType(await construct(), "random:index/randomPassword:RandomPassword"))
      assert.deepEqual([inputs["length"], inputs["special"]], [43, false]);
    assert.ok(43 * Math.log2(62) >= 256);
  });

  for (const version of [0, -1, 1.5, 10_000, Number.NaN])
    it(`refuses ${version} as a version`, async () => {
      await assert.rejects(construct({ serviceKeyVersion: version }), /whole number from 1 to 9999/);
    });
});
