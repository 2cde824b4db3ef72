/** docs/updates.md, row by row, held to the real engine. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { changes, readEffects } from "../../tools/updates";
import { Deployment, needsCli } from "./deployment";
import { assertSucceeded } from "./support";
import { effectOf } from "./updates";

describe("a change of dev does what docs/updates.md says, and nothing else", needsCli, () => {
  const written = readEffects();
  let stack: Deployment;
  before(async () => {
    stack = await Deployment.create("dev");
    assertSucceeded(await stack.up());
  });
  after(() => stack.close());

  for (const change of changes)
    it(change.meaning.replaceAll("`", ""), async () => {
      const effect = await effectOf(stack, change);
      assert.deepEqual(effect, written[change.meaning], 'if that is right, run "npm run updates"');
    });
});
