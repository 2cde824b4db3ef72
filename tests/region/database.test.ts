/** The database host and what it must not lose: a stack of the two networks and itself, without the web tier, under the engine. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { StartInstancesCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { awsClients, type RegionClients } from "../../local/api/clients";
import { hostCommand, onHost } from "../../local/faults/onHost";
import { needsCli } from "../engine/deployment";
import { eventually } from "../support/eventually";
import { type Deployed, deploy, run } from "../support/pulumiCommands";
import { copyOfCheckout, HeldRegion, leftovers } from "../support/regionProcess";

const volume = "/var/lib/postgresql";
const unit = "postgresql@17-main";

describe("the database host", needsCli, () => {
  let copy: Awaited<ReturnType<typeof copyOfCheckout>>;
  let region: HeldRegion;
  let database: string;
  let client: string;
  let writer: Writer;

  const file = (name: string) => join(copy.path, name);
  const edit = (name: string, change: (text: string) => string) =>
    writeFileSync(file(name), change(readFileSync(file(name), "utf8")));
  const set = (setting: string, value: number) =>
    edit("Pulumi.local.yaml", (text) =>
      text
        .replace(new RegExp(`^ {2}django-on-ec2:${setting}:.*\n`, "m"), "")
        .replace(/^config:\n/m, `$&  django-on-ec2:${setting}: ${value}\n`),
    );

  async function up(...options: readonly string[]): Promise<Deployed> {
    const outcome = await deploy(copy.path, "up", { options });
    assert.equal(outcome.status, 0, outcome.output);
    database = await output("databaseInstanceId");
    return outcome;
  }
  async function output(name: string): Promise<string> {
    const command = `. .local/engine.env && pulumi stack output ${name} --stack local --show-secrets`;
    const answer = await run(copy.path, "bash", ["-c", command]);
    assert.equal(answer.status, 0, answer.output);
    return answer.output.trim();
  }
  async function inRegion<T>(name: string, ask: (clients: RegionClients) => Promise<T>): Promise<T> {
    const environment = readFileSync(file(".local/engine.env"), "utf8");
    const clients = awsClients(/AWS_ENDPOINT_URL='(.*)'/.exec(environment)?.[1] ?? "");
    try {
      return await ask(clients.in(name));
    } finally {
      clients.destroy();
    }
  }

  const sql = async (query: string) =>
    (await onHost(database, `cd / && runuser -u postgres -- psql -XAtd app -c "${query}"`)).trim();
  /** What the host says of its database since a moment of its own clock. */
  const told = async (pattern: RegExp) =>
    pattern.test(await onHost(database, "journalctl -u watch-database --since -60s -o cat --no-pager"));
  const answers = () => sql("SELECT 1").then(Boolean, () => false);

  before(async () => {
    assert.deepEqual(await leftovers(), []);
    copy = await copyOfCheckout();
    edit("index.ts", databaseOnly);
    set("webMaxSize", 2);
    set("databaseVolumeGiB", 8);
    region = new HeldRegion(copy.path);
    await region.isUp();
    await up();
    client = await output("clientInstanceId");
    await eventually("the client's packages", () =>
      onHost(client, "test -e /run/ready").then(
        () => true,
        () => false,
      ),
    );
    writer = new Writer(client, await connection());
    await sql("CREATE TABLE written (id bigserial PRIMARY KEY, text text NOT NULL DEFAULT repeat('x', 200))");
    await sql("GRANT SELECT, INSERT ON written TO app_rw; GRANT USAGE ON SEQUENCE written_id_seq TO app_rw");
  });
  afterEach(async () => {
    await writer.stop();
    // Whatever has happened, in the end every acknowledged row is there, and every page of it is whole.
    await eventually("the database", answers);
    const there = new Set((await sql("SELECT id FROM written")).split("\n"));
    const lost = writer.acknowledged.filter((id) => !there.has(id));
    assert.deepEqual(lost, [], `of ${writer.acknowledged.length} acknowledged rows`);
    assert.equal(await sql("SELECT sum(checksum_failures) FROM pg_stat_database"), "0");
  });
  after(async () => {
    region.kill("SIGINT");
    const status = await region.ended;
    copy.remove();
    assert.equal(status, 0, region.output);
    assert.deepEqual(await leftovers(), []);
  });

  /** How the client reaches the database, as the service does. */
  async function connection(): Promise<string> {
    const { s3 } = await inRegion("us-east-1", async (clients) => {
      const place = { Bucket: await output("bootReportBucket"), Key: "tls/postgres-ca-1.pem" };
      const { Body } = await clients.s3.send(new GetObjectCommand(place));
      return { s3: await Body!.transformToString() };
    });
    await onHost(client, `cat >/run/ca.pem <<'PEM'\n${s3}PEM`);
    const SecretId = await output("appSecretArn");
    const { SecretString } = await inRegion("us-east-1", ({ secretsManager }) =>
      secretsManager.send(new GetSecretValueCommand({ SecretId })),
    );
    const { host, dbname, username, password } = JSON.parse(SecretString!) as Record<string, string>;
    return [
      `host=${host} dbname=${dbname} user=${username} password=${password}`,
      "sslmode=verify-full sslrootcert=/run/ca.pem ssl_min_protocol_version=TLSv1.3",
      "connect_timeout=2 tcp_user_timeout=2000 keepalives_idle=1 keepalives_interval=1 keepalives_count=2",
    ].join(" ");
  }

  /** Does something in the middle of a write load, and waits until the load goes on. */
  async function underLoad(action: () => Promise<unknown>): Promise<void> {
    await writer.start();
    await writer.writes(50);
    await action();
    await writer.writes(50);
  }

  it("loses nothing when the postmaster is killed, five times under load", async () => {
    for (let round = 0; round < 5; round++)
      await underLoad(() => onHost(database, `kill -9 $(head -n 1 ${volume}/17/main/postmaster.pid)`));
  });

  /** Takes the volume away as a power cut does: what was not yet written to it is lost with the page cache. */
  const cut = () =>
    onHost(
      database,
      `python3 -c 'import fcntl, os, struct; EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587d, struct.pack("I", 2)
fcntl.ioctl(os.open("${volume}", os.O_RDONLY), EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH)'`,
    );

  it("loses nothing when its volume loses power, ten times under load", async () => {
    for (let round = 0; round < 10; round++)
      await underLoad(async () => {
        await cut();
        await onHost(
          database,
          // As long as a process or its namespace ends, the kernel keeps the file system.
          `device=$(basename $(findmnt -no SOURCE ${volume}))
systemctl kill -s KILL ${unit}; systemctl stop ${unit}
umount ${volume}; while [ -e /sys/fs/ext4/$device ]; do sleep 0.1; done
mount ${volume} && systemctl start ${unit}`,
        );
      });
  });

  it("loses nothing when the whole host does, and comes back when it is started", async () => {
    await underLoad(async () => {
      await cut();
      powerOff(database);
      await eventually("the end", () =>
        onHost(database, "true").then(
          () => false,
          () => true,
        ),
      );
      await inRegion("us-east-2", ({ ec2 }) =>
        ec2.send(new StartInstancesCommand({ InstanceIds: [database] })),
      );
    });
  });

  const sizeGiB = async () =>
    Math.round(Number(await onHost(database, `df --output=size -B1 ${volume} | tail -n 1`)) / 2 ** 30);

  it("grows while it is written to, with no connection lost", async () => {
    await writer.start();
    await writer.writes(50);
    const began = await onHost(database, `systemctl show -P ActiveEnterTimestampMonotonic ${unit}`);
    set("databaseVolumeGiB", 9);
    const { steps } = await up();
    assert.deepEqual(steps, ["update aws:ebs/volume:Volume local-db-data"]);
    await eventually("the file system", async () => (await sizeGiB()) === 9);
    await writer.writes(50);
    assert.equal(writer.connections, 3);
    assert.equal(await onHost(database, `systemctl show -P ActiveEnterTimestampMonotonic ${unit}`), began);
  });

  it("warns of a volume that fills up, stops writing before it is full, and goes on when it has grown", async () => {
    await writer.start();
    const fill = (percent: number) =>
      onHost(
        database,
        `fallocate -l $(($(df --output=size -B1 ${volume} | tail -n 1) * ${percent} / 100 - $(df --output=used -B1 ${volume} | tail -n 1))) ${volume}/ballast`,
      );
    await fill(86);
    await eventually("a warning", () =>
      told(/"level" ?: ?"warning".*the volume fills up: raise databaseVolumeGiB/),
    );
    await writer.writes(50);
    await onHost(database, `rm ${volume}/ballast`);
    await fill(96);
    await eventually("no more writing", () => told(/nothing is written any more/));
    await assert.rejects(writer.once(), /cannot execute INSERT in a read-only transaction/);
    assert.equal(
      await onHost(client, `psql -XAt "${await connection()}" -c 'SELECT count(*) > 0 FROM written'`),
      "t\n",
    );
    set("databaseVolumeGiB", 12);
    await up();
    await writer.writes(50);
    await onHost(database, `rm ${volume}/ballast`);
  });

  it("says what is wrong when the volume is full all the same, and loses nothing when it has grown", async () => {
    await writer.start();
    await writer.writes(50);
    // By root, who takes what is kept for it, too, and faster than anybody looks.
    await onHost(
      database,
      `for size in 1G 64M 4M 64K 4K; do while fallocate -l $size ${volume}/ballast.$((number++)); do :; done; done 2>/dev/null`,
    );
    await eventually("the end of writing", async () => {
      await sql("SELECT pg_switch_wal()").catch(() => undefined);
      return !(await answers()) || (await told(/nothing is written any more/));
    });
    await eventually("the reason", () =>
      told(/its volume is full, raise databaseVolumeGiB and deploy|nothing is written any more/),
    );
    set("databaseVolumeGiB", 20);
    await up();
    await writer.writes(50);
    await onHost(database, `rm ${volume}/ballast.*`);
  });

  it("lets the operator in when clients have taken every connection, and tells of a transaction that stays open", async () => {
    const most = Number(await sql("SHOW max_connections"));
    const [command, args] = await hostCommand(
      client,
      `for ((n = 0; n < ${most}; n++)); do psql -qXAt "${await connection()}" -c 'SET statement_timeout = 0; SELECT pg_sleep(600)' & done; wait`,
    );
    const crowd = spawn(command, args, { stdio: "ignore" });
    try {
      await eventually("refusals", async () =>
        /remaining connection slots|too many clients/.test(await writer.once().catch(String)),
      );
      assert.equal(await sql("SELECT 1"), "1");
      await eventually("a warning", () => told(/connections run out: see pg_stat_activity/));
    } finally {
      await sql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()",
      );
      crowd.kill();
    }
    await writer.once();
  });

  it("is replaced by one command: a snapshot first, and every row as before", async (t) => {
    const before = database;
    const digest = "SELECT count(*), md5(string_agg(id::text, ',' ORDER BY id)) FROM written WHERE id <= ";
    const last = await sql("SELECT max(id) FROM written");
    const rows = await sql(digest + last);
    await writer.start();
    await writer.writes(50);
    const gap = writer.longestGap();
    const { steps } = await up("--refresh", "-c", "databaseHostVersion=2");
    await writer.writes(50);
    t.diagnostic(`no row was acknowledged for ${gap()} s while the host was replaced`);
    const at = (step: string) => steps.indexOf(step);
    const [snapshot, ending] = [
      at("create-replacement aws:ebs/snapshot:Snapshot local-db-before"),
      at("delete-replaced aws:ec2/instance:Instance local-db"),
    ];
    assert.ok(snapshot >= 0 && snapshot < ending, steps.join("\n"));
    assert.notEqual(database, before);
    assert.equal(await sql(digest + last), rows);
  });

  it("goes back with one command when a new host does not boot", async (t) => {
    const script = readFileSync(file("userdata/postgres.sh"), "utf8");
    await writer.start();
    await writer.writes(50);
    const gap = writer.longestGap();
    edit("userdata/postgres.sh", (text) => text.replace(/^SCRIPT=postgres$/m, `$&\nfail "it does not boot"`));
    const { status, errors } = await deploy(copy.path, "up");
    assert.notEqual(status, 0);
    assert.match(errors, /it does not boot/);
    writeFileSync(file("userdata/postgres.sh"), script);
    await up();
    await writer.writes(50);
    t.diagnostic(`no row was acknowledged for ${gap()} s from the bad deployment to the good one's end`);
  });

  it("that is gone is made anew by one command", async (t) => {
    const before = database;
    await writer.start();
    await writer.writes(50);
    const gap = writer.longestGap();
    await inRegion("us-east-2", ({ ec2 }) =>
      ec2.send(new TerminateInstancesCommand({ InstanceIds: [before] })),
    );
    await up("--refresh", "-c", "databaseHostVersion=3");
    await writer.writes(50);
    t.diagnostic(`no row was acknowledged for ${gap()} s from the host's end to the new one's first row`);
    assert.notEqual(database, before);
  });

  it("has whole tables and indexes, after all of that", async () => {
    await onHost(
      database,
      "cd / && runuser -u postgres -- pg_amcheck --all --install-missing --heapallindexed",
    );
    const check = `systemctl stop ${unit} && runuser -u postgres -- /usr/lib/postgresql/17/bin/pg_checksums --check -D ${volume}/17/main`;
    assert.match(await onHost(database, `cd / && ${check}; systemctl start ${unit}`), /Bad checksums: +0\n/);
  });
});

