/** What a month of a stack costs at rest, from the resources that the program declares and AWS's list prices. */
import { nested, nestedList, numberOr, optionalText, textList } from "../local/engine/properties";
import type { Registration } from "../local/engine/program";

/** Hours of a month, as AWS's own calculator counts them. */
const hoursPerMonth = 730;

/** Where the prices come from, for the page. */
export const priceSource = "AWS's list prices of 2026-08 in us-east-1 and us-east-2, on demand, for Linux";

/** AWS's list prices of 2026-08 in us-east-1 and us-east-2 (they are the same there), in dollars, on demand, Linux. */
const instanceHour: Readonly<Record<string, number>> = {
  "t3.micro": 0.0104,
  "t3.small": 0.0208,
  "c6i.large": 0.085,
  "m6i.large": 0.096,
};
const natGatewayHour = 0.045;
const loadBalancerHour = 0.0225;
const publicAddressHour = 0.005;
const gp3GibMonth = 0.08;
const snapshotGibMonth = 0.05;
const secretMonth = 0.4;
const hostedZoneMonth = 0.5;
/** AWS gives each account ten for nothing, which other stacks may have taken. */
const alarmedFigureMonth = 0.1;
/** AWS gives each account three for nothing, which other stacks may have taken. */
const dashboardMonth = 3;
const healthCheckMonth = 0.5;
const webAclMonth = 5;
const webAclRuleMonth = 1;
/** HTTPS is an option of a health check. */
const healthCheckOptionMonth = 1;
/** Detailed monitoring: seven metrics at $0.30 for each instance. */
const monitoringMonth = 2.1;

/** One thing that costs money by being there. */
export interface CostLine {
  readonly what: string;
  readonly count: number;
  /** Dollars a month for one. */
  readonly each: number;
  /** The arithmetic of `each`; empty if there is none. */
  readonly how: string;
  /** The resource that it belongs to. */
  readonly owner: Registration;
}

function hourly(type: string): number {
  const price = instanceHour[type];
  if (price === undefined)
    throw new Error(`There is no price for ${type}: add its hourly price to instanceHour in tools/costs.ts.`);
  return price;
}

const perHour = (price: number) => ({ each: price * hoursPerMonth, how: `$${price} x ${hoursPerMonth} h` });
const perGib = (gib: number, price: number) => ({ each: gib * price, how: `${gib} GiB x $${price}` });

