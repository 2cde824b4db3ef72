/** Each rule finds what breaks it: the recorded graph of prod, changed in one place. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import type { Properties } from "../../local/engine/handler";
import { recordGraph } from "../../local/engine/recorder";
import { judge, rules } from "../../policy/judge";
import { isUnknown, type Resource, Stack, unknown, valueAt } from "../../policy/stack";
import { types } from "../../policy/types";

type Change = (resources: readonly Resource[]) => Resource[];

const isOf = ({ type, name }: Resource, of: string, suffix: string) =>
  type === of && name === `prod-${suffix}`;

/** Sets, or with undefined takes away, what is at a path. */
function put(holder: unknown, [key = "", ...rest]: readonly string[], value: unknown): unknown {
  const old = Array.isArray(holder) ? [...(holder as unknown[])] : { ...(holder as Properties) };
  const next = rest.length === 0 ? value : put((old as Properties)[key], rest, value);
  return Array.isArray(old) ? Object.assign(old, { [key]: next }) : { ...old, [key]: next };
}

/** Another value in one property. */
function set(type: string, suffix: string, path: string, value: unknown): Change {
  return (resources) => {
    assert.equal(resources.filter((each) => isOf(each, type, suffix)).length, 1, `prod-${suffix}`);
    return resources.map((each) =>
      isOf(each, type, suffix)
        ? { ...each, inputs: put(each.inputs, path.split("."), value) as Properties }
        : each,
    );
  };
}

/** One resource less. */
function drop(type: string, suffix: string): Change {
  return (resources) => {
    assert.equal(resources.filter((each) => isOf(each, type, suffix)).length, 1, `prod-${suffix}`);
    return resources.filter((each) => !isOf(each, type, suffix));
  };
}

/** One resource more, with properties that are made from others. */
function add(
  type: string,
  inputs: Properties,
  from: Readonly<Record<string, readonly [string, string]>> = {},
): Change {
  return (resources) => [
    ...resources,
    {
      type,
      name: "prod-added",
      urn: `urn:added::${type}`,
      parent: "",
      inputs,
      dependencies: [],
      protect: false,
      propertyDependencies: Object.fromEntries(
        Object.entries(from).map(([property, [of, suffix]]) => [
          property,
          [resources.find((each) => isOf(each, of, suffix))!.urn],
        ]),
      ),
    },
  ];
}

/** A statement more in a policy. */
function allow(suffix: string, statement: Properties, type: string = types.rolePolicy): Change {
  return (resources) =>
    resources.map((each) => {
      if (!isOf(each, type, suffix)) return each;
      const document = JSON.parse(each.inputs["policy"] as string) as { Statement: unknown[] };
      const Statement = [
        ...document.Statement,
        { Effect: "Allow", Resource: "arn:aws:s3:::x", ...statement },
      ];
      return { ...each, inputs: { ...each.inputs, policy: JSON.stringify({ ...document, Statement }) } };
    });
}

/** A policy's document in other words. */
function rewrite(type: string, suffix: string, property: string, from: string | RegExp, to: string): Change {
  return (resources) =>
    resources.map((each) => {
      if (!isOf(each, type, suffix)) return each;
      const old = each.inputs[property] as string;
      const next = old.replace(from, to);
      assert.notEqual(next, old, `${suffix} has no ${from}`);
      return { ...each, inputs: { ...each.inputs, [property]: next } };
    });
}

const open = (port: number, cidr: Properties = { cidrIpv4: "0.0.0.0/0" }) =>
  add(types.ingressRule, { description: "x", ipProtocol: "tcp", fromPort: port, toPort: port, ...cidr });

const compressed = (text: string) => gzipSync(text).toString("base64");

/** The name of what is found, and the property; then what breaks the rule. A rule may have several. */
const mutations: Readonly<
  Record<string, readonly (readonly [found: string, property: string, change: Change])[]>
