/** The stack `local` under Pulumi's engine on real hosts, by the commands that a user has. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DescribeAutoScalingGroupsCommand } from "@aws-sdk/client-auto-scaling";
import { TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { regionFolder } from "../../client/localRegion";
import { awsClients, type RegionClients } from "../../local/api/clients";
import { needsCli } from "../engine/deployment";
import { type Deployed, deploy, type PulumiCommand, run } from "../support/pulumiCommands";
import { copyOfCheckout, HeldRegion, leftovers, root } from "../support/regionProcess";

describe("the local region under Pulumi's engine", needsCli, () => {
  let copy: Awaited<ReturnType<typeof copyOfCheckout>>;
  let region: HeldRegion;
  before(async () => {
    assert.deepEqual(await leftovers(), []);
    copy = await copyOfCheckout();
    region = new HeldRegion(copy.path);
    await region.isUp();
  });
  after(async () => {
    region.kill("SIGINT");
    const status = await region.ended;
    copy.remove();
    assert.equal(status, 0, region.output);
    assert.doesNotMatch(region.output, /was still there/);
    assert.deepEqual(await leftovers(), []);
  });

  /** Files of the application that run on web hosts only: what starts it, and what answers first. */
  const appFiles = { start: "app/service/__main__.py", edge: "app/service/edge.py" };
  type AppFile = keyof typeof appFiles;
  const original = (file: AppFile) => readFileSync(join(root, appFiles[file]), "utf8");
  const writeApp = (file: AppFile, text: string) => writeFileSync(join(copy.path, appFiles[file]), text);
  const wholeApp = () =>
    (Object.keys(appFiles) as AppFile[]).forEach((file) => writeApp(file, original(file)));
  /** Has the application run a line of its own wherever it answers. */
  function answerBy(line: string): void {
    const place = '        path = scope["path"]\n';
    assert.ok(original("edge").includes(place));
    writeApp("edge", original("edge").replace(place, `${place}        ${line}\n`));
  }

  async function succeeds(command: PulumiCommand): Promise<Deployed> {
    const outcome = await deploy(copy.path, command);
    assert.equal(outcome.status, 0, outcome.output);
    return outcome;
  }
  /** A command of the CLI itself, in a shell that has read what the region wrote. */
  async function plain(command: string): Promise<string> {
    const { status, output } = await run(copy.path, "bash", [
      "-c",
      `. ${regionFolder()}/engine.env && ${command}`,
    ]);
    assert.equal(status, 0, output);
    return output;
  }
  /** Where the CLI looks for what starts the program; one that was built from source has none. */
  const withLanguageHost = `PATH="$PATH${delimiter}$PWD/tests/support/languageHost"`;
  const output = async (name: string) => (await plain(`pulumi stack output ${name} --stack local`)).trim();
  /** Asks the region's AWS API. */
  async function inRegion<T>(name: string, ask: (clients: RegionClients) => Promise<T>): Promise<T> {
    const environment = readFileSync(join(copy.path, regionFolder(), "engine.env"), "utf8");
    const clients = awsClients(/AWS_ENDPOINT_URL='(.*)'/.exec(environment)?.[1] ?? "");
    try {
      return await ask(clients.in(name));
    } finally {
      clients.destroy();
    }
  }
  const replaced = ({ steps }: Deployed) =>
    steps.filter((step) => step.startsWith("create-replacement ")).map((step) => step.split(" ")[2]);

  interface Session {
    readonly url: string;
    readonly access: string;
    readonly refresh: string;
  }
  const post = (url: string, body: object, headers = {}) =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  /** Signs in, and up before where that is still to do. */
  async function signIn(login: string): Promise<Session> {
    const url = await output("serviceUrl");
    const account = { login, password: "fifty-five tulips" };
    await post(`${url}/v1/signup`, account);
    const answer = await post(`${url}/v1/signin`, account);
    return { url, ...((await answer.json()) as Omit<Session, "url">) };
  }
  const bearer = (access: string) => ({ authorization: `Bearer ${access}` });

  /** Asks through the balancer, over and over, until stopped; answers what went wrong. */
  async function load(): Promise<() => Promise<{ asked: number; failures: string[] }>> {
    const { url, access } = await signIn(`load-${Date.now()}`);
    let [asked, isWanted] = [0, true];
    const failures: string[] = [];
    const work = async (path: string) => {
      while (isWanted) {
        asked++;
        try {
          const { status } = await fetch(`${url}${path}`, { headers: bearer(access) });
          if (status !== 200) failures.push(`${path}: ${status}`);
        } catch (error) {
          failures.push(`${path}: ${String((error as Error).cause ?? error)}`);
        }
        await sleep(50);
      }
    };
    const workers = [work("/v1/tasks"), work("/livez")];
    return async () => {
      isWanted = false;
      await Promise.all(workers);
      return { asked, failures };
    };
  }
  /** Does something under load, and asserts that no request failed. */
  async function underLoad<T>(action: () => Promise<T>): Promise<T> {
    const stop = await load();
    let result: T;
    try {
      result = await action();
    } finally {
      const { asked, failures } = await stop();
      assert.ok(asked > 10, String(asked));
      assert.deepEqual(failures, []);
    }
    return result;
  }

  it("is made as the preview said, from nothing", async () => {
    const preview = await succeeds("preview");
    const up = await succeeds("up");
    assert.deepEqual([...up.steps].sort(), [...preview.steps].sort());
    assert.ok(
      up.steps.length > 100 && up.steps.every((step) => step.startsWith("create ")),
      up.steps.join("\n"),
    );
    assert.equal((await fetch(`${await output("serviceUrl")}/readyz`)).status, 200);
  });

  it("has nothing to do in a second preview, and after a refresh", async () => {
    assert.deepEqual((await succeeds("preview")).steps, []);
    assert.deepEqual((await succeeds("refresh")).steps, []);
    assert.deepEqual((await succeeds("preview")).steps, []);
  });

  it("takes plain commands of the CLI", async () => {
    assert.match(await plain("pulumi stack ls"), /^local\b/m);
    assert.match(await plain("pulumi refresh --stack local --yes --color=never"), /\d+ unchanged/);
    const options = "--stack local --non-interactive --color=never --expect-no-changes";
    for (const command of ["preview", "up --yes"])
      assert.match(await plain(`${withLanguageHost} pulumi ${command} ${options}`), /\d+ unchanged/);
  });

  it("rotates every secret in one roll-out under load: no request fails, nobody is signed out", async () => {
    const before = await signIn("grace");
    const secrets = ["appPasswordVersion", "ownerPasswordVersion", "serviceKeyVersion", "databaseCaVersion"];
    const settings = join(copy.path, "Pulumi.local.yaml");
    const next = secrets.map((name) => `  django-on-ec2:${name}: 2\n`).join("");
    writeFileSync(settings, readFileSync(settings, "utf8").replace(/^config:\n/m, `$&${next}`));
    const preview = await succeeds("preview");
    const up = await underLoad(() => succeeds("up"));
    assert.deepEqual([...up.steps].sort(), [...preview.steps].sort());
    for (const drawn of ["local-db-app-password-2", "local-db-owner-password-2"])
      assert.ok(up.steps.includes(`create random:index/randomPassword:RandomPassword ${drawn}`), drawn);
    assert.deepEqual(
      up.steps.filter((step) => step.endsWith(" local-db")),
      [],
    );
    const tasks = await fetch(`${before.url}/v1/tasks`, { headers: bearer(before.access) });
    assert.equal(tasks.status, 200);
    const refreshed = await post(`${before.url}/v1/token/refresh`, { refresh: before.refresh });
    assert.equal(refreshed.status, 200);
    const { access } = (await refreshed.json()) as { access: string };
    assert.notEqual(keyOf(access), keyOf(before.access));
    assert.deepEqual((await succeeds("preview")).steps, []);
  });

  it("rolls out another application under load, as the preview said, and loses no request", async () => {
    writeApp("edge", `${original("edge")}# changed\n`);
    const preview = await succeeds("preview");
    const up = await underLoad(() => succeeds("up"));
    const rolled = [
      ...["local-image", "local-image-builder", "local-image-builder-gate", "local-image-builder-stopped"],
      ...["local-release-host", "local-release-host-gate", "local-release-host-stopped"],
      ...["local-web", "local-web-cpu", "local-web-gate", "local-web-requests"],
    ];
    assert.deepEqual([...new Set(replaced(preview))].sort(), rolled);
    assert.deepEqual([...up.steps].sort(), [...preview.steps].sort());
    assert.deepEqual((await succeeds("preview")).steps, []);
  });

  describe("with an application that is broken", () => {
    const groups = async () => {
      const { AutoScalingGroups = [] } = await inRegion("us-east-1", ({ autoScaling }) =>
        autoScaling.send(new DescribeAutoScalingGroupsCommand({})),
      );
      return AutoScalingGroups;
    };
    /** That one more `up` fails for this reason, and takes nothing away. */
    async function fails(reasons: readonly RegExp[], attempt: string): Promise<Deployed> {
      const outcome = await deploy(copy.path, "up");
      assert.notEqual(outcome.status, 0, attempt);
      for (const reason of reasons) assert.match(outcome.errors, reason, attempt);
      const gone = outcome.steps.filter((step) => step.startsWith("delete"));
      assert.deepEqual(gone, [], attempt);
      return outcome;
    }
    /** Of the image and what it is made on. */
    const baked = ({ steps }: Deployed) => steps.filter((step) => / local-image/.test(step));

    for (const [kind, breakApp, reasons] of [
      [
        "does not boot",
        () => writeApp("start", `raise RuntimeError("this application does not boot")\n${original("start")}`),
        [/app\.service does not start/, /this application does not boot/],
      ],
      [
        "answers 500",
        () => answerBy("return await self._send(send, _json(500, b'{}'))"),
        [/the service answers 500 at \/livez/],
      ],
    ] as const) {
      it(`keeps the old fleet while the new one ${kind}, and says why each time`, async () => {
        wholeApp();
        breakApp();
        await underLoad(async () => {
          await fails(reasons, "first");
          for (const attempt of ["second", "third"])
            assert.deepEqual(baked(await fails(reasons, attempt)), [], attempt);
        });
      });
    }

    it("keeps the old fleet while the new one boots but is not ready, after Ctrl-C as well", async () => {
      const refusal = `_json(503, b'{"database": {"ok": false, "reason": "NoSuchTable"}}')`;
      wholeApp();
      answerBy(`if path == READINESS_PATH: return await self._send(send, ${refusal})`);
      await underLoad(async () => {
        const before = new Set((await groups()).map((group) => group.AutoScalingGroupName));
        const controlC = new AbortController();
        const interrupted = deploy(copy.path, "up", { controlC: controlC.signal });
        // It is the gate that gives a new group its size.
        const isAsked = async () =>
          (await groups()).some(
            ({ AutoScalingGroupName, DesiredCapacity }) =>
              !before.has(AutoScalingGroupName) && DesiredCapacity !== 0,
          );
        while (!(await isAsked())) await sleep(500);
        controlC.abort();
        const { status, errors } = await interrupted;
        assert.notEqual(status, 0);
        assert.doesNotMatch(errors, /NoSuchTable/);

        // Until then a gate waits for as long as it does on AWS; no longer than these hosts need to boot, from here on.
        const contract = join(copy.path, "gate/contract.cjs");
        const text = readFileSync(contract, "utf8");
        writeFileSync(contract, text.replace(/^(exports\.functionSeconds = )\d+/m, "$175"));
        for (const attempt of ["second", "third"]) {
          const reasons = [/0 of \d hosts healthy and ready/, /is healthy, but not ready: .*NoSuchTable/];
          assert.deepEqual(baked(await fails(reasons, attempt)), [], attempt);
        }
        writeFileSync(contract, text);
      });
    });

    it("goes back to the good one, and leaves nothing of the others", async () => {
      wholeApp();
      writeApp("edge", `${original("edge")}# changed\n`);
      await underLoad(() => succeeds("up"));
      assert.deepEqual(
        (await groups()).map((group) => group.AutoScalingGroupName),
        [await output("webGroupName")],
      );
      assert.deepEqual((await succeeds("preview")).steps, []);
    });
  });

  it("sees a host that was ended behind its back, and makes it anew with its data", async () => {
    const before = await signIn("ada");
    const created = await post(`${before.url}/v1/tasks`, { title: "Water them" }, bearer(before.access));
    assert.equal(created.status, 201);
    const database = await output("databaseInstanceId");
    await inRegion("us-east-2", ({ ec2 }) =>
      ec2.send(new TerminateInstancesCommand({ InstanceIds: [database] })),
    );
    assert.deepEqual([...(await succeeds("refresh")).steps].sort(), [
      "delete aws:ec2/instance:Instance local-db",
      "delete aws:ec2/volumeAttachment:VolumeAttachment local-db-data",
    ]);
    await succeeds("up");
    assert.notEqual(await output("databaseInstanceId"), database);
    const { url, access } = await signIn("ada");
    const answer = await fetch(`${url}/v1/tasks`, { headers: bearer(access) });
    assert.equal(answer.status, 200);
    const { results } = (await answer.json()) as { results: { title: string }[] };
    assert.deepEqual(
      results.map(({ title }) => title),
      ["Water them"],
    );
  });

  it("leaves nothing in the region when it is destroyed", async () => {
    await succeeds("destroy");
    const rest = (await leftovers()).filter((item) => /^(namespace|loop device|control group)/.test(item));
    assert.deepEqual(rest, []);
    assert.match(
      await plain("pulumi stack --stack local --show-urns --color=never"),
      /Current stack resources \(0\)/,
    );
  });

  it("destroys what is in it when it ends, and the next one says what became of it", async () => {
    await succeeds("up");
    region.kill("SIGINT");
    assert.equal(await region.ended, 0, region.output);
    assert.deepEqual(await leftovers(), []);
    const { status, output: refusal } = await deploy(copy.path, "up");
    assert.notEqual(status, 0);
    assert.match(refusal, /no region is running for this checkout: start one with `npm run region`/);

    region = new HeldRegion(copy.path);
    await region.isUp();
    for (const command of ["preview", "up"] as const) {
      const { errors, steps } = await deploy(copy.path, command);
      assert.match(errors, /in a local region that has ended, and are gone.*`pulumi destroy`/s);
      assert.deepEqual(
        steps.filter((step) => step.includes(" aws:")),
        [],
      );
    }
    assert.ok((await succeeds("destroy")).steps.length > 100);
    assert.match(await plain("pulumi stack --stack local --color=never"), /Current stack resources \(0\)/);
  });
});

/** Which key signed a token. */
function keyOf(token: string): unknown {
  const [header = ""] = token.split(".");
  return (JSON.parse(Buffer.from(header, "base64url").toString()) as { kid?: unknown }).kid;
}
