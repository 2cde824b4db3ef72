import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { describe, it } from "node:test";
import { password, start, type User } from "./support";

/** A Pulumi CLI that knows the outputs of the stack `dev`. */
async function installPulumi({ folder }: User, outputs: object): Promise<{ env: { PATH: string } }> {
  const bin = join(folder, "bin");
  await mkdir(bin);
  const script = `#!/bin/sh
[ "$*" = "stack output --json --non-interactive --stack dev" ] || { echo "error: no stack named $*" >&2; exit 255; }
cat <<'END'
${JSON.stringify(outputs)}
END
`;
  await writeFile(join(bin, "pulumi"), script);
  await chmod(join(bin, "pulumi"), 0o755);
  return { env: { PATH: `${bin}:${process.env["PATH"]}` } };
}

async function writeLocalOutputs({ folder }: User, outputs: object, place = ".local"): Promise<void> {
  await mkdir(join(folder, place), { recursive: true });
  await writeFile(join(folder, place, "outputs.json"), JSON.stringify(outputs));
}

/** Places that each answer with a name of their own as the service's address; nobody listens there. */
const at = (name: string) => ({ serviceUrl: `http://${name}.invalid`, adminSecretName: "secret" });
const nobody = { DJANGO_ON_EC2_URL: "" };

describe("the service's address", () => {
  /** The address that a run looked for a session at. */
  const usedBy = async (user: User, args: string[], env: NodeJS.ProcessEnv) => {
    const { stderr } = await user.run(["whoami", ...args], { env });
    return /not signed in to (\S+):/.exec(stderr)?.[1] ?? stderr;
  };

  it("is that of --url, else of the environment, else of the stack, else of the local region", async (t) => {
    const { user } = await start(t);
    const { env } = await installPulumi(user, at("stack"));
    await writeLocalOutputs(user, at("local"));
    const environment = { ...env, DJANGO_ON_EC2_URL: "http://environment.invalid" };
    assert.equal(
      await usedBy(user, ["--url", "http://option.invalid", "--stack", "dev"], environment),
      "http://option.invalid",
    );
    assert.equal(await usedBy(user, ["--stack", "dev"], environment), "http://environment.invalid");
    assert.equal(await usedBy(user, ["--stack", "dev"], { ...env, ...nobody }), "http://stack.invalid");
    assert.equal(await usedBy(user, [], { ...env, ...nobody }), "http://local.invalid");
  });

  it("is that of the local region whose number the environment has", async (t) => {
    const { user } = await start(t);
    await writeLocalOutputs(user, at("first"));
    await writeLocalOutputs(user, at("another"), ".local/region-7");
    assert.equal(await usedBy(user, [], { ...nobody, LOCAL_REGION: "7" }), "http://another.invalid");
    assert.equal(await usedBy(user, [], { ...nobody, LOCAL_REGION: "" }), "http://first.invalid");
    const { status, stderr } = await user.run(["whoami"], { env: { ...nobody, LOCAL_REGION: "seven" } });
    assert.equal(status, 2);
    assert.match(stderr, /LOCAL_REGION is "seven"\. Give the number of a local region/);
  });

  it("is asked for in all four ways if there is none", async (t) => {
    const { user } = await start(t);
    const { status, stderr } = await user.run(["whoami"], { env: nobody });
    assert.equal(status, 2);
    for (const way of ["--url", "DJANGO_ON_EC2_URL", "--stack", ".local/outputs.json"])
      assert.ok(stderr.includes(way), way);
  });

  for (const url of ["ftp://host", "host", "http://host/v1", "https://user:word@host", "http://host?x"])
    it(`is not ${url}`, async (t) => {
      const { user } = await start(t);
      const { status, stderr } = await user.run(["whoami", "--url", url]);
      assert.equal(status, 2);
      assert.ok(stderr.includes(`--url is "${url}". Give it as https://HOST`), stderr);
    });

  it("of a stack needs the Pulumi CLI, and says what that says", async (t) => {
    const { user } = await start(t);
    const without = await user.run(["whoami", "--stack", "dev"], { env: { ...nobody, PATH: user.folder } });
    assert.equal(without.status, 2);
    assert.match(without.stderr, /needs the Pulumi CLI.*--url/);
    const { env } = await installPulumi(user, {});
    const unknown = await user.run(["whoami", "--stack", "none"], { env: { ...env, ...nobody } });
    assert.equal(unknown.status, 1);
    assert.match(unknown.stderr, /outputs of stack "none":\nerror: no stack named .*none/);
    const empty = await user.run(["whoami", "--stack", "dev"], { env: { ...env, ...nobody } });
    assert.equal(empty.status, 1);
    assert.match(empty.stderr, /stack "dev" has no output serviceUrl: is it deployed/);
  });
});

