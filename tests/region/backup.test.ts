/** Backups, restores and the drill on real database hosts, each with the user data that the program gives it. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import * as s3 from "@aws-sdk/client-s3";
import { onHost } from "../../local/faults/onHost";
import { DatabaseHosts, databaseRegion, runUnit, sql, webRegion } from "../support/databaseHosts";
import { eventually } from "../support/eventually";

/** A row that the database has acknowledged, and the segment of the log that held its commit at the latest. */
interface Acknowledged {
  readonly id: number;
  readonly segment: string;
}

describe("backups and restores of the database", () => {
  let hosts: DatabaseHosts;
  before(async () => {
    hosts = await DatabaseHosts.start();
  });
  after(() => hosts.stop());

  /** Every object of a generation's repository, and what it holds. */
  async function repository(generation: number): Promise<Map<string, string>> {
    const { Contents = [] } = await hosts.buckets.send(
      new s3.ListObjectsV2Command({ Bucket: "backups", Prefix: `${generation}/` }),
    );
    return new Map(Contents.map(({ Key, ETag }) => [Key!, ETag!]));
  }

  const ids = async (host: string) =>
    (await sql(host, "SELECT id FROM entry ORDER BY id")).split("\n").filter(Boolean).map(Number);

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
    const { id, report } = await hosts.boot("first", databaseRegion, {});
    assert.equal(report.succeeded, true, JSON.stringify(report));
    first = id;
    await sql(first, "CREATE TABLE entry (id int PRIMARY KEY, text text)");
    await write(first, 5);
    await eventually("a first backup", async () => (await hosts.record("backup"))["succeeded"] === true);
    const { type, generation, label } = await hosts.record("backup");
    assert.deepEqual([type, generation], ["full", 1]);
    assert.match(String(label), /^\d{8}-\d{6}F$/);
    const keys = [...(await repository(1)).keys()];
    assert.ok(keys.some((key) => key.startsWith(`1/backup/main/${String(label)}/`)));
    assert.ok(keys.some((key) => /^1\/archive\/main\/17-1\/.*\.zst$/.test(key)));
    for (const key of keys.slice(0, 5))
      assert.equal(Buffer.from((await hosts.get("backups", key))!).toString("latin1", 0, 8), "Salted__", key);
  });

  it("what was backed up is locked: a deletion hides it, and nobody takes it away", async () => {
    const [key = ""] = [...(await repository(1)).keys()].filter((name) => name.endsWith("/backup.manifest"));
    const place = { Bucket: "backups", Key: key };
    const { VersionId, ObjectLockMode, ObjectLockRetainUntilDate } = await hosts.buckets.send(
      new s3.HeadObjectCommand(place),
    );
    assert.equal(ObjectLockMode, "GOVERNANCE");
    assert.ok(Number(ObjectLockRetainUntilDate) > Date.now());
    const { VersionId: marker } = await hosts.buckets.send(new s3.DeleteObjectCommand(place));
    assert.equal(await hosts.get("backups", key), undefined);
    await assert.rejects(hosts.buckets.send(new s3.DeleteObjectCommand({ ...place, VersionId })), {
      name: "AccessDenied",
    });
    await hosts.buckets.send(new s3.DeleteObjectCommand({ ...place, VersionId: marker }));
    assert.ok(await hosts.get("backups", key));
  });

  it("the next backup holds what changed, and the figures tell that all is well", async () => {
    assert.equal(await runUnit(first, "database-backup"), true);
    assert.equal((await hosts.record("backup"))["type"], "diff");
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
    const { succeeded, marker, rows, backup } = await hosts.record("drill");
    assert.equal(succeeded, true);
    assert.match(String(marker), /^drill-\d+$/);
    assert.equal(backup, (await hosts.record("backup"))["label"]);
    assert.ok(Number(rows) >= acknowledged.length);
    assert.equal((await onHost(first, "ls -d /var/lib/postgresql/drill || true")).trim(), "");
  });

  it("a damaged repository, a drill and a backup that fail are noticed", async () => {
    const label = String((await hosts.record("backup"))["label"]);
    const key = [...(await repository(1)).keys()].find((name) =>
      name.startsWith(`1/backup/main/${label.slice(0, 16)}/bundle/`),
    )!;
    const whole = (await hosts.get("backups", key))!;
    const damaged = Buffer.from(whole);
    for (let at = damaged.length >> 1; at < (damaged.length >> 1) + 64; at++) damaged[at]! ^= 0xff;
    await hosts.put("backups", key, damaged);
    assert.equal(await runUnit(first, "database-drill"), false);
    const drilled = await hosts.record("drill");
    assert.equal(drilled["succeeded"], false);
    assert.ok(String(drilled["error"]).length > 0);
    assert.doesNotMatch(String(drilled["error"]), /the marker/, "it is the damage that is found");
    await hosts.put("backups", key, whole);

    await onHost(first, "sed -i s/^repo1-s3-bucket=.*/repo1-s3-bucket=nowhere/ /etc/pgbackrest.conf");
    assert.equal(await runUnit(first, "database-backup"), false);
    assert.equal((await hosts.record("backup"))["succeeded"], false);
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
    const { id, report } = await hosts.boot("second", databaseRegion, {
      GENERATION: 2,
      RESTORE_FROM: 1,
      RESTORE_TO: "name:before-the-drop",
    });
    assert.equal(report.succeeded, true, JSON.stringify(report));
    assert.deepEqual(await ids(id), there);
    const { from, generation, target } = await hosts.record("restore");
    assert.deepEqual([from, generation, target], [1, 2, "name:before-the-drop"]);
    assert.equal(await sql(id, "SHOW archive_mode"), "on");
    assert.ok((await repository(2)).size > 0, "the new generation archives");
    // The live cluster and its repository are as they were.
    assert.deepEqual(await ids(first), there);
    for (const [key, content] of untouched) assert.equal((await repository(1)).get(key), content, key);
  });

  it("a volume that is empty while its generation has backups is left empty", async () => {
    const { report } = await hosts.boot("amnesiac", databaseRegion, { GENERATION: 1 });
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
    await hosts.end(first);
    const [, , last] = /\/(0000000100000000|[0-9A-F]{16})\/([0-9A-F]{24})-[^/]*$/.exec(
      [...(await repository(1)).keys()]
        .filter((key) => /\/[0-9A-F]{24}-/.test(key))
        .sort()
        .at(-1)!,
    )!;

    const { id, report } = await hosts.boot("third", webRegion, { GENERATION: 3, RESTORE_FROM: 1 });
    assert.equal(report.succeeded, true, JSON.stringify(report));
    const there = new Set(await ids(id));
    const bound = acknowledged.filter(({ segment }) => segment <= last!);
    assert.ok(bound.length >= acknowledged.length - 5);
    assert.deepEqual(
      bound.filter((row) => !there.has(row.id)),
      [],
      "what was archived is there",
    );
    const { lastWal, lastCommit } = await hosts.record("restore");
    assert.ok(String(lastWal).slice(8) >= last!.slice(8), String(lastWal));
    assert.ok(Number.isFinite(Date.parse(String(lastCommit))), String(lastCommit));
  });
});