> = {
  "EC2.1": [
    [
      "db-before",
      "prod-added",
      add(types.snapshotPermission, {}, { snapshotId: [types.snapshot, "db-before"] }),
    ],
    ["image", "prod-added", add(types.imagePermission, {}, { imageId: [types.image, "image"] })],
  ],
  "EC2.2": [
    ["db-network", "its DefaultSecurityGroup", drop(types.defaultSecurityGroup, "db-network-closed")],
    [
      "db-network",
      "egress",
      set(types.defaultSecurityGroup, "db-network-closed", "egress", [{ protocol: "-1" }]),
    ],
  ],
  "EC2.3": [
    ["db-data", "encrypted", set(types.volume, "db-data", "encrypted", undefined)],
    ["db", "rootBlockDevice.encrypted", set(types.instance, "db", "rootBlockDevice.encrypted", false)],
    [
      "db",
      "ebsBlockDevices.0.encrypted",
      set(types.instance, "db", "ebsBlockDevices", [{ deviceName: "sdg" }]),
    ],
  ],
  "EC2.4": [
    ["db", "state", add(types.instanceState, { state: "stopped" }, { instanceId: [types.instance, "db"] })],
  ],
  "EC2.6": [
    ["db-network", "a FlowLog of its refused traffic", drop(types.flowLog, "db-network-flow-log")],
    [
      "db-network",
      "a FlowLog of its refused traffic",
      set(types.flowLog, "db-network-flow-log", "trafficType", "ACCEPT"),
    ],
  ],
  "EC2.8": [
    ["db", "metadataOptions.httpTokens", set(types.instance, "db", "metadataOptions.httpTokens", "optional")],
  ],
  "EC2.9": [
    ["db", "associatePublicIpAddress", set(types.instance, "db", "associatePublicIpAddress", true)],
    ["db", "subnetId", set(types.subnet, "db-network-private-a", "mapPublicIpOnLaunch", true)],
  ],
  "EC2.12": [["added", "what uses the address", add(types.eip, {})]],
  "EC2.13": [
    ["added", "cidrIpv4", open(22)],
    ["added", "cidrIpv6", open(22, { cidrIpv6: "::/0" })],
    [
      "added",
      "ingress.0.cidrBlocks",
      add(types.securityGroup, { ingress: [{ protocol: "-1", cidrBlocks: ["0.0.0.0/0"] }] }),
    ],
  ],
  "EC2.14": [["added", "cidrIpv4", open(3389)]],
  "EC2.15": [
    [
      "db-network-private-a",
      "mapPublicIpOnLaunch",
      set(types.subnet, "db-network-private-a", "mapPublicIpOnLaunch", true),
    ],
  ],
  "EC2.16": [["added", "subnetIds", add(types.networkAcl, {})]],
  "EC2.17": [["web", "networkInterfaces", set(types.launchTemplate, "web", "networkInterfaces", [{}, {}])]],
  "EC2.18": [
    ["added", "cidrIpv4", open(8000)],
    [
      "added",
      "cidrIpv4",
      add(types.ingressRule, { ipProtocol: "tcp", fromPort: 80, toPort: 443, cidrIpv4: "0.0.0.0/0" }),
    ],
  ],
  "EC2.19": [
    ["added", "cidrIpv4", open(5432)],
    ["added", "cidrIpv4", add(types.ingressRule, { ipProtocol: "-1", cidrIpv4: "0.0.0.0/0" })],
  ],
  "EC2.21": [
    [
      "added",
      "ingress.0",
      add(types.networkAcl, {
        ingress: [{ action: "allow", cidrBlock: "0.0.0.0/0", fromPort: 0, toPort: 1024 }],
      }),
    ],
  ],
  "EC2.22": [["added", "what the group protects", add(types.securityGroup, {})]],
  "EC2.24": [["db", "instanceType", set(types.instance, "db", "instanceType", "m3.large")]],
  "EC2.25": [
    [
      "web",
      "networkInterfaces.0.associatePublicIpAddress",
      set(types.launchTemplate, "web", "networkInterfaces.0.associatePublicIpAddress", "true"),
    ],
  ],
  "EC2.28": [["added", "a backup plan", add(types.volume, { encrypted: true })]],
  "EC2.53": [["added", "cidrIpv4", open(22)]],
  "EC2.54": [["added", "cidrIpv6", open(3389, { cidrIpv6: "::/0" })]],
  "EC2.170": [
    [
      "web",
      "metadataOptions.httpTokens",
      set(types.launchTemplate, "web", "metadataOptions", { httpEndpoint: "enabled" }),
    ],
  ],
  "EC2.180": [["db", "sourceDestCheck", set(types.instance, "db", "sourceDestCheck", false)]],
  "EC2.181": [
    [
      "web",
      "blockDeviceMappings.0.ebs.encrypted",
      set(types.launchTemplate, "web", "blockDeviceMappings.0.ebs.encrypted", "false"),
    ],
    ["web", "blockDeviceMappings", set(types.launchTemplate, "web", "blockDeviceMappings", undefined)],
  ],
  "CIS 5.6": [
    [
      "peering-to-accepter-private-a-private-a",
      "destinationCidrBlock",
      set(types.route, "peering-to-accepter-private-a-private-a", "destinationCidrBlock", "10.40.0.0/16"),
    ],
    [
      "peering-to-accepter-private-a-private-a",
      "destinationCidrBlock",
      set(types.route, "peering-to-accepter-private-a-private-a", "destinationCidrBlock", "10.0.0.0/8"),
    ],
  ],
  CKV_AWS_23: [["db-firewall", "description", set(types.securityGroup, "db-firewall", "description", "")]],
  CKV_AWS_382: [
    [
      "db-firewall-out-https",
      "ipProtocol",
      set(types.egressRule, "db-firewall-out-https", "ipProtocol", "-1"),
    ],
    ["added", "egress.0.protocol", add(types.securityGroup, { egress: [{ protocol: "-1" }] })],
  ],
  CKV_AWS_46: [
    [
      "db",
      "userDataBase64",
      set(types.instance, "db", "userDataBase64", compressed("export DB_PASSWORD='hunter2hunter2'")),
    ],
    [
      "web",
      "userData",
      set(
        types.launchTemplate,
        "web",
        "userData",
        Buffer.from("key AKIAABCDEFGHIJKLMNOP").toString("base64"),
      ),
    ],
    ["db", "userData", set(types.instance, "db", "userData", "-----BEGIN EC PRIVATE KEY-----")],
  ],
  CKV_AWS_126: [["web", "monitoring.enabled", set(types.launchTemplate, "web", "monitoring", undefined)]],
  CKV_AWS_341: [
    [
      "db",
      "metadataOptions.httpPutResponseHopLimit",
      set(types.instance, "db", "metadataOptions.httpPutResponseHopLimit", 2),
    ],
  ],
  "ACM.1": [
    [
      "web-certificate",
      "validationMethod",
      set(types.certificate, "web-certificate", "validationMethod", "EMAIL"),
    ],
  ],
  "ACM.2": [
    [
      "web-certificate",
      "keyAlgorithm",
      set(types.certificate, "web-certificate", "keyAlgorithm", "RSA_1024"),
    ],
  ],
  "Route53.2": [["added", "its QueryLog", add(types.zone, { name: "acme.co" })]],
  "SSM.1": [
    [
      "web",
      "ssm:UpdateInstanceInformation in its role",
      rewrite(types.rolePolicy, "web-role-policy", "policy", '"ssm:UpdateInstanceInformation",', ""),
    ],
  ],
  "ELB.1": [
    ["web-http", "defaultActions", set(types.listener, "web-http", "defaultActions", [{ type: "forward" }])],
    [
      "added",
      "defaultActions",
      add(types.listener, { protocol: "HTTP", defaultActions: [{ type: "forward" }] }),
    ],
  ],
  "ELB.4": [
    ["web", "dropInvalidHeaderFields", set(types.balancer, "web", "dropInvalidHeaderFields", undefined)],
  ],
  "ELB.5": [["web", "accessLogs.enabled", set(types.balancer, "web", "accessLogs.enabled", false)]],
  "ELB.6": [
    ["web", "enableDeletionProtection", set(types.balancer, "web", "enableDeletionProtection", false)],
  ],
  "ELB.12": [["web", "desyncMitigationMode", set(types.balancer, "web", "desyncMitigationMode", "monitor")]],
  "ELB.13": [["web", "subnets", set(types.balancer, "web", "subnets", ["subnet-1"])]],
  "ELB.16": [["web", "its WebAclAssociation", (resources) => [...resources]]],
  "WAF.10": [["added", "rules", add(types.webAcl, { rules: [] })]],
  "WAF.11": [["added", "its WebAclLoggingConfiguration", add(types.webAcl, {})]],
  "WAF.12": [
    [
      "added",
      "rules.1.visibilityConfig.cloudwatchMetricsEnabled",
      add(types.webAcl, {
        rules: [true, false].map((cloudwatchMetricsEnabled) => ({
          visibilityConfig: { cloudwatchMetricsEnabled },
        })),
      }),
    ],
  ],
  "ELB.17": [
    ["web-https", "sslPolicy", set(types.listener, "web-https", "sslPolicy", "ELBSecurityPolicy-2016-08")],
    [
      "web-https",
      "sslPolicy",
      set(types.listener, "web-https", "sslPolicy", "ELBSecurityPolicy-TLS13-1-0-2021-06"),
    ],
  ],
  "ELB.18": [
    ["web-http", "protocol", set(types.listener, "web-http", "defaultActions", [{ type: "forward" }])],
    ["added", "protocol", add(types.listener, { protocol: "HTTP" })],
  ],
  "ELB.21": [["web", "healthCheck.protocol", (resources) => [...resources]]],
  "ELB.22": [["web", "protocol", (resources) => [...resources]]],
  CKV_AWS_261: [["web", "healthCheck.path", set(types.targetGroup, "web", "healthCheck.path", undefined)]],
  "AutoScaling.1": [["web", "healthCheckType", set(types.group, "web", "healthCheckType", "EC2")]],
  "AutoScaling.2": [
    ["web", "vpcZoneIdentifiers", set(types.group, "web", "vpcZoneIdentifiers", ["subnet-1"])],
  ],
  "AutoScaling.3": [["added", "metadataOptions.httpTokens", add(types.launchConfiguration, {})]],
  "AutoScaling.5": [["added", "associatePublicIpAddress", add(types.launchConfiguration, {})]],
  "AutoScaling.6": [["web", "mixedInstancesPolicy", (resources) => [...resources]]],
  "AutoScaling.9": [
    ["web", "launchTemplate", set(types.group, "web", "launchTemplate", undefined)],
    ["web", "launchConfiguration", set(types.group, "web", "launchConfiguration", "old")],
  ],
  "S3.2": [
    [
      "accounts-policy",
      "policy.Statement",
      allow("accounts-policy", { Principal: "*", Action: "s3:GetObject" }, types.bucketPolicy),
    ],
    ["added", "acl", add(types.bucketAcl, { acl: "public-read" })],
  ],
  "S3.3": [
    [
      "accounts-policy",
      "policy.Statement",
      allow("accounts-policy", { Principal: { AWS: "*" }, Action: ["s3:PutObject"] }, types.bucketPolicy),
    ],
    ["added", "acl", add(types.bucketAcl, { acl: "public-read-write" })],
  ],
  "S3.5": [
    ["accounts", "its BucketPolicy", drop(types.bucketPolicy, "accounts-policy")],
    [
      "accounts",
      "policy.Statement that denies plain HTTP",
      rewrite(types.bucketPolicy, "accounts-policy", "policy", '"false"', '"true"'),
    ],
  ],
  "S3.6": [
    [
      "accounts-policy",
      "policy.Statement",
      allow(
        "accounts-policy",
        { Principal: { AWS: "arn:aws:iam::1:root" }, Action: "s3:GetObject" },
        types.bucketPolicy,
      ),
    ],
  ],
  "S3.7": [["accounts", "its BucketReplicationConfig", (resources) => [...resources]]],
  "S3.8": [
    ["accounts", "its BucketPublicAccessBlock", drop(types.bucketPublicAccess, "accounts-public-access")],
    [
      "accounts",
      "blockPublicAcls",
      set(types.bucketPublicAccess, "accounts-public-access", "blockPublicAcls", false),
    ],
  ],
  "S3.9": [["accounts", "its BucketLogging", (resources) => [...resources]]],
  "S3.10": [
    [
      "accounts",
      "rules with noncurrentVersionExpiration",
      set(types.bucketLifecycle, "accounts-lifecycle", "rules.0.noncurrentVersionExpiration", undefined),
    ],
  ],
  "S3.12": [
    ["accounts", "its BucketOwnershipControls", drop(types.bucketOwnership, "accounts-ownership")],
    [
      "accounts",
      "rule.objectOwnership",
      set(types.bucketOwnership, "accounts-ownership", "rule.objectOwnership", "ObjectWriter"),
    ],
  ],
  "S3.13": [
    ["accounts", "its BucketLifecycleConfiguration", drop(types.bucketLifecycle, "accounts-lifecycle")],
  ],
  "S3.14": [
    ["accounts", "its BucketVersioning", drop(types.bucketVersioning, "accounts-versioning")],
    [
      "accounts",
      "versioningConfiguration.status",
      set(types.bucketVersioning, "accounts-versioning", "versioningConfiguration.status", "Suspended"),
    ],
  ],
  "S3.15": [["accounts", "objectLockEnabled", (resources) => [...resources]]],
  "S3.17": [
    ["accounts", "rules.0.applyServerSideEncryptionByDefault.sseAlgorithm", (resources) => [...resources]],
  ],
  CKV_AWS_19: [
    [
      "accounts",
      "its BucketServerSideEncryptionConfiguration",
      drop(types.bucketEncryption, "accounts-encryption"),
    ],
  ],
  "CloudWatch.15": [
    ["web-alarms-errors", "alarmActions", set(types.alarm, "web-alarms-errors", "alarmActions", [])],
    ["db-alarms-host", "alarmActions", set(types.alarm, "db-alarms-host", "alarmActions", undefined)],
  ],
  "CloudWatch.17": [
    ["web-alarms-gate", "actionsEnabled", set(types.alarm, "web-alarms-gate", "actionsEnabled", false)],
  ],
  CKV_AWS_26: [["web-alarms", "kmsMasterKeyId", (resources) => [...resources]]],
  "SNS.4": [
    [
      "web-alarms-policy",
      "policy.Statement",
      allow("web-alarms-policy", { Principal: { AWS: "*" }, Action: "sns:Publish" }, types.topicPolicy),
    ],
    [
      "db-alarms-policy",
      "policy.Statement",
      allow("db-alarms-policy", { Principal: "*", Action: "sns:Publish" }, types.topicPolicy),
    ],
  ],
  "CloudWatch.16": [["gate-log", "retentionInDays", set(types.logGroup, "gate-log", "retentionInDays", 30)]],
  CKV_AWS_66: [
    ["gate-log", "retentionInDays", set(types.logGroup, "gate-log", "retentionInDays", undefined)],
  ],
  CKV_AWS_158: [["gate-log", "kmsKeyId", (resources) => [...resources]]],
  "SecretsManager.1": [["db-owner", "its SecretRotation", (resources) => [...resources]]],
  "SecretsManager.2": [["added", "rotationLambdaArn", add(types.secretRotation, {})]],
  "SecretsManager.4": [["db-owner", "its SecretRotation", (resources) => [...resources]]],
  "IAM.1": [
    ["web-role-policy", "policy.Statement", allow("web-role-policy", { Action: "*", Resource: "*" })],
  ],
  "IAM.2": [
    [
      "added",
      "prod-added",
      (resources) =>
        add(
          "aws:iam/userPolicy:UserPolicy",
          {},
          { user: [types.user, "added"] },
        )(add(types.user, {})(resources)),
    ],
  ],
  "IAM.21": [["web-role-policy", "policy.Statement", allow("web-role-policy", { Action: ["s3:*"] })]],
  "KMS.1": [
    [
      "added",
      "policy.Statement",
      add(types.managedPolicy, {
        policy: JSON.stringify({ Statement: [{ Effect: "Allow", Action: "kms:*", Resource: "*" }] }),
      }),
    ],
  ],
  "KMS.2": [
    [
      "web-role-policy",
      "policy.Statement",
      allow("web-role-policy", { Action: "kms:Decrypt", Resource: "*" }),
    ],
  ],
  "Lambda.1": [
    [
      "gate",
      "principal",
      add(types.functionPermission, { principal: "*" }, { function: [types.function, "gate"] }),
    ],
  ],
  "Lambda.2": [["gate", "runtime", set(types.function, "gate", "runtime", "nodejs18.x")]],
  "Lambda.3": [["gate", "vpcConfig", (resources) => [...resources]]],
  "Lambda.5": [
    ["gate", "vpcConfig.subnetIds", set(types.function, "gate", "vpcConfig", { subnetIds: ["subnet-1"] })],
  ],
  "Stack.1": [["db", "disableApiTermination", set(types.instance, "db", "disableApiTermination", false)]],
  "Stack.2": [
    ["web", "launchTemplate.version", set(types.group, "web", "launchTemplate.version", "$Latest")],
  ],
  "Stack.3": [["web", "maxInstanceLifetime", set(types.group, "web", "maxInstanceLifetime", undefined)]],
  "Stack.4": [["db-owner", "recoveryWindowInDays", set(types.secret, "db-owner", "recoveryWindowInDays", 0)]],
  "Stack.5": [
    [
      "web-role-policy",
      "policy.Statement",
      allow("web-role-policy", { Action: "s3:GetObject", Resource: "*" }),
    ],
    [
      "gate-policy",
      "policy.Statement",
      allow("gate-policy", { Action: "ec2:StartInstances", Resource: "arn:aws:ec2:*:*:instance/*" }),
    ],
    ["web-role-policy", "policy.Statement", allow("web-role-policy", { Action: "sqs:Send*" })],
  ],
  "Stack.6": [
    [
      "gate-role",
      "assumeRolePolicy.Statement",
      rewrite(types.role, "gate-role", "assumeRolePolicy", "aws:SourceAccount", "aws:PrincipalTag/x"),
    ],
    [
      "web-logs-policy",
      "policy.Statement",
      rewrite(types.bucketPolicy, "web-logs-policy", "policy", "aws:SourceArn", "s3:prefix"),
    ],
    [
      "db-alarms-policy",
      "policy.Statement",
      allow(
        "db-alarms-policy",
        { Principal: { Service: "cloudwatch.amazonaws.com" }, Action: "sns:Publish" },
        types.topicPolicy,
      ),
    ],
  ],
  "Stack.7": [
    [
      "db-role-policy",
      "policy.Statement",
      rewrite(types.rolePolicy, "db-role-policy", "policy", "boot/${aws:userid}.json", "boot/*"),
    ],
  ],
  "Stack.8": [
    ["db-role", "prod-added", add(types.policyAttachment, {}, { role: [types.role, "db-role"] })],
    [
      "db-role",
      "managedPolicyArns",
      set(types.role, "db-role", "managedPolicyArns", ["arn:aws:iam::aws:policy/X"]),
    ],
  ],
  "Stack.9": [["db", "tags.stack", set(types.instance, "db", "tags", { project: "django-on-ec2" })]],
};

