import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PostgresHost, type PostgresHostArgs } from "../../../components/database/postgresHost";
import { type Evaluation, evaluate, providerOf, valueOf } from "../../support/component";
import { ancestors, find, ofType, unknownImage, unknownType } from "../../../local/engine/recorder";
import { stubAccess, stubBackups, stubGate, stubNetwork, stubTelemetry } from "../../support/stubs";
import { fetchedScript } from "../../../components/host/userData";
import { scriptOf } from "../../../policy/userData";

const region = "us-east-2";
const construct = (changed: Partial<PostgresHostArgs> = {}, preview = false) =>
  evaluate(
    (provider) =>
      new PostgresHost(
        "db",
        {
          network: stubNetwork(region),
          clients: stubNetwork("us-east-1"),
          gate: stubGate(provider),
          access: stubAccess,
          domain: "test.internal",
          debianImage: "debian-13-amd64-20260914-2601",
          instanceType: "t3.small",
          hostVersion: 1,
          volumeGiB: 20,
          neededConnections: 80,
          parameters: {},
          ownerPasswordVersion: 1,
          appPasswordVersion: 1,
          authorityVersion: 1,
          backups: stubBackups(),
          generation: { number: 1, restoreFrom: 0, before: 0, restoreTo: "" },
          temporary: false,
          protect: false,
          secretRecoveryDays: 0,
          tags: { stack: "test" },
          ...changed,
        },
        { provider: providerOf(region) },
      ),
    { preview },
  );

const host = (graph: Evaluation<unknown>) => find(graph, "aws:ec2/instance:Instance", "db");
const roles = (graph: Evaluation<unknown>) =>
  JSON.parse(
    String(find(graph, "aws:s3/bucketObjectv2:BucketObjectv2", "db-roles").inputs["content"]),
  ) as Record<"owner" | "app", { arn: string; versionId: string }> & { version: string; authority: number };
const wait = (graph: Evaluation<unknown>) =>
  JSON.parse(String(find(graph, "aws:lambda/invocation:Invocation", "db-gate").inputs["input"])) as Record<
    string,
    string
  >;