/** The program without what is not about the database, and with a client of it. */
function databaseOnly(program: string): string {
  const end = program.indexOf("const image =");
  assert.ok(end > program.indexOf("const database ="), "index.ts makes the image before the database");
  return `// @ts-nocheck: it imports more than it uses
${program.slice(0, end)}
import { debianImageId } from "./components/host/debianImage";
import { metadataOptions } from "./components/host/host";
import { Firewall, internetEgress } from "./components/network/firewall";
const clientFirewall = new Firewall("client-firewall", {
  vpcId: webNetwork.vpcId, description: "A client of the database", egress: [...internetEgress, ...database.access.openings],
}, { provider: web });
const client = new aws.ec2.Instance("client", {
  ami: debianImageId(settings.debianImage, "debianImage", webNetwork),
  instanceType: "t3.micro",
  subnetId: webNetwork.hostSubnets[0]!.id,
  vpcSecurityGroupIds: [clientFirewall.securityGroupId],
  metadataOptions,
  userData: "#!/bin/bash\\nuntil apt-get -qy update && apt-get -qy install postgresql-client; do sleep 1; done; touch /run/ready",
}, { provider: web, dependsOn: [webNetwork, peering] });
export const clientInstanceId = client.id;
export const appSecretArn = database.access.app.secret.arn;
export const bootReportBucket = gate.bucketName;
export const databaseInstanceId = database.instanceId;
`;
}

