/** Rules for instances, what they start from, and their disks. */
import { check, checkov, control, type Finding, inEach, mustBe, mustHave, type Rule } from "../rule";
import { isUnknown, lengthAt, type Resource, type Stack, valueAt } from "../stack";
import { types } from "../types";
import { allowedActions, policiesOfHost } from "../statements";
import { messageOf } from "../userData";

/** Whether a host gets a public address: what it does not say itself, its subnet decides. */
function publicAddress(instance: Resource, stack: Stack): readonly Finding[] {
  if (instance.inputs["associatePublicIpAddress"] !== undefined)
    return mustBe(instance, "associatePublicIpAddress", false);
  return stack
    .referredBy(instance, "subnetId")
    .filter(({ inputs }) => inputs["mapPublicIpOnLaunch"] === true)
    .map(({ name }) => ({ property: "subnetId", found: `is of ${name}, which gives public addresses` }));
}

/** What no user data may hold: whoever may describe an instance can read it. */
const credentials =
  /\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|(password|secret_?key)=['"]?\w{8}/i;

function userDataText(userData: string): string {
  try {
    return messageOf(userData);
  } catch {
    // Whatever form it has, a plain value would show in it as it is, or once decoded.
    return `${userData}\n${Buffer.from(userData, "base64").toString()}`;
  }
}

/** Where a group names the version of its launch template. */
const versionOf = ({ inputs }: Resource): string | undefined =>
  [
    ["launchTemplate", "launchTemplate.version"],
    ["mixedInstancesPolicy", "mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.version"],
  ].find(([property = ""]) => valueAt(inputs, property) !== undefined)?.[1];

export const hostRules: readonly Rule[] = [
  control("EC2.1", {
    title: "Amazon EBS snapshots should not be publicly restorable",
    severity: "critical",
    types: [types.snapshot, types.image],
    remedy: "Share it with nobody.",
    check: (shared, stack) =>
      [
        ...stack.referringTo(shared, types.snapshotPermission, "snapshotId"),
        ...stack.referringTo(shared, types.imagePermission, "imageId"),
      ].map(({ name }) => ({ property: name, found: "shares it" })),
  }),
  control("EC2.3", {
    title: "Attached Amazon EBS volumes should be encrypted at-rest",
    severity: "medium",
    types: [types.instance, types.volume],
    remedy: "Set encrypted to true.",
    check: (resource) =>
      resource.type === types.volume
        ? mustBe(resource, "encrypted", true)
        : [
            ...mustBe(resource, "rootBlockDevice.encrypted", true),
            ...inEach(resource, "ebsBlockDevices", (item) => mustBe(resource, `${item}.encrypted`, true)),
          ],
  }),
  control("EC2.4", {
    title: "Stopped EC2 instances should be removed after a specified time period",
    severity: "medium",
    types: [types.instance],
    remedy: "Terminate what has done its work.",
    check: (instance, stack) =>
      stack
        .referringTo(instance, types.instanceState, "instanceId")
        .flatMap((state) => check(state, "state", (value) => value !== "stopped")),
  }),
  control("EC2.8", {
    title: "EC2 instances should use Instance Metadata Service Version 2 (IMDSv2)",
    severity: "high",
    cis: "5.7",
    types: [types.instance],
    remedy: 'Set metadataOptions.httpTokens to "required".',
    check: (instance) => mustBe(instance, "metadataOptions.httpTokens", "required"),
  }),
  control("EC2.9", {
    title: "Amazon EC2 instances should not have a public IPv4 address",
    severity: "high",
    types: [types.instance],
    remedy: "Put it into a private subnet (setting egress).",
    check: publicAddress,
  }),
  control("EC2.17", {
    title: "Amazon EC2 instances should not use multiple ENIs",
    severity: "low",
    types: [types.instance, types.launchTemplate],
    remedy: "Give it one network interface.",
    check: (host) =>
      lengthAt(host, "networkInterfaces") > 1
        ? [{ property: "networkInterfaces", found: "has several" }]
        : [],
  }),
  control("EC2.24", {
    title: "Amazon EC2 paravirtual instance types should not be used",
    severity: "medium",
    types: [types.instance, types.launchTemplate],
    remedy: "Take a type of the Nitro system.",
    check: (host) =>
      check(host, "instanceType", (type) => !/^(c1|c3|hi1|hs1|m1|m2|m3|t1)\./.test(String(type))),
  }),
  control("EC2.25", {
    title: "Amazon EC2 launch templates should not assign public IPs to network interfaces",
    severity: "high",
    types: [types.launchTemplate],
    remedy: "Put the hosts into private subnets (setting egress).",
    check: (template) =>
      inEach(template, "networkInterfaces", (item) =>
        check(template, `${item}.associatePublicIpAddress`, (value) => String(value) !== "true"),
      ),
  }),
  control("EC2.28", {
    title: "EBS volumes should be covered by a backup plan",
    severity: "low",
    types: [types.volume],
    remedy: "Back the volume up on a schedule.",
    check: () => mustHave("a backup plan", []),
  }),
  control("EC2.170", {
    title: "EC2 launch templates should use Instance Metadata Service Version 2 (IMDSv2)",
    severity: "low",
    types: [types.launchTemplate],
    remedy: 'Set metadataOptions.httpTokens to "required".',
    check: (template) => mustBe(template, "metadataOptions.httpTokens", "required"),
  }),
  control("EC2.180", {
    title: "EC2 network interfaces should have source/destination checking enabled",
    severity: "medium",
    types: [types.instance],
    remedy: "Leave sourceDestCheck on: only a router needs it off.",
    check: (instance) => check(instance, "sourceDestCheck", (value) => value !== false),
  }),
  control("EC2.181", {
    title: "EC2 launch templates should enable encryption for attached EBS volumes",
    severity: "medium",
    types: [types.launchTemplate],
    remedy: "Set ebs.encrypted to true for each volume.",
    check: (template) => [
      ...check(template, "blockDeviceMappings", (list) => Array.isArray(list) && list.length > 0),
      ...inEach(template, "blockDeviceMappings", (item) => mustBe(template, `${item}.ebs.encrypted`, true)),
    ],
  }),
  control("SSM.1", {
    title: "Amazon EC2 instances should be managed by AWS Systems Manager",
    severity: "medium",
    types: [types.instance, types.launchTemplate],
    remedy: "Let its role register it (setting sessionManager).",
    check: (host, stack) => {
      const policies = policiesOfHost(host, stack);
      if (policies.some(({ inputs }) => isUnknown(inputs["policy"]))) return [];
      const actions = policies.flatMap(allowedActions);
      return mustHave(
        "ssm:UpdateInstanceInformation in its role",
        actions.filter((action) => action === "ssm:UpdateInstanceInformation"),
      );
    },
  }),
  {
    id: "CKV_AWS_46",
    title: "User data holds no credentials",
    severity: "critical",
    source: checkov,
    types: [types.instance, types.launchTemplate],
    remedy: "Have the host read them from Secrets Manager with its role.",
    check: (host) =>
      ["userData", "userDataBase64"]
        .flatMap((name) =>
          check(host, name, (value) => typeof value !== "string" || !credentials.test(userDataText(value))),
        )
        // Not what is there: the finding is printed.
        .map(({ property }) => ({ property, found: "holds what looks like a credential" })),
  },
  {
    id: "CKV_AWS_126",
    title: "Hosts have detailed monitoring",
    severity: "low",
    source: checkov,
    types: [types.instance, types.launchTemplate],
    remedy: "Turn it on: monitoring of an instance, monitoring.enabled of a template.",
    check: (host) => mustBe(host, host.type === types.instance ? "monitoring" : "monitoring.enabled", true),
  },
  {
    id: "CKV_AWS_341",
    title: "Metadata tokens go one hop at most, so that containers behind a host get none",
    severity: "high",
    source: checkov,
    types: [types.instance, types.launchTemplate],
    remedy: "Set metadataOptions.httpPutResponseHopLimit to 1.",
    check: (host) => mustBe(host, "metadataOptions.httpPutResponseHopLimit", 1),
  },
  {
    id: "Stack.1",
    title: "Hosts that hold data cannot be terminated by hand",
    severity: "medium",
    source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_ChangingDisableAPITermination.html",
    types: [types.instance],
    applies: (instance, stack) => stack.referringTo(instance, types.instanceState, "instanceId").length === 0,
    remedy: "Set disableApiTermination to true (setting protect).",
    check: (instance) => mustBe(instance, "disableApiTermination", true),
  },
  {
    id: "Stack.2",
    title: "A group names a version of its launch template by number, so that a roll-out is a change",
    severity: "medium",
    source: "https://docs.aws.amazon.com/autoscaling/ec2/userguide/launch-templates.html",
    types: [types.group],
    applies: (group) => versionOf(group) !== undefined,
    remedy: "Name the version that the template's output gives, never $Latest or $Default.",
    check: (group) => check(group, versionOf(group) ?? "", (value) => /^\d+$/.test(String(value))),
  },
  {
    id: "Stack.3",
    title: "Hosts are replaced before they grow old",
    severity: "low",
    source: "https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-max-instance-lifetime.html",
    types: [types.group],
    remedy: "Set maxInstanceLifetime.",
    check: (group) => check(group, "maxInstanceLifetime", (value) => value !== undefined),
  },
];
