/** Rules for networks and their firewalls. */
import { parseCidr, within } from "../../components/network/cidr";
import { check, checkov, control, type Finding, inEach, mustBe, mustHave, type Rule } from "../rule";
import { isUnknown, type Resource, valueAt } from "../stack";
import { types } from "../types";

const anywhere = { ipv4: "0.0.0.0/0", ipv6: "::/0" } as const;
type Family = keyof typeof anywhere;

/** Ports on which everybody may knock. */
const publicPorts = [80, 443];

/** Those that AWS counts as of high risk, beside the two of remote administration. */
const riskyPorts = [
  ...[20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601],
  ...[8080, 8088, 8888, 9200, 9300],
];

/** An opening to everybody. */
interface Opening {
  readonly property: string;
  readonly family: Family;
  readonly from: number;
  readonly to: number;
}

/** What of a rule, or of the rules within a group, is open to everybody. */
function openings(resource: Resource): Opening[] {
  const at = (path: string) => valueAt(resource.inputs, path);
  const opening = (family: Family, property: string, prefix: string): Opening => {
    const all = at(`${prefix}ipProtocol`) === "-1" || at(`${prefix}protocol`) === "-1";
    const [from, to] = all ? [0, 65535] : [at(`${prefix}fromPort`), at(`${prefix}toPort`)].map(Number);
    return { property, family, from: from ?? 0, to: to ?? 65535 };
  };
  if (resource.type === types.ingressRule)
    return (["ipv4", "ipv6"] as const).flatMap((family) => {
      const property = family === "ipv4" ? "cidrIpv4" : "cidrIpv6";
      return at(property) === anywhere[family] ? [opening(family, property, "")] : [];
    });
  const inline = at("ingress");
  return (Array.isArray(inline) ? inline : []).flatMap((_, index) =>
    (["ipv4", "ipv6"] as const).flatMap((family) => {
      const property = `ingress.${index}.${family === "ipv4" ? "cidrBlocks" : "ipv6CidrBlocks"}`;
      const blocks = at(property);
      return Array.isArray(blocks) && blocks.includes(anywhere[family])
        ? [opening(family, property, `ingress.${index}.`)]
        : [];
    }),
  );
}

const openRule = (wrong: (opening: Opening) => boolean) => ({
  types: [types.ingressRule, types.securityGroup],
  check: (resource: Resource): Finding[] =>
    openings(resource)
      .filter(wrong)
      .map(({ property, family, from, to }) => ({
        property,
        found: `lets ${anywhere[family]} reach the ports ${from} to ${to}`,
      })),
  remedy: "Name the networks that need it, or close it.",
});

const opens =
  (...ports: readonly number[]) =>
  ({ from, to }: Opening) =>
    ports.some((port) => from <= port && port <= to);

const administration = opens(22, 3389);

