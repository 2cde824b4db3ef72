import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Deployment, needsCli } from "./deployment";

describe("dev from nothing to nothing, under the real engine", needsCli, () => {
  let stack: Deployment;
  before(async () => {
    stack = await Deployment.create("dev");
  });
  after(() => stack.close());

  it("is previewed, and made as previewed", async () => {
    const preview = await stack.preview();
    assert.deepEqual(preview.errors, []);
    assert.equal(preview.calls.length, 0);
    const up = await stack.up();
    assert.deepEqual(up.errors, []);
    const names = (steps: typeof up.steps) => steps.map(({ op, urn }) => `${op} ${urn}`).sort();
    assert.deepEqual(names(up.steps), names(preview.steps));
    assert.ok(up.steps.every(({ op }) => op === "create"));
  });

  it("has nothing to do then", async () => {
    const preview = await stack.preview();
    assert.deepEqual([preview.errors, preview.steps], [[], []]);
    const refresh = await stack.refresh();
    assert.deepEqual([refresh.errors, refresh.steps, refresh.calls], [[], [], []]);
  });

  it("is destroyed without a rest", async () => {
    const { errors } = await stack.destroy();
    assert.deepEqual(errors, []);
    assert.deepEqual([...stack.cloud.resources.keys()], []);
    assert.deepEqual((await stack.exported()).resources, []);
  });
});
