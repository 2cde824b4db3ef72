/** `userdata/lib/backup.sh`: what it asks of pgBackRest and PostgreSQL, and what it makes of their answers. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { assembleScript } from "../../components/host/userData";
import { FakeAws, hostEnvironment } from "./fakeAws";

const day = 86_400;
const now = () => Math.floor(Date.now() / 1000);

let aws: FakeAws;
let endpoint: string;
let folder: string;
const at = (...parts: string[]) => path.join(folder, ...parts);

/** A program that the script finds before the machine's own. */
function stub(name: string, body: string): void {
  writeFileSync(at("bin", name), `#!/bin/bash\n${body}\n`);
  chmodSync(at("bin", name), 0o755);
}

type Known = readonly [type: "full" | "diff", days: number];

/** Backups that pgBackRest knows of: how many days ago each ended. */
function backups(...list: readonly Known[]): void {
  const backup = list.map(([type, days], index) => ({
    label: `backup-${index + 1}`,
    type,
    timestamp: { stop: now() - days * day },
  }));
  writeFileSync(at("info.json"), JSON.stringify(list.length > 0 ? [{ name: "main", backup }] : []));
}

beforeEach(async () => {
  aws = new FakeAws();
  endpoint = await aws.start();
  folder = mkdtempSync(path.join(tmpdir(), "backup-test-"));
  for (const name of ["bin", "run", "home", "home/pgbackrest", "data", "data/pg_wal/archive_status"])
    mkdirSync(at(name), { recursive: true });
  writeFileSync(at("data", "PG_VERSION"), "17\n");
  writeFileSync(at("calls"), "");
  stub("runuser", 'shift 3; exec "$@"');
  stub("install", 'eval "mkdir -p \\"\\${$#}\\""');
  stub(
    "pgbackrest",
    `echo "pgbackrest $*" >>"$HERE/calls"
[[ $* != *" info" ]] || exec cat "$HERE/info.json"
[[ ! -e $HERE/refused ]] || ! grep -qFe "$(<"$HERE/refused")" <<<"$*" || { echo "it is refused" >&2; exit 1; }`,
  );
  // A cluster runs once it was started; what it answers is in files.
  stub(
    "pg_ctl",
    '[[ $* != *" status" ]] || exit 3; echo "pg_ctl $*" >>"$HERE/calls"; touch "$2/recovery.log"',
  );
  stub("pg_amcheck", '[[ ! -e $HERE/corrupt ]] || { echo "index \\"i\\" is corrupt"; exit 2; }');
  stub(
    "psql",
    `while (($#)); do case $1 in -h) at=$2; shift;; -c) sql=$2; shift;; esac; shift; done
where=live; [[ $at == /run/postgresql ]] || where=scratch
case $sql in
  'SELECT 1') ;;
  *'sum(pg_database_size'*) cat "$HERE/needed" ;;
  *datname*) echo app ;;
  *pg_stat_user_tables*)
    if [[ $where == live && -e $HERE/counted ]]; then cat "$HERE/rows.after"; else cat "$HERE/rows.$where"; fi
    [[ $where == scratch ]] || touch "$HERE/counted" ;;
  *'INSERT INTO drill_marker'*) sed "s/.*VALUES ('\\([^']*\\)').*/\\1/" <<<"\${sql##*INSERT}" >"$HERE/marker" ;;
  *pg_create_restore_point*) echo "point" >>"$HERE/calls" ;;
  'SELECT name FROM drill_marker') cat "$HERE/marker\${NO_MARKER:-}" ;;
  *json_build_object*) echo '{"lastWal": "1"}' ;;
esac`,
  );
  writeFileSync(at("needed"), "1000\n");
  for (const name of ["rows.live", "rows.after", "rows.scratch"])
    writeFileSync(at(name), "app.public.entry 5 5\napp.public.other 0 0\n");
  backups(["full", 1]);
});
afterEach(() => {
  aws.stop();
  rmSync(folder, { recursive: true });
});

