import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { recordGraph } from "../../local/engine/recorder";
import { recordStacks, usesOf, withSection } from "../../tools/generate";
import {
  actionsOf,
  longestPolicy,
  lookupActions,
  policiesOf,
  resourceActions,
} from "../../tools/permissions";

describe("permissions of a deployment", () => {
  let types: string[];
  let lookups: string[];
  before(async () => {
    ({ types, lookups } = usesOf(Object.values({ ...(await recordStacks()) })));
  });

  it("has a row for every type and data source in use, and for no other", () => {
    assert.deepEqual(Object.keys(resourceActions).sort(), types);
    assert.deepEqual(Object.keys(lookupActions).sort(), lookups);
  });

  it("knows every type of the stack for the local region too", async () => {
    const local = usesOf([await recordGraph("local", false)]);
    assert.doesNotThrow(() => actionsOf(local.types, local.lookups));
  });

  it("refuses a type without a row", () => {
    assert.throws(
      () => actionsOf(["aws:rds/instance:Instance"], []),
      /no row for aws:rds\/instance:Instance/,
    );
    assert.throws(() => actionsOf([], ["aws:ec2/getVpc:getVpc"]), /no row for aws:ec2\/getVpc:getVpc/);
  });

  it("grants each action once, in policies that IAM takes", () => {
    const actions = actionsOf(types, lookups);
    const policies = Object.values(policiesOf(actions)) as { Statement: { Action: string[] }[] }[];
    const granted = policies.flatMap(({ Statement }) => Statement.flatMap(({ Action }) => Action));
    assert.deepEqual(granted.sort(), actions);
    for (const policy of policies) assert.ok(JSON.stringify(policy).length <= longestPolicy);
  });

  it("passes roles only to the services that run with them", () => {
    const [statement] = (
      Object.values(policiesOf(["iam:PassRole"])) as {
        Statement: { Action: string[]; Condition?: object }[];
      }[]
    ).flatMap(({ Statement }) => Statement.filter(({ Action }) => Action.includes("iam:PassRole")));
    assert.deepEqual(statement?.Condition, {
      StringEquals: {
        "iam:PassedToService": ["ec2.amazonaws.com", "lambda.amazonaws.com", "vpc-flow-logs.amazonaws.com"],
      },
    });
  });
});

describe("a section of a page", () => {
  const page = "before\n\n<!-- x: written by npm run docs -->\nold\n<!-- x: end -->\n\nafter\n";

  it("is replaced and leaves the rest", () =>
    assert.equal(
      withSection(page, "x", "new"),
      "before\n\n<!-- x: written by npm run docs -->\n\nnew\n\n<!-- x: end -->\n\nafter\n",
    ));

  it("must be there", () => assert.throws(() => withSection(page, "y", "new"), /no section/));
});
