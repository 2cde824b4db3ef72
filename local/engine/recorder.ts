/** A backend that makes nothing: it answers each resource with outputs of the kind that AWS would give. */
import { createHash } from "node:crypto";
import type { Properties, ResourceRequest, ResourceState } from "./handler";
import {
  type Backend,
  loadStack,
  type ProgramResult,
  type Registration,
  runProgram,
  type StackConfig,
} from "./program";

export const account = "123456789012";

/** Marks every generated secret, so that a test can look for it where it must not be. */
export const secretMark = "s3cr3t";

const digest = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 17);
const id = (prefix: string, { urn }: ResourceRequest) => `${prefix}-${digest(urn)}`;

/** What EC2's ids begin with, by the last part of the type. */
export const ec2Prefixes: Readonly<Record<string, string>> = {
  Vpc: "vpc",
  Subnet: "subnet",
  Instance: "i",
  SecurityGroup: "sg",
  RouteTable: "rtb",
  NatGateway: "nat",
  InternetGateway: "igw",
  LaunchTemplate: "lt",
  AmiFromInstance: "ami",
  Eip: "eipalloc",
  VpcPeeringConnection: "pcx",
};

/** Outputs that AWS adds to a resource's inputs, as far as the program reads them. */
export function outputs(request: ResourceRequest, physicalId: string): Properties {
  const { type, name, region, inputs } = request;
  const arn = (service: string, rest: string) => `arn:aws:${service}:${region}:${account}:${rest}`;
  switch (type) {
    case "random:index/randomPassword:RandomPassword":
      return { result: `${secretMark}-${name}` };
    case "random:index/randomBytes:RandomBytes":
      return { base64: `${secretMark}-${name}`, hex: `${secretMark}-${name}` };
    case "aws:s3/bucket:Bucket":
      return { arn: `arn:aws:s3:::${physicalId}`, bucket: physicalId };
    case "aws:iam/role:Role":
      return {
        arn: `arn:aws:iam::${account}:role/${physicalId}`,
        name: physicalId,
        uniqueId: id("AROA", request).replace("-", "").toUpperCase(),
      };
    case "aws:iam/instanceProfile:InstanceProfile":
      return { arn: `arn:aws:iam::${account}:instance-profile/${physicalId}`, name: physicalId };
    case "aws:cloudwatch/logGroup:LogGroup":
      return { arn: arn("logs", `log-group:${physicalId}`), name: physicalId };
    case "aws:secretsmanager/secret:Secret":
      return { arn: arn("secretsmanager", `secret:${physicalId}-AbCdEf`), name: physicalId };
    case "aws:secretsmanager/secretVersion:SecretVersion":
      return { secretArn: inputs["secretId"], versionId: digest(String(inputs["secretString"])) };
    case "aws:lb/loadBalancer:LoadBalancer":
    case "aws:lb/targetGroup:TargetGroup":
      return {
        arn: arn("elasticloadbalancing", physicalId),
        arnSuffix: `app/${physicalId}`,
        dnsName: `${physicalId}.${region}.elb.amazonaws.com`,
        zoneId: "Z35SXDOTRQ7X7K",
      };
    case "aws:ec2/instance:Instance":
      return { privateIp: "10.20.128.10", arn: arn("ec2", `instance/${physicalId}`) };
    case "aws:ec2/keyPair:KeyPair":
      return { keyName: physicalId };
    case "aws:ec2/launchTemplate:LaunchTemplate":
      return { latestVersion: 1 };
    case "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter":
      return { vpcPeeringConnectionId: inputs["vpcPeeringConnectionId"] };
    case "aws:acm/certificate:Certificate":
      return {
        arn: arn("acm", `certificate/${physicalId}`),
        domainValidationOptions: [
          {
            resourceRecordName: "_x.example.com",
            resourceRecordType: "CNAME",
            resourceRecordValue: "_y.aws",
          },
        ],
      };
    case "aws:route53/record:Record":
      return { fqdn: inputs["name"] };
    case "aws:route53/zone:Zone":
      return { zoneId: "Z111111" };
    case "aws:lambda/invocation:Invocation":
      return { result: "{}" };
    default:
      return { arn: arn("service", physicalId), name: physicalId };
  }
}

/** Well-formed names that this AWS does not know. */
export const unknownImage = "debian-13-amd64-19990101-1";
export const unknownType = "t9.large";

/** The values of a lookup's filters. */
const filtered = (inputs: Properties) =>
  (inputs["filters"] as { values: string[] }[]).flatMap(({ values }) => values);

