import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BackupRepository, type BackupRepositoryArgs } from "../../../components/database/backupRepository";
import { find, ofType } from "../../../local/engine/recorder";
import { policyDocument } from "../../../components/iam/policies";
import { evaluate, valueOf } from "../../support/component";

const construct = (changed: Partial<BackupRepositoryArgs> = {}) =>
  evaluate(
    (provider) =>
      new BackupRepository(
        "backups",
        {
          region: "us-east-1",
          hostRegion: "us-east-2",
          fullBackups: 2,
          lockDays: 0,
          protect: false,
          secretRecoveryDays: 0,
          ...changed,
        },
        { provider },
      ),
  );

describe("BackupRepository", () => {
  it("is a versioned bucket, and a passphrase that both regions have", async () => {
    const graph = await construct();
    find(graph, "aws:s3/bucketVersioning:BucketVersioning", "backups-versioning");
    const { inputs } = find(graph, "aws:secretsmanager/secret:Secret", "backups-key");
    assert.deepEqual(inputs["replicas"], [{ region: "us-east-2" }]);
    const version = find(graph, "aws:secretsmanager/secretVersion:SecretVersion", "backups-key-value");
    assert.match(String(version.inputs["secretString"]), /^\{"passphrase":".*-passphrase"\}$/);
    assert.deepEqual(version.secretInputs, ["secretString"]);
    assert.match(await valueOf(graph.made.passphraseIn("us-east-1")), /:us-east-1:/);
    assert.match(await valueOf(graph.made.passphraseIn("us-east-2")), /:us-east-2:/);
  });

  it("can be locked at any time, and keeps what is locked as long", async () => {
    for (const lockDays of [0, 90]) {
      const graph = await construct({ lockDays });
      assert.equal(find(graph, "aws:s3/bucket:Bucket", "backups").inputs["objectLockEnabled"], true);
      assert.deepEqual(
        ofType(graph, "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration").map(
          ({ inputs }) => inputs["rule"],
        ),
        lockDays ? [{ defaultRetention: { mode: "GOVERNANCE", days: 90 } }] : [],
      );
      const lifecycle = find(
        graph,
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "backups-lifecycle",
      );
      assert.match(JSON.stringify(lifecycle.inputs), new RegExp(`"noncurrentDays":${lockDays || 30}`));
    }
  });

  it("lets a host write the repository of its generation, read all of them, and delete no version", async () => {
    const graph = await construct();
    const { Statement } = JSON.parse(
      await valueOf(policyDocument(graph.made.statements(3, "us-east-2"))),
    ) as { Statement: { Action: string; Resource: string | string[] }[] };
    assert.deepEqual(
      Statement.map(({ Action, Resource }) =>
        `${Action} ${String(Resource)}`.replace(/-1234567(-AbCdEf)?/g, ""),
      ),
      [
        "s3:ListBucket arn:aws:s3:::backups",
        "s3:GetObject arn:aws:s3:::backups/*",
        "s3:PutObject arn:aws:s3:::backups/3/*",
        "s3:DeleteObject arn:aws:s3:::backups/3/*",
        "secretsmanager:GetSecretValue arn:aws:secretsmanager:us-east-2:123456789012:secret:backups-key",
      ],
    );
  });

  it("refuses the database's own region", async () => {
    await assert.rejects(construct({ region: "us-east-2" }), /us-east-2 is the database's own region/);
  });
});
