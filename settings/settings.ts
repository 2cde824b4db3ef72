/** Stack configuration: typed, defaulted, and checked all at once before anything is created. */
import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { overlap, parseCidr } from "../components/network/cidr";
import { type Architecture, architectureOf, architectureOfInstance } from "../components/host/debianImage";
import type { Ssh } from "../components/host/hostAccess";
import type { Egress } from "../components/network/regionNetwork";
import type { Domain } from "../components/web/webEntrance";
export { databaseRegion, webRegion } from "./definitions";
import { type Definition, definitions, type ValueType } from "./definitions";

/** Load balancers and target groups have 32 characters, of which autonaming takes 8 and "-web" 4. */
export const longestStackName = 32 - 8 - "-web".length;

type Definitions = typeof definitions;

/** The settings as they are written, with their defaults. */
export type Values = {
  readonly [K in keyof Definitions]: Definitions[K] extends Definition<infer T> ? T : never;
};

/** The settings as the program uses them. */
export interface Settings extends Omit<
  Values,
  "egress" | "domainName" | "hostedZoneId" | "certificateArn" | "allowHttp" | "sshPublicKey" | "sshCidrs"
> {
  readonly stack: string;
  readonly egress: Egress;
  /** Undefined for plain HTTP. */
  readonly domain: Domain | undefined;
  /** Undefined for no SSH. */
  readonly ssh: Ssh | undefined;
  /** Tags by which the stack's resources are told from all others. */
  readonly stackTags: Readonly<Record<"project" | "stack", string>>;
}

/** Reads the settings of the stack that is being deployed. */
export function loadSettings(): Settings {
  return readSettings(pulumi.getProject(), pulumi.getStack(), pulumi.runtime.allConfig());
}

/** Reads settings from a configuration, or throws one error that lists everything that is wrong with them. */
export function readSettings(
  project: string,
  stack: string,
  config: Readonly<Record<string, string>>,
): Settings {
  const problems = [...stackProblems(stack)];
  const values: Record<string, unknown> = {};
  const given = Object.entries(config).filter(([key]) => key.startsWith(`${project}:`));
  const settings = new Map(given.map(([key, value]) => [key.slice(project.length + 1), value]));
  for (const key of settings.keys()) {
    if (!Object.hasOwn(definitions, key)) problems.push(unknownKey(key));
  }
  for (const [key, definition] of Object.entries<Definition<unknown>>(definitions)) {
    const raw = settings.get(key);
    const value = raw === undefined ? definition.default : parse(definition.type, raw);
    const wrong =
      value === undefined
        ? `give ${definition.type === "string" ? "text" : typeNames[definition.type]}`
        : definition.check(value);
    if (wrong !== undefined) problems.push(`${key} is ${raw ?? JSON.stringify(value)}: ${wrong}`);
    else values[key] = value;
  }
  problems.push(...combinationProblems(values));
  if (problems.length > 0) {
    const lines = problems.map((problem) => `  - ${problem}.`);
    throw new pulumi.RunError(
      [`The configuration of stack ${stack} is wrong; nothing was changed.`, ...lines].join("\n"),
    );
  }
  return derive(project, stack, values as Values);
}

/** How to reach one region of the stack's account. */
export function providerArgs(settings: Settings, region: string): aws.ProviderArgs {
  const { profile, allowedAccountIds, tags } = settings;
  return {
    region,
    defaultTags: { tags },
    ...(profile !== "" && { profile }),
    ...(allowedAccountIds.length > 0 && { allowedAccountIds: [...allowedAccountIds] }),
  };
}

function derive(project: string, stack: string, values: Values): Settings {
  const { egress, domainName, hostedZoneId, certificateArn, sshPublicKey, sshCidrs, ...rest } = values;
  const stackTags = { project, stack };
  return {
    ...rest,
    stack,
    egress: egress as Egress,
    domain:
      domainName === ""
        ? undefined
        : {
            name: domainName,
            ...(hostedZoneId !== "" && { hostedZoneId }),
            ...(certificateArn !== "" && { certificateArn }),
          },
    ssh: sshPublicKey === "" ? undefined : { publicKey: sshPublicKey, cidrBlocks: sshCidrs },
    stackTags,
    tags: { ...values.tags, ...stackTags },
  };
}

const typeNames = {
  integer: "a whole number",
  boolean: "true or false",
  array: "a list of texts",
  object: "a map of names to texts",
};

/** Pulumi hands over every value as text: structured ones as JSON. Undefined for what is of another type. */
function parse(type: ValueType, raw: string): unknown {
  if (type === "string") return raw;
  if (type === "integer") return /^-?\d{1,9}$/.test(raw) ? Number(raw) : undefined;
  if (type === "boolean") return raw === "true" ? true : raw === "false" ? false : undefined;
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value) !== (type === "array"))
    return undefined;
  return Object.values(value).every((item) => typeof item === "string") ? value : undefined;
}

