/** What an alarm is, before CloudWatch has it: a value that a test can look at. */
import type { types } from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

/** A figure that CloudWatch keeps. */
export interface Figure {
  /** Whose figure it is, such as `AWS/Lambda`. */
  readonly namespace: string;
  readonly metric: string;
  readonly dimensions: Readonly<Record<string, pulumi.Input<string>>>;
  /** What becomes of the values of one period: `Sum`, `Maximum`, `p99` … */
  readonly statistic: string;
}

/** When somebody is told, and what that somebody does first. */
export interface Alarm {
  /** Unique among the alarms of a region. */
  readonly name: string;
  /** What is wrong, as a sentence. */
  readonly meaning: string;
  /** What to do first, as a sentence. */
  readonly firstStep: string;
  /** The figures by the names that `expression` has for them: lower case. */
  readonly figures: Readonly<Record<string, Figure>>;
  /** In CloudWatch's metric math. @default the only figure itself */
  readonly expression?: string;
  readonly comparison: "above" | "atLeast" | "below";
  readonly threshold: number;
  /** Length of a period, in seconds. @default 60 */
  readonly periodSeconds?: number;
  /** How many periods in a row it has to be so. */
  readonly periods: number;
  /** What a period without figures is: as good, as bad as it can be, or not known. */
  readonly silence: "good" | "bad" | "unknown";
}

/** What CloudWatch calls a comparison. */
export const operators: Readonly<Record<Alarm["comparison"], string>> = {
  above: "GreaterThanThreshold",
  atLeast: "GreaterThanOrEqualToThreshold",
  below: "LessThanThreshold",
};

/** What CloudWatch calls the meaning of silence. */
export const silences: Readonly<Record<Alarm["silence"], string>> = {
  good: "notBreaching",
  bad: "breaching",
  unknown: "missing",
};

/** The text of the e-mail, so that whoever is woken up need not look for the page. */
export function describe({ meaning, firstStep }: Pick<Alarm, "meaning" | "firstStep">): string {
  return `${meaning} First: ${firstStep}`;
}

/** The figures of an alarm as CloudWatch asks for them; one of them, or the expression, is what it compares. */
export function queriesOf({
  figures,
  expression,
  periodSeconds = 60,
}: Alarm): types.input.cloudwatch.MetricAlarmMetricQuery[] {
  const asked = Object.entries(figures).map(([id, { namespace, metric, dimensions, statistic }]) => ({
    id,
    metric: {
      namespace,
      metricName: metric,
      dimensions: { ...dimensions },
      period: periodSeconds,
      stat: statistic,
    },
    returnData: expression === undefined,
  }));
  return expression === undefined
    ? asked
    : [...asked, { id: "value", expression, label: "value", returnData: true }];
}
