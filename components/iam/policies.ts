import * as pulumi from "@pulumi/pulumi";
import { bootReportKey, tierTag } from "../../gate/contract.cjs";

/** One statement of an IAM policy. */
export interface Statement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: "*" | Readonly<Record<string, pulumi.Input<string>>>;
  readonly Action: string | readonly string[];
  readonly Resource?: pulumi.Input<string> | readonly pulumi.Input<string>[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, pulumi.Input<string>>>>>;
}

/** A policy document. */
export function policyDocument(statements: readonly Statement[]): pulumi.Output<string> {
  return pulumi.jsonStringify({ Version: "2012-10-17", Statement: statements });
}

/** Trust policy: instances may take the role. EC2 tells no source, and a role is passed within its account only. */
export function trustInstances(): pulumi.Output<string> {
  return policyDocument([trust("ec2")]);
}

/** Trust policy: functions of this account may take the role. */
export function trustFunctions(accountId: pulumi.Input<string>): pulumi.Output<string> {
  return policyDocument([
    { ...trust("lambda"), Condition: { StringEquals: { "aws:SourceAccount": accountId } } },
  ]);
}

/** Trust policy: flow logs of this account and region may take the role. */
export function trustFlowLogs(region: string, accountId: pulumi.Input<string>): pulumi.Output<string> {
  const arn = pulumi.interpolate`arn:aws:ec2:${region}:${accountId}:vpc-flow-log/*`;
  return policyDocument([
    {
      ...trust("vpc-flow-logs"),
      Condition: { StringEquals: { "aws:SourceAccount": accountId }, ArnLike: { "aws:SourceArn": arn } },
    },
  ]);
}

function trust(service: string): Statement {
  return { Effect: "Allow", Principal: { Service: `${service}.amazonaws.com` }, Action: "sts:AssumeRole" };
}

