/** `npm run cost`: what a month of each stack costs at rest, with the arithmetic, from the resources that the program declares. */
import { instanceType } from "../local/aws/instanceTypes";
import { nested, nestedList, numberOr, optionalText, textList } from "../local/engine/properties";
import type { Registration } from "../local/engine/program";
import { recordGraph } from "../tests/support/recorder";

/** Hours of a month, as AWS's own calculator counts them. */
const HOURS = 730;

/** AWS's list prices of 2026-08 in us-east-1 and us-east-2 (they are the same there), in dollars, on demand, Linux. */
const HOURLY: Readonly<Record<string, number>> = {
  "t3.micro": 0.0104,
  "t3.small": 0.0208,
  "c6i.large": 0.085,
  "m6i.large": 0.096,
};
const NAT_GATEWAY_HOUR = 0.045;
const LOAD_BALANCER_HOUR = 0.0225;
const PUBLIC_ADDRESS_HOUR = 0.005;
const GP3_GIB_MONTH = 0.08;
const SECRET_MONTH = 0.4;
const HOSTED_ZONE_MONTH = 0.5;
/** Detailed monitoring: seven metrics at $0.30 for each instance. */
const MONITORING_MONTH = 2.1;

interface Line {
  readonly what: string;
  readonly count: number;
  /** Dollars a month for one. */
  readonly each: number;
  readonly how: string;
}

function hourly(type: string): number {
  const price = HOURLY[type];
  if (price === undefined || !instanceType(type))
    throw new Error(`bench/cost.ts has no price for ${type}: add its hourly price to HOURLY`);
  return price;
}

/** What costs money by being there; what is counted by use is not among it. */
function linesOf(resources: readonly Registration[]): Line[] {
  const of = (type: string) => resources.filter((resource) => resource.type === `aws:${type}`);
  const lines: Line[] = [];
  const add = (what: string, count: number, each: number, how: string) => {
    if (count > 0) lines.push({ what, count, each, how });
  };
  const perHour = (price: number) => `$${price} x ${HOURS} h`;
  const disk = (gib: number) => `${gib} GiB x $${GP3_GIB_MONTH}`;

  for (const group of of("autoscaling/group:Group")) {
    const [template] = of("ec2/launchTemplate:LaunchTemplate");
    const inputs = template?.inputs ?? {};
    const type = optionalText(inputs, "instanceType") ?? "";
    const hosts = numberOr(group.inputs, "minSize", 0);
    const [mapping] = nestedList(inputs, "blockDeviceMappings");
    const gib = numberOr(nested(mapping ?? {}, "ebs"), "volumeSize", 8);
    const [card] = nestedList(inputs, "networkInterfaces");
    add(`web host, ${type}`, hosts, hourly(type) * HOURS, perHour(hourly(type)));
    add("disk of a web host", hosts, gib * GP3_GIB_MONTH, disk(gib));
    if (nested(inputs, "monitoring")["enabled"] === true)
      add("detailed monitoring of a web host", hosts, MONITORING_MONTH, "7 metrics x $0.30");
    if (String(card?.["associatePublicIpAddress"]) === "true")
      add("public address of a web host", hosts, PUBLIC_ADDRESS_HOUR * HOURS, perHour(PUBLIC_ADDRESS_HOUR));
  }
  const stopped = new Set(
    of("ec2transitgateway/instanceState:InstanceState").map(({ name }) => name.replace(/-stopped$/, "")),
  );
  for (const { name, inputs } of of("ec2/instance:Instance")) {
    const type = optionalText(inputs, "instanceType") ?? "";
    const gib = numberOr(nested(inputs, "rootBlockDevice"), "volumeSize", 8);
    if (stopped.has(name)) {
      add(`disk of the stopped ${name}`, 1, gib * GP3_GIB_MONTH, disk(gib));
      continue;
    }
    add(`${name}, ${type}`, 1, hourly(type) * HOURS, perHour(hourly(type)));
    add(`root disk of ${name}`, 1, gib * GP3_GIB_MONTH, disk(gib));
    if (inputs["associatePublicIpAddress"] === true)
      add(`public address of ${name}`, 1, PUBLIC_ADDRESS_HOUR * HOURS, perHour(PUBLIC_ADDRESS_HOUR));
  }
  for (const { name, inputs } of of("ebs/volume:Volume")) {
    const gib = numberOr(inputs, "size", 0);
    add(`volume ${name}`, 1, gib * GP3_GIB_MONTH, disk(gib));
  }
  for (const { inputs } of of("lb/loadBalancer:LoadBalancer")) {
    add("load balancer", 1, LOAD_BALANCER_HOUR * HOURS, perHour(LOAD_BALANCER_HOUR));
    const zones = textList(inputs, "subnets").length;
    add(
      "public address of the load balancer",
      zones,
      PUBLIC_ADDRESS_HOUR * HOURS,
      perHour(PUBLIC_ADDRESS_HOUR),
    );
  }
  add(
    "NAT gateway",
    of("ec2/natGateway:NatGateway").length,
    NAT_GATEWAY_HOUR * HOURS,
    perHour(NAT_GATEWAY_HOUR),
  );
  add(
    "public address of a NAT gateway",
    of("ec2/eip:Eip").length,
    PUBLIC_ADDRESS_HOUR * HOURS,
    perHour(PUBLIC_ADDRESS_HOUR),
  );
  const secrets = of("secretsmanager/secret:Secret");
  const replicas = secrets.flatMap(({ inputs }) => nestedList(inputs, "replicas"));
  add("secret or replica", secrets.length + replicas.length, SECRET_MONTH, "");
  add("private DNS zone", of("route53/zone:Zone").length, HOSTED_ZONE_MONTH, "");
  return lines;
}

async function main(): Promise<void> {
  const [stack] = process.argv.slice(2);
  if (stack === undefined) throw new Error("give a stack: npm run cost -- dev");
  const { registrations } = await recordGraph(stack, false);
  const lines = linesOf(registrations);
  const total = lines.reduce((sum, { count, each }) => sum + count * each, 0);
  console.log(`| ${stack}, a month at rest | count | each | together |\n|---|---:|---:|---:|`);
  for (const { what, count, each, how } of lines)
    console.log(
      `| ${what} | ${count} | ${how ? `${how} = ` : ""}$${each.toFixed(2)} | $${(count * each).toFixed(2)} |`,
    );
  console.log(`| **all** | | | **$${total.toFixed(2)}** |`);
}

void main();
