import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { type BootScript, userDataFor, userDataLimit } from "../../components/host/userData";

const common = ["REPORT_BUCKET", "REPORT_REGION", "REPORT_ROLE_ID"];
/** What the program gives each script. */
const variables: Record<BootScript, readonly string[]> = {
  postgres: [
    ...common,
    "DATA_VOLUME_ID",
    "DATABASE_NAME",
    "DATABASE_HOSTNAME",
    "CLIENT_CIDRS",
    "OWNER_SECRET_ARN",
    "APP_SECRET_ARN",
    "MAX_CONNECTIONS",
    "SHARED_BUFFERS_MIB",
    "EFFECTIVE_CACHE_MIB",
    "MAINTENANCE_WORK_MEM_MIB",
    "WORK_MEM_KIB",
    "SESSION_MANAGER",
  ],
  django: [...common, "APP_BUCKET", "APP_KEY", "SESSION_MANAGER"],
  web: [
    ...common,
    "ACCOUNT_BUCKET",
    "SERVICE_SECRET_ARN",
    "DATABASE_VOLUME_ID",
    "DATABASE_SECRET_ARN",
    "ALLOWED_HOSTS",
  ],
  release: [
    ...common,
    "ACCOUNT_BUCKET",
    "SERVICE_SECRET_ARN",
    "DATABASE_VOLUME_ID",
    "OWNER_SECRET_ARN",
    "ADMIN_SECRET_ARN",
  ],
};

/** The script as the host gets it. The values are as long as real ones. */
function assemble(script: BootScript): { userData: string; text: string } {
  const value = "arn:aws:secretsmanager:us-east-1:123456789012:secret:dev-db-owner-1234abc-AbCdEf";
  const userData = userDataFor(script, Object.fromEntries(variables[script].map((name) => [name, value])));
  const encoded = userData.split("Content-Transfer-Encoding: base64\n\n")[1]?.split("\n--")[0] ?? "";
  return { userData, text: gunzipSync(Buffer.from(encoded, "base64")).toString() };
}

for (const script of Object.keys(variables) as BootScript[])
  describe(`${script}.sh`, () => {
    const { userData, text } = assemble(script);

    it("satisfies shellcheck, and reads no variable that it is not given", () => {
      const found = spawnSync("shellcheck", ["--norc", "--enable=check-unassigned-uppercase", "-"], {
        input: text,
        encoding: "utf8",
      });
      assert.equal(found.error, undefined, "install shellcheck");
      assert.equal(found.stdout, "");
    });

    it("reads every variable that it is given", () => {
      const body = text.replace(/^export .*$/gm, "");
      for (const name of variables[script])
        assert.match(body, new RegExp(`\\$\\{?${name}\\b`), `${name} is not read`);
    });

    it("leaves room in EC2's limit for user data", () => {
      assert.ok(userData.length < 0.75 * userDataLimit, `${userData.length} bytes`);
    });

    it("keeps the mechanism by which it runs at every boot", () => {
      assert.match(userData, /^cloud_final_modules:\n {2}- \[scripts-user, always\]$/m);
    });
  });
