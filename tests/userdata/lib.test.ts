import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type BootReport, bootReportKey, userIdOf } from "../../gate/contract.cjs";
import { credentials, FakeAws, hostEnvironment, roleId } from "./fakeAws";

const readPart = (part: string) =>
  readFileSync(path.join(__dirname, "..", "..", "userdata", "lib", `${part}.sh`), "utf8").replace(
    /^source lib\/.*\n/gm,
    "",
  );
const library = [
  "core",
  "wait",
  "json",
  "secrets",
  "packages",
  "agent",
  "certificates",
  "logins",
  "telemetry",
  "watch",
]
  .map(readPart)
  .join("");
const reportKey = bootReportKey(userIdOf(roleId, "i-1"));
const version = "v-1";
const secretArn = "arn:aws:secretsmanager:us-east-2:123456789012:secret:app-AbCdEf";

let aws: FakeAws;
let folder: string;
let endpoint: string;

beforeEach(async () => {
  aws = new FakeAws();
  endpoint = await aws.start();
  folder = mkdtempSync(path.join(tmpdir(), "userdata-test-"));
  mkdirSync(path.join(folder, "bin"));
  mkdirSync(path.join(folder, "run"));
});
afterEach(() => {
  aws.stop();
  rmSync(folder, { recursive: true });
});

/** Puts a program before the machine's own. It can append to `calls` in the test's folder. */
function stub(name: string, body: string): void {
  const file = path.join(folder, "bin", name);
  writeFileSync(file, `#!/bin/bash\n${body}\n`);
  chmodSync(file, 0o755);
}

const calls = () => readFileSync(path.join(folder, "calls"), "utf8").trimEnd().split("\n");

