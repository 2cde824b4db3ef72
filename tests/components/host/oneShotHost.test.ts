import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { OneShotHost, type OneShotHostArgs } from "../../../components/host/oneShotHost";
import { evaluate } from "../../support/component";
import { ancestors, find, ofType } from "../../../local/engine/recorder";
import { stubGate, stubNetwork } from "../../support/stubs";

const host = (change: Partial<OneShotHostArgs> = {}) =>
  evaluate(
    (provider) =>
      new OneShotHost(
        "job",
        {
          label: "job",
          network: stubNetwork("us-east-1", "ab"),
          gate: stubGate(provider),
          imageId: "ami-1",
          instanceType: "t3.micro",
          userData: ({ REPORT_ROLE_ID }) => pulumi.interpolate`report as ${REPORT_ROLE_ID}`,
          statements: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::box/key" }],
          tags: { project: "x" },
          ...change,
        },
        { provider },
      ),
  );
const instance = "aws:ec2/instance:Instance";
const egress = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";

describe("OneShotHost", () => {
  it("is a host in the first host subnet that nobody can reach", async () => {
    const graph = await host();
    const { inputs } = find(graph, instance, "job");
    assert.deepEqual(
      ["ami", "instanceType", "subnetId", "userDataReplaceOnChange", "keyName"].map((key) => inputs[key]),
      ["ami-1", "t3.micro", "subnet-a", true, undefined],
    );
    assert.match(String(inputs["userDataBase64"]), /^report as AROA/);
    assert.deepEqual(ofType(graph, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"), []);
    assert.deepEqual(
      ofType(graph, egress).map(({ name }) => name),
      ["job-firewall-out-http", "job-firewall-out-https"],
    );
  });

  it("is stopped when its script has succeeded", async () => {
    const graph = await host();
    const wait = find(graph, "aws:lambda/invocation:Invocation", "job-gate");
    assert.ok(ancestors(graph, wait).has("job"));
    const state = find(graph, "aws:ec2transitgateway/instanceState:InstanceState", "job-stopped");
    assert.equal(state.inputs["state"], "stopped");
    assert.ok(ancestors(graph, state).has("job-gate"));
  });

  it("may report and do what it is told, and logs nobody in", async () => {
    const policy = find(await host(), "aws:iam/rolePolicy:RolePolicy", "job-role-policy");
    const { Statement } = JSON.parse(String(policy.inputs["policy"])) as {
      Statement: { Resource: string }[];
    };
    assert.deepEqual(
      Statement.map(({ Resource }) => Resource),
      ["arn:aws:s3:::bucket/boot", "arn:aws:s3:::box/key"],
    );
  });

  it("has the ways out that it is given", async () => {
    const more = { name: "database", description: "The database", port: 5432, cidrBlock: "10.20.0.0/20" };
    const rule = find(await host({ egress: [more] }), egress, "job-firewall-out-database");
    assert.deepEqual([rule.inputs["fromPort"], rule.inputs["cidrIpv4"]], [5432, "10.20.0.0/20"]);
  });

  it("is replaced, not restarted, by another type", async () => {
    assert.deepEqual(find(await host(), instance, "job").replaceOnChanges, ["instanceType"]);
  });
});
