/** How far the design carries on AWS: for each part the load at which it is full, from the program's own numbers. */
import { connectionsPerWebHost, connectionsThatFit, neededConnections } from "../components/database/tuning";
import { instanceType } from "../local/aws/instanceTypes";
import { nested, numberOr, text } from "../local/engine/properties";
import { type Graph, ofType } from "../local/engine/recorder";
import { mostWebHosts } from "../settings/schema";
import { resultOf } from "./benchmarks";
import { table } from "./markdown";

/** Kinds of requests, as the bench names them. */
const kinds = ["task read", "task write", "sign-in"] as const;
type Kind = (typeof kinds)[number];

/** What a request takes: processor time in milliseconds, an answer in bytes. */
interface Cost {
  readonly host: number;
  readonly database: number;
  readonly bytes: number;
}

/** What `npm run bench -- requests` measured of this service, by its record in `bench/results`; undefined if there is none. */
export function costOf(kind: Kind): Cost | undefined {
  const charts = resultOf("requests")?.charts ?? [];
  const value = (title: string) => {
    const chart = charts.find((each) => each.title.startsWith(title));
    return chart?.kind === "bars" ? chart.rows.find(({ label }) => label === kind)?.values[0] : undefined;
  };
  const [host, database, bytes] = [
    value("Processor of the hosts"),
    value("Processor of the database"),
    value("Length of an answer"),
  ];
  return host === undefined || database === undefined || bytes === undefined
    ? undefined
    : { host, database, bytes };
}

/** A round trip between us-east-1 and us-east-2, in milliseconds. */
const roundTrip = 12;
/** How often a sign-in asks the bucket, and writes to it; tests/app/test_accounts.py counts. */
const signInReads = 4;
const signInWrites = 2;
/** Requests a second of one partition of a bucket (Amazon S3's user guide, "Optimizing performance"). */
const partitionReads = 5500;
const partitionWrites = 3500;
/** Writes a second of a gp3 volume of any size that pays for no more (Amazon EBS's user guide). */
const volumeWrites = 3000;
/** Baseline bandwidth in Gbit/s, and the share of its processors that a burstable type may use for good (Amazon EC2's pages of types). */
const network: Readonly<Record<string, number>> = {
  "t3.micro": 0.064,
  "t3.small": 0.128,
  "c6i.large": 0.781,
  "m6i.large": 0.781,
};
const baseline: Readonly<Record<string, number>> = { "t3.micro": 0.1, "t3.small": 0.2 };
/** One balancer capacity unit: new connections a second, and bytes an hour (Elastic Load Balancing's pricing page). */
const unitConnections = 25;
const unitBytes = 1e9;

/** A stack as far as its limits go. */
interface Sizes {
  readonly name: string;
  readonly webType: string;
  readonly hosts: number;
  /** Requests a minute. */
  readonly perHost: number;
  readonly databaseType: string;
}

function sizesOf(name: string, graph: Graph): Sizes {
  const [group] = ofType(graph, "aws:autoscaling/group:Group");
  const [template] = ofType(graph, "aws:ec2/launchTemplate:LaunchTemplate");
  const policy = ofType(graph, "aws:autoscaling/policy:Policy").find((one) => one.name.endsWith("-requests"));
  const database = ofType(graph, "aws:ec2/instance:Instance").find((one) => one.name.endsWith("-db"));
  if (!group || !template || !policy || !database) throw new Error(`${name} has no fleet or no database.`);
  return {
    name,
    webType: text(template.inputs, "instanceType"),
    hosts: numberOr(group.inputs, "maxSize", 0),
    perHost: numberOr(nested(policy.inputs, "targetTrackingConfiguration"), "targetValue", 0),
    databaseType: text(database.inputs, "instanceType"),
  };
}

function known(type: string) {
  const size = instanceType(type);
  const bandwidth = network[type];
  if (!size || bandwidth === undefined)
    throw new Error(`There is no bandwidth for ${type}: add it to network in tools/limits.ts.`);
  return { ...size, bandwidth, lasting: baseline[type] ?? 1 };
}

/** A limit: the requests of a kind a second at which it is met. */
export interface Limit {
  readonly what: string;
  readonly how: string;
  readonly rate: number;
  readonly next: string;
}

const perSecond = (milliseconds: number) => 1000 / milliseconds;