/** Ends a host as a power cut would. */
function powerOff(id: string): void {
  const record = readFileSync(`/var/lib/django-on-ec2/processes/${id}.json`, "utf8");
  process.kill((JSON.parse(record) as { pid: number }).pid, "SIGKILL");
}

/** Writes rows from a client by three connections, and keeps the ids of those that were acknowledged. */
class Writer {
  readonly acknowledged: string[] = [];
  /** How often it has connected since it was started. */
  connections = 0;
  private child: ChildProcess | undefined;
  private lastAt = 0;
  private longest = 0;

  constructor(
    private readonly host: string,
    private readonly connection: string,
  ) {}

  /** Goes on when a connection breaks; does nothing when it writes already. */
  async start(): Promise<void> {
    if (this.child) return;
    this.connections = 0;
    const [command, args] = await hostCommand(
      this.host,
      `write() {
  while [ -e /run/writing ]; do
    echo connect
    psql -qXAt '${this.connection}' <<<'INSERT INTO written DEFAULT VALUES RETURNING id \\watch 0.005' &
    echo $! >/run/psql.$1
    wait $!
    sleep 0.1
  done
}
touch /run/writing
for number in 1 2 3; do write $number & done 2>/dev/null
wait`,
    );
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
    this.child = child;
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      this.connections += lines.filter((line) => line === "connect").length;
      const ids = lines.filter((line) => /^\d+$/.test(line));
      if (ids.length === 0) return;
      this.acknowledged.push(...ids);
      this.longest = Math.max(this.longest, Date.now() - this.lastAt);
      this.lastAt = Date.now();
    });
  }

  /** Waits until it has written so many more. */
  async writes(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    await eventually("rows", () => Promise.resolve(this.acknowledged.length >= wanted));
  }

  /** From now on: answers for how long nothing was acknowledged, in seconds. */
  longestGap(): () => number {
    this.lastAt = Date.now();
    this.longest = 0;
    return () => this.longest / 1000;
  }

  /** One more row, by a connection of its own. */
  once(): Promise<string> {
    return onHost(this.host, `psql -qXAt '${this.connection}' -c 'INSERT INTO written DEFAULT VALUES'`);
  }

  async stop(): Promise<void> {
    if (!this.child) return;
    const ended = once(this.child, "close");
    this.child = undefined;
    await onHost(this.host, "rm /run/writing; kill $(cat /run/psql.*) || true");
    await ended;
  }
}
