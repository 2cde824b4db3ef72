import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Registration } from "../../local/engine/program";
import { costsByComponent, costTable, dollars, monthlyCosts, totalOf } from "../../tools/costs";

/** A registration with nothing but what costs look at. */
function resource(
  type: string,
  name: string,
  inputs: Record<string, unknown>,
  more: Partial<Registration> = {},
): Registration {
  return {
    ...{ type, name, inputs, urn: `urn:${name}`, region: "us-east-1", parent: "urn:stack", custom: true },
    ...{ provider: "", dependencies: [], propertyDependencies: {}, secretInputs: [], takesTags: true },
    ...{ protect: false, retainOnDelete: false, deleteBeforeReplace: false, ignoreChanges: [] },
    ...{ replaceOnChanges: [], additionalSecretOutputs: [] },
    ...more,
  };
}

const subnet = (mapPublicIpOnLaunch: boolean) =>
  resource("aws:ec2/subnet:Subnet", "subnet", { mapPublicIpOnLaunch });
const host = (type = "t3.micro") =>
  resource(
    "aws:ec2/instance:Instance",
    "db",
    { instanceType: type, rootBlockDevice: { volumeSize: 8 } },
    { propertyDependencies: { subnetId: ["urn:subnet"] } },
  );
const stop = resource(
  "aws:ec2transitgateway/instanceState:InstanceState",
  "stop",
  {},
  { propertyDependencies: { instanceId: ["urn:db"] } },
);
const lines = (...resources: Registration[]) =>
  monthlyCosts(resources).map(({ what, count, each }) => `${count} ${what} ${dollars(each)}`);

describe("costs of a month", () => {
  it("count the address that a host has from its subnet", () => {
    assert.deepEqual(lines(subnet(true), host()), [
      "1 db, t3.micro $7.59",
      "1 root disk of db $0.64",
      "1 public address of db $3.65",
    ]);
    assert.deepEqual(lines(subnet(false), host()), ["1 db, t3.micro $7.59", "1 root disk of db $0.64"]);
  });

  it("count only the disk of a stopped host", () =>
    assert.deepEqual(lines(subnet(true), host(), stop), ["1 disk of the stopped db $0.64"]));

  it("count a secret's replicas", () =>
    assert.deepEqual(
      lines(resource("aws:secretsmanager/secret:Secret", "s", { replicas: [{ region: "us-east-2" }] })),
      ["2 secret or replica $0.40"],
    ));

  it("count the figures that an alarm looks at, not what it makes of them", () => {
    const metricQueries = [{ metric: {} }, { metric: {} }, { expression: "a + b" }];
    const costs = lines(resource("aws:cloudwatch/metricAlarm:MetricAlarm", "a", { metricQueries }));
    assert.deepEqual(costs, ["2 figure that an alarm looks at $0.10"]);
  });

  it("count HTTPS of a health check", () => {
    const check = (type: string) => lines(resource("aws:route53/healthCheck:HealthCheck", "c", { type }));
    assert.deepEqual(check("HTTP"), ["1 health check from outside $0.50"]);
    assert.deepEqual(check("HTTPS"), [
      "1 health check from outside $0.50",
      "1 HTTPS of the health check $1.00",
    ]);
  });

  it("refuse a type without a price", () =>
    assert.throws(() => monthlyCosts([subnet(true), host("x9.large")]), /no price for x9.large: add/));

  it("are rounded to the cent, half a cent up", () => {
    assert.equal(dollars(16.425), "$16.43");
    assert.equal(dollars(7.592), "$7.59");
  });

  it("are one row for what is alike, and one sum", () => {
    const two = ["a", "b"].map((name) => resource("aws:secretsmanager/secret:Secret", name, {}));
    const costs = monthlyCosts(two);
    assert.equal(totalOf(costs).toFixed(2), "0.80");
    assert.match(
      costTable("x", costs),
      /\| secret or replica \| 2 \| \$0\.40 \| \$0\.80 \|\n\| \*\*all\*\* .* \*\*\$0\.80\*\*/,
    );
  });

  it("belong to each component around them", () => {
    const component = (name: string, parent: string) =>
      resource(`x:components:${name}`, name, {}, { custom: false, parent });
    const stack = resource("pulumi:pulumi:Stack", "stack", {}, { custom: false, parent: "" });
    const all = [
      stack,
      component("Outer", "urn:stack"),
      component("Inner", "urn:Outer"),
      resource("aws:secretsmanager/secret:Secret", "s", {}, { parent: "urn:Inner" }),
    ];
    assert.deepEqual(
      [...costsByComponent(all, monthlyCosts(all))],
      [
        ["Inner", 0.4],
        ["Outer", 0.4],
      ],
    );
  });
});