/** What is full first when a stack of these sizes gets requests of one kind only; the first is the first limit met. */
export function limitsOf(kind: Kind, { webType, hosts, perHost, databaseType }: Sizes): readonly Limit[] {
  const [web, database] = [known(webType), known(databaseType)];
  const cost = costOf(kind);
  const share = web.lasting < 1 ? ` x ${web.lasting * 100} % (what ${webType} may use for good)` : "";
  const databaseShare = database.lasting < 1 ? ` x ${database.lasting * 100} %` : "";
  const limits: Limit[] = [
    {
      what: "the largest fleet at its target",
      how: `${hosts} hosts x ${perHost} / 60 s`,
      rate: (hosts * perHost) / 60,
      next: "raise webMaxSize; requestsPerTarget if the hosts' processors are idle",
    },
  ];
  if (cost)
    limits.push(
      {
        what: "processors of the hosts",
        how: `${hosts} hosts x ${web.vcpus}${share} x 1000 / ${digits(cost.host)} ms`,
        rate: hosts * web.vcpus * web.lasting * perSecond(cost.host),
        next: "a larger webInstanceType, or more hosts",
      },
      {
        what: "bandwidth of the database host, if it sends as much as a host answers",
        how: `${database.bandwidth} Gbit/s / 8 / ${digits(cost.bytes)} bytes`,
        rate: (database.bandwidth * 1e9) / 8 / cost.bytes,
        next: "a larger databaseInstanceType: up to 5 Gbit/s reach another region below 32 processors",
      },
    );
  if (kind === "sign-in")
    limits.push(
      {
        what: "reads of one partition of the bucket",
        how: `${partitionReads} / ${signInReads} reads`,
        rate: partitionReads / signInReads,
        next: "none: S3 splits the partition by itself, as the keys are logins, and answers 503 meanwhile",
      },
      {
        what: "writes of one partition of the bucket",
        how: `${partitionWrites} / ${signInWrites} writes`,
        rate: partitionWrites / signInWrites,
        next: "the same",
      },
    );
  else {
    limits.push({
      what: "connections to the database",
      how: `${hosts} hosts x ${connectionsPerWebHost} x 1000 / ${roundTrip} ms`,
      rate: hosts * connectionsPerWebHost * perSecond(roundTrip),
      next: "more hosts",
    });
    if (cost)
      limits.push({
        what: "processors of the database",
        how: `${database.vcpus}${databaseShare} x 1000 / ${digits(cost.database)} ms`,
        rate: database.vcpus * database.lasting * perSecond(cost.database),
        next: "a larger databaseInstanceType; beyond the largest, reads from a standby (not in this program)",
      });
  }
  if (kind === "task write")
    limits.push({
      what: "writes of the database's volume",
      how: `${volumeWrites} a second, one for each commit at worst`,
      rate: volumeWrites,
      next: "more IOPS for the gp3 volume, which goes up to 16,000 (not a setting yet)",
    });
  return limits.sort((one, other) => one.rate - other.rate);
}

const digits = (value: number) => Number(value.toPrecision(2));
const shown = (value: number) => Number(value.toPrecision(2)).toLocaleString("en");

/** How many hosts the connections of a database host are enough for. */
function connectionTable(types: readonly string[]): string {
  return table(
    ["databaseInstanceType", "max_connections", "hosts, with as many beside them in a roll-out"],
    ...types.map((type) => {
      const connections = connectionsThatFit(known(type).memoryMiB);
      let hosts = 0;
      while (neededConnections(hosts + 1) <= connections) hosts++;
      return [`\`${type}\``, String(connections), `${hosts} (${neededConnections(hosts)} connections)`];
    }),
  );
}

/** The page's tables. */
export function limitTables({ dev, prod }: { readonly dev: Graph; readonly prod: Graph }): string {
  const inProd = sizesOf("prod", prod);
  const stacks = [sizesOf("dev", dev), inProd, { ...inProd, name: "the largest fleet", hosts: mostWebHosts }];
  const first = kinds.flatMap((kind) =>
    stacks.map((stack) => {
      const [limit] = limitsOf(kind, stack);
      return [
        kind,
        `${stack.name}: ${stack.hosts} x ${stack.webType}, ${stack.databaseType}`,
        `${shown(limit?.rate ?? 0)}/s`,
        limit?.what ?? "",
        limit?.next ?? "",
      ];
    }),
  );
  const all = kinds.flatMap((kind) => [
    `### ${kind[0]?.toUpperCase()}${kind.slice(1)}`,
    ...stacks.map((stack) =>
      [
        `${stack.name}:`,
        table(
          ["limit", "requests a second", "arithmetic"],
          ...limitsOf(kind, stack).map(({ what, how, rate }) => [what, shown(rate), how]),
        ),
      ].join("\n\n"),
    ),
  ]);
  const bytes = costOf("task read")?.bytes;
  const units = table(
    ["dimension", "one unit", "at 1,000 task reads a second over kept connections"],
    ["new connections", `${unitConnections} a second`, "those of new clients only"],
    ...(bytes === undefined
      ? []
      : [
          [
            "bytes",
            "1 GB an hour",
            `1,000 x ${digits(bytes)} bytes x 3,600 s = ${((1000 * bytes * 3600) / unitBytes).toFixed(1)} units`,
          ],
        ]),
  );
  return [
    "## The first limit",
    table(["requests", "stack", "at", "first limit met", "next step"], ...first),
    "## Connections",
    connectionTable([...new Set(stacks.map(({ databaseType }) => databaseType))]),
    "## Each limit",
    ...all,
    "## Capacity units of the balancer",
    units,
  ].join("\n\n");
}