describe("a rule", () => {
  let recorded: readonly Resource[];
  before(async () => {
    recorded = (await recordGraph("prod", false)).registrations;
  });

  it("has something that breaks it", () =>
    assert.deepEqual(Object.keys(mutations).sort(), rules.map(({ id }) => id).sort()));

  for (const rule of rules)
    for (const [found, property, change] of mutations[rule.id] ?? [])
      it(`${rule.id} finds ${property} of ${found}`, () => {
        const findings = judge(rule, new Stack(change(recorded))).findings.map(
          ({ resource, finding }) =>
            // Wherever among the statements of a policy.
            `${resource.name}: ${finding.property.replace(/(Statement)\.\d+$/, "$1")}`,
        );
        assert.ok(
          findings.includes(`prod-${found}: ${property}`),
          `it finds ${findings.join(", ") || "nothing"}`,
        );
      });

  it("goes by what is known only: with nothing known, none of the values is wrong", () => {
    const hidden = (value: unknown): unknown => (value === undefined ? undefined : unknown);
    const resources = recorded.map((each) => ({
      ...each,
      inputs: Object.fromEntries(Object.entries(each.inputs).map(([key, value]) => [key, hidden(value)])),
    }));
    const wrong = rules.flatMap((rule) =>
      judge(rule, new Stack(resources))
        .findings.filter(({ resource, finding }) => isUnknown(valueAt(resource.inputs, finding.property)))
        .map(({ resource, finding }) => `${rule.id} ${resource.name} ${finding.property}`),
    );
    assert.deepEqual(wrong, []);
  });

  for (const id of ["EC2.9", "EC2.15", "EC2.25", "ELB.1", "ELB.5", "ELB.6", "ELB.18", "Stack.1", "Stack.4"])
    it(`${id} accepts nothing of it in prod, which is no trial`, () => {
      for (const [, , change] of mutations[id] ?? []) {
        const { findings } = judge(
          rules.find((rule) => rule.id === id)!,
          new Stack(change(recorded)),
        );
        assert.ok(findings.some(({ accepted }) => accepted === undefined));
        assert.deepEqual(
          findings.filter(({ accepted }) => accepted?.when),
          [],
        );
      }
    });

  const trials: Readonly<Record<string, Change>> = {
    "EC2.15": (resources) =>
      set(
        types.subnet,
        "db-network-private-a",
        "mapPublicIpOnLaunch",
        true,
      )(resources.filter(({ type }) => type !== types.natGateway)),
    "ELB.6": (resources) =>
      set(
        types.balancer,
        "web",
        "enableDeletionProtection",
        false,
      )(resources.map((each) => (each.type === types.tearDownGuard ? { ...each, protect: false } : each))),
    "ELB.1": (resources) =>
      set(types.listener, "web-http", "defaultActions", [{ type: "forward" }])(
        drop(types.listener, "web-https")(resources),
      ),
  };
  it("ELB.5 refuses a balancer without a log that has no passwords to hide", async () => {
    const { registrations } = await recordGraph("dev", false);
    const resources = registrations.map((each) =>
      each.type === types.balancer
        ? { ...each, inputs: { ...each.inputs, accessLogs: { enabled: false } } }
        : each,
    );
    const { findings } = judge(
      rules.find(({ id }) => id === "ELB.5")!,
      new Stack(resources),
    );
    assert.deepEqual(
      findings.map(({ accepted }) => accepted),
      [undefined],
    );
  });

  for (const [id, change] of Object.entries(trials))
    it(`${id} accepts in a trial what it refuses in production`, () => {
      const { findings } = judge(
        rules.find((rule) => rule.id === id)!,
        new Stack(change(recorded)),
      );
      assert.ok(findings.length > 0);
      assert.ok(findings.every(({ accepted }) => accepted));
    });
});
