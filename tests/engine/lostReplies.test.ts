/**
 * AWS does what it is asked, and the reply never comes: of every create of prod with all that settings can add, then of those that
 * another application needs. The next plain `up` goes on, or says what stands in the way; what is left behind is known.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { awsChanges } from "../../local/aws/changes";
import { again, createRow, creates } from "../../tools/creates";
import { optionSettings } from "../../tools/generate";
import { Deployment, needsCli, type Outcome } from "./deployment";
import type { Existing } from "./recordingCloud";
import { assertSucceeded } from "./support";

it("the table of creates has every type of the table of changes, and no other", () => {
  assert.deepEqual(Object.keys(creates).sort(), Object.keys(awsChanges).sort());
  assert.throws(() => createRow("aws:sqs/queue:Queue"), /no type aws:sqs\/queue:Queue: look it up/);
});

it("an identity is of properties that the table of changes knows", () => {
  const unknown = Object.entries(creates).flatMap(([type, { identity = [], takenIf }]) =>
    [...identity, ...(takenIf === undefined ? [] : [takenIf])]
      .filter((key) => awsChanges[type]?.properties[key] === undefined)
      .map((key) => `${type} ${key}`),
  );
  assert.deepEqual(unknown, []);
});

describe("prod, while replies are lost, under the real engine", needsCli, () => {
  let stack: Deployment;
  before(async () => {
    const settings = Object.entries(optionSettings).map(([key, value]): [string, unknown] => [
      key,
      /^[[{]/.test(value) ? JSON.parse(value) : value,
    ]);
    stack = await Deployment.create("prod", Object.fromEntries(settings));
  });
  after(() => stack.close());

  /** What exists and is in no state. */
  async function orphans(): Promise<Existing[]> {
    const known = new Set((await stack.exported()).map(({ type, id }) => `${type} ${id}`));
    return [...stack.cloud.resources].filter(([key]) => !known.has(key)).map(([, existing]) => existing);
  }

  interface Passage {
    /** Types of which a create was made again, once for each. */
    readonly repeated: readonly string[];
    /** Those that AWS refused. */
    readonly refused: readonly string[];
  }

  /** Repeats a command until it succeeds. Each time, the operator deletes what the errors say is in the way. */
  async function repeated(command: () => Promise<Outcome>): Promise<Passage> {
    const created = new Map<string, number>();
    const refused: string[] = [];
    for (let tries = 0; tries < 60; tries++) {
      const outcome = await command();
      for (const { method, urn } of outcome.calls)
        if (method === "create" && typeOf(urn).startsWith("aws:"))
          created.set(urn, (created.get(urn) ?? 0) + 1);
      if (outcome.succeeded)
        return {
          repeated: [...created].filter(([, times]) => times > 1).map(([urn]) => typeOf(urn)),
          refused,
        };
      assert.ok(outcome.errors.length > 0, outcome.output);
      for (const error of outcome.errors) {
        if (/the reply of the first \w+ is lost/.test(error) || engineOwn.test(error)) continue;
        const [, refusal = "", type = "", id = ""] = /([^\n]*): there is (\S+) (\S+)/.exec(error) ?? [];
        assert.ok(stack.cloud.resources.delete(`${type} ${id}`), error);
        assert.ok(refusal.endsWith(createRow(type).refusal ?? "nothing"), error);
        refused.push(type);
      }
    }
    return assert.fail("not done after 60 times");
  }

  it("is made: what AWS takes twice is taken or left behind, and what it refuses is named", async () => {
    stack.cloud.loseEachReplyOnce("create");
    const { repeated: types, refused } = await repeated(() => stack.up({ continueOnError: true }));
    stack.cloud.mend();
    assert.deepEqual([...new Set(types)].sort(), Object.keys(creates).sort());

    const resources = [...stack.cloud.resources.values()];
    const expected = (outcome: (type: string, existing: Existing) => boolean) =>
      [
        ...new Set(
          resources.filter((one) => outcome(one.request.type, one)).map(({ request }) => request.type),
        ),
      ].sort();
    assert.deepEqual(
      [...new Set(refused)].sort(),
      expected((type, { request }) => typeof again(type, asSet(request.inputs)) === "object"),
    );
    const left = await orphans();
    assert.deepEqual(
      [...new Set(left.map(({ request }) => request.type))].sort(),
      expected((type, { request }) => again(type, asSet(request.inputs)) === "second"),
    );
    // No more than one for each resource.
    assert.equal(new Set(left.map(({ request }) => request.urn)).size, left.length);
  });

  it("leaves nothing behind that neither a tag nor its parent leads to", async () => {
    const untagged = (await orphans()).filter(({ request: { inputs } }) => {
      const { stack: name } = (inputs["tags"] ?? {}) as Readonly<Record<string, string>>;
      return name !== "prod";
    });
    assert.deepEqual([...new Set(untagged.map(({ request }) => request.type.split(":").at(-1)))].sort(), [
      "Group",
      "Policy",
      "RolePolicy",
      "SecretVersion",
    ]);
  });

  it("gets another application", async () => {
    const before = (await orphans()).length;
    stack.edit("app/manage.py", (text) => `${text}# changed\n`);
    stack.cloud.loseEachReplyOnce("create");
    const { refused } = await repeated(() => stack.up({ continueOnError: true }));
    stack.cloud.mend();
    assert.deepEqual(refused, []);
    const left = (await orphans()).slice(before).map(({ request }) => request.type.split(":").at(-1));
    assert.deepEqual(left.sort(), ["AmiFromInstance", "Group", "Instance", "Instance", "Policy", "Policy"]);
    // In a process of its own: what the failed commands left behind in this one may still be refused.
    await stack.previewByCommand("--expect-no-changes");
  });

  it("is destroyed, but for what no state knows of", async () => {
    const before = (await orphans()).map(({ id }) => id);
    stack.set({ protect: false });
    assertSucceeded(await stack.up());
    assertSucceeded(await stack.destroy());
    assert.deepEqual(
      (await orphans()).map(({ id }) => id),
      before,
    );
  });
});

/** What the engine itself adds: that it failed, and with `--continue-on-error` of a component whose parts are missing. */
const engineOwn = /^update failed|^cannot complete a resource .* whose registration isn't pending/;

const typeOf = (urn: string) => (urn.split("::")[2] ?? "").split("$").at(-1) ?? "";

/** Inputs as the program set them: a drawn name is not among them. */
function asSet(inputs: Existing["request"]["inputs"]): Existing["request"]["inputs"] {
  const drawn = inputs["__defaults"];
  return Object.fromEntries(
    Object.entries(inputs).filter(([key]) => !(Array.isArray(drawn) && drawn.includes(key))),
  );
}
