/** The database host and what it must not lose: a stack of the two networks and itself, without the web tier, under the engine. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { DescribeInstancesCommand, StartInstancesCommand } from "@aws-sdk/client-ec2";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { regionFolder } from "../../client/localRegion";
import { awsClients, type RegionClients } from "../../local/api/clients";
import { cutPower, hostCommand, namespaceOf, onHost } from "../../local/faults/onHost";
import { needsCli } from "../engine/deployment";
import { eventually } from "../support/eventually";
import { deploy, run } from "../support/pulumiCommands";
import { copyOfCheckout, HeldRegion, leftovers } from "../support/regionProcess";

const volume = "/var/lib/postgresql";
const unit = "postgresql@17-main";
const log = "/var/log/postgresql/postgresql-17-main.log";

/** Where the machine bounds memory, if it does as the first version of control groups. */
const memory = "/sys/fs/cgroup/memory";
const needsMemoryGroups = { skip: !existsSync(memory) && `${memory} is missing` };

describe("the database host", needsCli, () => {
  let copy: Awaited<ReturnType<typeof copyOfCheckout>>;
  let region: HeldRegion;
  let database: string;
  let client: string;
  let writer: Writer;
  let checksum: string;

  const file = (name: string) => join(copy.path, name);
  const edit = (name: string, change: (text: string) => string) =>
    writeFileSync(file(name), change(readFileSync(file(name), "utf8")));
  const set = (setting: string, value: number | string) =>
    edit("Pulumi.local.yaml", (text) =>
      text
        .replace(new RegExp(`^ {2}django-on-ec2:${setting}:.*\n`, "m"), "")
        .replace(/^config:\n/m, `$&  django-on-ec2:${setting}: ${value}\n`),
    );

  async function up(...options: string[]): Promise<void> {
    const outcome = await deploy(copy.path, "up", { options });
    assert.equal(outcome.status, 0, outcome.output);
    database = await output("databaseInstanceId");
  }
  async function output(name: string): Promise<string> {
    const command = `. ${regionFolder()}/engine.env && pulumi stack output ${name} --stack local --show-secrets`;
    const answer = await run(copy.path, "bash", ["-c", command]);
    assert.equal(answer.status, 0, answer.output);
    return answer.output.trim();
  }
  async function inRegion<T>(name: string, ask: (clients: RegionClients) => Promise<T>): Promise<T> {
    const environment = readFileSync(file(`${regionFolder()}/engine.env`), "utf8");
    const clients = awsClients(/AWS_ENDPOINT_URL='(.*)'/.exec(environment)?.[1] ?? "");
    try {
      return await ask(clients.in(name));
    } finally {
      clients.destroy();
    }
  }

  const sql = async (query: string) =>
    (await onHost(database, `cd / && runuser -u postgres -- psql -XAtd app -c "${query}"`)).trim();
  const checksumOfKept = () => sql("SELECT md5(string_agg(kept::text, ',' ORDER BY n)) FROM kept");
  const answers = () => sql("SELECT 1").then(Boolean, () => false);

  before(async () => {
    assert.deepEqual(await leftovers(), []);
    copy = await copyOfCheckout();
    edit("index.ts", databaseOnly);
    set("webMaxSize", 2);
    set("databaseVolumeGiB", 8);
    set("databaseParameters", '{max_connections: "48"}');
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
    await sql("CREATE TABLE kept AS SELECT n, md5(n::text) FROM generate_series(1, 20000) n");
    checksum = await checksumOfKept();
    await sql("GRANT SELECT, INSERT ON written TO app_rw; GRANT USAGE ON SEQUENCE written_id_seq TO app_rw");
  });
  afterEach(async () => {
    await writer.stop();
    // Whatever has happened, in the end every acknowledged row is there, and every page of it is whole.
    await eventually("the database", answers);
    const there = new Set((await sql("SELECT id FROM written")).split("\n"));
    const lost = writer.acknowledged.filter((id) => !there.has(id));
    assert.deepEqual(lost, [], `of ${writer.acknowledged.length} acknowledged rows`);
    assert.equal(await checksumOfKept(), checksum);
    assert.equal(await sql("SELECT sum(checksum_failures) FROM pg_stat_database"), "0");
  });
  after(async () => {
    region.kill("SIGINT");
    const status = await region.ended;
    copy.remove();
    assert.equal(status, 0, region.output);
    assert.deepEqual(await leftovers(), []);
  });

  /** How the client reaches the database, as the service does that was deployed with this version of its authority. */
  async function connection(authority = 1): Promise<string> {
    const { s3 } = await inRegion("us-east-1", async (clients) => {
      const place = {
        Bucket: await output("bootReportBucket"),
        Key: `tls/postgres.local.internal-ca-${authority}.pem`,
      };
      const { Body } = await clients.s3.send(new GetObjectCommand(place));
      return { s3: await Body!.transformToString() };
    });
    await onHost(client, `cat >/run/ca-${authority}.pem <<'PEM'\n${s3}PEM`);
    const SecretId = await output("appSecretArn");
    const { SecretString } = await inRegion("us-east-1", ({ secretsManager }) =>
      secretsManager.send(new GetSecretValueCommand({ SecretId })),
    );
    const { host, dbname, username, password } = JSON.parse(SecretString!) as Record<string, string>;
    return [
      `host=${host} dbname=${dbname} user=${username} password=${password}`,
      `sslmode=verify-full sslrootcert=/run/ca-${authority}.pem`,
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

  /** What psql answers on the client, also when it fails; later options hold instead of earlier ones. */
  const fromClient = (options: string, query = "SELECT current_user") =>
    onHost(client, `psql -XAtc "${query}" '${writer.connection} ${options}' 2>&1 || true`);

  it("lets nobody in by another way than a client's", async () => {
    assert.equal((await fromClient("")).trim(), "app_rw_1");
    await onHost(
      client,
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout /dev/null -out /run/other.pem -days 1 -subj /CN=other 2>&1",
    );
    for (const [options, refusal] of [
      ["sslmode=disable", /pg_hba.conf rejects connection .*no encryption/],
      ["ssl_max_protocol_version=TLSv1.2", /protocol version/],
      ["sslrootcert=/run/other.pem", /certificate verify failed/],
      ["user=postgres", /pg_hba.conf rejects connection/],
      ["user=monitor", /pg_hba.conf rejects connection/],
      ["dbname=postgres", /pg_hba.conf rejects connection/],
      ["password=wrong", /password authentication failed/],
    ] as const)
      assert.match(await fromClient(options), refusal);
  });

  it("has its password and its authority rotated while every connection works", async () => {
    await underLoad(async () => {
      set("appPasswordVersion", 2);
      set("databaseCaVersion", 2);
      await up();
      const next = await connection(2);
      assert.equal((await onHost(client, `psql -XAtc "SELECT current_user" '${next}'`)).trim(), "app_rw_2");
    });
    assert.equal(writer.broken, 0);
    const issuer = `openssl x509 -in ${volume}/tls/server.pem -noout -issuer`;
    assert.match(await onHost(database, issuer), /PostgreSQL host CA 2/);
  });

  /** What the watch says when it looks once. */
  async function look(): Promise<{ readonly level: string; readonly message: string }> {
    // It may look more often than systemd takes for a fault.
    await onHost(database, "systemctl reset-failed watch-database; systemctl start watch-database");
    return JSON.parse(await onHost(database, "cat /run/watch-database/line")) as Awaited<
      ReturnType<typeof look>
    >;
  }
  /** Has something else take the volume's room, up to so many percent. */
  const fill = (percent: number) =>
    onHost(
      database,
      `python3 -c 'import os
s = os.statvfs("${volume}")
used, there = s.f_blocks - s.f_bfree, s.f_blocks - s.f_bfree + s.f_bavail
file = os.open("${volume}/filler", os.O_CREAT | os.O_RDWR)
os.posix_fallocate(file, os.fstat(file).st_size, int((there * ${percent} / 100 - used) * s.f_frsize))'`,
    );

  it("warns of a volume that fills up, and writes nothing before it is full, until there is room", async () => {
    const { level, message } = await look();
    assert.deepEqual([level, message], ["info", ""]);
    // What CloudWatch was told, which has answered.
    const told = await onHost(
      database,
      "systemctl start database-figures; journalctl -o cat -u database-figures | tail -n 20",
    );
    for (const figure of ["disk_used Percent", "connections_used Percent", "oldest_transaction Seconds"])
      assert.match(told, new RegExp(`^database_${figure} \\d+$`, "m"));
    assert.match(told, /^database_certificate_left Seconds \d{9}$/m);
    await underLoad(async () => {
      await fill(85);
      assert.match((await look()).message, /^the volume fills up: raise databaseVolumeGiB/);
      await writer.writes(20);
      await fill(96.5);
      assert.match((await look()).message, /nothing is written any more: raise databaseVolumeGiB/);
      await eventually("an end of writes", async () =>
        (await fromClient("", "INSERT INTO written DEFAULT VALUES")).includes("read-only transaction"),
      );
      assert.match(await fromClient("", "SELECT count(*) FROM written"), /^\d+$/m);
      await onHost(database, `rm ${volume}/filler`);
      assert.equal((await look()).message, "");
    });
  });

  it("whose volume is full says so, and has every row when the volume has grown", async () => {
    await underLoad(async () => {
      await onHost(database, "systemctl stop watch-database.timer");
      await fill(99.5);
      await onHost(database, `cat /dev/zero >>${volume}/filler || true`);
      // Until there is no room for more of the log, without which there is no database.
      const segments = "PERFORM pg_logical_emit_message(true, 'a', 'b'); PERFORM pg_switch_wal()";
      await assert.rejects(
        sql(`DO 'BEGIN FOR i IN 1..500 LOOP ${segments.replaceAll("'", "''")}; END LOOP; END'`),
      );
      await onHost(database, `grep -qE '(PANIC|ERROR|FATAL): .*No space left on device' ${log}`);
      assert.match((await look()).message, /its volume is full|nothing is written any more/);
      set("databaseVolumeGiB", 10);
      await up();
      await onHost(database, "systemctl start watch-database.timer");
    });
    await onHost(database, `rm ${volume}/filler`);
  });

  it("keeps connections for its monitor and its administrator when clients take all", async () => {
    const hold = `for n in $(seq 60); do sleep 600 | psql -qX '${writer.connection}' & done; wait`;
    const [command, args] = await hostCommand(client, hold);
    const held = spawn(command, args, { stdio: "ignore", detached: true });
    try {
      await eventually("a refusal", async () =>
        (await fromClient("")).includes("remaining connection slots are reserved"),
      );
      assert.match((await look()).message, /^connections run out/);
      assert.equal(await sql("SHOW max_connections"), "48");
    } finally {
      process.kill(-held.pid!, "SIGKILL");
    }
    await eventually("a connection", async () => (await fromClient("")).trim() === "app_rw_1");
  });

  it("loses nothing when memory runs out, and keeps its postmaster", needsMemoryGroups, async () => {
    const started = () => sql("SELECT pg_postmaster_start_time()");
    const before = await started();
    const settings = await onHost(database, `systemctl show -p OOMPolicy -p OOMScoreAdjust ${unit}`);
    assert.deepEqual(settings.trim().split("\n").sort(), ["OOMPolicy=continue", "OOMScoreAdjust=-900"]);
    const widen = await narrowMemory(database, 300);
    try {
      await underLoad(() => assert.rejects(sql("SELECT length(repeat('x', 900000000))")));
    } finally {
      widen();
    }
    assert.equal(await started(), before);
    assert.match(await onHost(database, `grep -c 'was terminated by signal 9: Killed' ${log}`), /^[1-9]/);
  });

  it("gets upgrades of everything but PostgreSQL by themselves, and none of them restarts it", async () => {
    const read = await onHost(database, "apt-config dump");
    for (const line of [
      'APT::Periodic::Update-Package-Lists "1";',
      'APT::Periodic::Unattended-Upgrade "1";',
      'Unattended-Upgrade::Package-Blacklist:: "^postgresql-17$";',
      'Unattended-Upgrade::Automatic-Reboot "false";',
    ])
      assert.ok(read.split("\n").includes(line), line);
    // As needrestart reads it.
    const restarts = `our %nrconf; do "/etc/needrestart/conf.d/postgresql.conf"; my $rc = $nrconf{override_rc};
print grep { q{postgresql@17-main.service} =~ $_ && !$rc->{$_} } keys %$rc`;
    assert.match(await onHost(database, `perl -e '${restarts}'`), /postgresql/);
    const before = await sql("SELECT pg_postmaster_start_time()");
    await underLoad(() =>
      onHost(
        database,
        "apt-get -qy install --reinstall postgresql-common postgresql-client-17 libpq5 libssl3t64",
      ),
    );
    assert.equal(await sql("SELECT pg_postmaster_start_time()"), before);
  });

  it("is upgraded by one command, which says for how long it was away", async (test) => {
    assert.match(await onHost(database, "upgrade-postgresql"), /^postgresql-17 is .*, the newest there is$/m);
    await underLoad(async () => {
      const told = await onHost(database, "upgrade-postgresql --reinstall");
      const [line] = /^postgresql-17 was .* and is .*; the database was away for \d+ ms$/m.exec(told) ?? [
        told,
      ];
      assert.match(line, /ms$/);
      test.diagnostic(line);
    });
  });

  it("loses nothing when the postmaster is killed, five times under load", async () => {
    for (let round = 0; round < 5; round++)
      await underLoad(() => onHost(database, `kill -9 $(head -n 1 ${volume}/17/main/postmaster.pid)`));
  });

  /** Takes the volume away as a power cut does: what was not yet written to it is lost with the page cache. */
  const cut = () =>
    onHost(
      database,
      `python3 -c 'import fcntl, os, struct; XFS_IOC_GOINGDOWN, NO_LOG_FLUSH = 0x8004587d, struct.pack("I", 2)
fcntl.ioctl(os.open("${volume}", os.O_RDONLY), XFS_IOC_GOINGDOWN, NO_LOG_FLUSH)'`,
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
umount ${volume}; while [ -e /sys/fs/xfs/$device ]; do sleep 0.1; done
mount ${volume} && systemctl start ${unit}`,
        );
      });
  });

  const state = () =>
    inRegion("us-east-2", async ({ ec2 }) => {
      const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [database] }));
      return Reservations?.[0]?.Instances?.[0]?.State?.Name;
    });

  it("loses nothing when the whole host does, and comes back when it is started", async () => {
    await underLoad(async () => {
      await cut();
      cutPower(database);
      await eventually("the end", async () => (await state()) === "stopped");
      await inRegion("us-east-2", ({ ec2 }) =>
        ec2.send(new StartInstancesCommand({ InstanceIds: [database] })),
      );
    });
  });

  it("grows its volume while it runs, and writes go on", async () => {
    const size = async () => Number(await onHost(database, `df --output=size -BM ${volume} | tr -dc 0-9`));
    const [before, started] = [await size(), await sql("SELECT pg_postmaster_start_time()")];
    await underLoad(async () => {
      set("databaseVolumeGiB", 11);
      await up();
      await eventually("a larger file system", async () => (await size()) > before + 900);
    });
    assert.equal(await sql("SELECT pg_postmaster_start_time()"), started);
  });

  it("keeps volume, name and every row when its host is replaced under load", async (test) => {
    const before = database;
    const away = await downtime(() => up("-c", "databaseHostVersion=2"));
    assert.notEqual(database, before);
    test.diagnostic(`replaced: nothing was written for ${away.toFixed(1)} s`);
  });

  it("whose host is lost is back by one command, with every row", async (test) => {
    const before = database;
    const away = await downtime(async () => {
      cutPower(database);
      await eventually("the end", async () => (await state()) === "stopped");
      await up("--refresh", "-c", "databaseHostVersion=3");
    });
    assert.notEqual(database, before);
    test.diagnostic(`lost and replaced: nothing was written for ${away.toFixed(1)} s`);
  });

  it("whose new host does not boot is back by the setting before, with every row", async (test) => {
    const away = await downtime(async () => {
      set("databaseParameters", "{shared_buffers: 900GB}");
      const outcome = await deploy(copy.path, "up");
      assert.notEqual(outcome.status, 0);
      assert.match(outcome.errors, /database host .*the database does not start/s);
      set("databaseParameters", "{}");
      await up();
    });
    test.diagnostic(`failed, and back: nothing was written for ${away.toFixed(1)} s`);
  });

  it("whose region is lost is beside the web hosts by one command, with all that was archived", async () => {
    const written = await sql("SELECT pg_walfile_name(pg_switch_wal())");
    await eventually(
      "the archive",
      async () => (await sql("SELECT last_archived_wal FROM pg_stat_archiver")) >= written,
    );
    const before = database;
    cutPower(database);
    await up(
      ...["-c", "databaseGeneration=2", "-c", "databaseWebGeneration=2"],
      ...["--exclude", "**::local-db**", "--exclude", "**::local-peering**"],
    );
    assert.notEqual(database, before);
    assert.match(await output("databaseEndpoint"), /^postgres\.rescue\.local\.internal:5432$/);
  });

  /** For how many seconds nothing was written at the longest while something was done under load. */
  async function downtime(action: () => Promise<unknown>): Promise<number> {
    await writer.start();
    await writer.writes(50);
    writer.longestPause = 0;
    await action();
    await writer.writes(50);
    return writer.longestPause / 1000;
  }
});

/** Lets PostgreSQL's processes on a host have so many MiB more together, until the answer is called. */
async function narrowMemory(host: string, mebibytes: number): Promise<() => void> {
  const group = `${memory}/doe2-${host}`;
  mkdirSync(group);
  writeFileSync(`${group}/memory.limit_in_bytes`, `${mebibytes}M`);
  const { output: pids } = await run("/", "ip", ["netns", "pids", namespaceOf(host)]);
  for (const pid of pids.trim().split("\n"))
    if (readFileSync(`/proc/${pid}/comm`, "utf8") === "postgres\n")
      writeFileSync(`${group}/cgroup.procs`, pid);
  return () => {
    for (const pid of readFileSync(`${group}/cgroup.procs`, "utf8").split("\n").filter(Boolean))
      writeFileSync(`${memory}/cgroup.procs`, pid);
    rmdirSync(group);
  };
}

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
}, { provider: web, dependsOn: [webNetwork, ...home.path] });
export const clientInstanceId = client.id;
export const appSecretArn = database.access.app.secret.arn;
export const bootReportBucket = gate.bucketName;
export const databaseInstanceId = database.instanceId;
export const databaseEndpoint = database.endpoint;
`;
}

/** Writes rows from a client by three connections, and keeps the ids of those that were acknowledged. */
class Writer {
  readonly acknowledged: string[] = [];
  /** The longest time between two rows, in milliseconds. */
  longestPause = 0;
  /** How many of its connections have ended while it wrote. */
  broken = 0;
  private child: ChildProcess | undefined;

  constructor(
    private readonly host: string,
    readonly connection: string,
  ) {}

  /** Goes on when a connection breaks; does nothing when it writes already. */
  async start(): Promise<void> {
    if (this.child) return;
    const [command, args] = await hostCommand(
      this.host,
      `write() {
  while [ -e /run/writing ]; do
    psql -qXAt '${this.connection}' <<<'INSERT INTO written DEFAULT VALUES RETURNING id \\watch 0.005' &
    echo $! >/run/psql.$1
    wait $!
    [ ! -e /run/writing ] || echo broken
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
    let last = Date.now();
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      this.broken += lines.filter((line) => line === "broken").length;
      const ids = lines.filter((line) => /^\d+$/.test(line));
      if (ids.length === 0) return;
      this.acknowledged.push(...ids);
      const now = Date.now();
      this.longestPause = Math.max(this.longestPause, now - last);
      last = now;
    });
  }

  /** Waits until it has written so many more. */
  async writes(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    await eventually("rows", () => Promise.resolve(this.acknowledged.length >= wanted));
  }

  async stop(): Promise<void> {
    if (!this.child) return;
    const ended = once(this.child, "close");
    this.child = undefined;
    await onHost(this.host, "rm /run/writing; kill $(cat /run/psql.*) || true");
    await ended;
  }
}