describe("PostgresHost", () => {
  it("is a host, a volume that outlives it, a name that outlives it, and two secrets", async () => {
    const graph = await construct();
    assert.equal(host(graph).deleteBeforeReplace, true);
    const { inputs } = find(graph, "aws:ec2/volumeAttachment:VolumeAttachment", "db-data");
    assert.equal(inputs["stopInstanceBeforeDetaching"], true);
    assert.equal(
      find(graph, "aws:route53/record:Record", "db-name").inputs["name"],
      "postgres.test.internal",
    );
    assert.equal(ofType(graph, "aws:secretsmanager/secret:Secret").length, 2);
    assert.equal(await valueOf(graph.made.endpoint), "postgres.test.internal:5432");
  });

  it("tells the host in a document which versions of the secrets hold, and waits until it has applied it", async () => {
    const graph = await construct();
    const { version, owner, app } = roles(graph);
    assert.match(owner.arn, /:us-east-2:.*:secret:db-owner-/);
    assert.match(app.arn, /:us-east-2:.*:secret:db-app-/);
    assert.equal(wait(graph)["applied"], version);
    assert.ok(ancestors(graph, host(graph)).has("db-roles"), "the host boots before there is a document");
    const other = roles(await construct({ appPasswordVersion: 2 }));
    assert.notEqual(other.version, version);
    assert.notEqual(other.app.versionId, app.versionId);
    assert.deepEqual(other.owner, owner);
  });

  it("publishes the boot script under its hash, for the host to run no other, before there is a host", async () => {
    const graph = await construct();
    const { key, sha256, content } = fetchedScript("postgres");
    const object = find(graph, "aws:s3/bucketObjectv2:BucketObjectv2", `db-script-${sha256.slice(0, 8)}`);
    assert.deepEqual([object.inputs["key"], object.inputs["content"]], [key, content]);
    assert.match(
      scriptOf(String(host(graph).inputs["userDataBase64"])),
      new RegExp(`^export SCRIPT_SHA256='${sha256}'$`, "m"),
    );
    assert.equal(key, `scripts/${sha256}.sh`);
    assert.ok(ancestors(graph, host(graph)).has(object.name));
  });

  it("tells host and clients of another certificate authority by its number", async () => {
    const graph = await construct({ authorityVersion: 2 });
    assert.equal(roles(graph).authority, 2);
    assert.notEqual(roles(graph).version, roles(await construct()).version);
    assert.equal(graph.made.access.authorityKey, "tls/postgres.test.internal-ca-2.pem");
  });

  it("has the host send its logs where it is told to, and else nowhere", async () => {
    const logGroup = (graph: Evaluation<unknown>) =>
      /TELEMETRY_LOG_GROUP='(.*)'/.exec(scriptOf(String(host(graph).inputs["userDataBase64"])))?.[1];
    const policy = (graph: Evaluation<unknown>) =>
      String(find(graph, "aws:iam/rolePolicy:RolePolicy", "db-role-policy").inputs["policy"]);
    const [sent, kept] = [await construct({ telemetry: stubTelemetry }), await construct()];
    assert.deepEqual([logGroup(sent), logGroup(kept)], ["logs", ""]);
    assert.match(policy(sent), /"Resource":"arn:of:logs"/);
    assert.doesNotMatch(policy(kept), /arn:of:logs/);
  });

  it("gives the host no role's secret and no version of one, so that a rotation leaves it alone", async () => {
    const [one, other] = [
      await construct(),
      await construct({ appPasswordVersion: 2, ownerPasswordVersion: 2, authorityVersion: 2 }),
    ];
    assert.deepEqual(host(one).inputs, host(other).inputs);
    assert.doesNotMatch(
      scriptOf(String(host(one).inputs["userDataBase64"])),
      /^export (?!BACKUP_).*arn:aws:secretsmanager/m,
    );
  });

  it("lets the host read its document and its secrets, and nothing else", async () => {
    const { inputs } = find(await construct(), "aws:iam/rolePolicy:RolePolicy", "db-role-policy");
    const { Statement } = JSON.parse(String(inputs["policy"])) as {
      Statement: { Action: string; Resource: string | string[] }[];
    };
    assert.deepEqual(
      Statement.map(
        ({ Action, Resource }) => `${Action} ${String(Resource).replace(/-1234567-AbCdEf/g, "")}`,
      ),
      [
        "s3:PutObject arn:aws:s3:::bucket/boot",
        `s3:GetObject arn:aws:s3:::bucket/${fetchedScript("postgres").key}`,
        "s3:GetObject arn:aws:s3:::bucket/database/postgres.test.internal/roles.json",
        "s3:PutObject arn:aws:s3:::bucket/tls/postgres.test.internal-ca-*.pem",
        "secretsmanager:GetSecretValue arn:aws:secretsmanager:us-east-2:123456789012:secret:db-owner," +
          "arn:aws:secretsmanager:us-east-2:123456789012:secret:db-app",
        "s3:PutObject arn:aws:s3:::bucket/records/*.json",
        "s3:PutObject arn:aws:s3:::backups/1/*",
        "cloudwatch:PutMetricData *",
      ],
    );
  });

  it("has the parameters that follow from its size, but for those that are set", async () => {
    const parameters = async (changed: Partial<PostgresHostArgs>) =>
      /^export PARAMETERS='([^']*)'$/m.exec(
        scriptOf(String(host(await construct(changed)).inputs["userDataBase64"])),
      )?.[1];
    const tuned = await parameters({});
    assert.match(tuned ?? "", /^max_connections = 192\nshared_buffers = 512MB\n/);
    const set = { max_connections: "80", random_page_cost: "2" };
    assert.equal(
      await parameters({ parameters: set }),
      `${(tuned ?? "").replace("= 192", "= 80").replace(/work_mem = 4096kB/, "work_mem = 5957kB")}\nrandom_page_cost = 2`,
    );
  });

  it("gives each generation a volume of its own, keeps that of the one before, and may write one repository", async () => {
    const volumes = (graph: Evaluation<unknown>) =>
      ofType(graph, "aws:ebs/volume:Volume").map(({ name }) => name);
    assert.deepEqual(volumes(await construct()), ["db-data"]);
    const restored = { number: 3, restoreFrom: 1, before: 2, restoreTo: "name:before" };
    const graph = await construct({ generation: restored });
    assert.deepEqual(volumes(graph), ["db-data-2", "db-data-3"]);
    const { inputs } = find(graph, "aws:ec2/volumeAttachment:VolumeAttachment", "db-data");
    assert.match(String(inputs["volumeId"]), /db-data-3/);
    const script = scriptOf(String(host(graph).inputs["userDataBase64"]));
    for (const line of ["GENERATION='3'", "RESTORE_FROM='1'", "RESTORE_TO='name:before'"])
      assert.match(script, new RegExp(`^export ${line}$`, "m"));
    const { inputs: role } = find(graph, "aws:iam/rolePolicy:RolePolicy", "db-role-policy");
    assert.match(String(role["policy"]), /backups\/3\/\*/);
    assert.ok(ancestors(graph, host(graph)).has("backups"), "the host boots before there is a passphrase");
  });

  it("lets the range of its clients' network in, and not its own", async () => {
    const script = scriptOf(String(host(await construct()).inputs["userDataBase64"]));
    assert.match(script, /^export CLIENT_CIDRS='10\.10\.128\.0\/17'$/m);
  });

  it("is replaced, after a snapshot, by another type of the same memory", async () => {
    const [one, other] = [await construct(), await construct({ instanceType: "t3a.small" })];
    assert.deepEqual(host(one).replaceOnChanges, ["instanceType"]);
    assert.equal(host(one).inputs["userDataBase64"], host(other).inputs["userDataBase64"]);
    const description = (graph: Evaluation<unknown>) =>
      find(graph, "aws:ebs/snapshot:Snapshot", "db-before").inputs["description"];
    assert.notEqual(description(one), description(other));
    assert.ok(ancestors(one, host(one)).has("db-before"));
    assert.equal(description(one), description(await construct({ tags: { stack: "other" } })));
  });

  it("is another host by its number, after a snapshot; and recovers from failed hardware as the same", async () => {
    const [one, other] = [await construct(), await construct({ hostVersion: 2 })];
    assert.notEqual(host(one).inputs["userDataBase64"], host(other).inputs["userDataBase64"]);
    const before = (graph: Evaluation<unknown>) =>
      find(graph, "aws:ebs/snapshot:Snapshot", "db-before").inputs["description"];
    assert.notEqual(before(one), before(other));
    assert.deepEqual(host(one).inputs["maintenanceOptions"], { autoRecovery: "default" });
  });

  it("is protected as a whole: volume, snapshots, and the host against a termination by hand", async () => {
    for (const protect of [false, true]) {
      const graph = await construct({ protect });
      const volume = find(graph, "aws:ebs/volume:Volume", "db-data");
      assert.deepEqual([volume.protect, volume.retainOnDelete], [protect, protect]);
      assert.equal(find(graph, "aws:ebs/snapshot:Snapshot", "db-before").retainOnDelete, protect);
      assert.equal(host(graph).inputs["disableApiTermination"], protect);
      assert.equal(host(graph).inputs["forceDestroy"], true);
    }
  });

  it("keeps its volume in AWS, and lets the stack let go of it, while it is temporary", async () => {
    const graph = await construct({ protect: true, temporary: true });
    const { protect, retainOnDelete } = find(graph, "aws:ebs/volume:Volume", "db-data");
    assert.deepEqual([protect, retainOnDelete], [false, true]);
  });

  it("protects the volume of its generation, and not that of the one before", async () => {
    const graph = await construct({
      protect: true,
      generation: { number: 2, restoreFrom: 1, before: 1, restoreTo: "" },
    });
    const kept = (name: string) => {
      const { protect, retainOnDelete } = find(graph, "aws:ebs/volume:Volume", name);
      return [protect, retainOnDelete];
    };
    assert.deepEqual(
      [kept("db-data"), kept("db-data-2")],
      [
        [false, true],
        [true, true],
      ],
    );
  });

  it("has its secrets once, and its zone in one network, where its clients are", async () => {
    const there = stubNetwork(region);
    const graph = await construct({ network: there, clients: there });
    const { inputs } = find(graph, "aws:route53/zone:Zone", "db-zone");
    assert.equal((inputs["vpcs"] as unknown[]).length, 1);
    for (const secret of ofType(graph, "aws:secretsmanager/secret:Secret"))
      assert.equal(secret.inputs["replicas"], undefined, secret.name);
    assert.match(await valueOf(graph.made.access.app.secret.arn), /:us-east-2:.*db-app/);
  });

  it("opens its port to the clients' subnets and SSH to whom it is told", async () => {
    const ssh = { name: "ssh", description: "SSH", port: 22, cidrBlock: "192.0.2.0/24" };
    const graph = await construct({ access: { ...stubAccess, openings: [ssh] } });
    const open = ofType(graph, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule");
    assert.deepEqual(
      open.map(({ inputs }) => [inputs["fromPort"], inputs["cidrIpv4"]]),
      [
        [5432, "10.20.128.0/20"],
        [22, "192.0.2.0/24"],
      ],
    );
  });

  it("offers clients the way, each role's secret in their region, and what reads it", async () => {
    const { access } = (await construct({ appPasswordVersion: 2 })).made;
    assert.deepEqual(
      access.openings.map(({ port, cidrBlock }) => [port, cidrBlock]),
      [[5432, "10.20.128.0/20"]],
    );
    assert.match(await valueOf(access.app.secret.arn), /:us-east-1:.*db-app/);
    assert.match(await valueOf(access.owner.secret.arn), /:us-east-1:.*db-owner/);
    const [, app] = access.app.statements;
    assert.equal(app?.Condition, undefined, "two fleets share a role, each with its version");
    const [, owner] = access.owner.statements;
    assert.ok(owner?.Condition?.["StringEquals"]?.["secretsmanager:VersionId"]);
  });

  const refused: { title: string; changed: Partial<PostgresHostArgs>; message: RegExp }[] = [
    {
      title: "a type that EC2 does not offer",
      changed: { instanceType: unknownType },
      message:
        /databaseInstanceType is t9\.large, which EC2 does not offer in this region: set it to another/,
    },
    {
      title: "an image that Debian does not publish",
      changed: { debianImage: unknownImage },
      message: /databaseDebianImage is debian-13-amd64-19990101-1, which Debian does not publish/,
    },
    {
      title: "more connections than there is memory for",
      changed: { neededConnections: 496 },
      message: /t3.small has memory for 192 connections, and the web hosts open 496: set a larger/,
    },
    {
      title: "fewer connections than the web hosts open",
      changed: { parameters: { max_connections: "79" } },
      message: /databaseParameters sets max_connections to 79, and the web hosts open 80: raise it or set/,
    },
    {
      title: "a version that is no whole number",
      changed: { ownerPasswordVersion: 0 },
      message: /whole number from 1 to 9999/,
    },
  ];
  for (const { title, changed, message } of refused)
    for (const preview of [true, false])
      it(`refuses ${title}, ${preview ? "in a preview" : "in an update"}, in one line`, async () => {
        await assert.rejects(construct(changed, preview), message);
      });
});
