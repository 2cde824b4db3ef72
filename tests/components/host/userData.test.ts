import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { parse } from "yaml";
import {
  type BootScript,
  renderUserData,
  userDataFor,
  userDataLimit,
  type Variables,
} from "../../../components/host/userData";
import { scriptOf } from "../../support/userData";

const config = "#cloud-config\nruncmd: []\n";

test("a script gets its variables, exported before it", () => {
  const script = scriptOf(
    renderUserData(config, ["echo one\n", "echo two\n"], { NAME: "value", COUNT: 3, ON: true }),
  );
  assert.equal(
    script,
    "#!/bin/bash\nexport NAME='value'\nexport COUNT='3'\nexport ON='true'\necho one\necho two\n",
  );
});

test("whatever a value is, the shell sees it unchanged", () => {
  const value = fc.string({ unit: fc.constantFrom(...Array.from("abc '\"$`\\!*?;|&<>(){}[]#~%=\t")) });
  fc.assert(
    fc.property(value, (text) => {
      const script = scriptOf(renderUserData(config, ['printf %s "$VALUE"'], { VALUE: text }));
      assert.equal(execFileSync("bash", ["-c", script], { encoding: "utf8" }), text);
    }),
    { numRuns: 25 },
  );
});

test("user data is a MIME message of a cloud-config and a script", () => {
  const message = renderUserData(config, ["true\n"], {});
  assert.match(message, /^Content-Type: multipart\/mixed; boundary="([^"]+)"\nMIME-Version: 1.0\n\n--\1\n/);
  assert.ok(message.includes(config.trimEnd()));
  assert.match(message, /^[\x20-\x7e\n]+$/);
  const python =
    "import email,sys; print([p.get_content_type() for p in email.message_from_file(sys.stdin).walk()])";
  const parts = execFileSync("python3", ["-c", python], { input: message, encoding: "utf8" });
  assert.equal(parts.trim(), "['multipart/mixed', 'text/cloud-config', 'application/gzip']");
});

test("the same input gives the same bytes", () => {
  const render = () => renderUserData(config, ["true\n".repeat(1000)], { A: "b" });
  assert.equal(render(), render());
});

const refused: { title: string; scripts: string[]; variables: Variables; message: RegExp }[] = [
  {
    title: "a name that the shell does not know",
    scripts: [],
    variables: { "a-b": "" },
    message: /a-b cannot name/,
  },
  { title: "a letter beyond ASCII", scripts: ["echo ü\n"], variables: {}, message: /plain ASCII.*echo ü/ },
  { title: "a newline in a value", scripts: [], variables: { A: "b\u0007" }, message: /plain ASCII/ },
  {
    title: "more than EC2 takes",
    scripts: [Array.from({ length: 20_000 }, (_, index) => String((index * 7919) % 10_007)).join("")],
    variables: {},
    message: /bytes and EC2 takes 16384/,
  },
];
for (const { title, scripts, variables, message } of refused) {
  test(`${title} is refused`, () => assert.throws(() => renderUserData(config, scripts, variables), message));
}

const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:production-accounts-service-1234567-AbCdEf";
const report = { REPORT_BUCKET: "production-gate-bucket-1234567", REPORT_REGION: "us-east-1" };
const variables: Record<BootScript, Variables> = {
  postgres: {
    ...report,
    DATA_VOLUME_ID: "vol-0123456789abcdef0",
    DATABASE_NAME: "app",
    DATABASE_HOSTNAME: "postgres.production.internal",
    CLIENT_CIDRS: "10.10.128.0/17",
    OWNER_SECRET_ARN: arn,
    APP_SECRET_ARN: arn,
    MAX_CONNECTIONS: 160,
    SHARED_BUFFERS_MIB: 2048,
    EFFECTIVE_CACHE_MIB: 6144,
    MAINTENANCE_WORK_MEM_MIB: 512,
    WORK_MEM_KIB: 12345,
    SESSION_MANAGER: true,
  },
  django: { ...report, APP_BUCKET: "b", APP_KEY: `app/${"0".repeat(64)}.zip`, SESSION_MANAGER: true },
  web: {
    ...report,
    ACCOUNT_BUCKET: "production-accounts-1234567",
    SERVICE_SECRET_ARN: arn,
    DATABASE_VOLUME_ID: "vol-0123456789abcdef0",
    DATABASE_SECRET_ARN: arn,
    ALLOWED_HOSTS: "production-web-1234567-1234567890.us-east-1.elb.amazonaws.com service.example.com",
  },
  release: {
    ...report,
    ACCOUNT_BUCKET: "production-accounts-1234567",
    SERVICE_SECRET_ARN: arn,
    DATABASE_VOLUME_ID: "vol-0123456789abcdef0",
    OWNER_SECRET_ARN: arn,
    ADMIN_SECRET_ARN: arn,
  },
};
for (const [name, values] of Object.entries(variables)) {
  test(`${name}.sh fits, and reads only variables that it is given`, () => {
    const message = userDataFor(name as BootScript, values);
    assert.ok(message.length < userDataLimit * 0.75, `${message.length} bytes leave no room to grow`);
    const script = scriptOf(message);
    execFileSync("bash", ["-n"], { input: script });
    const own = readFileSync(path.join(__dirname, `../../../userdata/${name}.sh`), "utf8");
    for (const key of Object.keys(values)) {
      assert.ok(new RegExp(`\\$\\{?${key}\\b`).test(script), `${name}.sh does not use ${key}`);
    }
    const asked = own.matchAll(/\$\{?([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b/g);
    const known = new Set([
      ...Object.keys(values),
      "INSTANCE_ID",
      "BASH_COMMAND",
      "BASH_SOURCE",
      "LOG_START",
    ]);
    for (const [, key] of asked)
      assert.ok(known.has(key!) || script.includes(`${key}=`), `${name}.sh asks for ${key}`);
  });
}

test("the script runs at every boot", () => {
  const file = readFileSync(path.join(__dirname, "../../../userdata/cloud-config.yaml"), "utf8");
  assert.ok(file.startsWith("#cloud-config\n"));
  const { cloud_final_modules: modules } = parse(file) as { cloud_final_modules: unknown[] };
  assert.deepEqual(modules[0], ["scripts-user", "always"]);
});
