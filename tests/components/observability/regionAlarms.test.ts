import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Alarm } from "../../../components/observability/alarm";
import { OutsideCheck } from "../../../components/observability/outsideCheck";
import { RegionAlarms } from "../../../components/observability/regionAlarms";
import { ancestors, find, ofType } from "../../../local/engine/recorder";
import { evaluate, valueOf } from "../../support/component";

const alarm: Alarm = {
  name: "busy",
  meaning: "It is busy.",
  firstStep: "look.",
  figures: { load: { namespace: "N", metric: "M", dimensions: { Of: "x" }, statistic: "Average" } },
  ...{ comparison: "above", threshold: 5, periodSeconds: 300, periods: 2, silence: "good" },
};

const regionAlarms = (alarms: readonly Alarm[], email?: string) =>
  evaluate((provider) => new RegionAlarms("alarms", { region: "us-east-1", alarms, email }, { provider }));

const metricAlarm = "aws:cloudwatch/metricAlarm:MetricAlarm";
const subscription = "aws:sns/topicSubscription:TopicSubscription";

describe("RegionAlarms", () => {
  it("has CloudWatch tell the topic when an alarm begins and when it ends", async () => {
    const graph = await regionAlarms([alarm]);
    const topic = await valueOf(graph.made.topicArn);
    const { inputs } = find(graph, metricAlarm, "alarms-busy");
    assert.deepEqual(inputs, {
      alarmDescription: "It is busy. First: look.",
      metricQueries: [
        {
          id: "load",
          metric: { namespace: "N", metricName: "M", dimensions: { Of: "x" }, period: 300, stat: "Average" },
          returnData: true,
        },
      ],
      comparisonOperator: "GreaterThanThreshold",
      threshold: 5,
      evaluationPeriods: 2,
      treatMissingData: "notBreaching",
      alarmActions: [topic],
      okActions: [topic],
      tags: inputs["tags"],
    });
  });

  it("compares the expression where there is one, not the figures", async () => {
    const graph = await regionAlarms([
      { ...alarm, expression: "load * 2", silence: "bad", comparison: "below" },
    ]);
    const { inputs } = find(graph, metricAlarm, "alarms-busy");
    const queries = inputs["metricQueries"] as { id: string; expression?: string; returnData: boolean }[];
    assert.deepEqual(
      queries.map(({ id, expression, returnData }) => [id, expression, returnData]),
      [
        ["load", undefined, false],
        ["value", "load * 2", true],
      ],
    );
    assert.deepEqual(
      [inputs["treatMissingData"], inputs["comparisonOperator"]],
      ["breaching", "LessThanThreshold"],
    );
  });

  it("tells CloudWatch what silence means", async () => {
    const meaning = async (silence: Alarm["silence"]) =>
      find(await regionAlarms([{ ...alarm, silence }]), metricAlarm, "alarms-busy").inputs[
        "treatMissingData"
      ];
    assert.equal(await meaning("good"), "notBreaching");
    assert.equal(await meaning("bad"), "breaching");
    assert.equal(await meaning("unknown"), "missing");
  });

  it("lets alarms of this account and region publish, before there is one", async () => {
    const graph = await regionAlarms([alarm]);
    const { inputs } = find(graph, "aws:sns/topicPolicy:TopicPolicy", "alarms-policy");
    const { Statement } = JSON.parse(String(inputs["policy"])) as { Statement: object[] };
    assert.deepEqual(Statement, [
      {
        Sid: "Alarms",
        Effect: "Allow",
        Principal: { Service: "cloudwatch.amazonaws.com" },
        Action: "sns:Publish",
        Resource: await valueOf(graph.made.topicArn),
        Condition: {
          StringEquals: { "aws:SourceAccount": "123456789012" },
          ArnLike: { "aws:SourceArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:*" },
        },
      },
    ]);
    assert.ok(ancestors(graph, find(graph, metricAlarm, "alarms-busy")).has("alarms-policy"));
  });

  it("mails to an address, if there is one", async () => {
    assert.deepEqual(ofType(await regionAlarms([alarm]), subscription), []);
    const graph = await regionAlarms([alarm], "ops@acme.co");
    const { inputs } = find(graph, subscription, "alarms-email");
    assert.deepEqual([inputs["protocol"], inputs["endpoint"]], ["email", "ops@acme.co"]);
  });

  it("refuses two alarms of one name", () =>
    assert.rejects(regionAlarms([alarm, alarm]), {
      propertyPath: "alarms",
      message: /two alarms named busy/,
    }));
});

describe("OutsideCheck", () => {
  const check = async (https: boolean) => {
    const graph = await evaluate(
      (provider) => new OutsideCheck("outside", { hostName: "service.acme.co", https }, { provider }),
    );
    return find(graph, "aws:route53/healthCheck:HealthCheck", "outside").inputs;
  };

  it("asks for readiness, three times before it says no", async () => {
    const { fqdn, resourcePath, failureThreshold } = await check(true);
    assert.deepEqual([fqdn, resourcePath, failureThreshold], ["service.acme.co", "/readyz", 3]);
  });

  it("asks as users do, with HTTPS or without", async () => {
    const kind = ({ type, port }: Record<string, unknown>) => [type, port];
    assert.deepEqual(kind(await check(true)), ["HTTPS", 443]);
    assert.deepEqual(kind(await check(false)), ["HTTP", 80]);
  });
});
