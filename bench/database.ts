import { onHost } from "../local/faults/onHost";
import { DatabaseHosts, databaseRegion, runUnit, sql } from "../tests/support/databaseHosts";
import { eventually } from "../tests/support/eventually";
import { record } from "./records";

/** Sizes of the data, in MiB, unless others are given: what fits into six minutes of two processors, and into the memory of moto. */
const sizes = [32, 128, 512];

/** What takes time, each with how it is done; `host` is the one that has the database. */
interface Measures {
  /** Kills the server in the middle of a write load, until it answers again. */
  readonly crash: number;
  /** Backs up what changed since the size before. */
  readonly backup: number;
  /** Ends the host and starts another on its volume, until the database answers. */
  readonly replacement: number;
  /** Starts a host that restores the newest backup on an empty volume, until it has reported that the database is ready. */
  readonly restore: number;
}

const titles: Readonly<Record<keyof Measures, string>> = {
  crash: "server killed under load",
  backup: "backup of what changed",
  replacement: "host replaced",
  restore: "restored on a new host",
};
const names = Object.keys(titles) as (keyof Measures)[];

async function seconds(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return (performance.now() - start) / 1000;
}

/** Rows of 256 bytes that do not compress to nothing, until the database has so many MiB. */
async function fill(host: string, mebibytes: number): Promise<void> {
  await sql(host, "CREATE TABLE IF NOT EXISTS filler (n bigserial, text text)");
  const size = async () => Number(await sql(host, "SELECT pg_database_size('app') / 1048576"));
  const row = "(SELECT string_agg(md5((8 * n + i)::text), '') FROM generate_series(1, 8) i)";
  for (let left = mebibytes - (await size()); left > 0; left = mebibytes - (await size()))
    await sql(
      host,
      `INSERT INTO filler (text) SELECT ${row} FROM generate_series(1, ${Math.min(left, 64) * 3500}) n`,
    );
}

const isAnswered = (host: string) =>
  sql(host, "SELECT 1").then(
    () => true,
    () => false,
  );

/** Asked on the host itself, twenty times a second. */
const crash = async (host: string): Promise<number> =>
  Number(
    await onHost(
      host,
      `cd /; psql="runuser -u postgres -- psql -qXAt -d app"
$psql -c "INSERT INTO filler (text) SELECT repeat(md5(n::text), 8) FROM generate_series(1, 10000000) n" &>/dev/null & sleep 3
start=$EPOCHREALTIME; kill -9 $(head -n 1 /var/lib/postgresql/17/main/postmaster.pid); wait
until $psql -c 'SELECT 1' &>/dev/null; do sleep 0.05; done
python3 -c "print($EPOCHREALTIME - $start)"`,
    ),
  );

/**
 * Measures how long the database is away when its server, its host or its volume is lost, by the size of its data, on hosts of
 * the local region: with the packages from Debian's mirror, and S3 on this machine.
 */
export async function benchDatabase(options: readonly string[]): Promise<void> {
  const wanted = options.length > 0 ? options.map(Number) : sizes;
  if (!wanted.every((size, index) => Number.isInteger(size) && size > (wanted[index - 1] ?? 15)))
    throw new Error(`give sizes in MiB, from 16 on and rising, such as ${sizes.join(" ")}`);
  const hosts = await DatabaseHosts.start();
  const rows: { readonly size: number; readonly measures: Measures }[] = [];
  try {
    let database = await hosts.boot("database", databaseRegion, {});
    await eventually("a first backup", async () => (await hosts.record("backup"))["succeeded"] === true);
    console.log(`| data (MiB) | ${names.map((name) => `${titles[name]} (s)`).join(" | ")} |`);
    console.log(`|---:|${names.map(() => "---:|").join("")}`);
    for (const size of wanted) {
      await fill(database.id, size);
      const crashed = await crash(database.id);
      const backup = await seconds(async () => {
        if (!(await runUnit(database.id, "database-backup"))) throw new Error("the backup fails");
      });
      const replacement = await seconds(async () => {
        await hosts.end(database.id);
        database = await hosts.boot("database", databaseRegion, {}, database.volumeId);
        await eventually("the database", () => isAnswered(database.id));
      });
      const restore = await seconds(async () => {
        const { id, report } = await hosts.boot("restored", databaseRegion, {
          GENERATION: size,
          RESTORE_FROM: 1,
        });
        if (!report.succeeded) throw new Error(`the restore fails: ${report.message}`);
        await hosts.end(id);
      });
      const measures = { crash: crashed, backup, replacement, restore };
      rows.push({ size, measures });
      console.log(`| ${size} | ${names.map((name) => measures[name].toFixed(1)).join(" | ")} |`);
    }
  } finally {
    await hosts.stop();
  }
  for (const name of names)
    console.log(`${titles[name]}: ${growth(rows.map(({ size, measures }) => [size, measures[name]]))}`);
  record("database", {
    title: "The database",
    summary: "How long the database is away when its server, its host or its volume is lost.",
    goals: [],
    charts: [
      {
        kind: "lines",
        title: "Time by the size of the data",
        x: "MiB",
        y: "seconds",
        series: names.map((name) => ({
          name: titles[name],
          points: rows.map(({ size, measures }): [number, number] => [size, measures[name]]),
        })),
        marks: [],
      },
    ],
  });
}

/** How values grow, by the line that fits best. */
function growth(points: readonly (readonly [size: number, seconds: number])[]): string {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const spread = points.reduce((sum, [size]) => sum + (size - x) ** 2, 0);
  if (spread === 0) return `${y.toFixed(1)} s`;
  const slope = points.reduce((sum, [size, value]) => sum + (size - x) * (value - y), 0) / spread;
  return `${(y - slope * x).toFixed(1)} s, and ${(slope * 1024).toFixed(1)} s for each GiB`;
}
