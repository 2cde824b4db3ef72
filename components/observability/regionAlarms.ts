import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { policyDocument, publishAlarms } from "../iam/policies";
import { type Alarm, describe, operators, queriesOf, silences } from "./alarm";

/** Arguments of {@link RegionAlarms}. */
export interface RegionAlarmsArgs {
  readonly region: string;
  readonly alarms: readonly Alarm[];
  /** Who is told, by e-mail. @default nobody: subscribe to the topic by other means */
  readonly email?: string;
}

/**
 * The alarms of one region, and the topic that they tell: both what has gone wrong and that it is over. Alarms and topics are of
 * one region, and an alarm tells no topic of another one. Whoever is told by e-mail gets a mail first that asks for consent.
 *
 * A month costs $0.10 for each figure that an alarm looks at: $2.60 in dev and $2.70 in prod. Every change of an argument is in
 * place, but another address is another subscription.
 */
export class RegionAlarms extends pulumi.ComponentResource {
  readonly topicArn: pulumi.Output<string>;
  /** ARNs of the alarms. */
  readonly arns: readonly pulumi.Output<string>[];

  constructor(name: string, args: RegionAlarmsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:RegionAlarms", name, {}, opts);
    validate(args);
    const child = { parent: this };
    const topic = new aws.sns.Topic(name, { tags: { Name: name } }, child);
    const { accountId } = aws.getCallerIdentityOutput({}, child);
    const policy = new aws.sns.TopicPolicy(
      `${name}-policy`,
      { arn: topic.arn, policy: policyDocument([publishAlarms(topic.arn, args.region, accountId)]) },
      child,
    );
    if (args.email !== undefined)
      new aws.sns.TopicSubscription(
        `${name}-email`,
        { topic: topic.arn, protocol: "email", endpoint: args.email },
        child,
      );
    this.arns = args.alarms.map(
      (alarm) =>
        new aws.cloudwatch.MetricAlarm(
          `${name}-${alarm.name}`,
          {
            alarmDescription: describe(alarm),
            metricQueries: queriesOf(alarm),
            comparisonOperator: operators[alarm.comparison],
            threshold: alarm.threshold,
            evaluationPeriods: alarm.periods,
            treatMissingData: silences[alarm.silence],
            alarmActions: [topic.arn],
            okActions: [topic.arn],
          },
          { ...child, dependsOn: policy },
        ).arn,
    );
    this.topicArn = topic.arn;
    this.registerOutputs({ topicArn: this.topicArn });
  }
}

function validate({ alarms }: RegionAlarmsArgs): void {
  const names = alarms.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    const reason = `There are two alarms named ${twice}.`;
    throw new pulumi.InputPropertyError({ propertyPath: "alarms", reason });
  }
}
