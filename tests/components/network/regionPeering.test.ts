import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import type { PeeredNetwork } from "../../../components/network/networks";
import { RegionPeering } from "../../../components/network/regionPeering";
import { evaluate, providerOf, valueOf } from "../../support/component";
import { ancestors, find, ofType } from "../../../local/engine/recorder";

const network = (region: string, second: number, letters: string): PeeredNetwork => ({
  vpcId: pulumi.output(`vpc-${region}`),
  region,
  hostSubnets: letters.split("").map((letter, index) => ({
    name: `private-${letter}`,
    kind: "private",
    zone: `${region}${letter}`,
    id: pulumi.output(`subnet-${region}${letter}`),
    cidrBlock: `10.${second}.${128 + index * 16}.0/20`,
  })),
  hostRouteTables: letters.split("").map((letter) => ({
    name: `private-${letter}`,
    id: pulumi.output(`rtb-${region}${letter}`),
  })),
});

const peering = () =>
  evaluate((provider) => {
    const requester = { network: network("us-east-1", 10, "ab"), provider };
    const accepter = { network: network("us-east-2", 20, "a"), provider: providerOf("us-east-2") };
    return new RegionPeering("peering", { requester, accepter });
  });

const route = "aws:ec2/route:Route";
const accepterType = "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter";

describe("RegionPeering", () => {
  it("is asked for on one side and accepted on the other", async () => {
    const graph = await peering();
    const connection = find(graph, "aws:ec2/vpcPeeringConnection:VpcPeeringConnection", "peering");
    assert.equal(connection.region, "us-east-1");
    assert.deepEqual(
      ["vpcId", "peerVpcId", "peerRegion"].map((key) => connection.inputs[key]),
      ["vpc-us-east-1", "vpc-us-east-2", "us-east-2"],
    );
    const accepter = find(graph, accepterType, "peering-accepter");
    assert.equal(accepter.region, "us-east-2");
    assert.equal(accepter.inputs["autoAccept"], true);
    assert.ok(ancestors(graph, accepter).has("peering"));
  });

  it("asks nothing of either side that needs the other's word", async () => {
    const types = new Set((await peering()).registrations.map(({ type }) => type));
    assert.deepEqual([...types].filter((type) => type.startsWith("aws:")).sort(), [
      route,
      "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
      accepterType,
    ]);
  });

  it("leads from each table to each subnet of the other side, and nowhere else", async () => {
    const graph = await peering();
    assert.deepEqual(
      ofType(graph, route)
        .map(({ name, region, inputs }) => [
          name,
          region,
          inputs["routeTableId"],
          inputs["destinationCidrBlock"],
        ])
        .sort(),
      [
        ["peering-to-accepter-private-a-private-a", "us-east-1", "rtb-us-east-1a", "10.20.128.0/20"],
        ["peering-to-accepter-private-b-private-a", "us-east-1", "rtb-us-east-1b", "10.20.128.0/20"],
        ["peering-to-requester-private-a-private-a", "us-east-2", "rtb-us-east-2a", "10.10.128.0/20"],
        ["peering-to-requester-private-a-private-b", "us-east-2", "rtb-us-east-2a", "10.10.144.0/20"],
      ],
    );
  });

  it("has whoever uses it wait for the acceptance", async () => {
    const graph = await peering();
    for (const resource of ofType(graph, route))
      assert.ok(ancestors(graph, resource).has("peering-accepter"), resource.name);
    assert.match(await valueOf(graph.made.connectionId), /^pcx-/);
  });
});
