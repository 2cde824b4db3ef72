import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, describe, it } from "node:test";
import { assembleScript } from "../../components/host/userData";
import { type BootReport, bootReportKey, functionSeconds, userIdOf } from "../../gate/contract.cjs";
import { FakeAws, hostEnvironment, roleId } from "./fakeAws";

const secretArn = (name: string) => `arn:aws:secretsmanager:us-east-2:123456789012:secret:${name}-AbCdEf`;

let aws: FakeAws;
let folder: string;
let endpoint: string;
/** What the host has reported, one after the other. */
let reports: BootReport[];

beforeEach(async () => {
  aws = new FakeAws();
  reports = [];
  const key = `reports/${bootReportKey(userIdOf(roleId, "i-1"))}`;
  aws.onPut = (written, body) => {
    if (written === key) reports.push(JSON.parse(body) as BootReport);
  };
  endpoint = await aws.start();
  aws.group = "web-1234567";
  aws.objects.set("reports/tls/postgres-ca-1.pem", "certificate");
  for (const name of ["service", "database"]) aws.secrets.set(`${secretArn(name)} v-1`, "{}");
  folder = mkdtempSync(path.join(tmpdir(), "userdata-test-"));
  for (const name of ["bin", "run"]) mkdirSync(path.join(folder, name));
  // The service is alive when there is such a file, and of its database answers what a file says.
  stub(
    "curl",
    `url=\${*: -1}
[[ $url == http://127.0.0.1:8000/* ]] || { PATH=\${PATH#*:}; exec curl "$@"; }
name=\${url##*/}
echo "$name" >>"$HERE/asked"
if [[ $name == livez ]]; then [[ -e $HERE/alive ]] && cat "$HERE/livez"; exit; fi
while (($#)); do [[ $1 != -o ]] || printf '{"database":"%s"}' "$(cat "$HERE/ready")" >"$2"; shift; done
[[ $(cat "$HERE/ready") == ok ]] && printf 200 || printf 503`,
  );
  stub(
    "systemctl",
    `echo "$*" >>"$HERE/systemctl"
case "$*" in
  "restart app.service") [[ ! -e $HERE/broken ]] ;;
  "show -P NRestarts app.service") cat "$HERE/restarts" ;;
esac`,
  );
  stub("systemd-run", 'for word; do [[ $word != --unit=* ]] || echo "$*" >"$HERE/${word#--unit=}"; done');
  stub("journalctl", `echo '{"message": "it crashed", "exception": "ImportError: no such module"}'`);
  set("livez", "200");
  set("ready", "ok");
  set("restarts", "0");
});
afterEach(() => {
  aws.stop();
  rmSync(folder, { recursive: true });
});

const set = (name: string, content = "") => writeFileSync(path.join(folder, name), content);
function stub(name: string, body: string): void {
  set(`bin/${name}`, `#!/bin/bash\n${body}\n`);
  chmodSync(path.join(folder, "bin", name), 0o755);
}

/**
 * Runs the script as a host would at boot, and waits until it asks no more. Of its clock, SECONDS, only its pauses count, each as
 * a minute, and they take no time; `meanwhile` happens in each. Answers the status of the script.
 */
