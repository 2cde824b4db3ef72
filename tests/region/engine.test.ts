/** The stack `local` under Pulumi's engine on real hosts, by the commands that a user has. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DescribeAutoScalingGroupsCommand } from "@aws-sdk/client-auto-scaling";
import { TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { awsClients, type RegionClients } from "../../local/api/clients";
import { needsCli } from "../engine/deployment";
import { type Deployed, deploy, type PulumiCommand, run } from "../support/pulumiCommands";
import { copyOfCheckout, HeldRegion, leftovers } from "../support/regionProcess";

describe("the local region under Pulumi's engine", needsCli, () => {
  let copy: Awaited<ReturnType<typeof copyOfCheckout>>;
  let region: HeldRegion;
  let original: string;
  before(async () => {
    assert.deepEqual(await leftovers(), []);
    copy = await copyOfCheckout();
    original = readFileSync(app(), "utf8");
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

  /** Runs on web hosts only. */
  const app = () => join(copy.path, "app/service/__main__.py");
  const writeApp = (text: string) => writeFileSync(app(), text);
  const brokenApp = () => `raise RuntimeError("this application does not boot")\n${original}`;

  async function succeeds(command: PulumiCommand): Promise<Deployed> {
    const outcome = await deploy(copy.path, command);
    assert.equal(outcome.status, 0, outcome.output);
    return outcome;
  }
  /** A command of the CLI itself, in a shell that has read what the region wrote. */
  async function plain(command: string): Promise<string> {
    const { status, output } = await run(copy.path, "bash", ["-c", `. .local/engine.env && ${command}`]);
    assert.equal(status, 0, output);
    return output;
  }
  const output = async (name: string) => (await plain(`pulumi stack output ${name} --stack local`)).trim();
  /** Asks the region's AWS API. */
  async function inRegion<T>(name: string, ask: (clients: RegionClients) => Promise<T>): Promise<T> {
    const environment = readFileSync(join(copy.path, ".local/engine.env"), "utf8");
    const clients = awsClients(/AWS_ENDPOINT_URL='(.*)'/.exec(environment)?.[1] ?? "");
    try {
      return await ask(clients.in(name));
    } finally {
      clients.destroy();
    }
  }
  const replaced = ({ steps }: Deployed) =>
    steps.filter((step) => step.startsWith("create-replacement ")).map((step) => step.split(" ")[2]);

  /** Asks through the balancer, over and over, until stopped; answers what went wrong. */
  async function load(): Promise<() => Promise<{ asked: number; failures: string[] }>> {
    const url = await output("serviceUrl");
    const login = `load-${Date.now()}`;
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ login, password: "fifty-five tulips" });
    await fetch(`${url}/v1/signup`, { method: "POST", headers, body });
    const answer = await fetch(`${url}/v1/signin`, { method: "POST", headers, body });
    const { access } = (await answer.json()) as { access: string };
    let [asked, isWanted] = [0, true];
    const failures: string[] = [];
    const work = async (path: string) => {
      while (isWanted) {
        asked++;
        try {
          const { status } = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${access}` } });
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
  });

  it("rolls out another application under load, as the preview said, and loses no request", async () => {
    writeApp(`${original}# changed\n`);
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

  it("keeps the old fleet while the new one does not boot, says why each time, and goes back", async () => {
    const serving = readFileSync(app(), "utf8");
    writeApp(brokenApp());
    await underLoad(async () => {
      for (const attempt of ["first", "second"]) {
        const { status, errors, steps } = await deploy(copy.path, "up");
        assert.notEqual(status, 0, attempt);
        assert.match(errors, /app\.service does not start/, attempt);
        assert.match(errors, /this application does not boot/, attempt);
        assert.deepEqual(
          steps.filter((step) => step.startsWith("delete")),
          [],
          attempt,
        );
      }
      writeApp(serving);
      await succeeds("up");
    });
    const { AutoScalingGroups } = await inRegion("us-east-1", ({ autoScaling }) =>
      autoScaling.send(new DescribeAutoScalingGroupsCommand({})),
    );
    assert.deepEqual(
      AutoScalingGroups?.map((group) => group.AutoScalingGroupName),
      [await output("webGroupName")],
    );
    assert.deepEqual((await succeeds("preview")).steps, []);
  });

  it("sees a host that was ended behind its back, and makes it anew with its data", async () => {
    const signIn = async () => {
      const url = await output("serviceUrl");
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ login: "ada", password: "fifty-five tulips" });
      await fetch(`${url}/v1/signup`, { method: "POST", headers, body });
      const answer = await fetch(`${url}/v1/signin`, { method: "POST", headers, body });
      const { access } = (await answer.json()) as { access: string };
      return { url: `${url}/v1/tasks`, headers: { ...headers, authorization: `Bearer ${access}` } };
    };
    const before = await signIn();
    const task = { method: "POST", headers: before.headers, body: JSON.stringify({ title: "Water them" }) };
    assert.equal((await fetch(before.url, task)).status, 201);
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
    const { url, headers } = await signIn();
    const answer = await fetch(url, { headers });
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
