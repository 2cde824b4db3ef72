import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { promisify } from "node:util";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
} from "@aws-sdk/client-secrets-manager";
import { eventually } from "../support/eventually";
import { namespaceOf, onHost } from "../../local/faults/onHost";
import { loopbackAddress, namePrefix, statePath } from "../../local/machine/state";
import { copyOfCheckout, leftovers, neighbour, RegionProcess, root } from "../support/regionProcess";
import { password, useRegion } from "../support/runningRegion";

const execute = promisify(execFile);

describe("the system", () => {
  const region = useRegion();
  const token = async () => (await region.newUser()).token;

  const connect = (host: string, target: string, port: number) =>
    onHost(
      host,
      `timeout 3 bash -c 'exec 3<>/dev/tcp/${target}/${port}' 2>/dev/null && echo open || echo closed`,
    ).then((answer) => answer.trim());

  it("the outputs are what an operator needs, and no password is among them", () => {
    assert.match(region.outputs["albDnsName"]!, new RegExp(`^${loopbackAddress(1)}(:\\d+)?$`));
    assert.equal(region.outputs["databaseEndpoint"], "postgres.local.internal:5432");
    for (const name of ["serviceUrl", "webGroupName", "imageId", "adminSecretName", "databaseInstanceId"])
      assert.ok(region.outputs[name], name);
    assert.match(region.process.output, /recorded only[\s\S]*iam\.Role/);
  });

  it("tasks are created, listed, changed and deleted through the balancer; each user sees only their own", async () => {
    const [ada, bob] = [await token(), await token()];
    const created = await region.ask("POST", "/v1/tasks", { title: "Water them" }, ada);
    assert.equal(created.status, 201);
    const uri = `/v1/tasks/${String(created.body["id"])}`;
    const { body: changed } = await region.ask("PATCH", uri, { done: true }, ada);
    assert.equal(changed["done"], true);
    const { body: listed } = await region.ask("GET", "/v1/tasks", undefined, ada);
    assert.deepEqual(listed["results"], [changed]);
    assert.deepEqual((await region.ask("GET", "/v1/tasks", undefined, bob)).body["results"], []);
    assert.equal((await region.ask("DELETE", uri, undefined, bob)).status, 404);
    assert.equal((await region.ask("DELETE", uri, undefined, ada)).status, 204);
    assert.equal((await region.ask("GET", "/v1/tasks")).status, 401);
  });

  it("two hosts share accounts, tokens and tasks", async () => {
    const { token } = await region.newUser();
    const created = await region.ask("POST", "/v1/tasks", { title: "Shared" }, token);
    const seen = new Map<string, unknown>();
    await eventually("answers of both hosts", async () => {
      const { host, body, status } = await region.ask("GET", "/v1/tasks", undefined, token);
      assert.equal(status, 200);
      seen.set(host, body["results"]);
      return seen.size === 2;
    });
    assert.deepEqual([...seen.keys()].sort(), await region.webHosts());
    for (const results of seen.values()) assert.deepEqual(results, [created.body]);
  });

  it("twenty sign-ups of one login that race make one account", async () => {
    const signUp = (secret: string) => region.ask("POST", "/v1/signup", { login: "racer", password: secret });
    const answers = await Promise.all(Array.from({ length: 20 }, () => signUp(password)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
    assert.equal(new Set(answers.map(({ body }) => body["id"])).size, 1);
    assert.equal((await signUp(`not ${password}`)).status, 409);
    assert.equal((await region.ask("POST", "/v1/signin", { login: "racer", password })).status, 200);
  });

  it("the service is ready, and alive without asking anybody", async () => {
    const ready = await region.ask("GET", "/readyz");
    assert.equal(ready.status, 200, JSON.stringify(ready.body));
    assert.equal((await region.ask("GET", "/livez")).status, 200);
    assert.equal((await region.ask("GET", "/healthcheck")).status, 200);
  });

  it("the administrator's secret signs in, and reads and sets the size of the fleet", async () => {
    const administrator = await region.administrator();
    const fleet = await region.ask("GET", "/v1/fleet", undefined, administrator);
    assert.equal(fleet.status, 200, JSON.stringify(fleet.body));
    assert.equal(fleet.body["desired"], 2);
    assert.equal(
      (await region.ask("GET", "/v1/fleet", undefined, (await region.newUser()).token)).status,
      403,
    );
    assert.equal((await region.ask("PUT", "/v1/fleet", { desired: 99 }, administrator)).status, 422);
    assert.equal((await region.ask("PUT", "/v1/fleet", { desired: 3 }, administrator)).status, 200);
    await eventually("three healthy hosts", async () => (await region.servingHosts()).length === 3);
    assert.equal((await region.ask("PUT", "/v1/fleet", { desired: 2 }, administrator)).status, 200);
    await eventually("two hosts", async () => (await region.servingHosts()).length === 2);
  });

  it("the client serves a user and the administrator, and finds the service by itself", async (t) => {
    const config = mkdtempSync(join(tmpdir(), "django-on-ec2-client-"));
    t.after(() => rmSync(config, { recursive: true, force: true }));
    const client = async (args: readonly string[], input = "") => {
      const run = execute("npm", ["run", "-s", "client", "--", ...args, "--json"], {
        cwd: root,
        env: { ...process.env, XDG_CONFIG_HOME: config, DJANGO_ON_EC2_URL: "" },
      });
      run.child.stdin!.end(input);
      return JSON.parse((await run).stdout) as Record<string, unknown>;
    };
    const login = "client-of-the-system";
    assert.deepEqual(await client(["signup", login], `${password}\n`), {
      url: region.outputs["serviceUrl"],
      login,
    });
    const { id } = await client(["tasks", "add", "Water them"]);
    assert.equal((await client(["tasks", "done", String(id).slice(0, 13)]))["done"], true);
    assert.deepEqual(
      ((await client(["tasks", "list"])) as unknown as { id: string }[]).map((task) => task.id),
      [id],
    );
    const signedIn = await client(["admin", "signin"]);
    assert.equal((await client(["whoami"]))["login"], signedIn["login"]);
    assert.equal((await client(["fleet", "set", "2"]))["desired"], 2);
    assert.equal((await client(["accounts", "lock", login]))["locked"], true);
    assert.equal((await region.ask("POST", "/v1/signin", { login, password })).status, 403);
    assert.equal((await client(["accounts", "unlock", login]))["locked"], false);
    assert.equal((await client(["health"]))["status"], "ready");
  });

  it("port 5432 is open to a web host, and to no other", async () => {
    const [web] = await region.webHosts();
    assert.equal(await connect(web!, "postgres.local.internal", 5432), "open");
    assert.equal(await connect(web!, "postgres.local.internal", 22), "closed");
    const address = (await onHost(web!, "getent hosts postgres.local.internal")).split(/\s+/)[0]!;
    // The balancer's place in the network, and that of the stopped host that built the image.
    const builder = (await bootReports()).find(({ script }) => script === "django")!.instanceId;
    const webAddress = (await onHost(web!, "hostname -I")).trim();
    const reach = async (namespace: string, target: string, port: number) => {
      const script = `timeout 3 bash -c 'exec 3<>/dev/tcp/${target}/${port}' 2>/dev/null && echo open || echo closed`;
      return (await execute("ip", ["netns", "exec", namespace, "bash", "-c", script])).stdout.trim();
    };
    const balancer = `${namePrefix()}alb1`;
    assert.equal(await reach(balancer, webAddress, 8000), "open");
    for (const stranger of [balancer, namespaceOf(builder)])
      assert.equal(await reach(stranger, address, 5432), "closed", stranger);
  });

  interface BootReport {
    readonly instanceId: string;
    readonly script: string;
    readonly succeeded: boolean;
    readonly applied?: string;
    readonly applyError?: { readonly version: string; readonly message: string };
  }
  async function bootReports(): Promise<BootReport[]> {
    const { s3 } = region.api.in("us-east-1");
    const Bucket = region.outputs["bootReportBucket"]!;
    const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "boot/" }));
    return Promise.all(
      Contents!.map(async ({ Key }) => {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: Key! }));
        return JSON.parse(await Body!.transformToString()) as BootReport;
      }),
    );
  }

  it("the metadata service answers with a token only, and gives the role's credentials", async () => {
    for (const host of [region.database, ...(await region.webHosts())]) {
      const url = "http://169.254.169.254/latest";
      const code = await onHost(host, `curl -s -o /dev/null -w '%{http_code}' ${url}/meta-data/instance-id`);
      assert.equal(code, "401");
      const token = `$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' ${url}/api/token)`;
      const read = (what: string) =>
        onHost(host, `curl -s -H "X-aws-ec2-metadata-token: ${token}" ${url}/${what}`);
      assert.equal(await read("meta-data/instance-id"), host);
      assert.equal(
        await read("meta-data/placement/region"),
        host === region.database ? "us-east-2" : "us-east-1",
      );
      const role = await read("meta-data/iam/security-credentials/");
      const credentials = JSON.parse(await read(`meta-data/iam/security-credentials/${role}`)) as {
        Code: string;
      };
      assert.equal(credentials.Code, "Success");
    }
  });

  it("the database has checksums, takes TLS only and lies on its own volume", async () => {
    const sql = (query: string) =>
      onHost(region.database, `cd / && runuser -u postgres -- psql -XAtc "${query}"`);
    assert.equal((await sql("SHOW data_checksums")).trim(), "on");
    assert.equal((await sql("SHOW password_encryption")).trim(), "scram-sha-256");
    assert.match(await onHost(region.database, "findmnt -no SOURCE /var/lib/postgresql"), /^\/dev\/loop/);
    assert.equal(
      (
        await sql(
          "SELECT count(*) FROM pg_hba_file_rules WHERE type IN ('host', 'hostnossl') AND auth_method <> 'reject'",
        )
      ).trim(),
      "0",
    );
    assert.ok(
      Number(
        await sql(
          "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE usename = 'app_rw_1' AND ssl",
        ),
      ) > 0,
    );
    assert.equal(
      (
        await sql(
          "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE client_addr IS NOT NULL AND NOT ssl",
        )
      ).trim(),
      "0",
    );
    // The service's role may change rows and nothing else.
    assert.equal(
      (await sql("SELECT has_schema_privilege('app_rw', 'public', 'CREATE')")).trim().slice(0, 1),
      "f",
    );
  });

  it("the database follows a rotation while it runs: the old and the new password are let in", async () => {
    const { s3 } = region.api.in("us-east-1");
    const { secretsManager } = region.api.in("us-east-2");
    const place = {
      Bucket: region.outputs["bootReportBucket"]!,
      Key: "database/postgres.local.internal/roles.json",
    };
    const { Body } = await s3.send(new GetObjectCommand(place));
    const roles = JSON.parse(await Body!.transformToString()) as {
      version: string;
      app: { arn: string; versionId: string };
    };
    const report = async () => (await bootReports()).find(({ script }) => script === "postgres")!;
    assert.equal((await report()).applied, roles.version);

    const SecretId = roles.app.arn;
    const { SecretString } = await secretsManager.send(new GetSecretValueCommand({ SecretId }));
    const old = JSON.parse(SecretString!) as { username: string; password: string };
    const next = { ...old, username: "app_rw_2", password: "not-the-old-one", previous: old };
    /** As a deployment would. */
    const rotate = async (version: string, secret: object) => {
      const { VersionId } = await secretsManager.send(
        new PutSecretValueCommand({ SecretId, SecretString: JSON.stringify(secret) }),
      );
      const document = { ...roles, version, app: { arn: SecretId, versionId: VersionId } };
      await s3.send(new PutObjectCommand({ ...place, Body: JSON.stringify(document) }));
    };
    await rotate("a leap", { ...next, username: "app_rw_9", previous: undefined });
    await eventually("a refusal", async () => (await report()).applyError?.version === "a leap");
    assert.match((await report()).applyError!.message, /app_rw goes from version 1 to 9: raise it by one/);
    assert.equal((await report()).applied, roles.version);

    await rotate("the next", next);
    await eventually("another report", async () => (await report()).applied === "the next");
    assert.equal((await report()).applyError, undefined);
    for (const { username, password: word } of [old, next]) {
      const target = `host=${region.outputs["databaseEndpoint"]!.split(":")[0]} user=${username} dbname=app sslmode=require`;
      const who = await onHost(
        region.database,
        `PGPASSWORD='${word}' psql -XAtc 'SELECT current_user, count(*) >= 0 FROM tasks_task' '${target}'`,
      );
      assert.equal(who.trim(), `${username}|t`);
    }
    const { token } = await region.newUser();
    assert.equal((await region.ask("POST", "/v1/tasks", { title: "Meanwhile" }, token)).status, 201);
  });

  it("no secret is on a disk, in a log, in user data or in a boot report", async () => {
    const secrets: string[] = [];
    for (const name of ["us-east-1", "us-east-2"]) {
      const { secretsManager } = region.api.in(name);
      const { SecretList } = await secretsManager.send(new ListSecretsCommand({}));
      for (const { ARN } of SecretList!) {
        const { SecretString } = await secretsManager.send(new GetSecretValueCommand({ SecretId: ARN! }));
        JSON.stringify(JSON.parse(SecretString!), (key, value: unknown) => {
          if (typeof value === "string" && /^(password|secretKey|key)$/.test(key)) secrets.push(value);
          return value;
        });
      }
    }
    assert.ok(new Set(secrets).size >= 6, `${secrets.length} secrets`);
    // What each host has written, and the layer that became the image.
    const disks = ["hosts", "images"].flatMap((kind) =>
      readdirSync(join(statePath(), kind)).map((name) => join(statePath(), kind, name)),
    );
    assert.ok(disks.length >= 6, String(disks));
    for (const disk of disks.map((folder) => (existsSync(`${folder}/upper`) ? `${folder}/upper` : folder)))
      for (const secret of secrets) {
        const found = await execute("grep", ["-rlIF", "--devices=skip", "--", secret, disk]).then(
          ({ stdout }) => stdout,
          (error: unknown) => ((error as { code?: number }).code === 1 ? "" : String(error)),
        );
        assert.equal(found, "", `a secret is on ${disk}`);
      }
    const reports = await bootReports();
    assert.deepEqual([...new Set(reports.map(({ script }) => script))].sort(), [
      "django",
      "postgres",
      "release",
      "web",
    ]);
    for (const report of reports) {
      assert.equal(report.succeeded, true, report.instanceId);
      for (const secret of secrets)
        assert.equal(JSON.stringify(report).includes(secret), false, report.instanceId);
    }
  });

  it("an old client signs up and in by its old paths, and no log has its password", async () => {
    const [login, word] = ["old-client", "sixty-six daffodils"];
    const path = (route: string) => `/${route}/${login}/${encodeURIComponent(word)}`;
    assert.equal((await region.ask("GET", path("signup"))).status, 201);
    const { status, body } = await region.ask("GET", path("signin"));
    assert.equal(status, 200);
    const token = String(body["access"]);
    const page = await region.ask("GET", "/private", undefined, token);
    assert.match(String(page.body["text"]), /signed in as old-client/);
    assert.equal((await region.ask("GET", "/checkamount", undefined, token)).status, 403);
    for (const host of await region.webHosts()) {
      const log = await onHost(host, "journalctl --no-pager -o cat");
      assert.match(log, /"logger": "access"/);
      for (const form of [word, encodeURIComponent(word)])
        assert.equal(log.includes(form), false, `the log of ${host}`);
    }
  });

  it("a killed web host is replaced and traffic flows", async () => {
    const { token } = await region.newUser();
    const before = await region.webHosts();
    const [victim] = before;
    await region.fault("cut-power", victim);
    await eventually("a new host", async () => {
      const now = await region.servingHosts();
      return now.length === 2 && !now.includes(victim!);
    });
    const answered = new Set<string>();
    for (let tries = 0; tries < 20; tries++) {
      const { status, host } = await region.ask("GET", "/v1/tasks", undefined, token);
      assert.equal(status, 200);
      answered.add(host);
    }
    assert.deepEqual([...answered].sort(), await region.webHosts());
  });

  it("a second run beside the first names the first, and leaves it alone", async () => {
    const second = new RegionProcess(root, { args: ["--once"] });
    assert.equal(await second.ended, 1);
    assert.match(
      second.output,
      new RegExp(`process ${region.process.pid} .*another region beside it, by LOCAL_REGION=\\d`),
    );
    assert.equal((await region.ask("GET", "/livez")).status, 200);
    assert.deepEqual(region.process.outputs(), region.outputs);
  });

  describe("a run of another region that cannot succeed", () => {
    let copy: Awaited<ReturnType<typeof copyOfCheckout>>;
    before(async () => {
      copy = await copyOfCheckout();
    });
    after(() => copy.remove());
    let hosts: readonly string[];
    beforeEach(async () => (hosts = await region.webHosts()));
    afterEach(async () => {
      assert.deepEqual(await region.webHosts(), hosts, "the first region is left alone");
      assert.equal((await region.ask("GET", "/readyz")).status, 200);
      assert.deepEqual(region.process.outputs(), region.outputs);
    });

    const number = neighbour();
    const start = (...args: string[]) => new RegionProcess(copy.path, { args, number });
    const file = (name: string) => join(copy.path, name);

    it("wrong settings are all named, with nothing created", async (t) => {
      const settings = readFileSync(file("Pulumi.local.yaml"), "utf8");
      t.after(() => writeFileSync(file("Pulumi.local.yaml"), settings));
      const wrong = { webMinSize: 5, databaseCidr: "10.10.0.0/16", webInstanceTyp: "t3.micro" };
      const lines = Object.entries(wrong).map(([name, value]) => `  django-on-ec2:${name}: ${value}\n`);
      writeFileSync(file("Pulumi.local.yaml"), settings.replace(/^config:\n/m, `$&${lines.join("")}`));
      const run = start("--once");
      assert.equal(await run.ended, 1);
      for (const part of [/webMinSize/, /databaseCidr/, /webInstanceTyp\b/, /webInstanceType/])
        assert.match(run.output, part);
      assert.doesNotMatch(run.output, /created|Destroyed/);
      assert.deepEqual(await leftovers(number), []);
    });

    it("Ctrl-C in the middle of a deployment destroys what was made", async () => {
      const run = start();
      await run.prints(/local-image-builder-gate .*creating/);
      run.kill("SIGINT");
      assert.equal(await run.ended, 130);
      assert.deepEqual(await leftovers(number), [], run.output);
    });

    it("what a killed run left is removed by the next, whose broken boot script is reported", async () => {
      const killed = start();
      await killed.prints(/local-image-builder-gate .*creating/);
      killed.kill("SIGKILL");
      await killed.ended;
      assert.notDeepEqual(await leftovers(number), []);

      const script = readFileSync(file("userdata/django.sh"), "utf8");
      const fault = `step "install the impossible"\necho "no such thing" >&2\nfail "it cannot be installed"`;
      assert.match(script, /^SCRIPT=django$/m);
      writeFileSync(file("userdata/django.sh"), script.replace(/^SCRIPT=django$/m, `$&\n${fault}`));
      const run = start("--once");
      assert.equal(await run.ended, 1);
      assert.match(run.output, new RegExp(`removed network namespace ${namePrefix(number)}`));
      assert.match(run.output, /local-image-builder-gate/);
      assert.match(run.output, /install the impossible/);
      assert.match(run.output, /it cannot be installed/);
      assert.match(run.output, /no such thing/);
      assert.deepEqual(await leftovers(number), [], run.output);
    });
  });
});
