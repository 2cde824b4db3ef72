import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { awsChanges, randomChanges } from "../../../local/aws/changes";
import { type ChangeTable, differences } from "../../../local/engine/changes";
import { type Graph, recordGraph } from "../../../local/engine/recorder";

const table: ChangeTable = { ...awsChanges, ...randomChanges };

/**
 * Properties that make another resource, by the last part of the type: the create-only ones of CloudFormation's resource schemas,
 * in the provider's words, as far as a row has them.
 */
const createOnly: Readonly<Record<string, string>> = {
  Certificate: "domainName validationMethod",
  Group: "name",
  Schedule: "autoscalingGroupName",
  Dashboard: "dashboardName",
  LogGroup: "name",
  MetricAlarm: "name",
  FlowLog: "vpcId trafficType logDestination logDestinationType iamRoleArn",
  Instance: "ami subnetId availabilityZone keyName privateIp",
  KeyPair: "keyName publicKey",
  LaunchTemplate: "name",
  NatGateway: "allocationId subnetId connectivityType",
  Route: "routeTableId destinationCidrBlock",
  RouteTable: "vpcId",
  SecurityGroup: "name description vpcId",
  Subnet: "availabilityZone cidrBlock vpcId",
  VolumeAttachment: "deviceName instanceId volumeId",
  Vpc: "cidrBlock",
  VpcEndpoint: "serviceName vpcEndpointType vpcId",
  VpcPeeringConnection: "peerOwnerId peerRegion peerVpcId vpcId",
  InstanceProfile: "name path",
  Role: "name path",
  RolePolicy: "name role",
  Function: "name",
  Listener: "loadBalancerArn",
  LoadBalancer: "internal loadBalancerType name",
  TargetGroup: "name port protocol protocolVersion targetType vpcId",
  HealthCheck: "type requestInterval",
  Record: "name zoneId",
  Zone: "name",
  Bucket: "bucket",
  BucketPolicy: "bucket",
  Secret: "name",
  Topic: "name",
  TopicSubscription: "endpoint protocol topic",
  WebAcl: "name scope",
  WebAclAssociation: "resourceArn webAclArn",
  WebAclLoggingConfiguration: "resourceArn",
};

/** Those that the provider adds, and those of types that CloudFormation has not: `ForceNew` in the files that the rows name. */
const forceNew: Readonly<Record<string, string>> = {
  AmiFromInstance: "name sourceInstanceId snapshotWithoutReboot",
  Bucket: "objectLockEnabled",
  BucketLifecycleConfiguration: "bucket",
  BucketObjectLockConfiguration: "bucket",
  BucketObjectv2: "bucket key",
  BucketOwnershipControls: "bucket",
  BucketPublicAccessBlock: "bucket",
  BucketServerSideEncryptionConfiguration: "bucket",
  BucketVersioning: "bucket",
  CertificateValidation: "certificateArn validationRecordFqdns",
  DefaultSecurityGroup: "vpcId",
  Eip: "domain",
  Instance: "rootBlockDevice.encrypted",
  InstanceState: "instanceId",
  Invocation: "functionName input qualifier triggers",
  LogGroup: "namePrefix",
  Policy: "name autoscalingGroupName",
  RandomPassword:
    "keepers length lower minLower minNumeric minSpecial minUpper numeric overrideSpecial special upper",
  RouteTableAssociation: "subnetId gatewayId",
  Schedule: "scheduledActionName",
  SecretVersion: "secretId secretString",
  SecurityGroupEgressRule: "securityGroupId",
  SecurityGroupIngressRule: "securityGroupId",
  Snapshot: "volumeId description outpostArn",
  TopicPolicy: "arn",
  Volume: "availabilityZone encrypted snapshotId kmsKeyId",
  VpcPeeringConnectionAccepter: "vpcPeeringConnectionId",
};