/** What costs money by being there; what is counted by use is not among it. */
export function monthlyCosts(resources: readonly Registration[]): CostLine[] {
  const of = (type: string) => resources.filter((resource) => resource.type === `aws:${type}`);
  const lines: CostLine[] = [];
  const add = (
    owner: Registration,
    what: string,
    count: number,
    price: { readonly each: number; readonly how: string },
  ) => {
    if (count > 0) lines.push({ owner, what, count, ...price });
  };
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const stopped = new Set(
    of("ec2transitgateway/instanceState:InstanceState").flatMap(
      ({ propertyDependencies }) => propertyDependencies["instanceId"] ?? [],
    ),
  );

  for (const group of of("autoscaling/group:Group")) {
    const [template] = of("ec2/launchTemplate:LaunchTemplate");
    const inputs = template?.inputs ?? {};
    const type = optionalText(inputs, "instanceType") ?? "";
    const hosts = numberOr(group.inputs, "minSize", 0);
    const [mapping] = nestedList(inputs, "blockDeviceMappings");
    const gib = numberOr(nested(mapping ?? {}, "ebs"), "volumeSize", 8);
    const [card] = nestedList(inputs, "networkInterfaces");
    add(group, `web host, ${type}`, hosts, perHour(hourly(type)));
    add(group, "disk of a web host", hosts, perGib(gib, gp3GibMonth));
    if (nested(inputs, "monitoring")["enabled"] === true)
      add(group, "detailed monitoring of a web host", hosts, {
        each: monitoringMonth,
        how: "7 metrics x $0.30",
      });
    if (String(card?.["associatePublicIpAddress"]) === "true")
      add(group, "public address of a web host", hosts, perHour(publicAddressHour));
  }
  for (const instance of of("ec2/instance:Instance")) {
    const { name, inputs, urn } = instance;
    const type = optionalText(inputs, "instanceType") ?? "";
    const disk = perGib(numberOr(nested(inputs, "rootBlockDevice"), "volumeSize", 8), gp3GibMonth);
    if (stopped.has(urn)) {
      add(instance, `disk of the stopped ${name}`, 1, disk);
      continue;
    }
    add(instance, `${name}, ${type}`, 1, perHour(hourly(type)));
    add(instance, `root disk of ${name}`, 1, disk);
    // What the instance does not say, its subnet decides.
    const subnet = byUrn.get(instance.propertyDependencies["subnetId"]?.[0] ?? "");
    if (inputs["associatePublicIpAddress"] ?? subnet?.inputs["mapPublicIpOnLaunch"])
      add(instance, `public address of ${name}`, 1, perHour(publicAddressHour));
  }
  for (const image of of("ec2/amiFromInstance:AmiFromInstance"))
    add(image, "snapshot of the image, at most", 1, perGib(8, snapshotGibMonth));
  for (const volume of of("ebs/volume:Volume"))
    add(volume, `volume ${volume.name}`, 1, perGib(numberOr(volume.inputs, "size", 0), gp3GibMonth));
  for (const balancer of of("lb/loadBalancer:LoadBalancer")) {
    add(balancer, "load balancer", 1, perHour(loadBalancerHour));
    const zones = textList(balancer.inputs, "subnets").length;
    add(balancer, "public address of the load balancer", zones, perHour(publicAddressHour));
  }
  for (const gateway of of("ec2/natGateway:NatGateway"))
    add(gateway, "NAT gateway", 1, perHour(natGatewayHour));
  for (const address of of("ec2/eip:Eip"))
    add(address, "public address of a NAT gateway", 1, perHour(publicAddressHour));
  for (const secret of of("secretsmanager/secret:Secret")) {
    const copies = 1 + nestedList(secret.inputs, "replicas").length;
    add(secret, "secret or replica", copies, { each: secretMonth, how: "" });
  }
  for (const zone of of("route53/zone:Zone"))
    add(zone, "private DNS zone", 1, { each: hostedZoneMonth, how: "" });
  for (const alarm of of("cloudwatch/metricAlarm:MetricAlarm")) {
    const figures = nestedList(alarm.inputs, "metricQueries").filter(({ metric }) => metric !== undefined);
    add(alarm, "figure that an alarm looks at", figures.length, { each: alarmedFigureMonth, how: "" });
  }
  for (const acl of of("wafv2/webAcl:WebAcl")) {
    add(acl, "web ACL", 1, { each: webAclMonth, how: "" });
    add(acl, "rule of a web ACL", nestedList(acl.inputs, "rules").length, { each: webAclRuleMonth, how: "" });
  }
  for (const dashboard of of("cloudwatch/dashboard:Dashboard"))
    add(dashboard, "dashboard", 1, { each: dashboardMonth, how: "" });
  for (const check of of("route53/healthCheck:HealthCheck")) {
    add(check, "health check from outside", 1, { each: healthCheckMonth, how: "" });
    if (check.inputs["type"] === "HTTPS")
      add(check, "HTTPS of the health check", 1, { each: healthCheckOptionMonth, how: "" });
  }
  return lines;
}

/** Dollars a month of all lines together. */
export function totalOf(lines: readonly CostLine[]): number {
  return lines.reduce((sum, { count, each }) => sum + count * each, 0);
}

/** Dollars and cents, rounded half up: 3.285 is $3.29 whatever the binary fraction. */
export const dollars = (amount: number) => `$${(Math.round(amount * 100 + 1e-6) / 100).toFixed(2)}`;

/** The lines as a table in Markdown. Lines of the same thing at the same price are one row. */
export function costTable(title: string, lines: readonly CostLine[]): string {
  const rows = new Map<string, { line: CostLine; count: number }>();
  for (const line of lines) {
    const key = `${line.what} at ${line.how}`;
    rows.set(key, { line, count: (rows.get(key)?.count ?? 0) + line.count });
  }
  return [
    `| ${title} | count | each | together |`,
    "|---|---:|---:|---:|",
    ...[...rows.values()].map(
      ({ line: { what, how, each }, count }) =>
        `| ${what} | ${count} | ${how ? `${how} = ` : ""}${dollars(each)} | ${dollars(count * each)} |`,
    ),
    `| **all** | | | **${dollars(totalOf(lines))}** |`,
  ].join("\n");
}

/** What each component costs with all that is in it: dollars a month by the component's type, `PostgresHost` say. */
export function costsByComponent(
  resources: readonly Registration[],
  lines: readonly CostLine[],
): Map<string, number> {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const sums = new Map<string, number>();
  for (const { owner, count, each } of lines) {
    const within = new Set<string>();
    for (let at = byUrn.get(owner.parent); at && !at.custom && at.parent !== ""; at = byUrn.get(at.parent))
      within.add(at.type.split(":").at(-1) ?? at.type);
    for (const type of within) sums.set(type, (sums.get(type) ?? 0) + count * each);
  }
  return sums;
}
