/** Why some policies cannot name their resources, each reason for some actions and one form of resource. */
import { type PolicyStatement } from "./statements";

/** A wildcard and its reason. */
export interface Wildcard {
  readonly actions: readonly string[];
  /** What the resource looks like. */
  readonly resource: RegExp;
  /** Whether a condition must narrow it to what bears the stack's tags. */
  readonly byTag?: true;
  readonly reason: string;
}

export const wildcards: readonly Wildcard[] = [
  {
    actions: [
      "autoscaling:DescribeAutoScalingGroups",
      "autoscaling:DescribeAutoScalingInstances",
      "autoscaling:DescribeScalingActivities",
      "ec2:DescribeInstances",
      "elasticloadbalancing:DescribeTargetHealth",
    ],
    resource: /^\*$/,
    reason: "IAM knows no resources for these calls, which only read.",
  },
  {
    actions: [
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ],
    resource: /^\*$/,
    reason: "The channels of sessions are no resources to IAM.",
  },
  {
    actions: ["ssm:UpdateInstanceInformation"],
    resource: /^\*$/,
    reason: "The host's own ARN does not exist before the host; the call reports about the caller only.",
  },
  {
    actions: ["cloudwatch:PutMetricData"],
    resource: /^\*$/,
    reason: "Figures are no resources to IAM; a condition names the namespace.",
  },
  {
    actions: ["s3:GetObject"],
    resource: /^arn:aws:s3:::[^/*]+-backups-[^/*]+\/\*$/,
    reason: "A restore reads the repository of an earlier generation, whichever it is.",
  },
  {
    actions: ["s3:PutObject", "s3:DeleteObject"],
    resource: /^arn:aws:s3:::[^/*]+-backups-[^/*]+\/\d+\/\*$/,
    reason: "pgBackRest names the objects of a generation's repository.",
  },
  {
    actions: ["s3:PutObject"],
    resource: /^arn:aws:s3:::[^*]+\/records\/\*\.json$/,
    reason: "One record for each kind of work of the database host.",
  },
  {
    actions: [
      "autoscaling:CompleteLifecycleAction",
      "autoscaling:SetDesiredCapacity",
      "autoscaling:TerminateInstanceInAutoScalingGroup",
      "autoscaling:UpdateAutoScalingGroup",
    ],
    resource: /^arn:aws:autoscaling:\*:\*:autoScalingGroup:\*$/,
    byTag: true,
    reason: "Each roll-out makes a group of another name; its tags say whose it is.",
  },
  {
    actions: ["ec2:RebootInstances", "ec2:StartInstances"],
    resource: /^arn:aws:ec2:\*:\*:instance\/\*$/,
    byTag: true,
    reason:
      "The gate is there before the hosts that it starts again, in both regions; their tags say whose they are.",
  },
  {
    actions: ["s3:GetObject", "s3:PutObject"],
    resource: /^arn:aws:s3:::[^*]+\/accounts\/\*$/,
    reason: "One object for each account.",
  },
  {
    actions: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"],
    resource: /^arn:aws:s3:::[^*]+\/activity\/\*$/,
    reason: "Events that wait for the database, an object for each batch, which whoever moved them deletes.",
  },
  {
    actions: ["s3:GetObject"],
    resource: /^arn:aws:s3:::[^*]+\/boot\/\*\.json$/,
    reason: "The gate reads the report of whatever host it is asked about.",
  },
  {
    actions: ["s3:PutObject"],
    resource: /^arn:aws:s3:::[^*]+\/AWSLogs\/\d+\/\*$/,
    reason: "The balancer names its log files after the time.",
  },
  {
    actions: [
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      "logs:DescribeLogGroups",
      "logs:DescribeLogStreams",
    ],
    resource: /^arn:aws:logs:[^*]+:log-group:[^*]+:\*$/,
    reason: "The streams of one log group, which the service that writes them names.",
  },
  {
    actions: ["s3:GetObject", "s3:PutObject"],
    resource: /^arn:aws:s3:::[^*]+\/tls\/postgres\.[a-z0-9.-]+-ca-\*\.pem$/,
    reason:
      "The database's certificate authorities, by number: a policy that named one would change with each rotation.",
  },
];

/** Why a statement may allow an action on a resource with a wildcard; undefined if nobody has said so. */
export function reasonFor(
  action: string,
  resource: string,
  { Condition }: PolicyStatement,
): Wildcard | undefined {
  const isNarrowed = Object.keys(Condition?.["StringEquals"] ?? {}).some((key) =>
    key.includes("ResourceTag/"),
  );
  return wildcards.find(
    (wildcard) =>
      wildcard.actions.includes(action) &&
      wildcard.resource.test(resource) &&
      (!wildcard.byTag || isNarrowed),
  );
}