const script = assembleScript("postgres");
/** The library as the host has it: what comes before the first step of the script itself. */
const library = (
  script.given.slice(0, script.given.indexOf("fetched=")) +
  script.fetched!.slice(0, script.fetched!.indexOf('step "create the postgres user"'))
).replaceAll("sleep 0.5", ":");

/** Runs commands after the library, as a host that begins generation 2 from generation 1. */
async function run(
  commands: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<{ status: number | null; output: string; message: string }> {
  const file = at("script.sh");
  writeFileSync(
    file,
    `sleep() { :; }\nexport SCRIPT=test\n${library}
home=$HERE/home data=$HERE/data bin=$HERE/bin TLS=$HERE
${commands}\n`,
  );
  const child = spawn("bash", [file], {
    env: {
      ...hostEnvironment(folder, endpoint),
      ...{ DATA_VOLUME_ID: "vol-1", GENERATION: "2", RESTORE_FROM: "1", RESTORE_TO: "" },
      ...{ BACKUP_BUCKET: "backups", BACKUP_REGION: "us-east-1", BACKUP_FULLS: "2" },
      ...{ BACKUP_SECRET_ARN: "arn:aws:secretsmanager:us-east-2:123456789012:secret:backup-AbCdEf" },
      ...{ DATABASE_HOSTNAME: "postgres.test.internal", DATABASE_NAME: "app" },
      ...variables,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  const report = [...aws.objects].find(([key]) => key.startsWith("reports/boot/"))?.[1] ?? "{}";
  return { status, output, message: (JSON.parse(report) as { message?: string }).message ?? "" };
}

const calls = () => readFileSync(at("calls"), "utf8").trim().split("\n");
const called = (what: RegExp) => calls().filter((line) => what.test(line));
const record = (name: string) =>
  JSON.parse(aws.objects.get(`reports/records/${name}.json`) ?? "{}") as Record<string, unknown>;

describe("a backup", () => {
  const cases: readonly (readonly [title: string, list: readonly Known[], type: string])[] = [
    ["when there is none", [], "full"],
    ["after a full one of six days ago", [["full", 6]], "diff"],
    ["after a full one of seven days ago", [["full", 7]], "full"],
    [
      "after a full one of eight days ago, and others since",
      [
        ["full", 8],
        ["diff", 1],
      ],
      "full",
    ],
    [
      "after an old full one and a new one",
      [
        ["full", 9],
        ["full", 2],
      ],
      "diff",
    ],
  ];
  for (const [title, list, type] of cases)
    it(`${title} is ${type}, and says so`, async () => {
      backups(...list);
      const { status, output } = await run('outcome backup back_up; exit "$OUTCOME"');
      assert.equal(status, 0, output);
      assert.deepEqual(called(/ backup$/), [`pgbackrest --stanza=main --type=${type} backup`]);
      const { succeeded, generation, label, ...rest } = record("backup");
      assert.deepEqual([succeeded, generation, rest["type"]], [true, 2, type]);
      assert.equal(label, list.length > 0 ? `backup-${list.length}` : "");
    });

  it("that fails fails its unit, and its record has pgBackRest's reason", async () => {
    writeFileSync(at("refused"), "--type=diff backup");
    const { status } = await run('run_figures() { echo "figures"; }; run_backup');
    assert.notEqual(status, 0);
    const { succeeded, error } = record("backup");
    assert.deepEqual([succeeded, error], [false, "it is refused"]);
  });
});

describe("an empty volume", () => {
  it("gets a cluster while its generation has no backups", async () => {
    backups();
    assert.equal((await run("refuse_lost_cluster")).status, 0);
    assert.deepEqual(called(/info$/), ["pgbackrest --repo1-path=/2 --output=json info"]);
  });
  it("is left alone when it has", async () => {
    const { status, message } = await run("refuse_lost_cluster");
    assert.equal(status, 1);
    assert.match(message, /^vol-1 is empty, and generation 2 .* raise databaseGeneration by one/);
  });
});

describe("a restore", () => {
  const restore = 'restore_cluster "$HERE/new"';
  const restores = () => called(/ restore$/);

  for (const [target, options] of [
    ["", "--type=default"],
    ["2026-11-25 08:00:00+00", "--type=time --target=2026-11-25 08:00:00+00 --target-action=promote"],
  ] as const)
    it(`to ${target || "the end"} asks for that, of the generation before`, async () => {
      const { status, output } = await run(restore, { RESTORE_TO: target });
      assert.equal(status, 0, output);
      assert.deepEqual(restores(), [
        `pgbackrest --stanza=main --repo1-path=/1 --pg1-path=${at("new")} ${options} restore`,
      ]);
      assert.ok(called(/pg_ctl .*archive_mode=off/).length > 0, "it archives nothing");
      assert.ok(called(/pg_ctl .* stop$/).length > 0, "it is stopped");
      assert.deepEqual(record("restore"), { lastWal: "1" });
    });

  it("to a name tries one backup after the other, the newest first", async () => {
    backups(["full", 3], ["diff", 2], ["diff", 1]);
    writeFileSync(at("refused"), "--set=backup-3");
    const { status, output } = await run(restore, { RESTORE_TO: "name:before" });
    assert.equal(status, 0, output);
    const options = "--type=name --target=before --target-action=promote";
    assert.deepEqual(
      restores().map((line) => line.slice(line.indexOf("--type"))),
      [`${options} --set=backup-3 restore`, `${options} --set=backup-2 restore`],
    );
  });

  it("to a name that no backup leads to says so", async () => {
    writeFileSync(at("refused"), "--type=name");
    const { status, message } = await run(restore, { RESTORE_TO: "name:before" });
    assert.equal(status, 1);
    assert.equal(message, "no backup of generation 1 leads to before: it is refused");
  });

  it("that fails says why", async () => {
    writeFileSync(at("refused"), "--type=default");
    const { status, message } = await run(restore);
    assert.equal(status, 1);
    assert.equal(message, "generation 1 cannot be restored: it is refused");
  });

  it("whose recovery ends early says PostgreSQL's reason", async () => {
    stub("psql", "exit 2");
    stub("pg_ctl", '[[ $* != *" status" ]] || exit 3; echo "FATAL:  recovery ended" >"$2/recovery.log"');
    const { message } = await run(restore);
    assert.match(message, /cannot be restored: FATAL: {2}recovery ended$/);
  });

  it("of a generation without backups is refused", async () => {
    backups();
    const { message } = await run(restore);
    assert.match(message, /^generation 1 of the database has no backup in backups: give another/);
  });
});

describe("the drill", () => {
  const drill = async (variables: Readonly<Record<string, string>> = {}) => {
    const { status, output } = await run("run_figures() { :; }; run_drill", variables);
    return { status, output, ...record("drill") } as Record<string, unknown>;
  };

  it("recovers to a marker that it wrote, and tells what it found", async () => {
    const { status, output, succeeded, marker, tables, rows, backup } = await drill();
    assert.equal(status, 0, String(output));
    assert.deepEqual([succeeded, tables, rows, backup], [true, 2, 5, "backup-1"]);
    const order = calls().map((line) =>
      / (check|restore|stop)$|^(point)$/.exec(line)?.slice(1).find(Boolean),
    );
    assert.deepEqual(order.filter(Boolean), ["point", "check", "restore", "stop"]);
    assert.ok(
      called(/ restore$/)[0]?.endsWith(
        `--type=name --target=${String(marker)} --target-action=promote restore`,
      ),
    );
    assert.match(called(/ restore$/)[0] ?? "", /--repo1-path=\/2 /);
    assert.equal(existsSync(at("home", "drill")), false, "nothing is left of it");
    assert.ok(existsSync(at("home", "pgbackrest", "drilled")));
  });

  it("allows for what changed meanwhile", async () => {
    writeFileSync(at("rows.after"), "app.public.entry 7 7\napp.public.other 0 0\n");
    writeFileSync(at("rows.scratch"), "app.public.entry 6 0\napp.public.other 0 0\n");
    assert.equal((await drill())["succeeded"], true);
  });

  const failures: Readonly<Record<string, readonly [before: () => void, error: RegExp]>> = {
    "a marker that is missing": [
      () => writeFileSync(at("marker.none"), "\n"),
      /^the marker drill-\d+ is not in/,
    ],
    "a table with fewer rows": [
      () => writeFileSync(at("rows.scratch"), "app.public.entry 4 0\napp.public.other 0 0\n"),
      /app\.public\.entry has 4 rows where 5 were, and 0 changed meanwhile/,
    ],
    "a table that is missing": [
      () => writeFileSync(at("rows.scratch"), "app.public.entry 5 0\n"),
      /app\.public\.other has None rows where 0 were/,
    ],
    "an index that is corrupt": [() => writeFileSync(at("corrupt"), ""), /index "i" is corrupt/],
    "a volume without room": [
      () => writeFileSync(at("needed"), "9000000000000000\n"),
      /bytes free and a restore aside needs 9000000000000000: grow databaseVolumeGiB/,
    ],
    "a repository that is damaged": [() => writeFileSync(at("refused"), " restore"), /^it is refused$/],
  };
  for (const [title, [before, error]] of Object.entries(failures))
    it(`fails for ${title}, and says so`, async () => {
      before();
      const found = await drill(title.includes("marker") ? { NO_MARKER: ".none" } : {});
      assert.notEqual(found["status"], 0);
      assert.equal(found["succeeded"], false);
      assert.match(String(found["error"]), error);
      assert.equal(existsSync(at("home", "pgbackrest", "drilled")), false);
      assert.equal(existsSync(at("home", "drill")), false, "nothing is left of it");
    });
});

it("the figures tell how old backups and drills are, and what waits to be archived", async () => {
  backups(["full", 3], ["diff", 1]);
  const age = (file: string, seconds: number) => utimesSync(file, now() - seconds, now() - seconds);
  writeFileSync(at("home", "pgbackrest", "drilled"), "");
  age(at("home", "pgbackrest", "drilled"), 2 * day);
  for (const [name, seconds] of [
    ["1.ready", 600],
    ["2.ready", 30],
    ["3.done", 1200],
  ] as const) {
    writeFileSync(at("data/pg_wal/archive_status", name), "");
    age(at("data/pg_wal/archive_status", name), seconds);
  }
  const { output } = await run(
    'watched() { :; }; put_figures() { printf "%s %s %s\\n" "$@" >>"$HERE/put"; }; run_figures',
  );
  const told = Object.fromEntries(
    readFileSync(at("put"), "utf8")
      .trim()
      .split("\n")
      .map((line) => [line.split(" ")[0], Number(line.split(" ")[2])]),
  ) as Record<string, number>;
  const near = (name: string, value: number) =>
    assert.ok(Math.abs((told[name] ?? 0) - value) < 60, `${name} is ${told[name]}: ${output}`);
  near("database_backup_age", day);
  near("database_drill_age", 2 * day);
  near("database_wal_delay", 600);
  assert.equal(told["database_wal_waiting"], 2 * 16 * 2 ** 20);
});

it("pgBackRest's settings: a repository for each generation, a queue that ends before the disk does, a role of its own", async () => {
  aws.secrets.set(
    "arn:aws:secretsmanager:us-east-2:123456789012:secret:backup-AbCdEf undefined",
    JSON.stringify({ passphrase: "many words" }),
  );
  stub("df", "printf '1B-blocks\\n 4000000\\n'");
  const { status, output } = await run(
    'put() { printf "%s\\n" "put $*" >>"$HERE/calls"; cat >"$HERE/conf"; }; configure_backups',
  );
  assert.equal(status, 0, output);
  assert.deepEqual(called(/^put/), ["put /etc/pgbackrest.conf postgres 600"]);
  const settings = readFileSync(at("conf"), "utf8").split("\n");
  for (const line of [
    "repo1-path=/2",
    "repo1-s3-bucket=backups",
    "repo1-cipher-type=aes-256-cbc",
    "repo1-cipher-pass=many words",
    "repo1-retention-full=2",
    "archive-async=y",
    "archive-push-queue-max=1000000",
    "pg1-user=backup",
  ])
    assert.ok(settings.includes(line), line);
});
