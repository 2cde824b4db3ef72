/** A backend that makes nothing: it answers each resource with outputs of the kind that AWS would give. */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import * as path from "node:path";
import type { Properties, ResourceRequest } from "../../local/engine/handler";
import {
  type Backend,
  loadStack,
  type ProgramResult,
  type Registration,
  runProgram,
  type StackConfig,
} from "../../local/engine/program";

export const account = "123456789012";

/** Marks every generated secret, so that a test can look for it where it must not be. */
export const secretMark = "s3cr3t";

const id = (prefix: string, { urn }: ResourceRequest) =>
  `${prefix}-${createHash("sha256").update(urn).digest("hex").slice(0, 17)}`;

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
    case "random:index/randomId:RandomId":
      return { hex: "0a1b2c3d" };
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
    case "aws:secretsmanager/secret:Secret":
      return { arn: arn("secretsmanager", `secret:${physicalId}-AbCdEf`), name: physicalId };
    case "aws:secretsmanager/secretVersion:SecretVersion":
      return { secretArn: inputs["secretId"] };
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

export const recorder: Backend = {
  create: (request) => {
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
    if (token === "aws:ec2/getAmi:getAmi") return Promise.resolve({ id: "ami-0debian" });
    if (token === "aws:ec2/getInstanceType:getInstanceType")
      return Promise.resolve({ ...inputs, memorySize: 2048, hypervisor: "nitro" });
    return Promise.reject(new Error(`The recorder does not know ${token}.`));
  },
};

/** A run of the program that made nothing. */
export interface Graph extends ProgramResult {
  readonly config: StackConfig;
  readonly preview: boolean;
}

/** Runs the program, afresh each time. One stack a process, please: what Pulumi keeps of a run is global. */
export async function recordGraph(stack: string, preview: boolean): Promise<Graph> {
  const config = loadStack(stack);
  return { ...(await runProgram({ stack: config, preview, backend: recorder, program })), config, preview };
}

/** The program's modules are loaded anew: making the resources is what loading them does. */
function program(): unknown {
  const root = path.resolve(__dirname, "..", "..");
  for (const file of Object.keys(require.cache)) {
    if (file.startsWith(root) && !file.includes("/node_modules/"))
      Reflect.deleteProperty(require.cache, file);
  }
  return createRequire(__filename)(path.join(root, "index.ts"));
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
