/** Every call to AWS fails once: the next plain command goes on from there, and what comes out is as if nothing had been. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Deployment, inWords, needsCli, type Outcome } from "./deployment";

describe("dev, while every call fails the first time, under the real engine", needsCli, () => {
  let stack: Deployment;
  before(async () => {
    stack = await Deployment.create("dev");
  });
  after(() => stack.close());

  /** Repeats a command until it succeeds; each time it goes as far as it gets. Answers all calls. */
  async function repeated(command: () => Promise<Outcome>): Promise<string[]> {
    const calls: string[] = [];
    for (let tries = 0; tries < 60; tries++) {
      const outcome = await command();
      calls.push(...inWords(outcome.calls));
      if (outcome.succeeded) return calls;
      assert.match(outcome.errors.join("\n"), /the first \w+ fails/);
    }
    return assert.fail(`not done after 60 times; the last calls: ${calls.slice(-20).join(", ")}`);
  }
  const succeeded = (calls: readonly string[], method: string) =>
    calls.filter((call) => call.startsWith(`${method} `)).map((call) => call.slice(method.length + 1));
  const failed = (calls: readonly string[], method: string) =>
    succeeded(
      calls.filter((call) => call.startsWith("failed: ")).map((call) => call.slice("failed: ".length)),
      method,
    );

  /** In a process of its own: what the failed commands left behind in this one may still be refused. */
  const nothingToDo = () => stack.previewByCommand("--expect-no-changes");

  it("is made, each resource once", async () => {
    stack.cloud.failEachOnce("create");
    const calls = await repeated(() => stack.up({ continueOnError: true }));
    const made = succeeded(calls, "create");
    assert.ok(made.length > 100, String(made.length));
    assert.deepEqual(failed(calls, "create").sort(), [...made].sort());
    assert.equal(new Set(made).size, made.length);
    stack.cloud.mend();
    await nothingToDo();
  });

  it("gets another application, and keeps nothing of the old one", async () => {
    const count = stack.cloud.resources.size;
    stack.edit("app/manage.py", (text) => `${text}# changed\n`);
    stack.cloud.failEachOnce("create", "update", "delete");
    const calls = await repeated(() => stack.up());
    assert.deepEqual(failed(calls, "delete").sort(), succeeded(calls, "delete").sort());
    const order = calls.filter((call) => !call.startsWith("failed: "));
    assert.ok(order.indexOf("create Invocation dev-web-gate") < order.indexOf("delete Group dev-web"));
    stack.cloud.mend();
    await nothingToDo();
    assert.equal(stack.cloud.resources.size, count);
  });

  it("is destroyed without a rest", async () => {
    stack.cloud.failEachOnce("delete");
    await repeated(() => stack.destroy({ continueOnError: true }));
    assert.deepEqual([...stack.cloud.resources.keys()], []);
    assert.deepEqual(await stack.exported(), []);
  });
});
