import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { renderFirewall } from "../../../../local/machine/network/firewall";
import type { Firewall } from "../../../../local/machine/network/firewall";

const firewall: Firewall = {
  uplink: "tap0",
  natSubnets: ["10.10.128.0/20"],
  hosts: [
    { interface: "h1", address: "10.10.0.4", groupIds: ["sg-web"], isPublic: true },
    { interface: "h2", address: "10.10.128.4", groupIds: ["sg-web", "sg-db"], isPublic: false },
  ],
  groups: [
    { id: "sg-web", ingress: [], egress: [{ protocol: "-1", peer: { cidr: "0.0.0.0/0" } }] },
    {
      id: "sg-db",
      ingress: [{ protocol: "tcp", fromPort: 5432, toPort: 5432, peer: { groupId: "sg-web" } }],
      egress: [{ protocol: "icmp", peer: { cidr: "10.0.0.0/8" } }],
    },
  ],
};

/** The rules of one chain, without its braces. */
function chain(rules: string, name: string): string[] {
  const [, body = ""] = new RegExp(`chain ${name} \\{\\n([^}]*)\\}`).exec(rules) ?? [];
  return body
    .trim()
    .split("\n")
    .map((line) => line.trim());
}

describe("the firewall's rules", () => {
  it("a host without a rule lets nothing in", () => {
    assert.deepEqual(chain(renderFirewall(firewall), "in_h1"), ["drop"]);
  });

  it("a host in several groups has the rules of all of them", () => {
    const rules = renderFirewall(firewall);
    assert.deepEqual(chain(rules, "in_h2"), ["ip saddr @sg_web tcp dport 5432-5432 return", "drop"]);
    assert.deepEqual(chain(rules, "out_h2"), [
      "ip saddr != 10.10.128.4 drop",
      "return",
      "ip daddr 10.0.0.0/8 meta l4proto icmp return",
      "drop",
    ]);
  });

  it("a group named by a rule stands for the addresses of its hosts", () => {
    const rules = renderFirewall(firewall);
    assert.match(rules, /set sg_web \{ type ipv4_addr; elements = \{ 10\.10\.0\.4, 10\.10\.128\.4 \} \}/);
    assert.match(rules, /set sg_db \{ type ipv4_addr; elements = \{ 10\.10\.128\.4 \} \}/);
  });

  it("only public hosts and NAT subnets reach the internet", () => {
    const rules = renderFirewall(firewall);
    assert.match(rules, /set public_hosts \{ type ipv4_addr; elements = \{ 10\.10\.0\.4 \} \}/);
    const lines = rules.split("\n").map((line) => line.trim());
    const nat = lines.indexOf('oifname "tap0" ip saddr @nat_subnets accept');
    assert.ok(nat > 0 && nat < lines.indexOf('oifname "tap0" drop'));
  });

  it("a network without hosts has rules that forward nothing", () => {
    const rules = renderFirewall({ ...firewall, hosts: [] });
    assert.doesNotMatch(rules, /vmap \{ {2}\}/);
    assert.match(rules, /policy drop/);
  });
});
