import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VpcFlowLog } from "../../../components/network/vpcFlowLog";
import { evaluate } from "../../support/component";
import { ancestors, find } from "../../../local/engine/recorder";

const flowLog = (retentionDays: number) =>
  evaluate(
    (provider) => new VpcFlowLog("log", { vpcId: "vpc-1", region: "us-east-1", retentionDays }, { provider }),
  );

describe("VpcFlowLog", () => {
  it("records all traffic of the VPC", async () => {
    const graph = await flowLog(90);
    const log = find(graph, "aws:ec2/flowLog:FlowLog", "log");
    assert.deepEqual([log.inputs["vpcId"], log.inputs["trafficType"]], ["vpc-1", "ALL"]);
    assert.equal(find(graph, "aws:cloudwatch/logGroup:LogGroup", "log").inputs["retentionInDays"], 90);
  });

  it("may write before it starts, into its own group only, and for this account only", async () => {
    const graph = await flowLog(7);
    assert.ok(ancestors(graph, find(graph, "aws:ec2/flowLog:FlowLog", "log")).has("log-policy"));
    const policy = String(find(graph, "aws:iam/rolePolicy:RolePolicy", "log-policy").inputs["policy"]);
    assert.match(policy, /"Resource":"arn:aws:logs:us-east-1:123456789012:log-group:log-1234567:\*"/);
    const trust = String(find(graph, "aws:iam/role:Role", "log-role").inputs["assumeRolePolicy"]);
    const { Statement } = JSON.parse(trust) as { Statement: { Condition: unknown }[] };
    assert.deepEqual(
      Statement.map(({ Condition }) => Condition),
      [
        {
          StringEquals: { "aws:SourceAccount": "123456789012" },
          ArnLike: { "aws:SourceArn": "arn:aws:ec2:us-east-1:123456789012:vpc-flow-log/*" },
        },
      ],
    );
  });
});
