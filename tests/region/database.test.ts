/** The database host and what it must not lose: a stack of the two networks and itself, without the web tier, under the engine. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { DescribeInstancesCommand, StartInstancesCommand } from "@aws-sdk/client-ec2";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { regionFolder } from "../../client/localRegion";
import { awsClients, type RegionClients } from "../../local/api/clients";
import { cutPower, hostCommand, onHost } from "../../local/faults/onHost";
import { needsCli } from "../engine/deployment";
import { eventually } from "../support/eventually";
import { deploy, run } from "../support/pulumiCommands";
import { copyOfCheckout, HeldRegion, leftovers } from "../support/regionProcess";

const volume = "/var/lib/postgresql";
const unit = "postgresql@17-main";

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

  /** How the client reaches the database, as the service does. */
  async function connection(): Promise<string> {
    const { s3 } = await inRegion("us-east-1", async (clients) => {
      const place = { Bucket: await output("bootReportBucket"), Key: "tls/postgres.local.internal-ca-1.pem" };
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
      set("databaseVolumeGiB", 9);
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
  private child: ChildProcess | undefined;

  constructor(
    private readonly host: string,
    private readonly connection: string,
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