function stackProblems(stack: string): string[] {
  const problem = (wrong: string) => `the stack's name is ${stack}: ${wrong}`;
  if (!/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(stack)) {
    return [problem("use lower-case letters, digits and inner hyphens, as buckets and load balancers do")];
  }
  if (stack.length > longestStackName) {
    return [problem(`use at most ${longestStackName} characters; AWS allows its load balancer no more`)];
  }
  // Load balancers refuse the first, buckets the others.
  const prefix = ["internal-", "xn--", "sthree-", "amzn-s3-demo-"].find((reserved) =>
    stack.startsWith(reserved),
  );
  return prefix === undefined ? [] : [problem(`AWS reserves names that start with ${prefix}`)];
}

/** What is wrong with values that are fine each by itself. Those that are not are missing here. */
function combinationProblems(values: Partial<Values>): string[] {
  return [
    ...rangeProblems(values),
    ...sizeProblems(values),
    ...entranceProblems(values),
    ...sshProblems(values),
  ];
}

function* rangeProblems({ webCidr, databaseCidr, webZones }: Partial<Values>) {
  const [web, database] = [parseCidr(webCidr ?? ""), parseCidr(databaseCidr ?? "")];
  if (web && database && overlap(web, database)) {
    yield `webCidr is ${webCidr} and databaseCidr is ${databaseCidr}: they overlap, and the two networks are joined; give one of them another /16`;
  }
  if (webZones && webZones.length < 2) {
    yield `webZones is ${JSON.stringify(webZones)}: name two zones at least; a load balancer needs them`;
  }
}

function* sizeProblems(values: Partial<Values>) {
  const { webMinSize: min, webMaxSize: max } = values;
  if (min !== undefined && max !== undefined && min > max) {
    yield `webMinSize is ${min} and webMaxSize is ${max}: lower the one or raise the other`;
  }
  const pairs = [
    ["webInstanceType", "debianImage"],
    ["databaseInstanceType", "databaseDebianImage"],
  ] as const;
  for (const [key, imageKey] of pairs) {
    const [type, image] = [values[key], values[imageKey]];
    const architecture = architectureOf(image ?? "");
    if (type !== undefined && architecture && architectureOfInstance(type) !== architecture) {
      yield `${key} is ${type}: it cannot run ${image}; give ${examples[architecture]}, or a ${imageKey} for ${architectureOfInstance(type)}`;
    }
  }
}

const examples: Readonly<Record<Architecture, string>> = {
  amd64: "a type for amd64 such as t3.small",
  arm64: "a type for arm64 such as t4g.small",
};

function* entranceProblems(values: Partial<Values>) {
  const { domainName, hostedZoneId, certificateArn, allowHttp } = values;
  if (domainName === "" && hostedZoneId) {
    yield `hostedZoneId is ${hostedZoneId} but domainName is not set: give the name that the zone is to get`;
  }
  if (domainName === "" && certificateArn) {
    yield `certificateArn is ${certificateArn} but domainName is not set: give the name that the certificate is for`;
  }
  if (domainName && hostedZoneId === "" && certificateArn === "") {
    yield `domainName is ${domainName} but neither hostedZoneId nor certificateArn is set: give the zone in which a certificate can be proved, or a certificate`;
  }
  if (domainName && allowHttp) {
    yield `allowHttp is true but domainName is ${domainName}: the service will speak HTTPS; remove one of them`;
  }
  if (domainName === "" && allowHttp === false) {
    yield `domainName is not set: give it, with hostedZoneId or certificateArn, for HTTPS, or set allowHttp to true for a trial over plain HTTP`;
  }
}

function* sshProblems({ sshPublicKey, sshCidrs }: Partial<Values>) {
  if (sshPublicKey && sshCidrs?.length === 0) {
    yield `sshPublicKey is set but sshCidrs is empty: name the networks that may reach port 22`;
  }
  if (sshPublicKey === "" && sshCidrs && sshCidrs.length > 0) {
    yield `sshCidrs is ${JSON.stringify(sshCidrs)} but sshPublicKey is not set: give the key, or remove the networks`;
  }
}

function unknownKey(key: string): string {
  const distances = Object.keys(definitions).map((known) => ({
    known,
    steps: distance(key.toLowerCase(), known.toLowerCase()),
  }));
  const [nearest] = distances.sort((a, b) => a.steps - b.steps);
  const near = nearest && nearest.steps <= Math.max(2, key.length / 3);
  return `${key} is not a setting: ${near ? `write ${nearest.known}` : "remove it, or see the list in README.md"}`;
}

/** Levenshtein's distance: how many letters to insert, remove or change. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of Array.from(from).entries()) {
    const next = [i + 1];
    for (const [j, other] of Array.from(to).entries()) {
      const change = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
