import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { DeployGate, type DeployGateArgs } from "../../../components/gate/deployGate";
import type { BootWait } from "../../../components/host/gates";
import {
  type BootEvent,
  bootReportKey,
  type CutOverEvent,
  functionSeconds,
} from "../../../gate/contract.cjs";
import type { Registration } from "../../../local/engine/program";
import { defaultTags, type Evaluation, evaluate, providerOf, valueOf } from "../../support/component";
import { ancestors, find, ofType } from "../../../local/engine/recorder";

const args: DeployGateArgs = {
  region: "us-east-1",
  stackTags: defaultTags,
  logRetentionDays: 7,
  protect: false,
};
const gateWith = (changed: Partial<DeployGateArgs> = {}) =>
  evaluate((provider) => new DeployGate("gate", { ...args, ...changed }, { provider }));

const bootWait = {
  label: "database host",
  instanceId: "i-1",
  roleId: "AROA1",
  region: "us-east-2",
};
const cutOverWait = {
  label: "web tier",
  groupName: "web-1",
  templateVersion: "3",
  roleId: "AROA2",
  tier: "web",
  targetGroupArn: "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/t/1",
  minSize: 2,
  maxSize: 4,
};

const invocation = (graph: Evaluation<unknown>) => find(graph, "aws:lambda/invocation:Invocation", "wait");
const eventOf = (wait: Registration) => JSON.parse(String(wait.inputs["input"])) as unknown;
/** What the function may do, with the condition for it. */
function statements(graph: Evaluation<unknown>) {
  const { inputs } = find(graph, "aws:iam/rolePolicy:RolePolicy", "gate-policy");
  const { Statement } = JSON.parse(String(inputs["policy"])) as {
    Statement: { Action: string | string[]; Resource: string; Condition?: object }[];
  };
  return Statement.flatMap(({ Action, Resource, Condition }) =>
    [Action].flat().map((action) => ({ action, Resource, Condition })),
  );
}

