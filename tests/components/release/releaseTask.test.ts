import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ReleaseTask, type ReleaseTaskArgs } from "../../../components/release/releaseTask";
import { evaluate } from "../../support/component";
import { ancestors, find, ofType } from "../../../local/engine/recorder";
import {
  StubAccounts,
  stubDatabase,
  stubGate,
  stubNetwork,
  stubResource,
  stubSecret,
} from "../../support/stubs";
import { scriptOf } from "../../../policy/userData";

const construct = (changed: (args: ReleaseTaskArgs) => Partial<ReleaseTaskArgs> = () => ({})) =>
  evaluate((provider) => {
    const args: ReleaseTaskArgs = {
      network: stubNetwork("us-east-1"),
      path: [stubResource("peering")],
      gate: stubGate(provider),
      database: stubDatabase(),
      accounts: new StubAccounts(),
      activityRetentionDays: 365,
      imageId: "ami-1",
      instanceType: "t3.micro",
      tags: {},
    };
    return new ReleaseTask("release", { ...args, ...changed(args) }, { provider });
  });
type Graph = Awaited<ReturnType<typeof construct>>;
const host = (graph: Graph) => find(graph, "aws:ec2/instance:Instance", "release-host");

describe("ReleaseTask", () => {
  it("is one host of the image, which is stopped when the gate has seen it succeed", async () => {
    const graph = await construct();
    assert.equal(host(graph).inputs["ami"], "ami-1");
    const stopped = find(graph, "aws:ec2transitgateway/instanceState:InstanceState", "release-host-stopped");
    assert.ok(ancestors(graph, stopped).has("release-host-gate"));
  });

  it("comes after the database, its path and the accounts, and has the way to the database", async () => {
    const graph = await construct();
    const before = ancestors(graph, host(graph));
    for (const name of ["database-ready", "peering", "accounts-bucket"]) assert.ok(before.has(name), name);
    const ways = ofType(graph, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule");
    assert.deepEqual(ways.map(({ inputs }) => inputs["fromPort"]).sort(), [443, 5432, 80]);
  });

  it("reads the owner's and the administrator's password at the version that it was made for, and no other", async () => {
    const { inputs } = find(await construct(), "aws:iam/rolePolicy:RolePolicy", "release-host-role-policy");
    const { Statement } = JSON.parse(String(inputs["policy"])) as {
      Statement: { Action: string; Resource: unknown; Condition?: unknown }[];
    };
    const secrets = Statement.filter(({ Action }) => Action.startsWith("secretsmanager:"));
    assert.deepEqual(
      secrets.map(({ Condition }) => Condition),
      [{ StringEquals: { "secretsmanager:VersionId": "version-of-admin" } }],
    );
  });

  for (const [title, changed] of [
    [
      "of the owner's secret",
      ({ database }) => ({
        database: { ...database, owner: { ...database.owner, secret: stubSecret("other") } },
      }),
    ],
    [
      "of the administrator's secret",
      ({ accounts }) => ({ accounts: Object.assign(accounts, { adminSecret: stubSecret("other") }) }),
    ],
    ["of the activity log's period", () => ({ activityRetentionDays: 30 })],
  ] satisfies [string, (args: ReleaseTaskArgs) => Partial<ReleaseTaskArgs>][])
    it(`runs again for a change ${title}`, async () => {
      const [one, other] = [await construct(), await construct(changed)];
      assert.notEqual(host(one).inputs["userDataBase64"], host(other).inputs["userDataBase64"]);
    });

  it("does not run again for the service's password to the database", async () => {
    const [one, other] = [
      await construct(),
      await construct(({ database }) => ({
        database: { ...database, app: { ...database.app, secret: stubSecret("other") } },
      })),
    ];
    assert.deepEqual(host(one).inputs, host(other).inputs);
    assert.match(
      scriptOf(String(host(one).inputs["userDataBase64"])),
      /^export OWNER_SECRET_VERSION='version-of-owner'$/m,
    );
  });
});
