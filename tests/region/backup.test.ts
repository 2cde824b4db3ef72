/** Backups, restores and the drill on real database hosts, each with the user data that the program gives it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import * as s3 from "@aws-sdk/client-s3";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import type { BootVariables } from "../../components/host/bootVariables";
import { fetchedScript, renderBootScript } from "../../components/host/userData";
import { bootReportKey, userIdOf, type BootReport } from "../../gate/contract.cjs";
import { prepareRegion, startRegion } from "../../local/aws/region";
import type { Region } from "../../local/aws/region";
import type { Handler, Properties } from "../../local/engine/handler";
import { onHost } from "../../local/faults/onHost";
import { StateDirectory } from "../../local/machine/state";
import { sweep } from "../../local/machine/sweep";
import { request } from "../local/support";
import { eventually } from "../support/eventually";
import { root } from "../support/regionProcess";

const webRegion = "us-east-1";
const databaseRegion = "us-east-2";
const roleId = "AROABACKUPTEST";
const never = new AbortController().signal;

/** A row that the database has acknowledged, and the segment of the log that held its commit at the latest. */
interface Acknowledged {
  readonly id: number;
  readonly segment: string;
}

describe("backups and restores of the database", () => {
  let state: StateDirectory;
  let region: Region;
  const faults: Error[] = [];
  const made: { handler: Handler; id: string; state: Properties; region: string }[] = [];
  const networks: Record<string, { readonly subnetId: string; readonly groupId: string }> = {};
  const secrets: Record<string, { readonly arn: string; readonly versionId: string }> = {};

  const buckets = () => region.clients.in(webRegion).s3;

  async function create(type: string, name: string, inputs: Properties, where: string): Promise<string> {
    const handler = region.handlers[type];
    assert.ok(handler, `no handler for ${type}`);
    const created = await handler.create(request(type, name, inputs, where));
    made.push({ handler, id: created.id, state: { ...inputs, ...created.outputs }, region: where });
    return created.id;
  }

  async function createNetwork(where: string, range: string): Promise<void> {
    const vpcId = await create("aws:ec2/vpc:Vpc", where, { cidrBlock: `${range}.0.0/16` }, where);
    const subnetId = await create(
      "aws:ec2/subnet:Subnet",
      where,
      {
        vpcId,
        cidrBlock: `${range}.0.0/20`,
        availabilityZone: `${where}a`,
        mapPublicIpOnLaunch: true,
      },
      where,
    );
    const gatewayId = await create("aws:ec2/internetGateway:InternetGateway", where, { vpcId }, where);
    const routeTableId = await create("aws:ec2/routeTable:RouteTable", where, { vpcId }, where);
    await create(
      "aws:ec2/route:Route",
      where,
      { routeTableId, destinationCidrBlock: "0.0.0.0/0", gatewayId },
      where,
    );
    await create(
      "aws:ec2/routeTableAssociation:RouteTableAssociation",
      where,
      { subnetId, routeTableId },
      where,
    );
    const groupId = await create("aws:ec2/securityGroup:SecurityGroup", where, { vpcId }, where);
    await create(
      "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
      where,
      { securityGroupId: groupId, ipProtocol: "-1", cidrIpv4: "0.0.0.0/0" },
      where,
    );
    networks[where] = { subnetId, groupId };
  }

  async function createSecret(name: string, value: object): Promise<void> {
    const { ARN, VersionId } = await region.clients
      .in(databaseRegion)
      .secretsManager.send(new CreateSecretCommand({ Name: name, SecretString: JSON.stringify(value) }));
    secrets[name] = { arn: ARN!, versionId: VersionId! };
  }

  before(async () => {
    state = StateDirectory.acquire();
    await sweep(state);
    region = await startRegion({
      state,
      ...(await prepareRegion((_name, action) => action({ update: () => undefined }), never)),
      nodeModules: join(root, "node_modules"),
      minute: 60_000,
      onFault: (error) => faults.push(error),
      onBreakdown: (error) => faults.push(error),
    });
    await buckets().send(new s3.CreateBucketCommand({ Bucket: "reports" }));
    // As a stack with backupLockDays has it.
    await create(
      "aws:s3/bucket:Bucket",
      "backups",
      { bucket: "backups", forceDestroy: true, objectLockEnabled: true },
      webRegion,
    );
    await create(
      "aws:s3/bucketVersioning:BucketVersioning",
      "backups",
      { bucket: "backups", versioningConfiguration: { status: "Enabled" } },
      webRegion,
    );
    await create(
      "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
      "backups",
      { bucket: "backups", rule: { defaultRetention: { mode: "GOVERNANCE", days: 1 } } },
      webRegion,
    );
    await createSecret("owner", { username: "app_owner_1", password: "owner" });
    await createSecret("app", { username: "app_rw_1", password: "app" });
    await createSecret("backup", { passphrase: "a passphrase of many words" });
    const roles = { version: "1", authority: 1, owner: secrets["owner"], app: secrets["app"] };
    await put("reports", "database/postgres.test.internal/roles.json", JSON.stringify(roles));
    const { key, content } = fetchedScript("postgres");
    await put("reports", key, content);
    await createNetwork(webRegion, "10.10");
    await createNetwork(databaseRegion, "10.20");
  });

  after(async () => {
    const problems: unknown[] = [];
    for (const { handler, id, state: own, region: where } of made.reverse())
      await handler.delete(id, own, where).catch((error: unknown) => problems.push(error));
    await region.close().catch((error: unknown) => problems.push(error));
    await sweep(state);
    state.release();
    assert.deepEqual(problems, []);
    assert.deepEqual(faults, []);
  });

  const put = (Bucket: string, Key: string, Body: string | Uint8Array) =>
    buckets().send(new s3.PutObjectCommand({ Bucket, Key, Body }));

  async function get(Bucket: string, Key: string): Promise<Uint8Array | undefined> {
    try {
      const { Body } = await buckets().send(new s3.GetObjectCommand({ Bucket, Key }));
      return await Body!.transformToByteArray();
    } catch (error) {
      if (error instanceof s3.NoSuchKey) return undefined;
      throw error;
    }
  }

  async function json(Bucket: string, Key: string): Promise<Record<string, unknown> | undefined> {
    const body = await get(Bucket, Key);
    return body && (JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>);
  }

  /** Every object of a generation's repository, and what it holds. */
  async function repository(generation: number): Promise<Map<string, string>> {
    const { Contents = [] } = await buckets().send(
      new s3.ListObjectsV2Command({ Bucket: "backups", Prefix: `${generation}/` }),
    );
    return new Map(Contents.map(({ Key, ETag }) => [Key!, ETag!]));
  }

  /** A database host, booted. Its boot report and its volume. */
  async function boot(
    name: string,
    where: string,
    variables: Partial<BootVariables<"postgres">>,
  ): Promise<{ readonly id: string; readonly report: BootReport }> {
    const volumeId = await create(
      "aws:ebs/volume:Volume",
      name,
      { availabilityZone: `${where}a`, size: 8 },
      where,
    );
    const { arn } = secrets["backup"]!;
    const [image] = (
      await region.invokes["aws:ec2/getAmiIds:getAmiIds"]!(
        { filters: [{ name: "name", values: ["debian-13-amd64-20260914-2601"] }] },
        where,
      )
    )["ids"] as string[];
    const { subnetId, groupId } = networks[where]!;
    const id = await create(
      "aws:ec2/instance:Instance",
      name,
      {
        ami: image,
        instanceType: "t3.small",
        subnetId,
        vpcSecurityGroupIds: [groupId],
        iamInstanceProfile: "database",
        metadataOptions: { httpTokens: "required" },
        userDataBase64: renderBootScript("postgres", {
          REPORT_BUCKET: "reports",
          REPORT_REGION: webRegion,
          REPORT_ROLE_ID: roleId,
          DATA_VOLUME_ID: volumeId,
          HOST_VERSION: 1,
          DATABASE_NAME: "app",
          DATABASE_HOSTNAME: "postgres.test.internal",
          CLIENT_CIDRS: "10.10.0.0/16",
          OWNER_ROLE: "app_owner",
          APP_ROLE: "app_rw",
          PARAMETERS: "max_connections = 40\nshared_buffers = 64MB",
          TELEMETRY_LOG_GROUP: "",
          TELEMETRY_NAMESPACE: "",
          TELEMETRY_ROLE: "",
          GENERATION: 1,
          RESTORE_FROM: 0,
          RESTORE_TO: "",
          BACKUP_BUCKET: "backups",
          BACKUP_REGION: webRegion,
          BACKUP_SECRET_ARN: arn,
          BACKUP_FULLS: 2,
          SESSION_MANAGER: false,
          ...variables,
        }),
      },
      where,
    );
    await create(
      "aws:ec2/volumeAttachment:VolumeAttachment",
      name,
      { volumeId, instanceId: id, deviceName: "/dev/sdf" },
      where,
    );
    const key = bootReportKey(userIdOf(roleId, id));
    let report: BootReport | undefined;
    await eventually(`${name} has booted`, async () => {
      report = (await json("reports", key)) as unknown as BootReport | undefined;
      return report !== undefined;
    });
    return { id, report: report! };
  }

  const sql = (host: string, statement: string, database = "app") =>
    onHost(
      host,
      `runuser -u postgres -- psql -qXAt -v ON_ERROR_STOP=1 -d ${database} -c "${statement}"`,
    ).then((output) => output.trim());
  const ids = async (host: string) =>
    (await sql(host, "SELECT id FROM entry ORDER BY id")).split("\n").filter(Boolean).map(Number);
  /** Runs a unit, from beginning to end; whether it succeeded. */
  const runUnit = (host: string, unit: string) =>
    onHost(
      host,
      `while [[ $(systemctl is-active ${unit}) == activating ]]; do sleep 0.2; done; systemctl start ${unit}`,
    ).then(
      () => true,
      () => false,
    );
  const record = async (name: string) => (await json("reports", `records/${name}.json`)) ?? {};

  const acknowledged: Acknowledged[] = [];
  async function write(host: string, count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      const id = acknowledged.length + 1;
      await sql(host, `INSERT INTO entry VALUES (${id}, 'row ${id}')`);
      const segment = await sql(host, "SELECT pg_walfile_name(pg_current_wal_lsn())");
      acknowledged.push({ id, segment });
    }
  }

  let first: string;

  it("a new host makes a repository in the other region and a first backup in it", async () => {
    const { id, report } = await boot("first", databaseRegion, {});
    assert.equal(report.succeeded, true, JSON.stringify(report));
    first = id;
    await sql(first, "CREATE TABLE entry (id int PRIMARY KEY, text text)");
    await write(first, 5);
    await eventually("a first backup", async () => (await record("backup"))["succeeded"] === true);
    const { type, generation, label } = await record("backup");
    assert.deepEqual([type, generation], ["full", 1]);
    assert.match(String(label), /^\d{8}-\d{6}F$/);
    const keys = [...(await repository(1)).keys()];
    assert.ok(keys.some((key) => key.startsWith(`1/backup/main/${String(label)}/`)));
    assert.ok(keys.some((key) => /^1\/archive\/main\/17-1\/.*\.zst$/.test(key)));
    for (const key of keys.slice(0, 5))
      assert.equal(Buffer.from((await get("backups", key))!).toString("latin1", 0, 8), "Salted__", key);
  });

  it("what was backed up is locked: a deletion hides it, and nobody takes it away", async () => {
    const [key = ""] = [...(await repository(1)).keys()].filter((name) => name.endsWith("/backup.manifest"));
    const place = { Bucket: "backups", Key: key };
    const { VersionId, ObjectLockMode, ObjectLockRetainUntilDate } = await buckets().send(
      new s3.HeadObjectCommand(place),
    );
    assert.equal(ObjectLockMode, "GOVERNANCE");
    assert.ok(Number(ObjectLockRetainUntilDate) > Date.now());
    const { VersionId: marker } = await buckets().send(new s3.DeleteObjectCommand(place));
    assert.equal(await get("backups", key), undefined);
    await assert.rejects(buckets().send(new s3.DeleteObjectCommand({ ...place, VersionId })), {
      name: "AccessDenied",
    });
    await buckets().send(new s3.DeleteObjectCommand({ ...place, VersionId: marker }));
    assert.ok(await get("backups", key));
  });

  it("the next backup holds what changed, and the figures tell that all is well", async () => {
    assert.equal(await runUnit(first, "database-backup"), true);
    assert.equal((await record("backup"))["type"], "diff");
    const told = await onHost(first, "journalctl -o cat -u database-backup | tail -n 8");
    assert.match(told, /^database_backup_age Seconds \d{1,3}$/m);
    assert.match(told, /^database_wal_waiting Bytes \d+$/m);
  });

  it("the drill restores the newest backup aside, to a marker that is newer, and says so", async () => {
    assert.equal(
      await runUnit(first, "database-drill"),
      true,
      await onHost(first, "journalctl -o cat -u database-drill | tail -n 20"),
    );
    const { succeeded, marker, rows, backup } = await record("drill");
    assert.equal(succeeded, true);
    assert.match(String(marker), /^drill-\d+$/);
    assert.equal(backup, (await record("backup"))["label"]);
    assert.ok(Number(rows) >= acknowledged.length);
    assert.equal((await onHost(first, "ls -d /var/lib/postgresql/drill || true")).trim(), "");
  });

  it("a damaged repository, a drill and a backup that fail are noticed", async () => {
    const label = String((await record("backup"))["label"]);
    const key = [...(await repository(1)).keys()].find((name) =>
      name.startsWith(`1/backup/main/${label.slice(0, 16)}/bundle/`),
    )!;
    const whole = (await get("backups", key))!;
    const damaged = Buffer.from(whole);
    for (let at = damaged.length >> 1; at < (damaged.length >> 1) + 64; at++) damaged[at]! ^= 0xff;
    await put("backups", key, damaged);
    assert.equal(await runUnit(first, "database-drill"), false);
    const drilled = await record("drill");
    assert.equal(drilled["succeeded"], false);
    assert.ok(String(drilled["error"]).length > 0);
    assert.doesNotMatch(String(drilled["error"]), /the marker/, "it is the damage that is found");
    await put("backups", key, whole);

    await onHost(first, "sed -i s/^repo1-s3-bucket=.*/repo1-s3-bucket=nowhere/ /etc/pgbackrest.conf");
    assert.equal(await runUnit(first, "database-backup"), false);
    assert.equal((await record("backup"))["succeeded"], false);
    await onHost(first, "sed -i s/^repo1-s3-bucket=.*/repo1-s3-bucket=backups/ /etc/pgbackrest.conf");
  });

  it("a dropped table is there again on a new host, restored to just before, while the old one lives", async () => {
    await sql(first, "SELECT pg_create_restore_point('before-the-drop')");
    const there = await ids(first);
    await sql(first, "ALTER TABLE entry RENAME TO dropped");
    // A backup that is newer than the point: the restore has to take the one before.
    assert.equal(await runUnit(first, "database-backup"), true);
    await sql(first, "ALTER TABLE dropped RENAME TO entry");
    const untouched = await repository(1);
    const { id, report } = await boot("second", databaseRegion, {
      GENERATION: 2,
      RESTORE_FROM: 1,
      RESTORE_TO: "name:before-the-drop",
    });
    assert.equal(report.succeeded, true, JSON.stringify(report));
    assert.deepEqual(await ids(id), there);
    const { from, generation, target } = await record("restore");
    assert.deepEqual([from, generation, target], [1, 2, "name:before-the-drop"]);
    assert.equal(await sql(id, "SHOW archive_mode"), "on");
    assert.ok((await repository(2)).size > 0, "the new generation archives");
    // The live cluster and its repository are as they were.
    assert.deepEqual(await ids(first), there);
    for (const [key, content] of untouched) assert.equal((await repository(1)).get(key), content, key);
  });

  it("a volume that is empty while its generation has backups is left empty", async () => {
    const { report } = await boot("amnesiac", databaseRegion, { GENERATION: 1 });
    assert.equal(report.succeeded, false);
    assert.match(report.message, /is empty, and generation 1 .* raise databaseGeneration/);
  });

  it("host, volume and region lost: a host in the other region has all that was archived", async () => {
    await write(first, 5);
    await sql(first, "SELECT pg_switch_wal()");
    await write(first, 5);
    await eventually("the segment is archived", async () => {
      const archived = await sql(first, "SELECT last_archived_wal FROM pg_stat_archiver");
      return archived >= acknowledged.at(-6)!.segment;
    });
    await onHost(first, "kill -9 $(pgrep -xo postgres)").catch(() => undefined);
    const lost = made.findIndex(({ id }) => id === first);
    const [host] = made.splice(lost, 1);
    await host!.handler.delete(host!.id, host!.state, databaseRegion);
    const [, , last] = /\/(0000000100000000|[0-9A-F]{16})\/([0-9A-F]{24})-[^/]*$/.exec(
      [...(await repository(1)).keys()]
        .filter((key) => /\/[0-9A-F]{24}-/.test(key))
        .sort()
        .at(-1)!,
    )!;

    const { id, report } = await boot("third", webRegion, { GENERATION: 3, RESTORE_FROM: 1 });
    assert.equal(report.succeeded, true, JSON.stringify(report));
    const there = new Set(await ids(id));
    const bound = acknowledged.filter(({ segment }) => segment <= last!);
    assert.ok(bound.length >= acknowledged.length - 5);
    assert.deepEqual(
      bound.filter((row) => !there.has(row.id)),
      [],
      "what was archived is there",
    );
    const { lastWal, lastCommit } = await record("restore");
    assert.ok(String(lastWal).slice(8) >= last!.slice(8), String(lastWal));
    assert.ok(Number.isFinite(Date.parse(String(lastCommit))), String(lastCommit));
  });
});
