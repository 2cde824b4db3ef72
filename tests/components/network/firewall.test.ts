import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Firewall, type FirewallArgs, internetEgress } from "../../../components/network/firewall";
import { evaluate, valueOf } from "../../support/component";
import { find, ofType } from "../../../local/engine/recorder";

const firewall = (args: Partial<FirewallArgs> = {}) =>
  evaluate(
    (provider) => new Firewall("wall", { vpcId: "vpc-1", description: "Hosts", ...args }, { provider }),
  );
const ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const egress = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";

describe("Firewall", () => {
  it("lets nothing in or out by itself", async () => {
    const graph = await firewall();
    const group = find(graph, "aws:ec2/securityGroup:SecurityGroup", "wall");
    assert.equal(group.inputs["vpcId"], "vpc-1");
    assert.equal(group.inputs["revokeRulesOnDelete"], true);
    assert.deepEqual([group.inputs["ingress"], group.inputs["egress"]], [undefined, undefined]);
    assert.deepEqual([...ofType(graph, ingress), ...ofType(graph, egress)], []);
    assert.match(await valueOf(graph.made.securityGroupId), /^sg-/);
  });

  it("makes a rule of each opening", async () => {
    const graph = await firewall({
      ingress: [
        { name: "ranges", description: "From a range", port: 22, cidrBlock: "192.0.2.0/24" },
        { name: "members", description: "From a group", port: 8000, securityGroupId: "sg-other" },
      ],
      egress: internetEgress,
    });
    const [range, members] = ["ranges", "members"].map(
      (name) => find(graph, ingress, `wall-in-${name}`).inputs,
    );
    assert.deepEqual(
      [range?.["cidrIpv4"], range?.["referencedSecurityGroupId"], range?.["fromPort"], range?.["toPort"]],
      ["192.0.2.0/24", undefined, 22, 22],
    );
    assert.deepEqual(
      [members?.["cidrIpv4"], members?.["referencedSecurityGroupId"], members?.["ipProtocol"]],
      [undefined, "sg-other", "tcp"],
    );
    assert.deepEqual(
      ofType(graph, egress).map(({ name, inputs }) => [name, inputs["fromPort"], inputs["cidrIpv4"]]),
      [
        ["wall-out-http", 80, "0.0.0.0/0"],
        ["wall-out-https", 443, "0.0.0.0/0"],
      ],
    );
  });

  const wrong = {
    "an opening without a peer": { name: "nobody", description: "From nobody", port: 22 },
    "an opening with two peers": {
      name: "both",
      description: "From both",
      port: 22,
      cidrBlock: "192.0.2.0/24",
      securityGroupId: "sg-other",
    },
    "a range that is none": {
      name: "range",
      description: "From a range",
      port: 22,
      cidrBlock: "192.0.2.1/24",
    },
  };
  for (const [what, opening] of Object.entries(wrong)) {
    it(`refuses ${what}`, () =>
      assert.rejects(firewall({ ingress: [opening] }), {
        propertyPath: "ingress",
        message: new RegExp(`^Opening ${opening.name}: `),
      }));
  }
});
