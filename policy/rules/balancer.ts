/** Rules for the load balancer and the group behind it. */
import { check, checkov, control, inEach, mustBe, mustHave, type Rule } from "../rule";
import { isUnknown, type Resource, valueAt } from "../stack";
import { types } from "../types";

const isEncrypted = ({ inputs }: Resource) => ["HTTPS", "TLS"].includes(String(inputs["protocol"]));

/** Whether a listener does nothing but send clients on to HTTPS. */
const redirects = ({ inputs }: Resource) =>
  valueAt(inputs, "defaultActions.0.redirect.protocol") === "HTTPS" || isUnknown(inputs["defaultActions"]);

const severalZones = (resource: Resource, property: string) =>
  check(resource, property, (value) => Array.isArray(value) && value.length >= 2);

export const balancerRules: readonly Rule[] = [
  control("ELB.1", {
    title: "Application Load Balancer should be configured to redirect all HTTP requests to HTTPS",
    severity: "medium",
    types: [types.listener],
    applies: (listener) => !isEncrypted(listener),
    remedy: "Redirect to HTTPS (setting domainName).",
    check: (listener) => check(listener, "defaultActions", () => redirects(listener)),
  }),
  control("ELB.4", {
    title: "Application Load Balancer should be configured to drop invalid http headers",
    severity: "medium",
    types: [types.balancer],
    remedy: "Set dropInvalidHeaderFields to true.",
    check: (balancer) => mustBe(balancer, "dropInvalidHeaderFields", true),
  }),
  control("ELB.5", {
    title: "Application and Classic Load Balancers logging should be enabled",
    severity: "medium",
    types: [types.balancer],
    remedy: "Set accessLogs, with a bucket.",
    check: (balancer) => mustBe(balancer, "accessLogs.enabled", true),
  }),
  control("ELB.6", {
    title: "Application, Gateway, and Network Load Balancers should have deletion protection enabled",
    severity: "medium",
    types: [types.balancer],
    remedy: "Set enableDeletionProtection to true (setting protect).",
    check: (balancer) => mustBe(balancer, "enableDeletionProtection", true),
  }),
  control("ELB.12", {
    title:
      "Application Load Balancer should be configured with defensive or strictest desync mitigation mode",
    severity: "medium",
    types: [types.balancer],
    remedy: 'Set desyncMitigationMode to "defensive" or "strictest".',
    check: (balancer) =>
      check(balancer, "desyncMitigationMode", (mode) => ["defensive", "strictest"].includes(String(mode))),
  }),
  control("ELB.13", {
    title: "Application, Network and Gateway Load Balancers should span multiple Availability Zones",
    severity: "medium",
    types: [types.balancer],
    remedy: "Give it subnets in two zones.",
    check: (balancer) => severalZones(balancer, "subnets"),
  }),
  control("ELB.16", {
    title: "Application Load Balancers should be associated with an AWS WAF web ACL",
    severity: "medium",
    types: [types.balancer],
    remedy: "Associate a web ACL.",
    check: (balancer, stack) =>
      mustHave("its WebAclAssociation", stack.referringTo(balancer, types.webAclAssociation, "resourceArn")),
  }),
  control("WAF.10", {
    title: "AWS WAF web ACLs should have at least one rule or rule group",
    severity: "medium",
    types: [types.webAcl],
    remedy: "Give it a rule.",
    check: (acl) => check(acl, "rules", (rules) => Array.isArray(rules) && rules.length > 0),
  }),
  control("WAF.11", {
    title: "AWS WAF web ACL logging should be enabled",
    severity: "low",
    types: [types.webAcl],
    remedy: "Give it a WebAclLoggingConfiguration.",
    check: (acl, stack) =>
      mustHave("its WebAclLoggingConfiguration", stack.referringTo(acl, types.webAclLogging, "resourceArn")),
  }),
  control("WAF.12", {
    title: "AWS WAF rules should have CloudWatch metrics enabled",
    severity: "medium",
    types: [types.webAcl],
    remedy: "Set cloudwatchMetricsEnabled in the visibilityConfig of each rule.",
    check: (acl) =>
      inEach(acl, "rules", (rule) => mustBe(acl, `${rule}.visibilityConfig.cloudwatchMetricsEnabled`, true)),
  }),
  control("ELB.17", {
    title: "Application and Network Load Balancers with listeners should use recommended security policies",
    severity: "medium",
    types: [types.listener],
    applies: isEncrypted,
    remedy: "Take a policy of TLS 1.3, and of 1.2 at most beside it.",
    check: (listener) =>
      check(listener, "sslPolicy", (policy) =>
        /^ELBSecurityPolicy-TLS13-1-(3|2(-Res)?)(-FIPS)?(-PQ)?-\d{4}-\d{2}$/.test(String(policy)),
      ),
  }),
  control("ELB.18", {
    title:
      "Application and Network Load Balancer listeners should use secure protocols to encrypt data in transit",
    severity: "medium",
    types: [types.listener],
    remedy: "Listen with HTTPS (setting domainName).",
    check: (listener) => check(listener, "protocol", () => isEncrypted(listener)),
  }),
  control("ELB.21", {
    title: "Application and Network Load Balancer target groups should use encrypted health check protocols",
    severity: "medium",
    types: [types.targetGroup],
    remedy: 'Set healthCheck.protocol to "HTTPS".',
    check: (group) => mustBe(group, "healthCheck.protocol", "HTTPS"),
  }),
  control("ELB.22", {
    title: "ELB target groups should use encrypted transport protocols",
    severity: "medium",
    types: [types.targetGroup],
    remedy: 'Set protocol to "HTTPS" or "TLS".',
    check: (group) => check(group, "protocol", () => isEncrypted(group)),
  }),
  {
    id: "CKV_AWS_261",
    title: "Target groups have a health check of their own",
    severity: "medium",
    source: checkov,
    types: [types.targetGroup],
    remedy: "Set healthCheck.path to one that the application answers when it can serve.",
    check: (group) => check(group, "healthCheck.path", (value) => typeof value === "string" && value !== "/"),
  },
  control("AutoScaling.1", {
    title: "Amazon EC2 Auto Scaling groups associated with a load balancer should use ELB health checks",
    severity: "low",
    types: [types.group],
    remedy: 'Set healthCheckType to "ELB".',
    check: (group) => mustBe(group, "healthCheckType", "ELB"),
  }),
  control("AutoScaling.2", {
    title: "Amazon EC2 Auto Scaling group should cover multiple Availability Zones",
    severity: "medium",
    types: [types.group],
    remedy: "Name subnets in two zones.",
    check: (group) => severalZones(group, "vpcZoneIdentifiers"),
  }),
  control("AutoScaling.3", {
    title:
      "Amazon EC2 Auto Scaling group launch configurations should configure EC2 instances to require Instance Metadata Service Version 2 (IMDSv2)",
    severity: "high",
    types: [types.launchConfiguration],
    remedy: "Use a launch template instead.",
    check: (configuration) => mustBe(configuration, "metadataOptions.httpTokens", "required"),
  }),
  control("AutoScaling.5", {
    title:
      "Amazon EC2 instances launched using Amazon EC2 Auto Scaling group launch configurations should not have Public IP addresses",
    severity: "high",
    types: [types.launchConfiguration],
    remedy: "Use a launch template instead.",
    check: (configuration) => mustBe(configuration, "associatePublicIpAddress", false),
  }),
  control("AutoScaling.6", {
    title: "Amazon EC2 Auto Scaling groups should use multiple instance types in multiple Availability Zones",
    severity: "medium",
    types: [types.group],
    remedy: "Set mixedInstancesPolicy.",
    check: (group) => check(group, "mixedInstancesPolicy", (value) => value !== undefined),
  }),
  control("AutoScaling.9", {
    title: "Amazon EC2 Auto Scaling groups should use Amazon EC2 launch templates",
    severity: "medium",
    types: [types.group],
    remedy: "Set launchTemplate.",
    check: (group) =>
      check(group, "launchTemplate", (value) => isUnknown(value) || value !== undefined).concat(
        check(group, "launchConfiguration", (value) => value === undefined),
      ),
  }),
];
