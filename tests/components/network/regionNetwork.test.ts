import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RegionNetwork, type RegionNetworkArgs } from "../../../components/network/regionNetwork";
import { evaluate } from "../../support/component";
import { ancestors, find, ofType } from "../../../local/engine/recorder";

const args: RegionNetworkArgs = {
  cidrBlock: "10.10.0.0/16",
  zones: ["us-east-1a", "us-east-1b"],
  egress: "public",
  flowLogRetentionDays: 7,
  protect: false,
};

const network = (change: Partial<RegionNetworkArgs> = {}) =>
  evaluate((provider) => new RegionNetwork("net", { ...args, ...change }, { provider }));

const route = "aws:ec2/route:Route";
const subnet = "aws:ec2/subnet:Subnet";
const names = (resources: readonly { readonly name: string }[]) => resources.map(({ name }) => name).sort();

describe("RegionNetwork", () => {
  it("is a VPC with a public and a private subnet in each zone", async () => {
    const graph = await network();
    assert.deepEqual(
      ofType(graph, subnet).map(({ name, inputs }) => [
        name,
        inputs["availabilityZone"],
        inputs["cidrBlock"],
      ]),
      [
        ["net-public-a", "us-east-1a", "10.10.0.0/20"],
        ["net-public-b", "us-east-1b", "10.10.16.0/20"],
        ["net-private-a", "us-east-1a", "10.10.128.0/20"],
        ["net-private-b", "us-east-1b", "10.10.144.0/20"],
      ],
    );
    const vpc = find(graph, "aws:ec2/vpc:Vpc", "net");
    assert.equal(vpc.inputs["enableDnsSupport"], true);
    assert.equal(vpc.inputs["enableDnsHostnames"], true);
    const closed = find(graph, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "net-closed");
    assert.deepEqual([closed.inputs["ingress"], closed.inputs["egress"]], [undefined, undefined]);
    assert.equal(ofType(graph, "aws:ec2/flowLog:FlowLog").length, 1);
  });

  it("sends every subnet's S3 traffic through the endpoint", async () => {
    const graph = await network();
    const endpoint = find(graph, "aws:ec2/vpcEndpoint:VpcEndpoint", "net-s3");
    assert.equal(endpoint.inputs["serviceName"], "com.amazonaws.us-east-1.s3");
    const tables = ofType(graph, "aws:ec2/routeTable:RouteTable");
    assert.equal((endpoint.inputs["routeTableIds"] as unknown[]).length, tables.length);
    assert.deepEqual(names(tables), ["net-private-a", "net-private-b", "net-public"]);
    assert.deepEqual(
      names(ofType(graph, "aws:ec2/routeTableAssociation:RouteTableAssociation")),
      names(ofType(graph, subnet)),
    );
  });

  const strategies = {
    public: { kind: "public", nats: [], routes: ["net-public-internet"], tables: ["public"] },
    singleNat: {
      kind: "private",
      nats: ["net-nat-a"],
      routes: ["net-private-a-internet", "net-private-b-internet", "net-public-internet"],
      tables: ["private-a", "private-b"],
    },
    natPerAz: {
      kind: "private",
      nats: ["net-nat-a", "net-nat-b"],
      routes: ["net-private-a-internet", "net-private-b-internet", "net-public-internet"],
      tables: ["private-a", "private-b"],
    },
  } as const;
  for (const [egress, expected] of Object.entries(strategies)) {
    it(`lets hosts out by ${egress}`, async () => {
      const graph = await network({ egress: egress as keyof typeof strategies });
      const { made } = graph;
      assert.deepEqual(names(ofType(graph, "aws:ec2/natGateway:NatGateway")), expected.nats);
      assert.deepEqual(names(ofType(graph, route)), expected.routes);
      assert.equal(made.hostsHavePublicIp, expected.kind === "public");
      assert.equal(made.hostRange, expected.kind === "public" ? "10.10.0.0/17" : "10.10.128.0/17");
      assert.deepEqual(
        made.hostSubnets.map(({ name, kind, zone }) => [name, kind, zone]),
        ["a", "b"].map((letter) => [`${expected.kind}-${letter}`, expected.kind, `us-east-1${letter}`]),
      );
      assert.deepEqual(
        made.hostRouteTables.map(({ name }) => name),
        expected.tables,
      );
      assert.equal(made.publicSubnetIds.length, 2);
      for (const { name, inputs } of ofType(graph, subnet))
        assert.equal(
          inputs["mapPublicIpOnLaunch"],
          expected.kind === "public" && name.includes("public"),
          name,
        );
    });
  }

  it("gives each zone its own way out with natPerAz, and all the first zone's with singleNat", async () => {
    const targets = async (egress: "natPerAz" | "singleNat") => {
      const graph = await network({ egress });
      const nat = (name: string) => ancestors(graph, find(graph, route, name));
      return ["a", "b"].map((letter) =>
        [...nat(`net-private-${letter}-internet`)].filter((name) => name.startsWith("net-nat-")),
      );
    };
    assert.deepEqual(await targets("natPerAz"), [["net-nat-a"], ["net-nat-b"]]);
    assert.deepEqual(await targets("singleNat"), [["net-nat-a"], ["net-nat-a"]]);
  });

  it("has the gateway to the internet before the addresses of NAT gateways, which need it", async () => {
    const graph = await network({ egress: "natPerAz" });
    for (const type of ["aws:ec2/eip:Eip", "aws:ec2/natGateway:NatGateway"])
      for (const resource of ofType(graph, type))
        assert.ok(
          resource.dependencies.some((urn) => urn.endsWith("::net-gateway")),
          `${type} ${resource.name}`,
        );
  });

  it("leaves the other zones alone when one comes or goes, in whatever order they are named", async () => {
    const two = await network();
    const three = await network({ zones: ["us-east-1c", "us-east-1b", "us-east-1a"] });
    for (const { name, inputs } of ofType(two, subnet))
      assert.deepEqual(find(three, subnet, name).inputs, inputs);
    assert.deepEqual(
      three.made.hostSubnets.map(({ zone }) => zone),
      ["us-east-1a", "us-east-1b", "us-east-1c"],
    );
    assert.equal(three.made.hostRange, two.made.hostRange);
  });

  it("protects the VPC and nothing that a zone less takes away", async () => {
    for (const protect of [true, false]) {
      const graph = await network({ protect });
      const kept = graph.registrations.filter((resource) => resource.protect);
      assert.deepEqual(names(kept), protect ? ["net"] : []);
      assert.ok(kept.every(({ type }) => type === "aws:ec2/vpc:Vpc"));
    }
  });

  const wrong: readonly (readonly [Partial<RegionNetworkArgs>, string, RegExp])[] = [
    [{ cidrBlock: "10.10.0.0/17" }, "cidrBlock", /10\.10\.0\.0\/17 is no \/16/],
    [{ cidrBlock: "ten" }, "cidrBlock", /ten is no \/16/],
    [{ zones: [] }, "zones", /at least one/],
    [{ zones: ["us-east-1a", "us-east-1a"] }, "zones", /once: us-east-1a, us-east-1a/],
    [{ zones: ["us-east-1a", "us-east-2a"] }, "zones", /us-east-1a, us-east-2a are not of one region/],
    [{ zones: ["us-east-1"] }, "zones", /us-east-1 is no zone such as us-east-1a/],
    [{ zones: ["us-east-1i"] }, "zones", /us-east-1i is no zone such as us-east-1a/],
  ];
  for (const [change, propertyPath, message] of wrong) {
    it(`refuses ${JSON.stringify(change)}`, () => assert.rejects(network(change), { propertyPath, message }));
  }
});
