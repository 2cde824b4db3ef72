import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { HostAccess } from "../../../components/host/hostAccess";
import { ScalingWebTier, type ScalingWebTierArgs } from "../../../components/web/scalingWebTier";
import { scriptOf } from "../../../policy/userData";
import { evaluate, valueOf } from "../../support/component";
import { ancestors, find, ofType } from "../../../local/engine/recorder";
import { StubAccounts, stubDatabase, stubEntrance, stubGate, stubNetwork } from "../../support/stubs";

/** One type, on demand. */
const plain = { otherTypes: [], spotPercent: 0, maxLifetimeDays: 30, warmupSeconds: 90 };

const tier = (change: Partial<ScalingWebTierArgs> = {}) =>
  evaluate(
    (provider) =>
      new ScalingWebTier(
        "web",
        {
          network: stubNetwork("us-east-1", "ab"),
          entrance: stubEntrance(),
          gate: stubGate(provider),
          host: {
            access: new HostAccess("access", { sessionManager: true }, { provider }),
            database: stubDatabase(),
            accounts: new StubAccounts(),
            imageId: "ami-1",
            instanceType: "t3.micro",
            legacyRoutes: false,
            corsOrigins: [],
          },
          after: [new Path(provider)],
          size: { min: 2, max: 6 },
          load: { requestsPerTarget: 600, cpuPercent: 60 },
          schedules: {},
          supply: plain,
          tags: { project: "x" },
          ...change,
        },
        { provider },
      ),
  );

/** What a fleet depends on besides its own. */
class Path extends pulumi.ComponentResource {
  constructor(provider: aws.Provider) {
    super("test:index:Path", "path", {}, { provider });
    new aws.ec2.Route("path-route", { routeTableId: "rtb-1" }, { parent: this });
  }
}

const group = "aws:autoscaling/group:Group";
const ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const egress = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";

