/** The stack `local` under Pulumi's engine on real hosts, by the commands that a user has. */
import assert from "node:assert/strict";
import { delimiter } from "node:path";
import { describe, it } from "node:test";
import { TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { needsCli } from "../engine/deployment";
import { bearer, post, useHeldStack } from "../support/heldStack";
import type { Deployed } from "../support/pulumiCommands";
import { leftovers } from "../support/regionProcess";

describe("the local region under Pulumi's engine", needsCli, () => {
  const stack = useHeldStack();

  /** Where the CLI looks for what starts the program; one that was built from source has none. */
  const withLanguageHost = `PATH="$PATH${delimiter}$PWD/tests/support/languageHost"`;
  const replaced = ({ steps }: Deployed) =>
    steps.filter((step) => step.startsWith("create-replacement ")).map((step) => step.split(" ")[2]);

  it("is made as the preview said, from nothing", async () => {
    const preview = await stack.succeeds("preview");
    const up = await stack.succeeds("up");
    assert.deepEqual([...up.steps].sort(), [...preview.steps].sort());
    assert.ok(
      up.steps.length > 100 && up.steps.every((step) => step.startsWith("create ")),
      up.steps.join("\n"),
    );
    assert.equal((await fetch(`${await stack.output("serviceUrl")}/readyz`)).status, 200);
  });

  it("has nothing to do in a second preview, and after a refresh", async () => {
    assert.deepEqual((await stack.succeeds("preview")).steps, []);
    assert.deepEqual((await stack.succeeds("refresh")).steps, []);
    assert.deepEqual((await stack.succeeds("preview")).steps, []);
  });

  it("takes plain commands of the CLI", async () => {
    assert.match(await stack.plain("pulumi stack ls"), /^local\b/m);
    assert.match(await stack.plain("pulumi refresh --stack local --yes --color=never"), /\d+ unchanged/);
    const options = "--stack local --non-interactive --color=never --expect-no-changes";
    for (const command of ["preview", "up --yes"])
      assert.match(await stack.plain(`${withLanguageHost} pulumi ${command} ${options}`), /\d+ unchanged/);
  });

  it("rotates every secret in one roll-out under load: no request fails, nobody is signed out", async () => {
    const before = await stack.signIn("grace");
    const secrets = ["appPasswordVersion", "ownerPasswordVersion", "serviceKeyVersion", "databaseCaVersion"];
    stack.set(Object.fromEntries(secrets.map((name) => [name, 2])));
    const preview = await stack.succeeds("preview");
    const up = await stack.underLoad(() => stack.succeeds("up"));
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
    assert.deepEqual((await stack.succeeds("preview")).steps, []);
  });

  it("rolls out another application under load, as the preview said, and loses no request", async () => {
    stack.edit("app/service/edge.py", (text) => `${text}# changed\n`);
    const preview = await stack.succeeds("preview");
    const up = await stack.underLoad(() => stack.succeeds("up"));
    const rolled = [
      ...["local-image", "local-image-builder", "local-image-builder-gate", "local-image-builder-stopped"],
      ...["local-release-host", "local-release-host-gate", "local-release-host-stopped"],
      ...["local-web", "local-web-cpu", "local-web-gate", "local-web-requests"],
    ];
    assert.deepEqual([...new Set(replaced(preview))].sort(), rolled);
    assert.deepEqual([...up.steps].sort(), [...preview.steps].sort());
    assert.deepEqual((await stack.succeeds("preview")).steps, []);
  });

  it("sees a host that was ended behind its back, and makes it anew with its data", async () => {
    const before = await stack.signIn("ada");
    const created = await post(`${before.url}/v1/tasks`, { title: "Water them" }, bearer(before.access));
    assert.equal(created.status, 201);
    const database = await stack.output("databaseInstanceId");
    await stack.inRegion("us-east-2", ({ ec2 }) =>
      ec2.send(new TerminateInstancesCommand({ InstanceIds: [database] })),
    );
    assert.deepEqual([...(await stack.succeeds("refresh")).steps].sort(), [
      "delete aws:ec2/instance:Instance local-db",
      "delete aws:ec2/volumeAttachment:VolumeAttachment local-db-data",
    ]);
    await stack.succeeds("up");
    assert.notEqual(await stack.output("databaseInstanceId"), database);
    const { url, access } = await stack.signIn("ada");
    const answer = await fetch(`${url}/v1/tasks`, { headers: bearer(access) });
    assert.equal(answer.status, 200);
    const { results } = (await answer.json()) as { results: { title: string }[] };
    assert.deepEqual(
      results.map(({ title }) => title),
      ["Water them"],
    );
  });

  it("leaves nothing in the region when it is destroyed", async () => {
    await stack.succeeds("destroy");
    const rest = (await leftovers()).filter((item) => /^(namespace|loop device|control group)/.test(item));
    assert.deepEqual(rest, []);
    assert.match(
      await stack.plain("pulumi stack --stack local --show-urns --color=never"),
      /Current stack resources \(0\)/,
    );
  });

  it("destroys what is in it when it ends, and the next one says what became of it", async () => {
    await stack.succeeds("up");
    await stack.release();
    const { status, output: refusal } = await stack.deploy("up");
    assert.notEqual(status, 0);
    assert.match(refusal, /no region is running for this checkout: start one with `npm run region`/);

    await stack.hold();
    for (const command of ["preview", "up"] as const) {
      const { errors, steps } = await stack.deploy(command);
      assert.match(errors, /in a local region that has ended, and are gone.*`pulumi destroy`/s);
      assert.deepEqual(
        steps.filter((step) => step.includes(" aws:")),
        [],
      );
    }
    assert.ok((await stack.succeeds("destroy")).steps.length > 100);
    assert.match(
      await stack.plain("pulumi stack --stack local --color=never"),
      /Current stack resources \(0\)/,
    );
  });
});

/** Which key signed a token. */
function keyOf(token: string): unknown {
  const [header = ""] = token.split(".");
  return (JSON.parse(Buffer.from(header, "base64url").toString()) as { kid?: unknown }).kid;
}
