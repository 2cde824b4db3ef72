/** One rule of a security group. */
export interface FirewallRule {
  /** `tcp`, `udp`, `icmp`, or `-1` for all. */
  readonly protocol: string;
  readonly fromPort?: number;
  readonly toPort?: number;
  /** The other side: an IPv4 range or a security group. */
  readonly peer: { readonly cidr: string } | { readonly groupId: string };
}

export interface FirewallGroup {
  readonly id: string;
  readonly ingress: readonly FirewallRule[];
  readonly egress: readonly FirewallRule[];
}

export interface FirewallHost {
  /** Network interface on the router's side. */
  readonly interface: string;
  readonly address: string;
  readonly groupIds: readonly string[];
  /** Whether an internet gateway lets its packets pass: it has a public address. */
  readonly isPublic: boolean;
}

export interface Firewall {
  readonly hosts: readonly FirewallHost[];
  readonly groups: readonly FirewallGroup[];
  /** Subnets whose default route goes through a NAT gateway. */
  readonly natSubnets: readonly string[];
  /** Interface towards the internet. */
  readonly uplink: string;
}

const setName = (groupId: string) => groupId.replace(/[^a-zA-Z0-9]/g, "_");

function match(rule: FirewallRule, side: "saddr" | "daddr"): string {
  const parts: string[] = [];
  if ("cidr" in rule.peer) {
    if (rule.peer.cidr !== "0.0.0.0/0") parts.push(`ip ${side} ${rule.peer.cidr}`);
  } else parts.push(`ip ${side} @${setName(rule.peer.groupId)}`);
  if (rule.protocol === "tcp" || rule.protocol === "udp")
    parts.push(`${rule.protocol} dport ${rule.fromPort}-${rule.toPort}`);
  else if (rule.protocol !== "-1") parts.push(`meta l4proto ${rule.protocol}`);
  return [...parts, "return"].join(" ");
}

const addresses = (items: readonly string[]) =>
  items.length > 0 ? `elements = { ${items.join(", ")} }` : "";

/**
 * The nftables rules of a VPC's router. A packet from a host to a host passes the sender's egress rules and the
 * receiver's ingress rules; what no rule opens is dropped; answers to what was let through pass.
 */
export function renderFirewall(firewall: Firewall): string {
  const rules = (host: FirewallHost, direction: "ingress" | "egress") =>
    host.groupIds
      .flatMap((id) => firewall.groups.find((group) => group.id === id)?.[direction] ?? [])
      .map((rule) => `    ${match(rule, direction === "ingress" ? "saddr" : "daddr")}`);
  const members = (id: string) =>
    firewall.hosts.filter((host) => host.groupIds.includes(id)).map((host) => host.address);
  const verdicts = (chain: string) =>
    firewall.hosts.map((host) => `"${host.interface}" : jump ${chain}_${host.interface}`).join(", ");
  const publicHosts = firewall.hosts.filter((host) => host.isPublic).map((host) => host.address);
  const hasHosts = firewall.hosts.length > 0;
  const lines = [
    "table inet vpc",
    "delete table inet vpc",
    "table inet vpc {",
    ...firewall.groups.map(
      (group) => `  set ${setName(group.id)} { type ipv4_addr; ${addresses(members(group.id))} }`,
    ),
    `  set public_hosts { type ipv4_addr; ${addresses(publicHosts)} }`,
    `  set nat_subnets { type ipv4_addr; flags interval; ${addresses(firewall.natSubnets)} }`,
    ...firewall.hosts.flatMap((host) => [
      `  chain out_${host.interface} {`,
      `    ip saddr != ${host.address} drop`,
      ...rules(host, "egress"),
      "    drop",
      "  }",
      `  chain in_${host.interface} {`,
      ...rules(host, "ingress"),
      "    drop",
      "  }",
    ]),
    "  chain forward {",
    "    type filter hook forward priority filter; policy drop;",
    "    ct state established,related accept",
    "    ct state invalid drop",
    ...(hasHosts
      ? [`    iifname vmap { ${verdicts("out")} }`, `    oifname vmap { ${verdicts("in")} }`]
      : []),
    `    oifname "${firewall.uplink}" ip saddr @public_hosts accept`,
    `    oifname "${firewall.uplink}" ip saddr @nat_subnets accept`,
    `    oifname "${firewall.uplink}" drop`,
    `    iifname "${firewall.uplink}" drop`,
    "    accept",
    "  }",
    "  chain postrouting {",
    "    type nat hook postrouting priority srcnat;",
    `    oifname "${firewall.uplink}" masquerade`,
    "  }",
    "}",
  ];
  return lines.join("\n") + "\n";
}