describe("ScalingWebTier", () => {
  it("is a group in the host subnets, behind the entrance, of a size that only operators and policies choose", async () => {
    const graph = await tier();
    const { inputs } = find(graph, group, "web");
    assert.deepEqual(
      ["vpcZoneIdentifiers", "minSize", "maxSize", "desiredCapacity", "healthCheckType"].map(
        (key) => inputs[key],
      ),
      [["subnet-a", "subnet-b"], 2, 6, undefined, "ELB"],
    );
    assert.deepEqual(inputs["targetGroupArns"], [
      "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1",
    ]);
    assert.equal(await valueOf(graph.made.groupName), "web-1234567");
  });

  it("waits for hosts to say that they serve, longer than they try, and grants them nothing from then on", async () => {
    const graph = await tier();
    const { inputs } = find(graph, group, "web");
    const [hook, ...others] = inputs["initialLifecycleHooks"] as Record<string, unknown>[];
    assert.deepEqual(others, []);
    assert.deepEqual(
      [hook!["lifecycleTransition"], hook!["defaultResult"], inputs["healthCheckGracePeriod"]],
      ["autoscaling:EC2_INSTANCE_LAUNCHING", "ABANDON", 0],
    );
    const [, seconds] =
      /^end=\$\(\(SECONDS \+ (\d+)\)\)$/m.exec(readFileSync("userdata/web.sh", "utf8")) ?? [];
    assert.ok(Number(hook!["heartbeatTimeout"]) > Number(seconds));
    const template = find(graph, "aws:ec2/launchTemplate:LaunchTemplate", "web");
    assert.match(
      scriptOf(String(template.inputs["userData"])),
      new RegExp(`LAUNCH_HOOK='${String(hook!["name"])}'`),
    );
    const policy = String(find(graph, "aws:iam/rolePolicy:RolePolicy", "web-role-policy").inputs["policy"]);
    assert.match(policy, /"autoscaling:CompleteLifecycleAction"/);
  });

  it("is rolled when its template, its subnets or its hook change", async () => {
    const fleet = find(await tier(), group, "web");
    assert.deepEqual(fleet.replaceOnChanges, [
      "launchTemplate",
      "mixedInstancesPolicy",
      "vpcZoneIdentifiers",
      "initialLifecycleHooks",
    ]);
    assert.equal(fleet.deleteBeforeReplace, false);
  });

  it("depends itself on whatever its hosts use, so that none of it goes first", async () => {
    const graph = await tier();
    const direct = new Set(find(graph, group, "web").dependencies);
    for (const [type, name] of [
      ["aws:ec2/route:Route", "path-route"],
      [ingress, "web-firewall-in-balancer"],
      [egress, "web-firewall-out-database"],
      [egress, "web-balancer-to-hosts"],
    ] as const)
      assert.ok(direct.has(find(graph, type, name).urn), name);
  });

  it("joins the balancer and the hosts, both ways, on the entrance's port", async () => {
    const graph = await tier();
    const into = find(graph, ingress, "web-firewall-in-balancer").inputs;
    assert.deepEqual([into["referencedSecurityGroupId"], into["fromPort"]], ["sg-balancer", 8000]);
    const out = find(graph, egress, "web-balancer-to-hosts").inputs;
    assert.deepEqual(
      [out["securityGroupId"], out["referencedSecurityGroupId"], out["fromPort"], out["toPort"]],
      ["sg-balancer", into["securityGroupId"], 8000, 8000],
    );
  });

  it("scales by its load, once the gate has seen it serve", async () => {
    const graph = await tier({ load: { requestsPerTarget: 1200, cpuPercent: 40 } });
    const policies = ofType(graph, "aws:autoscaling/policy:Policy");
    const target = (name: string) =>
      (
        find(graph, "aws:autoscaling/policy:Policy", name).inputs["targetTrackingConfiguration"] as {
          targetValue: number;
        }
      ).targetValue;
    assert.deepEqual([target("web-requests"), target("web-cpu")], [1200, 40]);
    for (const policy of policies) assert.ok(ancestors(graph, policy).has("web-gate"), policy.name);
    const wait = find(graph, "aws:lambda/invocation:Invocation", "web-gate");
    const event = JSON.parse(String(wait.inputs["input"])) as Record<string, unknown>;
    assert.deepEqual([event["groupName"], event["minSize"], event["maxSize"]], ["web-1234567", 2, 6]);
  });

  it("starts a successor before it takes a host out", async () => {
    const { inputs } = find(await tier(), group, "web");
    assert.deepEqual(inputs["instanceMaintenancePolicy"], {
      ...{ minHealthyPercentage: 100, maxHealthyPercentage: 110 },
    });
  });

  it("replaces hosts by their age, and counts their load once they are warm", async () => {
    const { inputs } = find(await tier(), group, "web");
    assert.deepEqual([inputs["maxInstanceLifetime"], inputs["defaultInstanceWarmup"]], [2_592_000, 90]);
    assert.deepEqual([inputs["mixedInstancesPolicy"], inputs["capacityRebalance"]], [undefined, false]);
    const ageless = find(await tier({ supply: { ...plain, maxLifetimeDays: 0 } }), group, "web");
    assert.equal(ageless.inputs["maxInstanceLifetime"], undefined);
  });

  it("takes other types and Spot by a policy that names the template's version, one host on demand at least", async () => {
    const supply = { ...plain, otherTypes: ["t3a.micro"], spotPercent: 80 };
    const { inputs } = find(await tier({ supply }), group, "web");
    const { launchTemplate, instancesDistribution } = inputs["mixedInstancesPolicy"] as Record<
      string,
      object
    >;
    const { launchTemplateSpecification, ...types } = launchTemplate as Record<string, object>;
    assert.match(
      JSON.stringify(launchTemplateSpecification),
      /^\{"launchTemplateId":"lt-\w+","version":"1"\}$/,
    );
    assert.deepEqual(types, { overrides: [{ instanceType: "t3.micro" }, { instanceType: "t3a.micro" }] });
    assert.deepEqual(instancesDistribution, {
      onDemandAllocationStrategy: "prioritized",
      onDemandBaseCapacity: 1,
      onDemandPercentageAboveBaseCapacity: 20,
      spotAllocationStrategy: "price-capacity-optimized",
    });
    assert.deepEqual([inputs["launchTemplate"], inputs["capacityRebalance"]], [undefined, true]);
    const other = find(await tier({ supply: { ...plain, otherTypes: ["t3a.micro"] } }), group, "web");
    assert.equal(other.inputs["capacityRebalance"], false);
  });

  it("sets limits by schedules, once the gate has seen it serve, and never the size", async () => {
    const recurrence = "0 7 * * MON-FRI";
    const graph = await tier({
      schedules: { day: { recurrence, timeZone: "Europe/Berlin", min: 4, max: 6 } },
    });
    const schedule = find(graph, "aws:autoscaling/schedule:Schedule", "web-day");
    assert.deepEqual(schedule.inputs, {
      autoscalingGroupName: "web-1234567",
      scheduledActionName: "day",
      ...{ recurrence, timeZone: "Europe/Berlin", minSize: 4, maxSize: 6, desiredCapacity: -1 },
    });
    assert.ok(ancestors(graph, schedule).has("web-gate"));
  });

  it("refuses a least size above the largest", () =>
    assert.rejects(tier({ size: { min: 3, max: 2 } }), {
      propertyPath: "size.min",
      message: /3 is more than/,
    }));
});