async function boot(meanwhile = ":", logGroup = ""): Promise<number | null> {
  const log = path.join(folder, "log");
  const text =
    `unset SECONDS; SECONDS=0; sleep() { SECONDS=$((SECONDS + 60)); ${meanwhile}; }\n${assembleScript("web").given}`
      .replace("LOG=/var/log/cloud-init-output.log", `LOG='${log}'`)
      .replace("run=/run/app", `run='${folder}/run/app'`)
      .replaceAll(/(\/etc\/systemd\/system|\/usr\/local\/lib|\/var\/log|\/opt\/aws)\//g, `${folder}$1/`);
  set("script.sh", text);
  const command = `bash '${folder}/script.sh' 2>&1 | tee -a '${log}'; exit \${PIPESTATUS[0]}`;
  const child = spawn("bash", ["-c", command], {
    // Whatever runs still holds the last pipe open.
    stdio: ["ignore", "ignore", "inherit", "pipe"],
    env: {
      ...hostEnvironment(folder, endpoint),
      ACCOUNT_BUCKET: "accounts",
      SERVICE_SECRET_ARN: secretArn("service"),
      SERVICE_SECRET_VERSION: "v-1",
      DATABASE_SECRET_VERSION: "v-1",
      DATABASE_SECRET_ARN: secretArn("database"),
      DATABASE_VOLUME_ID: "vol-1",
      DATABASE_CA_KEY: "tls/postgres-ca-1.pem",
      ALLOWED_HOSTS: "example.com",
      LEGACY_ROUTES: "true",
      TELEMETRY_LOG_GROUP: logGroup,
      TELEMETRY_NAMESPACE: "figures",
      TELEMETRY_ROLE: "hosts",
      CORS_ORIGINS: "https://a.example.org https://b.example.org",
      LAUNCH_HOOK: "serves",
    },
  });
  (child.stdio[3] as Readable).resume();
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  assert.deepEqual(readdirSync(path.join(folder, "run")), ["app"], "the work folder is removed");
  return status;
}

/** Changes a file of the folder at a second of the script's clock. */
const at = (second: number, change: string) =>
  `[[ -e $HERE/at-${second} || $SECONDS -lt ${second} ]] || { touch "$HERE/at-${second}"; ${change}; }`;
/** Seconds of the script's clock for which the host asked whether it is ready. */
const asked = () =>
  readFileSync(path.join(folder, "asked"), "utf8")
    .split("\n")
    .filter((name) => name === "readyz").length * 60;

describe("a web host", () => {
  it("reports that it is ready, and does so once", async () => {
    set("alive");
    assert.equal(await boot(), 0);
    assert.equal(reports.length, 1);
    assert.match(readFileSync(path.join(folder, "run/app/env"), "utf8"), /^LEGACY_ROUTES=true$/m);
    assert.match(
      readFileSync(path.join(folder, "run/app/env"), "utf8"),
      /^CORS_ORIGINS="https:\/\/a.example.org https:\/\/b.example.org"$/m,
    );
    const { succeeded, ready, readiness, step } = reports[0]!;
    assert.deepEqual(
      { succeeded, ready, readiness, step },
      { succeeded: true, ready: true, readiness: '{"database":"ok"}', step: "ask /readyz" },
    );
  });

  /** Whether the host switches itself off. */
  const isOff = () => readFileSync(path.join(folder, "systemctl"), "utf8").includes("poweroff");

  it("joins its group when the service answers, and not before", async () => {
    assert.equal(await boot(at(240, 'touch "$HERE/alive"')), 0);
    assert.deepEqual(aws.launches, ["serves: CONTINUE"]);
    assert.equal(isOff(), false);
    const calls = aws.requests.filter((call) => call === "POST /" || call.startsWith("PUT /reports"));
    assert.deepEqual(calls.slice(-2, -1), ["POST /"], "it joins before it reports");
  });

  /** What a unit that the host has started does, with other programs in place of its own. */
  const watch = (unit: string, stubs: string) => {
    const command = readFileSync(path.join(folder, unit), "utf8");
    const script = command.slice(command.indexOf("bash -c ") + "bash -c ".length);
    const { stdout } = spawnSync("bash", ["-c", `${stubs}; ${script.replace("/var/lib", folder)}`]);
    return String(stdout);
  };

  it("has its disk watched, and switches itself off when that takes no more", async () => {
    set("alive");
    await boot();
    const fails = `sleep() { rm '${folder}/disk-watch' && mkdir '${folder}/disk-watch'; }; systemctl() { echo "$@"; }`;
    assert.equal(watch("disk-watch", fails), "poweroff\n");
  });

  it("has its service watched, and ends it for good when it does not answer for 5 s; what refuses is left alone", async () => {
    set("alive");
    await boot();
    // It answers, refuses, answers 500, and then hangs: curl's statuses.
    const service = `looks=0; sleep() { :; }
curl() { echo "$*"; set -- 0 7 0 28; shift $((looks++)); return $1; }
exec() { "$@"; exit; }; systemctl() { echo "$@"; }`;
    const asked = "-s -m 5 -o /dev/null http://127.0.0.1:8000/livez\n";
    assert.equal(
      watch("service-watch", service),
      `${asked.repeat(4)}the service has not answered for 5 s: it is ended, and the group replaces the host\n` +
        "stop --no-block app.service\nkill --signal=KILL app.service\n",
    );
  });

  it("boots again in a group that it has joined", async () => {
    set("alive");
    aws.launches.push("serves: CONTINUE");
    assert.equal(await boot(), 0);
    assert.equal(reports[0]!.succeeded, true);
    assert.equal(aws.launches.length, 1);
  });

  it("fails when no group has it, with that reason, and switches itself off all the same", async () => {
    set("alive");
    aws.group = undefined;
    assert.equal(await boot(), 1);
    assert.match(reports[0]!.message, /^cannot join the group: no group has this host$/);
    assert.ok(isOff());
  });

  it("that cannot boot reports why, then has its group make another, then switches itself off", async () => {
    set("broken");
    const { onPut } = aws;
    aws.onPut = (key, body) => {
      onPut(key, body);
      assert.deepEqual(aws.launches, [], "the reason comes first");
      assert.equal(isOff(), false);
    };
    assert.equal(await boot(), 1);
    assert.equal(reports.length, 1);
    assert.deepEqual(aws.launches, ["serves: ABANDON"]);
    assert.ok(isOff());
  });

  it("asks for longer than the gate waits whether it is still ready, and then no more", async () => {
    set("alive");
    await boot();
    assert.ok(asked() > functionSeconds, `${asked()} s`);
    assert.ok(asked() < 3600, `${asked()} s`);
  });

  it("reports at once when it is alive but not ready, and again whenever that changes", async () => {
    set("alive");
    set("ready", "refused");
    const status = await boot(
      [
        at(400, 'echo ok >"$HERE/ready"'),
        at(800, 'echo gone >"$HERE/ready"'),
        at(1000, 'echo ok >"$HERE/ready"'),
      ].join("; "),
    );
    assert.equal(status, 0);
    assert.deepEqual(
      reports.map(({ succeeded, ready, readiness }) => ({ succeeded, ready, readiness })),
      [
        { succeeded: true, ready: false, readiness: '{"database":"refused"}' },
        { succeeded: true, ready: true, readiness: '{"database":"ok"}' },
        { succeeded: true, ready: false, readiness: '{"database":"gone"}' },
        { succeeded: true, ready: true, readiness: '{"database":"ok"}' },
      ],
    );
  });

  it("reports a change again when the bucket refuses it at first", async () => {
    set("alive");
    set("ready", "refused");
    const { onPut } = aws;
    aws.onPut = (key, body) => {
      onPut(key, body);
      if (reports.length === 1) aws.refusals.set("PUT /reports/boot/", 3);
    };
    await boot(at(400, 'echo ok >"$HERE/ready"'));
    assert.deepEqual(
      reports.map(({ ready }) => ready),
      [false, true],
    );
    assert.equal(aws.refusals.get("PUT /reports/boot/"), 0);
  });

  it("sends its log where it is told to", async () => {
    set("alive");
    const [bin, lib] = ["opt/aws/amazon-cloudwatch-agent/bin", "usr/local/lib"];
    for (const name of [bin, lib, "etc/systemd/system"])
      mkdirSync(path.join(folder, name), { recursive: true });
    set(`${bin}/amazon-cloudwatch-agent-ctl`, '#!/bin/bash\necho "$*" >"$HERE/agent"\n');
    chmodSync(path.join(folder, bin, "amazon-cloudwatch-agent-ctl"), 0o755);
    assert.equal(await boot(":", "logs"), 0);
    assert.match(readFileSync(path.join(folder, "agent"), "utf8"), / -s -c file:/);
    const config = readFileSync(path.join(folder, bin, "../etc/host.json"), "utf8");
    const log = path.join(folder, "var/log/app/service.log");
    for (const part of [
      `"file_path": "${log}"`,
      '"log_group_name": "logs"',
      '"log_stream_name": "i-1/service.log"',
    ])
      assert.ok(config.includes(part), part);
    const unit = readFileSync(path.join(folder, "etc/systemd/system/app-log.service"), "utf8");
    const [, relay = "", to] =
      /^ExecStart=.*journalctl -u app\.service .*\| python3 (\S+) (\S+)'$/m.exec(unit) ?? [];
    assert.equal(to, log);
    // The relay changes no line, whatever is in it.
    const lines = ['{"message": "100 % of %s", "request_id": "1-5"}', "", "  über"];
    const child = spawn("python3", [relay, log], { stdio: ["pipe", "inherit", "inherit"] });
    child.stdin.end(lines.join("\n"));
    await new Promise((resolve) => child.on("close", resolve));
    assert.equal(readFileSync(log, "utf8"), `${lines.join("\n")}\n`);
  });

  it("sends nothing without a log group", async () => {
    set("alive");
    assert.equal(await boot(), 0);
    assert.ok(!existsSync(path.join(folder, "etc")));
  });

  it("waits for a slow service", async () => {
    assert.equal(await boot(at(240, 'touch "$HERE/alive"')), 0);
    assert.equal(reports[0]!.ready, true);
  });

  it("gives up on one that never answers, with the end of its log", async () => {
    assert.equal(await boot(), 1);
    assert.equal(reports.length, 1);
    assert.equal(reports[0]!.succeeded, false);
    assert.equal(
      reports[0]!.message,
      "the service does not answer at /livez: the reason is at the end of its log",
    );
    assert.match(reports[0]!.logTail, /^it crashed\nImportError: no such module$/m);
  });

  it("gives up at once on one that answers an error, and says which", async () => {
    set("alive");
    set("livez", "500");
    assert.equal(await boot(), 1);
    assert.equal(
      reports[0]!.message,
      "the service answers 500 at /livez: the reason is at the end of its log",
    );
    assert.match(reports[0]!.logTail, /^ImportError: no such module$/m);
    const asked = readFileSync(path.join(folder, "asked"), "utf8").trim().split("\n");
    assert.ok(asked.length <= 2, `it went on asking: ${asked.join()}`);
  });

  it("gives up early on one that crashes again and again", async () => {
    assert.equal(await boot(`${at(60, 'echo 2 >"$HERE/restarts"')}; ${at(180, ":")}`), 1);
    assert.equal(reports[0]!.succeeded, false);
    assert.equal(existsSync(path.join(folder, "at-180")), false, "it did not go on waiting");
  });

  it("says at once that the service does not start", async () => {
    set("broken");
    assert.equal(await boot(), 1);
    assert.match(reports[0]!.message, /^app\.service does not start/);
    assert.equal(existsSync(path.join(folder, "asked")), false, "it did not wait for an answer");
  });
});