/** An AWS API that knows one secret; answers who asked for what. */
async function startSecrets(t: { after(fn: () => void): void }, secret: object) {
  const asked: { readonly target?: string; readonly body: string; readonly signer?: string }[] = [];
  const server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const target = request.headers["x-amz-target"] as string;
      asked.push({ target, body, signer: request.headers.authorization });
      const isKnown = (JSON.parse(body) as { SecretId: string }).SecretId === "secret";
      response
        .writeHead(isKnown ? 200 : 400, { "content-type": "application/x-amz-json-1.1" })
        .end(
          JSON.stringify(
            isKnown
              ? { SecretString: JSON.stringify(secret) }
              : { __type: "ResourceNotFoundException", message: "There is no such secret." },
          ),
        );
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const admin = { login: "admin", password };
const own = {
  AWS_ACCESS_KEY_ID: "AKIAREALCREDENTIALS0",
  AWS_SECRET_ACCESS_KEY: "not-shown",
  AWS_EC2_METADATA_DISABLED: "true",
};

describe("admin signin", () => {
  it("signs in with the secret that the stack names, and at the stack's own address", async (t) => {
    const { service, user } = await start(t);
    service.add("admin", password, "admin");
    const secrets = await startSecrets(t, admin);
    const { env } = await installPulumi(user, { serviceUrl: service.url, adminSecretName: "secret" });
    const environment = {
      ...env,
      ...own,
      AWS_ENDPOINT_URL: secrets.url,
      DJANGO_ON_EC2_URL: "http://elsewhere.invalid",
    };
    const { status, stdout, stderr } = await user.run(["admin", "signin", "--stack", "dev"], {
      env: environment,
    });
    assert.equal(status, 0, stderr);
    assert.equal(stdout, `Signed in to ${service.url} as admin.\n`);
    assert.match(
      secrets.asked[0]!.signer!,
      /Credential=AKIAREALCREDENTIALS0\/\d+\/us-east-1\/secretsmanager/,
    );
    assert.equal((await user.run(["fleet", "show"])).status, 0);
    const [file] = await readdir(user.config);
    assert.ok(!(await readFile(join(user.config, file!), "utf8")).includes(password));
  });

  it("asks a local region's own API, with no real credentials", async (t) => {
    const { service, user } = await start(t);
    service.add("admin", password, "admin");
    const secrets = await startSecrets(t, admin);
    const outputs = { serviceUrl: service.url, adminSecretName: "secret", awsEndpointUrl: secrets.url };
    await writeLocalOutputs(user, outputs);
    const { status, stderr } = await user.run(["admin", "signin"], { env: { ...nobody, ...own } });
    assert.equal(status, 0, stderr);
    assert.equal(secrets.asked[0]!.target, "secretsmanager.GetSecretValue");
    assert.doesNotMatch(secrets.asked[0]!.signer!, /AKIAREALCREDENTIALS0/);
    assert.equal((await user.run(["fleet", "show"], { env: nobody })).status, 0);
  });

  it("goes elsewhere only if the command says so", async (t) => {
    const { service, user } = await start(t);
    service.add("admin", password, "admin");
    const secrets = await startSecrets(t, admin);
    await writeLocalOutputs(user, { ...at("local"), awsEndpointUrl: secrets.url });
    const { status } = await user.run(["admin", "signin", "--url", service.url], { env: nobody });
    assert.equal(status, 0);
  });

  it("says what AWS says", async (t) => {
    const { user } = await start(t);
    const secrets = await startSecrets(t, admin);
    await writeLocalOutputs(user, { ...at("local"), adminSecretName: "gone", awsEndpointUrl: secrets.url });
    const { status, stderr } = await user.run(["admin", "signin"]);
    assert.equal(status, 1);
    assert.equal(stderr, "AWS did not give the secret gone in us-east-1: There is no such secret.\n");
  });

  it("asks for a deployment if none is named", async (t) => {
    const { user } = await start(t);
    const { status, stderr } = await user.run(["admin", "signin"]);
    assert.equal(status, 2);
    assert.match(stderr, /--stack NAME/);
  });
});