describe("DeployGate", () => {
  it("is one function and one bucket, in the region of its provider", async () => {
    const graph = await gateWith();
    const types = graph.registrations
      .filter(({ custom }) => custom)
      .map(({ type }) => type.split(":").at(-1));
    assert.deepEqual(types.filter((type) => !type?.startsWith("Bucket")).sort(), [
      "Function",
      "LogGroup",
      "Role",
      "RolePolicy",
      "aws",
    ]);
    assert.equal(ofType(graph, "aws:s3/bucket:Bucket").length, 1);
    assert.equal(find(graph, "aws:lambda/function:Function", "gate").region, "us-east-1");
    assert.equal(await valueOf(graph.made.functionName), "gate-1234567");
  });

  it("gives the function all of the time that the contract says, and the files that it consists of", async () => {
    const { inputs } = find(await gateWith(), "aws:lambda/function:Function", "gate");
    assert.equal(inputs["timeout"], functionSeconds);
    const code = inputs["code"] as pulumi.asset.AssetArchive;
    const assets = (await code.assets) as Record<string, pulumi.asset.FileAsset>;
    const folder = path.join(__dirname, "../../../gate");
    for (const [name, asset] of Object.entries(assets))
      assert.equal(path.join(folder, name), await asset.path);
    assert.deepEqual(Object.keys(assets).sort(), readdirSync(folder).sort());
    assert.equal(inputs["handler"], "index.handler");
  });

  it("comes with its policy: nothing is asked before the function may do what it must", async () => {
    const graph = await evaluate((provider) => {
      const gate = new DeployGate("gate", args, { provider });
      return gate.waitForBoot("wait", bootWait, { parent: gate });
    });
    assert.ok(ancestors(graph, invocation(graph)).has("gate-policy"));
  });

  it("lets the function change hosts and groups of this stack, and no others", async () => {
    const changing = statements(await gateWith()).filter(({ action }) =>
      /^(ec2|autoscaling):(?!Describe)/.test(action),
    );
    assert.deepEqual(changing.map(({ action }) => action).sort(), [
      "autoscaling:TerminateInstanceInAutoScalingGroup",
      "autoscaling:UpdateAutoScalingGroup",
      "ec2:RebootInstances",
      "ec2:StartInstances",
    ]);
    for (const { Condition } of changing)
      assert.deepEqual(Condition, {
        StringEquals: { "aws:ResourceTag/project": "django-on-ec2", "aws:ResourceTag/stack": "test" },
      });
  });

  it("lets the function read all boot reports, and each host write its own", async () => {
    const graph = await gateWith();
    const read = statements(graph).find(({ action }) => action === "s3:GetObject");
    assert.equal(read?.Resource, `arn:aws:s3:::gate-bucket-1234567/${bootReportKey("*")}`);
    const { Action, Resource } = graph.made.reportStatement();
    assert.equal(Action, "s3:PutObject");
    assert.equal(
      await valueOf(pulumi.output(Resource as pulumi.Input<string>)),
      "arn:aws:s3:::gate-bucket-1234567/boot/${aws:userid}.json",
    );
    const variables = graph.made.reportVariables(pulumi.output("AROA1"));
    assert.deepEqual(await valueOf(pulumi.all({ ...variables })), {
      REPORT_BUCKET: "gate-bucket-1234567",
      REPORT_REGION: "us-east-1",
      REPORT_ROLE_ID: "AROA1",
    });
  });

  it("keeps its log for as long as it is told, and its bucket for good when it is to", async () => {
    const graph = await gateWith({ logRetentionDays: 400, protect: true });
    assert.equal(find(graph, "aws:cloudwatch/logGroup:LogGroup", "gate-log").inputs["retentionInDays"], 400);
    assert.equal(find(graph, "aws:s3/bucket:Bucket", "gate-bucket").protect, true);
    assert.equal(find(await gateWith(), "aws:s3/bucket:Bucket", "gate-bucket").protect, false);
  });

  it("needs a provider", async () => {
    await assert.rejects(
      evaluate(() => new DeployGate("gate", args)),
      /default provider for "aws" is disabled/,
    );
  });

  describe("asked to wait for a boot", () => {
    const boot = (changed: Partial<BootWait> = {}) =>
      evaluate((provider) => {
        const gate = new DeployGate("gate", args, { provider });
        // As a component of another region would ask.
        const parent = new pulumi.ComponentResource(
          "test:index:Host",
          "host",
          {},
          { provider: providerOf("us-east-2") },
        );
        return gate.waitForBoot("wait", { ...bootWait, ...changed }, { parent });
      });

    it("asks its function, in its own region, in the words of the contract", async () => {
      const wait = invocation(await boot());
      const event: BootEvent = {
        kind: "boot",
        bucket: "gate-bucket-1234567",
        ...bootWait,
        applied: undefined,
      };
      assert.deepEqual(eventOf(wait), JSON.parse(JSON.stringify(event)));
      assert.equal(wait.inputs["functionName"], "gate-1234567");
      assert.equal(wait.region, "us-east-1");
      assert.equal(wait.inputs["triggers"], undefined);
    });

    it("passes on what the host is to apply", async () => {
      const event = eventOf(invocation(await boot({ applied: pulumi.output("v2") })));
      assert.equal((event as BootEvent).applied, "v2");
    });
  });

  it("asked to cut over, asks in the words of the contract, and anew for each version", async () => {
    const graph = await evaluate((provider) => {
      const gate = new DeployGate("gate", args, { provider });
      return gate.waitForCutOver("wait", cutOverWait, { parent: gate });
    });
    const { templateVersion, ...rest } = cutOverWait;
    const event: CutOverEvent = { kind: "cutOver", bucket: "gate-bucket-1234567", ...rest };
    assert.deepEqual(eventOf(invocation(graph)), event);
    assert.deepEqual(invocation(graph).inputs["triggers"], { templateVersion });
  });
});