/** Bucket policy: nothing without TLS. */
export function tlsOnly(bucketArn: pulumi.Input<string>): Statement {
  return {
    Sid: "TlsOnly",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: [bucketArn, pulumi.interpolate`${bucketArn}/*`],
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
}

/** Read the objects under a key, or one object. */
export function readObjects(bucketArn: pulumi.Input<string>, key: pulumi.Input<string>): Statement {
  return { Effect: "Allow", Action: "s3:GetObject", Resource: pulumi.interpolate`${bucketArn}/${key}` };
}

/** Write the objects under a key, or one object. */
export function writeObjects(bucketArn: pulumi.Input<string>, key: pulumi.Input<string>): Statement {
  return { Effect: "Allow", Action: "s3:PutObject", Resource: pulumi.interpolate`${bucketArn}/${key}` };
}

/** Delete the objects under a key, and versions of them. */
export function deleteObjects(bucketArn: pulumi.Input<string>, key: pulumi.Input<string>): Statement {
  return {
    Effect: "Allow",
    Action: ["s3:DeleteObject", "s3:DeleteObjectVersion"],
    Resource: pulumi.interpolate`${bucketArn}/${key}`,
  };
}

/** Without it S3 answers 403, not 404, for a key that does not exist. */
export function listBucket(bucketArn: pulumi.Input<string>): Statement {
  return { Effect: "Allow", Action: "s3:ListBucket", Resource: bucketArn };
}

/** Read the values of these secrets. */
export function readSecrets(...arns: readonly pulumi.Input<string>[]): Statement {
  return { Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: arns };
}

/** Read a secret at one version only: after a rotation its holder reads nothing that is in use. */
export function readSecretVersion(arn: pulumi.Input<string>, versionId: pulumi.Input<string>): Statement {
  return { ...readSecrets(arn), Condition: { StringEquals: { "secretsmanager:VersionId": versionId } } };
}

/** Write to one log group, as a function does. */
export function writeLogs(logGroupArn: pulumi.Input<string>): Statement {
  return {
    Effect: "Allow",
    Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
    Resource: pulumi.interpolate`${logGroupArn}:*`,
  };
}

/** Write figures into one namespace; CloudWatch knows no other resource. */
export function putFigures(namespace: string): Statement {
  return {
    Effect: "Allow",
    Action: "cloudwatch:PutMetricData",
    Resource: "*",
    Condition: { StringEquals: { "cloudwatch:namespace": namespace } },
  };
}

/** Write to one log group, as flow logs do, which look for it first. */
export function deliverFlowLogs(logGroupArn: pulumi.Input<string>): Statement {
  return {
    ...writeLogs(logGroupArn),
    Action: [
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      "logs:DescribeLogGroups",
      "logs:DescribeLogStreams",
    ],
  };
}

/** Bucket policy: load balancers of this account and region may write their access logs. */
export function deliverAccessLogs(
  bucketArn: pulumi.Input<string>,
  region: string,
  accountId: pulumi.Input<string>,
): Statement {
  const arn = pulumi.interpolate`arn:aws:elasticloadbalancing:${region}:${accountId}:loadbalancer/*`;
  return {
    Sid: "AccessLogs",
    Effect: "Allow",
    Principal: { Service: "logdelivery.elasticloadbalancing.amazonaws.com" },
    Action: "s3:PutObject",
    Resource: pulumi.interpolate`${bucketArn}/AWSLogs/${accountId}/*`,
    Condition: { ArnLike: { "aws:SourceArn": arn } },
  };
}

/** Topic policy: alarms of this account and region may publish. */
export function publishAlarms(
  topicArn: pulumi.Input<string>,
  region: string,
  accountId: pulumi.Input<string>,
): Statement {
  return {
    Sid: "Alarms",
    Effect: "Allow",
    Principal: { Service: "cloudwatch.amazonaws.com" },
    Action: "sns:Publish",
    Resource: topicArn,
    Condition: {
      StringEquals: { "aws:SourceAccount": accountId },
      ArnLike: { "aws:SourceArn": pulumi.interpolate`arn:aws:cloudwatch:${region}:${accountId}:alarm:*` },
    },
  };
}

/**
 * What the agent of Session Manager needs: to report that its host is there, and to open the channels of sessions. Not the
 * managed policy AmazonSSMManagedInstanceCore, which reads every parameter of the account.
 */
export function sessionManager(): Statement {
  return {
    Effect: "Allow",
    Action: [
      "ssm:UpdateInstanceInformation",
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ],
    // Channels are no resources to IAM, and the host's own ARN does not exist before the host.
    Resource: "*",
  };
}

/** See the fleet and what happened to it, join it, and set its desired size. Auto scaling's Describe calls cannot be narrowed to resources. */
export function scaleFleet(tier: string): Statement[] {
  return [
    {
      Effect: "Allow",
      Action: [
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeScalingActivities",
      ],
      Resource: "*",
    },
    {
      Effect: "Allow",
      Action: ["autoscaling:CompleteLifecycleAction", "autoscaling:SetDesiredCapacity"],
      Resource: "arn:aws:autoscaling:*:*:autoScalingGroup:*",
      Condition: { StringEquals: { [`autoscaling:ResourceTag/${tierTag}`]: tier } },
    },
  ];
}

/**
 * What the gate function does: read boot reports, start hosts of this stack again, resize its fleets, see
 * their health, and replace those of their hosts that failed to boot.
 */
export function gate(
  bucketArn: pulumi.Input<string>,
  stackTags: Readonly<Record<string, string>>,
): Statement[] {
  const tagged = Object.entries(stackTags).map(([key, value]) => [`aws:ResourceTag/${key}`, value] as const);
  const ofThisStack = { StringEquals: Object.fromEntries(tagged) };
  return [
    readObjects(bucketArn, bootReportKey("*")),
    listBucket(bucketArn),
    {
      Effect: "Allow",
      Action: [
        "autoscaling:DescribeAutoScalingGroups",
        "ec2:DescribeInstances",
        "elasticloadbalancing:DescribeTargetHealth",
      ],
      Resource: "*",
    },
    {
      Effect: "Allow",
      Action: ["ec2:RebootInstances", "ec2:StartInstances"],
      Resource: "arn:aws:ec2:*:*:instance/*",
      Condition: ofThisStack,
    },
    {
      Effect: "Allow",
      Action: ["autoscaling:TerminateInstanceInAutoScalingGroup", "autoscaling:UpdateAutoScalingGroup"],
      Resource: "arn:aws:autoscaling:*:*:autoScalingGroup:*",
      Condition: ofThisStack,
    },
  ];
}
