/** Parts that a component is given when it is constructed alone: what its neighbours would give it, known from the start. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { BootGate, CutOverGate, HostBucket } from "../../components/gate/gates";
import type { ClientNetwork, HostNetwork, Subnet } from "../../components/network/networks";
import type { Entrance } from "../../components/web/webEntrance";

/** A resource to depend on, which nothing else is. */
export const mark = (name: string) => new pulumi.ComponentResource("test:index:Mark", name);

const secret = (name: string) =>
  pulumi.output(`arn:aws:secretsmanager:us-east-1:123456789012:secret:${name}-AbCdEf`);

/** A network with private host subnets in these zones. */
export function hostNetwork(letters = "ab", region = "us-east-1"): HostNetwork & ClientNetwork {
  const subnet = (letter: string, index: number): Subnet => ({
    name: `private-${letter}`,
    kind: "private",
    zone: `${region}${letter}`,
    id: pulumi.output(`subnet-${letter}`),
    cidrBlock: `10.10.${128 + 16 * index}.0/20`,
  });
  return {
    vpcId: pulumi.output("vpc-1"),
    region,
    hostSubnets: letters.split("").map(subnet),
    hostRange: "10.10.128.0/17",
    hostsHavePublicIp: false,
    ready: mark(`network-${region}`),
  };
}

export const entrance = (): Entrance => ({
  securityGroupId: pulumi.output("sg-balancer"),
  hostPort: 8000,
  hostNames: pulumi.output("service.example.org"),
  targetGroupArn: pulumi.output("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1"),
  metricLabel: pulumi.output("app/web/1/targetgroup/web/1"),
  ready: mark("entrance"),
});

/** Accounts and database as the service's hosts know them. */
export const accounts = () => ({
  bucketName: pulumi.output("accounts-bucket"),
  serviceSecretArn: secret("service"),
  serviceStatements: () => [],
});
export const database = () => ({ volumeId: pulumi.output("vol-1"), appSecretArn: secret("app") });

/** A gate whose waits are invocations of nothing. */
export function gate(): BootGate & CutOverGate & HostBucket {
  const wait = (name: string, input: object, opts: pulumi.CustomResourceOptions) =>
    new aws.lambda.Invocation(name, { functionName: "gate", input: pulumi.jsonStringify(input) }, opts);
  return {
    bucketName: pulumi.output("gate-bucket"),
    bucketArn: pulumi.output("arn:aws:s3:::gate-bucket"),
    reportStatement: () => ({
      Effect: "Allow",
      Action: "s3:PutObject",
      Resource: "arn:aws:s3:::gate-bucket/own",
    }),
    reportVariables: (roleId) => ({
      REPORT_BUCKET: pulumi.output("gate-bucket"),
      REPORT_REGION: "us-east-1",
      REPORT_ROLE_ID: roleId,
    }),
    waitForBoot: wait,
    waitForCutOver: wait,
  };
}
