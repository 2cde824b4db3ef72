/** `pulumi preview --policy-pack policy`, as a user has it. */
import assert from "node:assert/strict";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { Deployment, needsCli } from "./deployment";

const pack = `--policy-pack=${path.join(__dirname, "..", "..", "policy")}`;

describe("the policy pack, in a preview of prod", needsCli, () => {
  let stack: Deployment;
  before(async () => {
    stack = await Deployment.create("prod");
  });
  after(() => stack.close());

  it("lets the program pass", async () => {
    const { printed } = await stack.previewByCommand(pack);
    assert.match(printed, /django-on-ec2@v\S+/);
    assert.doesNotMatch(printed, /\[mandatory\]|can't run policy/);
  });

  it("refuses what breaks a rule, and names control, resource, property and remedy", async () => {
    stack.edit("components/host/host.ts", (text) =>
      text.replace('httpTokens: "required"', 'httpTokens: "optional"'),
    );
    await assert.rejects(stack.previewByCommand(pack), ({ stdout }: { stdout: string }) => {
      assert.match(
        stdout,
        /\[EC2\.8\] prod-db \(aws:ec2\/instance:Instance\): metadataOptions\.httpTokens is "optional"\. Set/,
      );
      assert.match(stdout, /\[EC2\.170\] prod-web /);
      return true;
    });
  });
});
