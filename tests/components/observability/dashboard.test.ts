import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as z from "zod/mini";
import { Dashboard } from "../../../components/observability/dashboard";
import { dashboardBody, type DashboardParts } from "../../../components/observability/dashboardBody";
import { find } from "../../../local/engine/recorder";
import { evaluate, valueOf } from "../../support/component";

const parts: DashboardParts = {
  web: {
    region: "us-east-1",
    alarms: ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:web"],
    fleet: {
      ...{ balancer: "app/web/1", targetGroup: "targetgroup/web/2", groupName: "web-1" },
      ...{ requestsPerTarget: 3000, cpuPercent: 60 },
    },
    gateFunction: "gate-1",
    healthCheckId: "check-1",
    hosts: "web-hosts",
  },
  database: {
    region: "us-east-2",
    alarms: ["arn:aws:cloudwatch:us-east-2:123456789012:alarm:db"],
    instanceId: "i-1",
    hostName: "postgres.test.internal",
    hosts: "db-hosts",
  },
};

/**
 * What CloudWatch takes: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html.
 * It refuses what is missing, and shows nothing of what it does not know.
 */
const within = (low: number, high: number) => z.int().check(z.minimum(low), z.maximum(high));
const placed = { x: within(0, 23), y: within(0, 1000), width: within(1, 24), height: within(1, 1000) };
const axis = z.strictObject({
  min: z.optional(z.number()),
  label: z.optional(z.string()),
  showUnits: z.optional(z.boolean()),
});
const metric = z.array(
  z.union([
    z.string(),
    z.strictObject({
      label: z.string(),
      stat: z.string().check(z.regex(/^(Sum|Average|Minimum|Maximum|p\d\d)$/)),
      yAxis: z.optional(z.enum(["left", "right"])),
    }),
  ]),
);
const body = z.strictObject({
  start: z.string().check(z.regex(/^-P/)),
  widgets: z.array(
    z.discriminatedUnion("type", [
      z.strictObject({
        type: z.literal("alarm"),
        ...placed,
        properties: z.strictObject({
          title: z.string(),
          alarms: z
            .array(z.string().check(z.regex(/^arn:aws:cloudwatch:/)))
            .check(z.minLength(1), z.maxLength(100)),
        }),
      }),
      z.strictObject({
        type: z.literal("metric"),
        ...placed,
        properties: z.strictObject({
          title: z.string(),
          region: z.string(),
          view: z.enum(["timeSeries", "singleValue", "gauge", "bar", "pie", "table"]),
          period: z.int().check(z.multipleOf(60)),
          metrics: z.array(metric).check(z.minLength(1)),
          yAxis: z.strictObject({ left: axis, right: axis }),
          annotations: z.strictObject({
            horizontal: z.array(z.strictObject({ label: z.string(), value: z.number() })),
          }),
        }),
      }),
    ]),
  ),
});
const read = (text: string) => body.parse(JSON.parse(text) as unknown);
const shown = (change: Partial<DashboardParts> = {}) =>
  read(JSON.stringify(dashboardBody({ ...parts, ...change })));

/** The figures of each region: namespace, name and dimensions. */
const figuresOf = (region: string, { widgets } = shown()) =>
  widgets.flatMap((widget) =>
    widget.type === "metric" && widget.properties.region === region
      ? widget.properties.metrics.map((entry) => entry.filter((part) => typeof part === "string").join(" "))
      : [],
  );

describe("the body of the dashboard", () => {
  it("is what CloudWatch takes, and fits a screen", () => {
    const { widgets } = shown();
    for (const { x, y, width, height } of widgets) {
      assert.ok(x + width <= 24);
      // About what a console shows without scrolling.
      assert.ok(y + height <= 18);
    }
  });

  it("has no widget on another, and no gap", () => {
    const cells = shown().widgets.flatMap(({ x, y, width, height }) =>
      Array.from({ length: width * height }, (_, at) => `${x + (at % width)},${y + Math.floor(at / width)}`),
    );
    assert.equal(new Set(cells).size, cells.length);
    assert.equal(cells.length, 24 * 16);
  });

  it("begins with every alarm of both regions", () => {
    const lights = shown().widgets.filter(({ type, y }) => type === "alarm" && y === 0);
    const alarms = lights.flatMap(({ properties }) => ("alarms" in properties ? properties.alarms : []));
    assert.deepEqual(alarms, [...parts.web.alarms, ...parts.database.alarms]);
  });

  it("shows the figures of both regions, each from its own", () => {
    for (const figure of [
      "AWS/ApplicationELB RequestCount LoadBalancer app/web/1",
      "AWS/ApplicationELB HTTPCode_Target_5XX_Count LoadBalancer app/web/1 TargetGroup targetgroup/web/2",
      "AWS/ApplicationELB HealthyHostCount LoadBalancer app/web/1 TargetGroup targetgroup/web/2",
      "AWS/AutoScaling GroupDesiredCapacity AutoScalingGroupName web-1",
      "AWS/EC2 CPUUtilization AutoScalingGroupName web-1",
      "AWS/Route53 HealthCheckStatus HealthCheckId check-1",
      "AWS/Lambda Errors FunctionName gate-1",
    ])
      assert.ok(figuresOf("us-east-1").includes(figure), figure);
    assert.deepEqual(figuresOf("us-east-2"), [
      "AWS/EC2 CPUUtilization InstanceId i-1",
      "django-on-ec2 database_disk_used database postgres.test.internal",
      "django-on-ec2 database_connections_used database postgres.test.internal",
      "django-on-ec2 mem_used_percent role db-hosts",
      "django-on-ec2 disk_used_percent role db-hosts path /",
      ...["System", "Instance", "AttachedEBS"].map((of) => `AWS/EC2 StatusCheckFailed_${of} InstanceId i-1`),
    ]);
  });

  it("says where the fleet grows", () => {
    const limits = shown().widgets.flatMap((widget) =>
      widget.type === "metric" ? widget.properties.annotations.horizontal.map(({ value }) => value) : [],
    );
    assert.deepEqual(limits, [60, 3000]);
  });

  it("leaves out what nothing asks from outside, and what no agent tells", () => {
    const without = shown({ web: { ...parts.web, healthCheckId: undefined, hosts: undefined } });
    for (const figure of figuresOf("us-east-1", without))
      assert.doesNotMatch(figure, /^(AWS\/Route53|django)/);
  });
});

describe("Dashboard", () => {
  it("has a name of its own and a page in the console", async () => {
    const graph = await evaluate(
      (provider) => new Dashboard("board", { title: "prod", ...parts }, { provider }),
    );
    const { inputs } = find(graph, "aws:cloudwatch/dashboard:Dashboard", "board");
    assert.equal(inputs["dashboardName"], "prod");
    assert.deepEqual(read(String(inputs["dashboardBody"])), shown());
    assert.equal(
      await valueOf(graph.made.url),
      "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#dashboards/dashboard/prod",
    );
  });
});
