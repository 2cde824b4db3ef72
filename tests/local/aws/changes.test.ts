import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { awsChanges, randomChanges } from "../../../local/aws/changes";
import { type ChangeTable, differences } from "../../../local/engine/changes";
import { type Graph, recordGraph } from "../../../local/engine/recorder";

const table: ChangeTable = { ...awsChanges, ...randomChanges };

describe("the table of changes", () => {
  const graphs: Graph[] = [];
  before(async () => {
    for (const stack of ["dev", "prod", "local"]) graphs.push(await recordGraph(stack, false));
    graphs.push(await recordGraph("dev", false, { webFirewall: "true" }));
  });

  const resources = () =>
    graphs
      .flatMap(({ registrations }) => registrations)
      .filter(({ custom, type }) => custom && !type.startsWith("pulumi:"));

  it("knows every property that the program sets", () => {
    // Against nothing, each property is one that was added.
    const unknown = resources().flatMap(({ type, inputs }) =>
      Object.entries(inputs).flatMap(([key, value]) => {
        try {
          differences(table, type, {}, { [key]: value });
          return [];
        } catch (error) {
          return [(error as Error).message];
        }
      }),
    );
    assert.deepEqual([...new Set(unknown)], []);
  });

  it("has no type that the program does not use, but those of settings that the stacks leave out", () => {
    const used = new Set(resources().map(({ type }) => type));
    assert.deepEqual(
      Object.keys(table).filter((type) => !used.has(type)),
      [
        "aws:autoscaling/schedule:Schedule",
        "aws:ec2/keyPair:KeyPair",
        "aws:sns/topicSubscription:TopicSubscription",
      ],
    );
  });

  const effect = (type: string, old: object, next: object) =>
    differences(table, type, { ...old }, { ...next }).some(({ replaces }) => replaces) ? "replace" : "update";

  for (const [type, old, next, expected] of [
    ["aws:ec2/instance:Instance", { ami: "a" }, { ami: "b" }, "replace"],
    ["aws:ec2/instance:Instance", { instanceType: "t3.micro" }, { instanceType: "t3.small" }, "update"],
    ["aws:ec2/instance:Instance", { userData: "a" }, { userData: "b" }, "update"],
    [
      "aws:ec2/instance:Instance",
      { userData: "a", userDataReplaceOnChange: true },
      { userData: "b", userDataReplaceOnChange: true },
      "replace",
    ],
    [
      "aws:ec2/instance:Instance",
      { rootBlockDevice: { volumeSize: 8 } },
      { rootBlockDevice: { volumeSize: 9 } },
      "update",
    ],
    [
      "aws:ec2/instance:Instance",
      { rootBlockDevice: { encrypted: false } },
      { rootBlockDevice: { encrypted: true } },
      "replace",
    ],
    ["aws:ebs/volume:Volume", { size: 20 }, { size: 40 }, "update"],
    [
      "aws:ebs/volume:Volume",
      { availabilityZone: "us-east-2a" },
      { availabilityZone: "us-east-2b" },
      "replace",
    ],
    [
      "aws:autoscaling/group:Group",
      { launchTemplate: { id: "lt-1", version: "1" } },
      { launchTemplate: { id: "lt-1", version: "2" } },
      "update",
    ],
    ["aws:lambda/invocation:Invocation", { input: "{}" }, { input: '{"a":1}' }, "replace"],
    [
      "aws:secretsmanager/secretVersion:SecretVersion",
      { secretString: "a" },
      { secretString: "b" },
      "replace",
    ],
    ["aws:ec2/route:Route", { gatewayId: "igw-1" }, { natGatewayId: "nat-1" }, "update"],
    [
      "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
      { cidrIpv4: "10.0.0.0/16" },
      { referencedSecurityGroupId: "sg-1" },
      "replace",
    ],
    ["random:index/randomPassword:RandomPassword", { length: 24 }, { length: 32 }, "replace"],
  ] as const) {
    it(`says ${expected} of ${type}: ${JSON.stringify(old)} to ${JSON.stringify(next)}`, () => {
      assert.equal(effect(type, old, next), expected);
    });
  }
});