describe("the table of changes", () => {
  const graphs: Graph[] = [];
  before(async () => {
    for (const stack of ["dev", "prod", "local"]) graphs.push(await recordGraph(stack, false));
    graphs.push(await recordGraph("dev", false, { webFirewall: "true" }));
  });

  const resources = () =>
    graphs
      .flatMap(({ registrations }) => registrations)
      .filter(({ custom, type }) => custom && !type.startsWith("pulumi:"));

  it("knows every property that the program sets", () => {
    // Against nothing, each property is one that was added.
    const unknown = resources().flatMap(({ type, inputs }) =>
      Object.entries(inputs).flatMap(([key, value]) => {
        try {
          differences(table, type, {}, { [key]: value });
          return [];
        } catch (error) {
          return [(error as Error).message];
        }
      }),
    );
    assert.deepEqual([...new Set(unknown)], []);
  });

  it("has no type that the program does not use, but those of settings that the stacks leave out", () => {
    const used = new Set(resources().map(({ type }) => type));
    assert.deepEqual(
      Object.keys(table).filter((type) => !used.has(type)),
      [
        "aws:autoscaling/schedule:Schedule",
        "aws:ec2/keyPair:KeyPair",
        "aws:sns/topicSubscription:TopicSubscription",
      ],
    );
  });

  const effect = (type: string, old: object, next: object) =>
    differences(table, type, { ...old }, { ...next }).some(({ replaces }) => replaces) ? "replace" : "update";

  for (const [type, { properties }] of Object.entries(table))
    it(`has each row of ${type} as CloudFormation and the provider do`, () => {
      const known = type.split(":").at(-1) ?? "";
      const replaced = [createOnly[known], forceNew[known], "region"].flatMap(
        (names) => names?.split(" ") ?? [],
      );
      const nested = (path: string, value: string) =>
        path.split(".").reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object;
      assert.deepEqual(
        Object.keys(properties)
          .filter((path) => effect(type, nested(path, "a"), nested(path, "b")) === "replace")
          .sort(),
        [...new Set(replaced)].sort(),
      );
    });

  for (const type of ["Egress", "Ingress"].map(
    (way) => `aws:vpc/securityGroup${way}Rule:SecurityGroup${way}Rule`,
  ))
    for (const peer of ["cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"])
      it(`says replace of ${type} that gets or loses its ${peer}`, () => {
        assert.equal(effect(type, {}, { [peer]: "a" }), "replace");
        assert.equal(effect(type, { [peer]: "a" }, {}), "replace");
      });

  for (const key of ["userData", "userDataBase64"])
    it(`says replace of a host's ${key} only where the program asks for it`, () => {
      const type = "aws:ec2/instance:Instance";
      for (const [userDataReplaceOnChange, expected] of [
        [true, "replace"],
        [false, "update"],
      ] as const)
        assert.equal(
          effect(type, { [key]: "a", userDataReplaceOnChange }, { [key]: "b", userDataReplaceOnChange }),
          expected,
        );
    });

  it("refuses a property that it has no row of, and a type that it does not know", () => {
    assert.throws(
      () => differences(table, "aws:ec2/instance:Instance", {}, { rootBlockDevice: { iops: 1 } }),
      /no row rootBlockDevice.iops of aws:ec2\/instance:Instance: look it up/,
    );
    assert.throws(() => differences(table, "aws:sqs/queue:Queue", {}, {}), /no type aws:sqs\/queue:Queue/);
  });

  for (const [type, old, next, expected] of [
    ["aws:ec2/instance:Instance", { ami: "a" }, { ami: "b" }, "replace"],
    ["aws:ec2/instance:Instance", { instanceType: "t3.micro" }, { instanceType: "t3.small" }, "update"],
    ["aws:ec2/instance:Instance", { userData: "a" }, { userData: "b" }, "update"],
    [
      "aws:ec2/instance:Instance",
      { userData: "a", userDataReplaceOnChange: true },
      { userData: "b", userDataReplaceOnChange: true },
      "replace",
    ],
    [
      "aws:ec2/instance:Instance",
      { rootBlockDevice: { volumeSize: 8 } },
      { rootBlockDevice: { volumeSize: 9 } },
      "update",
    ],
    [
      "aws:ec2/instance:Instance",
      { rootBlockDevice: { encrypted: false } },
      { rootBlockDevice: { encrypted: true } },
      "replace",
    ],
    ["aws:ebs/volume:Volume", { size: 20 }, { size: 40 }, "update"],
    [
      "aws:ebs/volume:Volume",
      { availabilityZone: "us-east-2a" },
      { availabilityZone: "us-east-2b" },
      "replace",
    ],
    [
      "aws:autoscaling/group:Group",
      { launchTemplate: { id: "lt-1", version: "1" } },
      { launchTemplate: { id: "lt-1", version: "2" } },
      "update",
    ],
    ["aws:lambda/invocation:Invocation", { input: "{}" }, { input: '{"a":1}' }, "replace"],
    [
      "aws:secretsmanager/secretVersion:SecretVersion",
      { secretString: "a" },
      { secretString: "b" },
      "replace",
    ],
    ["aws:ec2/route:Route", { gatewayId: "igw-1" }, { natGatewayId: "nat-1" }, "update"],
    [
      "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
      { cidrIpv4: "10.0.0.0/16" },
      { referencedSecurityGroupId: "sg-1" },
      "replace",
    ],
    ["random:index/randomPassword:RandomPassword", { length: 24 }, { length: 32 }, "replace"],
  ] as const) {
    it(`says ${expected} of ${type}: ${JSON.stringify(old)} to ${JSON.stringify(next)}`, () => {
      assert.equal(effect(type, old, next), expected);
    });
  }
});