/** Runs the library and then a script, as a host would at boot; pauses between attempts only get noted. */
async function boot(script: string): Promise<{ status: number | null; output: string; report: BootReport }> {
  const log = path.join(folder, "log");
  const text = `sleep() { echo "sleep $1" >>'${folder}/calls'; }\n${library}\nSCRIPT=test\n${script}\n`;
  const file = path.join(folder, "script.sh");
  writeFileSync(file, text.replace("LOG=/var/log/cloud-init-output.log", `LOG='${log}'`));
  const child = spawn("bash", ["-c", `bash '${file}' 2>&1 | tee -a '${log}'; exit \${PIPESTATUS[0]}`], {
    env: {
      ...hostEnvironment(folder, endpoint),
      SECRET_ARN: secretArn,
      SECRET_VERSION: version,
    },
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  const report = JSON.parse(aws.objects.get(`reports/${reportKey}`) ?? "{}") as BootReport;
  assert.deepEqual(aws.faults, [], output);
  assert.deepEqual(readdirSync(path.join(folder, "run")), [], "the work folder is removed");
  return { status, output, report };
}

describe("the boot report", () => {
  it("of a script that succeeds", async () => {
    const { status, report } = await boot('step "one"; echo hello; step "two"');
    assert.equal(status, 0);
    assert.equal(report.succeeded, true);
    assert.equal(report.instanceId, "i-1");
    assert.equal(report.script, "test");
    assert.equal(report.step, "two");
    assert.equal(report.message, "");
    assert.equal(report.bootId, readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
    assert.ok(Math.abs(Date.parse(report.finishedAt) - Date.now()) < 60_000);
  });

  it("of a script that gives a reason", async () => {
    const { status, report, output } = await boot('step "one"; fail "no volume: attach it"; step "two"');
    assert.equal(status, 1);
    assert.equal(report.succeeded, false);
    assert.equal(report.step, "one");
    assert.equal(report.message, "no volume: attach it");
    assert.match(output, /^FAILED: no volume: attach it$/m);
  });

  it("names a command that fails by itself, also in a function or substitution", async () => {
    for (const [script, message] of [
      ["(exit 3)", /^line \d+: \( exit 3 \) ended with status 3$/],
      ["work() { ls /nowhere; }; work", /^line \d+: ls \/nowhere ended with status 2$/],
      ["value=$(ls /nowhere)\necho $value", /^line \d+: ls \/nowhere ended with status 2$/],
      ["ls /nowhere | cat", /^line \d+: cat ended with status 2$/],
      ["echo $undefined", /^stopped with status 1$/],
    ] as const) {
      const { status, report } = await boot(script);
      assert.notEqual(status, 0, script);
      assert.equal(report.succeeded, false, script);
      assert.match(report.message, message, script);
    }
  });

  it("keeps the first reason, and one that a subshell gave", async () => {
    const { report } = await boot('value=$(fail "first"); fail "second"');
    assert.equal(report.message, "first");
  });

  it("forgets the reason of something that was tried and did not matter", async () => {
    const { report } = await boot('(fail "no matter") || true');
    assert.equal(report.succeeded, true);
    assert.equal(report.message, "");
  });

  it("holds the end of this boot's log, and nothing of an earlier one", async () => {
    writeFileSync(path.join(folder, "log"), "an earlier boot\n");
    const { report } = await boot('for i in $(seq 100); do echo "line $i"; done; fail "enough"');
    const lines = report.logTail.split("\n");
    assert.equal(lines.length, 60);
    assert.deepEqual(lines.slice(-2), ["line 100", "FAILED: enough"]);
    assert.doesNotMatch((await boot("fail quickly")).report.logTail, /an earlier boot|line 100/);
  });

  it("is written although S3 refuses it at first", async () => {
    aws.refusals.set("PUT /reports/boot/", 3);
    const { status, report } = await boot("true");
    assert.equal(status, 0);
    assert.equal(report.succeeded, true);
  });

  it("has what the script has to tell beyond its end", async () => {
    const { report } = await boot(
      `echo '{"ready": true, "readiness": "{}", "applied": "v1"}' >"$WORK/facts.json"`,
    );
    const { ready, readiness, applied } = report;
    assert.deepEqual({ ready, readiness, applied }, { ready: true, readiness: "{}", applied: "v1" });
  });

  it("of a script that is terminated", async () => {
    const { status, report } = await boot('step "long"; kill -TERM $$; echo survived');
    assert.notEqual(status, 0);
    assert.equal(report.succeeded, false);
    assert.equal(report.step, "long");
    assert.equal(report.message, "stopped by a signal");
  });
});

describe("retrying", () => {
  it("waits twice as long each time, and gives up with the last error", async () => {
    const { status, report } = await boot(
      'broken() { echo "no route" >"$WORK/error"; return 1; }; retry "cannot fetch it" broken',
    );
    assert.equal(status, 1);
    assert.equal(report.message, "cannot fetch it: no route");
    assert.deepEqual(calls().slice(0, 5), ["sleep 1", "sleep 2", "sleep 4", "sleep 8", "sleep 16"]);
  });

  it("goes on as soon as the command succeeds", async () => {
    const { status } = await boot('n=0; third() { ((++n == 3)); }; retry "x" third; ((n == 3))');
    assert.equal(status, 0);
    assert.deepEqual(calls(), ["sleep 1", "sleep 2"]);
  });

  it("outlasts a metadata service and a role that come late", async () => {
    aws.refusals.set("PUT /latest/api/token", 2);
    aws.refusals.set("GET /latest/meta-data/iam", 2);
    aws.secrets.set(`${secretArn} ${version}`, "{}");
    assert.equal((await boot('get_secret "$SECRET_ARN" "$SECRET_VERSION" "$HERE/secret"')).status, 0);
  });

  it("ends a wait with its reason", async () => {
    const { report } = await boot('wait_for 0 "the volume is not there" test -e /nowhere');
    assert.equal(report.message, "the volume is not there");
  });
});

describe("secrets", () => {
  it("are read in the region of their ARN, and written for root only", async () => {
    const value = JSON.stringify({ username: "app_rw", password: "p'\\\"$`\n" });
    aws.secrets.set(`${secretArn} ${version}`, value);
    const { status, output } = await boot(
      'get_secret "$SECRET_ARN" "$SECRET_VERSION" "$HERE/secret"; [[ $(field "$HERE/secret" username) == app_rw ]]',
    );
    assert.equal(status, 0, output);
    assert.equal(readFileSync(path.join(folder, "secret"), "utf8"), value);
    assert.equal(statSync(path.join(folder, "secret")).mode & 0o777, 0o600);
  });

  it("stay out of arguments, log and report, as do the role's credentials", async () => {
    stub("curl", `printf '%s\\n' "$@" >>"$HERE/calls"; PATH=\${PATH#*:} exec curl "$@"`);
    aws.secrets.set(`${secretArn} ${version}`, '{"password":"the-password"}');
    const { output, report } = await boot(
      'get_secret "$SECRET_ARN" "$SECRET_VERSION" "$HERE/secret"; fail "after all"',
    );
    const seen = [...calls(), output, JSON.stringify(report)].join("\n");
    for (const secret of ["the-password", "example-imds-token", ...Object.values(credentials)])
      assert.ok(!seen.includes(secret), `${secret} shows in:\n${seen}`);
  });

  it("that are missing or no JSON fail with the reason", async () => {
    const missing = (await boot('get_secret "$SECRET_ARN" "$SECRET_VERSION" "$HERE/secret"')).report.message;
    assert.match(
      missing,
      /^cannot read version v-1 of the secret arn:\S+ \(.*role.*\): secretsmanager answered 400 .*ResourceNotFound/,
    );
    aws.secrets.set(`${secretArn} ${version}`, "not JSON");
    const broken = (await boot('get_secret "$SECRET_ARN" "$SECRET_VERSION" "$HERE/secret"')).report.message;
    assert.match(broken, /the secret's value is no JSON$/);
    assert.throws(() => statSync(path.join(folder, "secret")));
  });
});

describe("objects", () => {
  it("are fetched, and a missing one is told apart", async () => {
    aws.objects.set("bucket/tls/ca.pem", "certificate");
    const { status } = await boot('s3_get bucket tls/ca.pem "$HERE/ca"; [[ $(<"$HERE/ca") == certificate ]]');
    assert.equal(status, 0);
    const { report } = await boot('retry "cannot read it" s3_get bucket tls/none.pem "$HERE/ca"');
    assert.equal(report.message, "cannot read it: s3 answered 404 <Code>NoSuchKey</Code>");
  });
});

describe("packages", () => {
  const installed = 'for each in "${@:3}"; do [[ -e $HERE/$each ]] && echo installed; done';

  it("that are installed cost no request", async () => {
    stub("dpkg-query", installed);
    stub("apt-get", 'echo apt-get >>"$HERE/calls"');
    writeFileSync(path.join(folder, "a"), "");
    writeFileSync(path.join(folder, "b"), "");
    assert.equal((await boot('packages a b; echo none >>"$HERE/calls"')).status, 0);
    assert.deepEqual(calls(), ["none"]);
  });

  it("are installed when one is missing, also after a run that was killed half way", async () => {
    stub("dpkg-query", installed);
    stub("dpkg", 'echo "dpkg $*" >>"$HERE/calls"; touch "$HERE/configured"');
    stub(
      "apt-get",
      'echo "apt-get ${@: -3}" >>"$HERE/calls"; [[ $* != *" install "* || -e $HERE/configured ]] || exit 100',
    );
    writeFileSync(path.join(folder, "a"), "");
    assert.equal((await boot("packages a b")).status, 0);
    assert.deepEqual(calls(), [
      "apt-get -o APT::Update::Error-Mode=any update",
      "apt-get install a b",
      "dpkg --configure -a",
      "sleep 1",
      "apt-get -o APT::Update::Error-Mode=any update",
      "apt-get install a b",
    ]);
  });
});

describe("the Session Manager agent", () => {
  it("comes from the bucket of the host's own region, for its architecture", async () => {
    stub("dpkg-query", "exit 1");
    stub("dpkg", "echo arm64");
    stub("apt-get", 'echo "apt-get ${*: -2}" >>"$HERE/calls"');
    stub(
      "curl",
      `if [[ \${*: -1} == *amazon-ssm-agent.deb ]]; then echo "\${*: -1}" >>"$HERE/calls"; exit; fi
       PATH=\${PATH#*:} exec curl "$@"`,
    );
    assert.equal((await boot("session_manager")).status, 0);
    const [url, , install] = calls();
    assert.equal(
      url,
      "https://s3.us-east-2.amazonaws.com/amazon-ssm-us-east-2/latest/debian_arm64/amazon-ssm-agent.deb",
    );
    assert.match(install ?? "", /^apt-get install \S+\/agent\.deb$/);
  });
});

describe("CloudWatch's agent", () => {
  const telemetry = "TELEMETRY_LOG_GROUP=logs TELEMETRY_NAMESPACE=figures TELEMETRY_ROLE=hosts;";

  it("comes from the bucket of the host's own region, for its architecture", async () => {
    stub("dpkg-query", "exit 1");
    stub("dpkg", "echo arm64");
    stub("apt-get", 'echo "apt-get ${*: -2}" >>"$HERE/calls"');
    stub(
      "curl",
      `if [[ \${*: -1} == *.deb ]]; then echo "$*" >>"$HERE/calls"; exit; fi
       PATH=\${PATH#*:} exec curl "$@"`,
    );
    assert.equal((await boot("cloudwatch_agent")).status, 0);
    const [call = "", , install] = calls();
    assert.ok(
      call.endsWith(
        " https://amazoncloudwatch-agent-us-east-2.s3.us-east-2.amazonaws.com/debian/arm64/latest/amazon-cloudwatch-agent.deb",
      ),
    );
    assert.match(call, /--proto =https/);
    assert.match(install ?? "", /^apt-get install \S+\/agent\.deb$/);
  });

  it("sends the logs to streams of the host, and figures that have its role and not the host", async () => {
    const { status } = await boot(
      `${telemetry} telemetry_config /var/log/app/service.log /var/log/boot.log >"$HERE/config"`,
    );
    assert.equal(status, 0);
    const figure = { measurement: ["used_percent"], append_dimensions: { role: "hosts" } };
    const log = (file: string, name: string) => ({
      file_path: file,
      log_group_name: "logs",
      log_stream_name: `i-1/${name}`,
    });
    assert.deepEqual(JSON.parse(readFileSync(path.join(folder, "config"), "utf8")), {
      agent: { metrics_collection_interval: 60, omit_hostname: true },
      metrics: {
        namespace: "figures",
        aggregation_dimensions: [["role", "path"]],
        metrics_collected: { mem: figure, disk: { ...figure, resources: ["/"], drop_device: true } },
      },
      logs: {
        logs_collected: {
          files: {
            collect_list: [
              log("/var/log/app/service.log", "service.log"),
              log("/var/log/boot.log", "boot.log"),
            ],
          },
        },
      },
    });
  });

  const start = (body: string) => {
    const bin = path.join(folder, "agent", "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(path.join(bin, "amazon-cloudwatch-agent-ctl"), `#!/bin/bash\n${body}\n`, { mode: 0o755 });
    // Not in the machine's own /opt.
    const here = `$(declare -f start_telemetry | sed 's#/opt/aws/amazon-cloudwatch-agent#${folder}/agent#')`;
    return boot(`eval "${here}"; ${telemetry} start_telemetry /var/log/a.log; step "go on"`);
  };

  it("is started with its configuration", async () => {
    const { status } = await start('echo "$*" >>"$HERE/calls"');
    assert.equal(status, 0);
    assert.deepEqual(calls(), [`-a fetch-config -m ec2 -s -c file:${folder}/agent/etc/host.json`]);
  });

  it("that does not start is told of, and keeps no host from serving", async () => {
    const { status, output, report } = await start("echo 'no such plugin'; exit 3");
    assert.equal(status, 0);
    assert.match(output, /CloudWatch's agent does not start: no such plugin/);
    assert.deepEqual([report.succeeded, report.step], [true, "go on"]);
  });
});

describe("the database's logins", () => {
  const secret = (role: string, version: number) => ({
    username: `${role}_${version}`,
    password: `password-${role}-${version}`,
    dbname: "app",
    host: "postgres.test.internal",
    port: 5432,
    ...(version > 1 && {
      previous: { username: `${role}_${version - 1}`, password: `password-${role}-${version - 1}` },
    }),
  });
  const variables =
    'export DATABASE_NAME=app OWNER_ROLE=app_owner APP_ROLE=app_rw TLS="$HERE/tls" DATABASE_HOSTNAME=postgres\n';
  const sql = () => readFileSync(path.join(folder, "sql"), "utf8");
  const puts = () => aws.requests.filter((call) => call.startsWith("PUT /reports/boot/")).length;

  /** The document and the secrets that it names, as a deployment writes them. */
  function publish(document: string, ownerVersion: number, appVersion: number, authority = 1): void {
    const place = (role: string, version: number) => {
      const [arn, versionId] = [secretArn.replace("app", role), `version-${version}`];
      aws.secrets.set(`${arn} ${versionId}`, JSON.stringify(secret(role, version)));
      return { arn, versionId };
    };
    const roles = {
      version: document,
      owner: place("app_owner", ownerVersion),
      app: place("app_rw", appVersion),
      authority,
    };
    aws.objects.set("reports/database/postgres/roles.json", JSON.stringify(roles));
  }
  beforeEach(() => {
    stub("runuser", 'echo "$*" >>"$HERE/calls"; cat >"$HERE/sql"');
    // What it makes, service tests hold; a file called `ended` says that the certificate is no longer good.
    stub(
      "openssl",
      `[[ $1 != verify || ! -e $HERE/ended ]] || exit 1
[[ "$1 $2" != "x509 -in" || $* == *-noout* ]] || cat "$3"
while (($#)); do [[ $1 != -out && $1 != -keyout ]] || echo "$1" >"$2"; shift; done`,
    );
    mkdirSync(path.join(folder, "tls"));
    writeFileSync(path.join(folder, "tls", "version"), "1");
  });

  it("are made of the secrets that the document names, as verifiers and never as passwords", async () => {
    publish("d-1", 1, 2);
    const { status, output } = await boot(`${variables}read_roles; apply_roles`);
    assert.equal(status, 0, output);
    for (const login of ["app_owner_1", "app_rw_1", "app_rw_2"])
      assert.match(sql(), new RegExp(`''${login}'', ''SCRAM-SHA-256\\$4096:`));
    for (const text of [sql(), output, ...calls()]) assert.doesNotMatch(text, /password-app/);
  });

  it("stay as they are while the document is the one that was applied", async () => {
    publish("d-1", 1, 1);
    assert.equal((await boot(`${variables}printf d-1 >"$HERE/at"; follow_roles "$HERE/at"`)).status, 0);
    assert.throws(sql);
    assert.equal(puts(), 1, "the boot's own report only");
  });

  it("follow another document, and the report says which one is in force", async () => {
    publish("d-2", 1, 2);
    const { status, report } = await boot(
      `${variables}printf d-1 >"$HERE/at"; follow_roles "$HERE/at"; [[ $(<"$HERE/at") == d-2 ]]`,
    );
    assert.equal(status, 0);
    assert.match(sql(), /app_rw_2/);
    assert.equal(report.applied, "d-2");
    assert.equal(report.applyError, undefined);
    assert.equal(puts(), 2);
  });

  it("publish whom clients are to trust under the version of the authority that signs", async () => {
    publish("d-2", 1, 2, 2);
    assert.equal((await boot(`${variables}printf d-1 >"$HERE/at"; follow_roles "$HERE/at"`)).status, 0);
    assert.equal(aws.objects.get("reports/tls/postgres-ca-2.pem"), "-keyout\n-out\n".repeat(2));
    assert.equal(aws.objects.has("reports/tls/postgres-ca-1.pem"), false);
    assert.deepEqual(readdirSync(path.join(folder, "tls")).sort(), [...["ca-2.pem", "ca-3.pem", "version"]]);
  });

  it("renew a certificate that ends, with nothing else to do", async () => {
    publish("d-1", 1, 1);
    const follow = `${variables}printf d-1 >"$HERE/at"; touch "$HERE/ended"; follow_roles "$HERE/at"`;
    assert.equal((await boot(follow)).status, 0);
    assert.match(sql(), /pg_reload_conf/);
    assert.ok(existsSync(path.join(folder, "tls/server.pem")));
  });

  const failures: { title: string; before: () => void; message: RegExp }[] = [
    {
      title: "an authority that hosts which serve do not know",
      before: () => publish("d-2", 1, 2, 3),
      message: /^the certificate authority goes from version 1 to 3: change it by one, and deploy each time$/,
    },
    {
      title: "a secret that cannot be read",
      before: () => aws.secrets.clear(),
      message: /^cannot read version version-1 of the secret \S+ \(.*role.*\): secretsmanager answered 400/,
    },
    {
      title: "a refusal of PostgreSQL",
      before: () => stub("runuser", "echo 'ERROR: raise it by one' >&2; exit 3"),
      message: /^PostgreSQL does not take the logins: ERROR: raise it by one$/,
    },
    {
      title: "a secret of another role",
      before: () =>
        aws.secrets.set(`${secretArn.replace("app", "app_rw")} version-2`, JSON.stringify(secret("root", 2))),
      message: /^the roles' secrets make no logins: 'root_2' is no login of app_rw/,
    },
  ];
  for (const { title, before, message } of failures)
    it(`tell of ${title}, stay as they are, and are tried again`, async () => {
      publish("d-2", 1, 2);
      before();
      const { status, report } = await boot(
        `${variables}printf d-1 >"$HERE/at"; follow_roles "$HERE/at"; [[ $(<"$HERE/at") == d-1 ]]`,
      );
      assert.equal(status, 0);
      assert.equal(report.succeeded, true, "the boot did succeed");
      assert.equal(report.applied, "d-1");
      assert.equal(report.applyError?.version, "d-2");
      assert.match(report.applyError.message, message);
    });

  it("wait for a document that cannot be read just now", async () => {
    assert.equal((await boot(`${variables}printf d-1 >"$HERE/at"; follow_roles "$HERE/at"`)).status, 0);
    assert.equal(puts(), 1);
  });
});

describe("what looks after the database", () => {
  const look =
    'export RUNTIME_DIRECTORY=$HERE DATABASE_NAME=app; mkdir -p "$HERE/settings"; watch_database /dev/data "$HERE" "$HERE/settings"';
  const setting = () => path.join(folder, "settings", "read-only.conf");
  beforeEach(() => {
    mkdirSync(path.dirname(setting()));
    writeFileSync(path.join(folder, "size"), "1000");
    stub("blockdev", "echo 1000");
    stub("xfs_growfs", 'echo "xfs_growfs $*" >>"$HERE/calls"');
    stub("systemctl", 'echo "systemctl $*" >>"$HERE/calls"');
    stub("timedatectl", "echo yes");
    stub("setpriv", "cat >/dev/null");
  });
  const isFull = (percent: number) => stub("df", `printf 'Use%%\\n %d%%\\n' ${percent}`);
  const reload = "systemctl --no-block reload postgresql@17-main";

  for (const { percent, before, after } of [
    { percent: 94, before: "", after: "" },
    { percent: 95, before: "", after: "default_transaction_read_only = on\n" },
    { percent: 95, before: "kept", after: "kept" },
    { percent: 90, before: "kept", after: "kept" },
    { percent: 89, before: "kept", after: "" },
  ])
    it(`has a volume that is ${percent} % full ${after === "" ? "written to" : "read only"}, which was ${before === "" ? "written to" : "read only"}`, async () => {
      isFull(percent);
      writeFileSync(setting(), before);
      assert.equal((await boot(look)).status, 0);
      assert.equal(readFileSync(setting(), "utf8"), after);
      assert.deepEqual(
        existsSync(path.join(folder, "calls")) ? calls() : [],
        before === after ? [] : [reload],
      );
    });

  it("grows the file system with its volume, once", async () => {
    isFull(50);
    writeFileSync(setting(), "");
    writeFileSync(path.join(folder, "size"), "500");
    assert.equal((await boot(`${look}; watch_database /dev/data "$HERE" "$HERE/settings"`)).status, 0);
    assert.deepEqual(calls(), [`xfs_growfs ${folder}`]);
  });

  it("tries to grow the file system again when that has failed", async () => {
    isFull(50);
    writeFileSync(setting(), "");
    writeFileSync(path.join(folder, "size"), "500");
    stub("xfs_growfs", 'echo "xfs_growfs $*" >>"$HERE/calls"; exit 1');
    assert.equal((await boot(`${look}; watch_database /dev/data "$HERE" "$HERE/settings"`)).status, 0);
    assert.equal(calls().length, 2);
  });

  for (const { percent, message } of [
    { percent: 98, message: "PostgreSQL does not answer" },
    {
      percent: 99,
      message: "PostgreSQL does not answer: its volume is full, raise databaseVolumeGiB and deploy",
    },
  ])
    it(`says that a database on a volume of ${percent} % does not answer`, async () => {
      isFull(percent);
      writeFileSync(setting(), "kept");
      stub("setpriv", "exit 2");
      const { status, output } = await boot(look);
      assert.equal(status, 0);
      const line = output.split("\n").find((each) => each.startsWith("{"));
      assert.deepEqual(JSON.parse(line ?? ""), {
        logger: "database",
        level: "error",
        diskUsedPercent: percent,
        message,
      });
    });

  it("leaves what it has seen for whoever tells CloudWatch", async () => {
    isFull(40);
    writeFileSync(setting(), "");
    stub("setpriv", `cat >/dev/null; echo '{"connections": 1}'`);
    const { output } = await boot(look);
    assert.match(output, /^\{"connections": 1\}$/m);
    assert.equal(readFileSync(path.join(folder, "line"), "utf8"), '{"connections": 1}\n');
  });
});

describe("what CloudWatch is told of the database", () => {
  const line = () => path.join(folder, "line");
  const day = 86_400;
  beforeEach(async () => {
    const make = (name: string, days: number) =>
      `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout key -out "$HERE/${name}.pem" -days ${days} -subj /CN=x 2>&1`;
    const { status, output } = await boot(`cd "$HERE"; ${make("server", 1826)}; ${make("ca", 7300)}`);
    assert.equal(status, 0, output);
  });

  /** The figures, each with its unit, when the newest line is so many seconds old. */
  async function watched(ageSeconds: number, order = ["server", "ca"]): Promise<Map<string, number>> {
    const then = Date.now() / 1000 - ageSeconds;
    if (existsSync(line())) utimesSync(line(), then, then);
    const certificates = order.map((name) => `"$HERE/${name}.pem"`).join(" ");
    const { status, output } = await boot(`watched "$HERE/line" ${certificates}`);
    assert.equal(status, 0, output);
    const found = [...output.matchAll(/^(database_\w+)\n(\w+)\n(-?\d+)$/gm)];
    const lines = output.split("\n").filter((each) => each !== "" && !each.startsWith("=="));
    assert.equal(lines.length, 3 * found.length, output);
    return new Map(found.map(([, name, unit, value]) => [`${name} ${unit}`, Number(value)]));
  }
  const left = "database_certificate_left Seconds";

  it("is how full the volume is, how many connections are in use and how long a transaction has been open", async () => {
    writeFileSync(
      line(),
      JSON.stringify({
        diskUsedPercent: 81,
        connections: 30,
        maxConnections: 200,
        oldestTransactionSeconds: 7,
      }),
    );
    const figures = await watched(100);
    assert.deepEqual(
      [...figures.keys()],
      [
        ...["database_disk_used Percent", "database_connections_used Percent"],
        ...["database_oldest_transaction Seconds", left],
      ],
    );
    assert.deepEqual([...figures.values()].slice(0, 3), [81, 15, 7]);
  });

  it("is the volume alone while PostgreSQL does not answer", async () => {
    writeFileSync(line(), JSON.stringify({ level: "error", diskUsedPercent: 99 }));
    assert.deepEqual([...(await watched(0)).keys()], ["database_disk_used Percent", left]);
  });

  it("is nothing of a watch that has ended, or has not begun", async () => {
    assert.deepEqual([...(await watched(0)).keys()], [left]);
    writeFileSync(line(), JSON.stringify({ diskUsedPercent: 1 }));
    assert.deepEqual([...(await watched(150)).keys()], [left]);
  });

  it("is how long the first of the certificates is good, in either order", async () => {
    for (const order of [
      ["server", "ca"],
      ["ca", "server"],
    ]) {
      const seconds = (await watched(0, order)).get(left)!;
      assert.ok(seconds <= 1826 * day && seconds > 1825 * day, String(seconds));
    }
  });
});

describe("a boot script that is fetched", () => {
  const key = (hash: string) => `reports/scripts/${hash}.sh`;
  const script = 'step "work"; echo "by $SCRIPT"';
  const hash = createHash("sha256").update(script).digest("hex");
  const keeps = () => path.join(folder, "kept");
  const fetch = (pinned = hash) =>
    `export SCRIPT=test SCRIPT_SHA256=${pinned}\n${readPart("../fetch").replace("/usr/local/lib/boot", '"$HERE"/kept')}`;

  it("is run when it has the hash that the user data names, and is kept for the next boot", async () => {
    aws.objects.set(key(hash), script);
    for (const fetched of [true, false]) {
      aws.requests.length = 0;
      const { status, output, report } = await boot(fetch());
      assert.equal(status, 0, output);
      assert.match(output, /^by test$/m);
      assert.equal(report.step, "work");
      assert.equal(aws.requests.includes(`GET /${key(hash)}`), fetched);
      aws.objects.delete(key(hash));
    }
    assert.equal(statSync(path.join(keeps(), `${hash}.sh`)).mode & 0o777, 0o500);
  });

  it("is not run when it has another, and the report says so", async () => {
    aws.objects.set(key(hash), `${script}; echo more`);
    const { status, output, report } = await boot(fetch());
    assert.equal(status, 1);
    assert.doesNotMatch(output, /^by test$/m);
    assert.equal(
      report.message,
      `cannot fetch scripts/${hash}.sh from reports (may the instance's role read it?): it is not the script that was deployed, whose SHA-256 is ${hash}`,
    );
    assert.equal(report.step, "fetch the boot script");
    assert.equal(existsSync(keeps()), false);
  });

  it("is fetched anew when what was kept is damaged", async () => {
    aws.objects.set(key(hash), script);
    mkdirSync(keeps());
    writeFileSync(path.join(keeps(), `${hash}.sh`), "echo damaged");
    const { status, output } = await boot(fetch());
    assert.equal(status, 0, output);
    assert.doesNotMatch(output, /damaged/);
  });

  it("that is missing fails the boot, with S3's answer", async () => {
    const { status, report } = await boot(fetch());
    assert.equal(status, 1);
    assert.match(report.message, /^cannot fetch scripts\/\w+\.sh from reports .*: s3 answered 404/);
  });
});