export const networkRules: readonly Rule[] = [
  control("EC2.2", {
    title: "VPC default security groups should not allow inbound or outbound traffic",
    severity: "high",
    cis: "5.5",
    types: [types.vpc],
    remedy: "Give the VPC a DefaultSecurityGroup without rules, which takes AWS's own away.",
    check: (vpc, stack) => {
      const groups = stack.referringTo(vpc, types.defaultSecurityGroup, "vpcId");
      const open = groups.flatMap((group) =>
        ["ingress", "egress"].flatMap((property) =>
          check(
            group,
            property,
            (rules) => rules === undefined || (Array.isArray(rules) && rules.length === 0),
          ),
        ),
      );
      return [...mustHave("its DefaultSecurityGroup", groups), ...open];
    },
  }),
  control("EC2.6", {
    title: "VPC flow logging should be enabled in all VPCs",
    severity: "medium",
    cis: "3.7",
    types: [types.vpc],
    remedy: "Give the VPC a FlowLog of all traffic, or at least of what was refused.",
    check: (vpc, stack) =>
      mustHave(
        "a FlowLog of its refused traffic",
        stack
          .referringTo(vpc, types.flowLog, "vpcId")
          .filter(({ inputs }) => ["ALL", "REJECT"].includes(String(inputs["trafficType"]))),
      ),
  }),
  control("EC2.12", {
    title: "Unused Amazon EC2 EIPs should be removed",
    severity: "low",
    types: [types.eip],
    remedy: "Attach the address, or let it go: it costs money.",
    check: (address, stack) => mustHave("what uses the address", stack.usersOf(address)),
  }),
  control("EC2.13", {
    title: "Security groups should not allow ingress from 0.0.0.0/0 or ::/0 to port 22",
    severity: "high",
    ...openRule(opens(22)),
  }),
  control("EC2.14", {
    title: "Security groups should not allow ingress from 0.0.0.0/0 or ::/0 to port 3389",
    severity: "high",
    ...openRule(opens(3389)),
  }),
  control("EC2.15", {
    title: "Amazon EC2 subnets should not automatically assign public IP addresses",
    severity: "medium",
    types: [types.subnet],
    remedy: "Set mapPublicIpOnLaunch to false, and give hosts a NAT gateway (setting egress).",
    check: (subnet) => check(subnet, "mapPublicIpOnLaunch", (value) => value !== true),
  }),
  control("EC2.16", {
    title: "Unused Network Access Control Lists should be removed",
    severity: "low",
    types: [types.networkAcl],
    remedy: "Associate the list with a subnet, or remove it.",
    check: (list) => check(list, "subnetIds", (value) => Array.isArray(value) && value.length > 0),
  }),
  control("EC2.18", {
    title: "Security groups should only allow unrestricted incoming traffic for authorized ports",
    severity: "high",
    ...openRule(({ from, to }) => from !== to || !publicPorts.includes(from)),
  }),
  control("EC2.19", {
    title: "Security groups should not allow unrestricted access to ports with high risk",
    severity: "critical",
    ...openRule(opens(...riskyPorts)),
  }),
  control("EC2.21", {
    title: "Network ACLs should not allow ingress from 0.0.0.0/0 to port 22 or port 3389",
    severity: "medium",
    cis: "5.2",
    types: [types.networkAcl],
    remedy: "Name the networks that need it.",
    check: (list) =>
      inEach(list, "ingress", (item) => {
        const at = (name: string) => valueAt(list.inputs, `${item}.${name}`);
        const range = {
          property: item,
          family: "ipv4",
          from: Number(at("fromPort")),
          to: Number(at("toPort")),
        } as const;
        const isOpen = at("action") === "allow" && at("cidrBlock") === anywhere.ipv4 && administration(range);
        return isOpen ? [{ property: item, found: "lets 0.0.0.0/0 reach port 22 or 3389" }] : [];
      }),
  }),
  control("EC2.22", {
    title: "Unused Amazon EC2 security groups should be removed",
    severity: "medium",
    types: [types.securityGroup],
    remedy: "Attach the group, or remove it.",
    check: (group, stack) =>
      mustHave(
        "what the group protects",
        stack.usersOf(group).filter(({ type }) => type !== types.ingressRule && type !== types.egressRule),
      ),
  }),
  control("EC2.53", {
    title:
      "EC2 security groups should not allow ingress from 0.0.0.0/0 to remote server administration ports",
    severity: "high",
    cis: "5.3",
    ...openRule((opening) => opening.family === "ipv4" && administration(opening)),
  }),
  control("EC2.54", {
    title: "EC2 security groups should not allow ingress from ::/0 to remote server administration ports",
    severity: "high",
    cis: "5.4",
    ...openRule((opening) => opening.family === "ipv6" && administration(opening)),
  }),
  {
    id: "CIS 5.6",
    title: "Routing tables for VPC peering are “least access”",
    severity: "medium",
    source: "https://docs.aws.amazon.com/vpc/latest/peering/peering-configurations-partial-access.html",
    cis: "5.6",
    types: [types.route],
    applies: ({ inputs }) => inputs["vpcPeeringConnectionId"] !== undefined,
    remedy: "Route to the subnets that are to be reached, not to the whole of the other VPC.",
    check: (route, stack) =>
      check(route, "destinationCidrBlock", (value) => {
        const destination = parseCidr(String(value));
        const networks = stack.ofType(types.vpc).map(({ inputs }) => parseCidr(String(inputs["cidrBlock"])));
        return (
          destination !== undefined && !networks.some((network) => network && within(network, destination))
        );
      }),
  },
  {
    id: "CKV_AWS_23",
    title: "Every security group and rule has a description",
    severity: "low",
    source: checkov,
    types: [types.securityGroup, types.ingressRule, types.egressRule],
    remedy: "Say what it is for.",
    check: (resource) => check(resource, "description", (value) => typeof value === "string" && value !== ""),
  },
  {
    id: "CKV_AWS_382",
    title: "No security group allows egress of every protocol to every port",
    severity: "medium",
    source: checkov,
    types: [types.egressRule, types.securityGroup],
    remedy: "Name protocol and port.",
    check: (resource) =>
      resource.type === types.egressRule
        ? check(resource, "ipProtocol", (value) => value !== "-1")
        : inEach(resource, "egress", (item) =>
            check(resource, `${item}.protocol`, (value) => value !== "-1"),
          ),
  },
  control("ACM.1", {
    title: "Imported and ACM-issued certificates should be renewed after a specified time period",
    severity: "medium",
    types: [types.certificate],
    remedy: "Validate it by DNS: then ACM renews it by itself.",
    check: (certificate) => mustBe(certificate, "validationMethod", "DNS"),
  }),
  control("ACM.2", {
    title: "RSA certificates managed by ACM should use a key length of at least 2,048 bits",
    severity: "high",
    types: [types.certificate],
    remedy: "Take RSA_2048, or an elliptic curve.",
    check: (certificate) => check(certificate, "keyAlgorithm", (value) => value !== "RSA_1024"),
  }),
  control("Route53.2", {
    title: "Route 53 public hosted zones should log DNS queries",
    severity: "medium",
    types: [types.zone],
    applies: ({ inputs }) => !isUnknown(inputs["vpcs"]) && inputs["vpcs"] === undefined,
    remedy: "Give the zone a QueryLog.",
    check: (zone, stack) => mustHave("its QueryLog", stack.referringTo(zone, types.queryLog, "zoneId")),
  }),
];
