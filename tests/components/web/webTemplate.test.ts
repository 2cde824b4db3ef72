import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { HostAccess, type HostAccessArgs } from "../../../components/host/hostAccess";
import type { Telemetry } from "../../../components/observability/telemetry";
import { WebTemplate } from "../../../components/web/webTemplate";
import { evaluate, valueOf } from "../../support/component";
import { find } from "../../../local/engine/recorder";
import { scriptOf } from "../../../policy/userData";
import { StubAccounts, stubDatabase, stubGate, stubTelemetry } from "../../support/stubs";

const template = (
  access: HostAccessArgs = { sessionManager: true },
  hostsHavePublicIp = false,
  telemetry?: Telemetry,
) =>
  evaluate(
    (provider) =>
      new WebTemplate(
        "web",
        {
          network: { hostsHavePublicIp },
          gate: stubGate(provider),
          access: new HostAccess("access", access, { provider }),
          database: stubDatabase(),
          accounts: new StubAccounts(),
          tier: "web",
          telemetry,
          imageId: "ami-1",
          instanceType: "t3.micro",
          legacyRoutes: false,
          corsOrigins: ["https://a.example.org", "https://b.example.org"],
          securityGroupId: "sg-1",
          hostNames: pulumi.output("service.example.org"),
          tags: { project: "x" },
        },
        { provider },
      ),
  );
const launchTemplate = "aws:ec2/launchTemplate:LaunchTemplate";
const inputs = async (...args: Parameters<typeof template>) =>
  find(await template(...args), launchTemplate, "web").inputs;

describe("WebTemplate", () => {
  it("has a version that is a number, and tells it", async () => {
    const { made } = await template();
    assert.equal(await valueOf(made.version), "1");
    assert.match(await valueOf(made.templateId), /^lt-/);
  });

  it("tags hosts, disks and interfaces, which default tags do not reach", async () => {
    const tags = (await inputs())["tagSpecifications"] as { resourceType: string; tags: object }[];
    assert.deepEqual(
      tags.map(({ resourceType }) => resourceType),
      ["instance", "volume", "network-interface"],
    );
    for (const specification of tags) assert.deepEqual(specification.tags, { project: "x", Name: "web" });
  });

  it("gives hosts public addresses where they have no other way out", async () => {
    const address = async (isPublic: boolean) =>
      ((await inputs(undefined, isPublic))["networkInterfaces"] as { associatePublicIpAddress: string }[])[0]
        ?.associatePublicIpAddress;
    assert.deepEqual([await address(true), await address(false)], ["true", "false"]);
  });

  it("has a key pair only for SSH", async () => {
    assert.equal((await inputs())["keyName"], undefined);
    const ssh = { publicKey: "ssh-ed25519 AAAA", cidrBlocks: ["192.0.2.0/24"] };
    assert.equal((await inputs({ sessionManager: false, ssh }))["keyName"], "access-1234567");
  });

  it("tells the boot script where everything is", async () => {
    const script = scriptOf(String((await inputs())["userData"]));
    assert.match(script, /ALLOWED_HOSTS='service\.example\.org'/);
    assert.match(script, /ACCOUNT_BUCKET='accounts'/);
    assert.match(script, /DATABASE_VOLUME_ID='vol-1'/);
    assert.match(script, /DATABASE_CA_KEY='tls\/postgres-ca-1\.pem'/);
    assert.match(script, /LEGACY_ROUTES='false'/);
    assert.match(script, /CORS_ORIGINS='https:\/\/a\.example\.org https:\/\/b\.example\.org'/);
  });

  it("has hosts send their logs where it is told to, and else nowhere", async () => {
    const sent = await template(undefined, undefined, stubTelemetry);
    assert.match(
      scriptOf(String(find(sent, launchTemplate, "web").inputs["userData"])),
      /TELEMETRY_LOG_GROUP='logs'/,
    );
    const policyOf = (graph: typeof sent) =>
      String(find(graph, "aws:iam/rolePolicy:RolePolicy", "web-role-policy").inputs["policy"]);
    assert.match(policyOf(sent), /"Resource":"arn:of:logs"/);
    assert.match(scriptOf(String((await inputs())["userData"])), /TELEMETRY_LOG_GROUP=''/);
    assert.doesNotMatch(policyOf(await template()), /arn:of:logs/);
  });

  it("lets hosts resize the groups of their tier", async () => {
    const policy = find(await template(), "aws:iam/rolePolicy:RolePolicy", "web-role-policy");
    assert.match(String(policy.inputs["policy"]), /"autoscaling:ResourceTag\/django-on-ec2:tier":"web"/);
  });
});