export const recorder: Backend = {
  create: (request) => {
    // As the providers have it: the id of bytes is their value, and a password has none.
    if (request.type === "random:index/randomBytes:RandomBytes")
      return Promise.resolve({ id: `${secretMark}-${request.name}`, outputs: outputs(request, "") });
    if (request.type === "random:index/randomPassword:RandomPassword")
      return Promise.resolve({ id: "none", outputs: outputs(request, "") });
    const prefix = ec2Prefixes[request.type.split(":").at(-1) ?? ""];
    // A secret's id is its ARN.
    const physicalId = prefix === undefined ? `${request.name}-1234567` : id(prefix, request);
    const state = outputs(request, physicalId);
    const isSecret = request.type === "aws:secretsmanager/secret:Secret";
    return Promise.resolve({ id: isSecret ? String(state["arn"]) : physicalId, outputs: state });
  },
  invoke: (token, inputs) => {
    if (token === "aws:index/getCallerIdentity:getCallerIdentity")
      return Promise.resolve({ accountId: account });
    if (token === "aws:ec2/getAmiIds:getAmiIds")
      return Promise.resolve({
        ids: filtered(inputs).flatMap((name) => (name === unknownImage ? [] : `ami-${digest(name)}`)),
      });
    if (token === "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings")
      return Promise.resolve({ instanceTypes: filtered(inputs).filter((type) => type !== unknownType) });
    if (token === "aws:ec2/getInstanceType:getInstanceType")
      return Promise.resolve({ ...inputs, memorySize: 2048, defaultVcpus: 2, hypervisor: "nitro" });
    return Promise.reject(new Error(`The recorder does not know ${token}.`));
  },
};

/** A run of the program that made nothing. */
export interface Graph extends ProgramResult {
  /** What the backend answered, by URN: what a state would hold of each resource beside its inputs. */
  readonly states: ReadonlyMap<string, ResourceState>;
  readonly config: StackConfig;
  readonly preview: boolean;
  /** Data sources that the program asked, such as `aws:ec2/getAmi:getAmi`, once for each time. */
  readonly lookups: readonly string[];
}

/** Pulumi.prod.yaml is shipped with examples, which the program refuses: what tests put in their place, by stack. */
export const ownValues: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  prod: { domainName: "service.acme.co", hostedZoneId: "Z0123456789ABCDEFGHIJ" },
};

const recorded = new Map<string, Promise<Graph>>();

/**
 * Runs the program, with some settings otherwise than the stack's files say. The same run is not made twice in a process: it
 * would say the same.
 */
export function recordGraph(
  stack: string,
  preview: boolean,
  overrides: Readonly<Record<string, string>> = {},
): Promise<Graph> {
  const run = JSON.stringify([stack, preview, overrides]);
  const graph = recorded.get(run) ?? record(stack, preview, overrides);
  recorded.set(run, graph);
  return graph;
}

async function record(
  stack: string,
  preview: boolean,
  overrides: Readonly<Record<string, string>>,
): Promise<Graph> {
  const config = loadStack(stack, { overrides: { ...ownValues[stack], ...overrides } });
  const states = new Map<string, ResourceState>();
  const lookups: string[] = [];
  const backend: Backend = {
    create: async (request) => {
      const state = await recorder.create(request);
      states.set(request.urn, state);
      return state;
    },
    invoke: (token, inputs, region) => {
      lookups.push(token);
      return recorder.invoke(token, inputs, region);
    },
  };
  return { ...(await runProgram({ stack: config, preview, backend })), states, config, preview, lookups };
}

/** The resources of a type, such as `aws:ec2/instance:Instance`. */
export function ofType(graph: ProgramResult, type: string): Registration[] {
  return graph.registrations.filter((resource) => resource.type === type);
}

/** The one resource of that type and name. */
export function find(graph: ProgramResult, type: string, name: string): Registration {
  const found = ofType(graph, type).find((resource) => resource.name === name);
  if (!found) throw new Error(`There is no ${type} named ${name}.`);
  return found;
}

/** Everything that must be there before a resource: its dependencies, and theirs. */
export function ancestors(graph: ProgramResult, resource: Registration): Set<string> {
  const byUrn = new Map(graph.registrations.map((registration) => [registration.urn, registration]));
  const seen = new Set<string>();
  const visit = (urn: string) => {
    if (seen.has(urn)) return;
    seen.add(urn);
    for (const next of byUrn.get(urn)?.dependencies ?? []) visit(next);
  };
  resource.dependencies.forEach(visit);
  return new Set([...seen].map((urn) => byUrn.get(urn)?.name ?? urn));
}
