import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DeployGate } from "../../../components/gate/deployGate";
import { defaultTags, evaluate, valueOf } from "../../support/component";
import { find, ofType } from "../../support/recorder";

const args = { region: "us-east-1", stackTags: defaultTags, logRetentionDays: 7, protect: false };

describe("DeployGate", () => {
  it("is one function and one bucket, in the region of its provider", async () => {
    const graph = await evaluate((provider) => new DeployGate("gate", args, { provider }));
    const fn = find(graph, "aws:lambda/function:Function", "gate");
    assert.equal(fn.region, "us-east-1");
    assert.equal(ofType(graph, "aws:s3/bucket:Bucket").length, 1);
    assert.equal(await valueOf(graph.made.functionName), "gate-1234567");
  });

  it("needs a provider", async () => {
    await assert.rejects(
      evaluate(() => new DeployGate("gate", args)),
      /default provider for "aws" is disabled/,
    );
  });

  it("keeps its bucket when it is to", async () => {
    const bucket = async (protect: boolean) =>
      find(
        await evaluate((provider) => new DeployGate("gate", { ...args, protect }, { provider })),
        "aws:s3/bucket:Bucket",
        "gate-bucket",
      );
    assert.equal((await bucket(true)).protect, true);
    assert.equal((await bucket(false)).protect, false);
  });
});
