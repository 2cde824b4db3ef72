/** Findings that the project accepts, with the reason. Each is tied to what a stack is, so that no other stack gets away with it. */
import { type Resource, type Stack, valueAt } from "./stack";
import { allowedActions, policiesOfHost } from "./statements";
import { types } from "./types";
import { scriptOf } from "./userData";

/** Why findings of some controls are accepted. */
export interface Exception {
  readonly controls: readonly string[];
  readonly reason: string;
  /** In which stacks. @default all */
  readonly when?: (stack: Stack) => boolean;
  /** For which resources. @default all */
  readonly of?: (resource: Resource, stack: Stack) => boolean;
}

/** With egress `public`. */
const hasNoNatGateway = (stack: Stack) => stack.ofType(types.natGateway).length === 0;

/** Without the setting `protect`. */
const isUnprotected = (stack: Stack) => !stack.ofType(types.tearDownGuard).some(({ protect }) => protect);

/** With the setting `allowHttp`. */
const hasNoHttps = (stack: Stack) =>
  !stack.ofType(types.listener).some(({ inputs }) => inputs["protocol"] === "HTTPS");

/** Without the setting `sessionManager`. */
const hasNoSessions = (stack: Stack) =>
  !stack
    .ofType(types.rolePolicy)
    .some((policy) => allowedActions(policy).includes("ssm:UpdateInstanceInformation"));

/** With the setting `legacyRoutes`, which a stack with a domain name may not have; a preview does not know what hosts are told. */
const servesLegacyRoutes = (stack: Stack) =>
  hasNoHttps(stack) &&
  stack
    .ofType(types.launchTemplate)
    .some(
      ({ inputs: { userData } }) =>
        typeof userData !== "string" || scriptOf(userData).includes("\nexport LEGACY_ROUTES='true'\n"),
    );

/** Without the setting `webFirewall`. */
const hasNoWebAcl = (stack: Stack) => stack.ofType(types.webAcl).length === 0;

/** A host that runs one script, and is stopped. */
const runsOnce = (host: Resource, stack: Stack) =>
  stack.referringTo(host, types.instanceState, "instanceId").length > 0;

export const exceptions: readonly Exception[] = [
  {
    controls: ["EC2.9", "EC2.15", "EC2.25"],
    when: hasNoNatGateway,
    reason:
      "Egress `public` is for trials: NAT gateways would double the price of dev. No rule lets anybody reach the addresses.",
  },
  {
    controls: ["ELB.1", "ELB.18"],
    when: hasNoHttps,
    reason: "`allowHttp` is for trials without a domain name; every `up` warns of it.",
  },
  {
    controls: ["ELB.18"],
    of: ({ inputs }) => valueAt(inputs, "defaultActions.0.redirect.protocol") === "HTTPS",
    reason: "It carries nothing: it sends clients on to HTTPS, as ELB.1 wants it.",
  },
  {
    controls: ["ELB.21", "ELB.22"],
    reason:
      "A balancer verifies no certificate of a target. Hosts are reached within the VPC only, and by nobody but the balancer.",
  },
  {
    controls: ["ELB.5"],
    when: servesLegacyRoutes,
    reason: "`legacyRoutes` is for trials: its paths hold passwords, which a log would keep.",
  },
  {
    controls: ["ELB.6", "Stack.1"],
    when: isUnprotected,
    reason: "Without `protect` a stack is meant to be taken down again.",
  },
  {
    controls: ["Stack.4"],
    when: isUnprotected,
    reason: "Without `protect` a stack is meant to be made again at once, under the same names.",
  },
  {
    controls: ["SSM.1"],
    of: runsOnce,
    reason: "A host that runs one script reports by itself; an agent of it would end up in the image.",
  },
  {
    controls: ["SSM.1"],
    when: hasNoSessions,
    of: (host, stack) => !runsOnce(host, stack) && policiesOfHost(host, stack).length > 0,
    reason: "The setting `sessionManager` is off.",
  },
  {
    controls: ["EC2.4"],
    reason:
      "Builder and release host are stopped, not gone, until the next ones take their place: terminated ones would be made again by every `up`.",
  },
  {
    controls: ["EC2.28"],
    reason:
      "A snapshot is taken before the database host is replaced; there is no schedule yet, nor a backup plan of the account's AWS Backup.",
  },
  {
    controls: ["CKV_AWS_126"],
    of: ({ type }) => type === types.instance,
    reason:
      "Scaling needs the web hosts' figures by the minute; nothing acts on those of the other hosts ($2.10 a month each).",
  },
  {
    controls: ["ELB.16"],
    when: hasNoWebAcl,
    reason:
      "Without the setting `webFirewall`: a web ACL costs $5 a month and $1 for each rule. What it would do here the service does itself: it bounds bodies, deadlines and failed sign-ins.",
  },
  {
    controls: ["AutoScaling.6"],
    reason: "One type, so that the load at which the fleet scales means the same on every host.",
  },
  {
    controls: ["S3.7"],
    reason:
      "Accounts are versioned within their region. The other buckets hold logs, reports, and what a deployment makes again.",
  },
  {
    controls: ["S3.9"],
    reason:
      "The hosts' own log names each request; a log of the bucket would repeat it, hours later, and hold logins as keys.",
  },
  {
    controls: ["S3.14"],
    of: ({ name }) => !/-(accounts|backups)$/.test(name),
    reason: "Logs and reports are written once, and an archive's name is its content's hash.",
  },
  {
    controls: ["S3.15"],
    of: ({ name }) => !name.endsWith("-backups"),
    reason: "Accounts must be deletable, on the wish of whoever they are of.",
  },
  {
    controls: ["S3.17", "CKV_AWS_158"],
    reason:
      "AWS's own keys encrypt everything. A customer key is $1 a month each and one more thing to lose: it protects from those who may read the bucket but not the key, of whom there are none.",
  },
  {
    controls: ["CKV_AWS_26"],
    reason:
      "What an alarm says is no secret. Alarms cannot tell a topic with AWS's own key, and a customer key is $1 a month for each region.",
  },
  {
    controls: ["CloudWatch.16"],
    reason:
      "How long logs are kept is a setting, `logRetentionDays`: flow logs hold addresses of people, and cost money.",
  },
  {
    controls: ["Lambda.3"],
    reason:
      "The gate asks AWS's APIs only. In a VPC it would need a way out, and would wait for the network that it waits for.",
  },
  {
    controls: ["SecretsManager.1", "SecretsManager.4"],
    reason:
      "A rotation is a roll-out that the gate watches, started by a setting (see docs/operations.md): by a clock it would be one that nobody watches.",
  },
];
