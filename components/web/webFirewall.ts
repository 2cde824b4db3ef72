import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** Arguments of a {@link WebFirewall}. */
export interface WebFirewallArgs {
  /** What it stands before. */
  readonly balancerArn: pulumi.Input<string>;
  /** How long the log of refused requests is kept, in days. */
  readonly logRetentionDays: number;
}

type Rule = aws.types.input.wafv2.WebAclRule;

/** Groups of rules that AWS keeps: addresses that attack others, requests that use known holes, and what is common to attacks. */
const managed: readonly { readonly name: string; readonly onlyCounted: readonly string[] }[] = [
  { name: "AWSManagedRulesAmazonIpReputationList", onlyCounted: [] },
  { name: "AWSManagedRulesKnownBadInputsRuleSet", onlyCounted: [] },
  // The service bounds bodies itself, and says so in a form that clients understand; scripts may have no user agent.
  { name: "AWSManagedRulesCommonRuleSet", onlyCounted: ["SizeRestrictions_BODY", "NoUserAgent_HEADER"] },
];

/** Where passwords are tried, and where each request costs a hash. */
export const passwordPaths = "^/v1/(signin|signup|session|account/password)$";

/** Of one address in five minutes: a school behind one address gets through, a list of passwords does not. */
const passwordLimit = 300;

/**
 * A web ACL of AWS WAF before the load balancer: rules that AWS keeps, and a limit on how often an address may try passwords.
 * What it refuses is logged, without what would let a reader sign in. The service bounds the same by itself; this is refused
 * before it reaches a host.
 *
 * A month costs $5.00, and $1.00 for each of the four rules; $0.60 for each million requests. Every change of an argument but of the balancer
 * is in place.
 */
export class WebFirewall extends pulumi.ComponentResource {
  constructor(name: string, args: WebFirewallArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:WebFirewall", name, {}, opts);
    const child = { parent: this };
    const acl = new aws.wafv2.WebAcl(
      name,
      {
        scope: "REGIONAL",
        defaultAction: { allow: {} },
        rules: rules(),
        visibilityConfig: seen(name),
        tags: { Name: name },
      },
      child,
    );
    new aws.wafv2.WebAclAssociation(name, { resourceArn: args.balancerArn, webAclArn: acl.arn }, child);
    const log = new aws.cloudwatch.LogGroup(
      `${name}-log`,
      // WAF takes no other.
      { namePrefix: `aws-waf-logs-${name}-`, retentionInDays: args.logRetentionDays },
      child,
    );
    new aws.wafv2.WebAclLoggingConfiguration(
      `${name}-log`,
      {
        resourceArn: acl.arn,
        logDestinationConfigs: [log.arn],
        redactedFields: ["authorization", "cookie"].map((header) => ({ singleHeader: { name: header } })),
        loggingFilter: {
          defaultBehavior: "DROP",
          filters: [
            {
              behavior: "KEEP",
              requirement: "MEETS_ANY",
              conditions: ["BLOCK", "COUNT"].map((action) => ({ actionCondition: { action } })),
            },
          ],
        },
      },
      child,
    );
    this.registerOutputs({});
  }
}

/** Its figures are in CloudWatch, and some of what it refused in the console. */
const seen = (metricName: string) => ({
  cloudwatchMetricsEnabled: true,
  sampledRequestsEnabled: true,
  metricName,
});

function rules(): Rule[] {
  const ofAws = managed.map(({ name, onlyCounted }, priority): Rule => ({
    name,
    priority,
    overrideAction: { none: {} },
    statement: {
      managedRuleGroupStatement: {
        vendorName: "AWS",
        name,
        ruleActionOverrides: onlyCounted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
      },
    },
    visibilityConfig: seen(name),
  }));
  const passwords: Rule = {
    name: "passwords",
    priority: managed.length,
    action: {
      block: {
        customResponse: { responseCode: 429, responseHeaders: [{ name: "retry-after", value: "300" }] },
      },
    },
    statement: {
      rateBasedStatement: {
        // The address that the balancer sees: what a client says of itself does not count.
        aggregateKeyType: "IP",
        limit: passwordLimit,
        evaluationWindowSec: 300,
        scopeDownStatement: {
          regexMatchStatement: {
            regexString: passwordPaths,
            fieldToMatch: { uriPath: {} },
            textTransformations: [{ priority: 0, type: "NONE" }],
          },
        },
      },
    },
    visibilityConfig: seen("passwords"),
  };
  return [...ofAws, passwords];
}
