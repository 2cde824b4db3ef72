import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { policyDocument } from "../../../components/iam/policies";
import { HostTelemetry } from "../../../components/observability/telemetry";
import { find } from "../../../local/engine/recorder";
import { evaluate, valueOf } from "../../support/component";

const telemetry = (retentionDays: number) =>
  evaluate((provider) => new HostTelemetry("hosts", { retentionDays }, { provider }));

describe("HostTelemetry", () => {
  it("keeps logs for as long as it is told", async () => {
    const group = find(await telemetry(30), "aws:cloudwatch/logGroup:LogGroup", "hosts");
    assert.equal(group.inputs["retentionInDays"], 30);
  });

  it("lets hosts write into its log group, and figures into the stack's namespace, and nothing else", async () => {
    const { made } = await telemetry(7);
    const { Statement } = JSON.parse(await valueOf(policyDocument(made.statements))) as {
      Statement: object[];
    };
    assert.deepEqual(Statement, [
      {
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: "arn:aws:logs:us-east-1:123456789012:log-group:hosts-1234567:*",
      },
      {
        Effect: "Allow",
        Action: "cloudwatch:PutMetricData",
        Resource: "*",
        Condition: { StringEquals: { "cloudwatch:namespace": "django-on-ec2" } },
      },
    ]);
  });

  it("tells hosts where to", async () => {
    const { made } = await telemetry(7);
    const { TELEMETRY_LOG_GROUP, ...rest } = made.variables;
    assert.equal(TELEMETRY_LOG_GROUP, made.logGroupName);
    assert.equal(await valueOf(made.logGroupName), "hosts-1234567");
    assert.deepEqual(rest, { TELEMETRY_NAMESPACE: "django-on-ec2", TELEMETRY_ROLE: "hosts" });
  });
});
