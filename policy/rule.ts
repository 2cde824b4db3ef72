/** Rules over a stack's resources, and what they find. */
import { isUnknown, lengthAt, type Resource, type Stack, valueAt } from "./stack";

/** As AWS rates its controls. */
export type Severity = "low" | "medium" | "high" | "critical";

/** A way in which a resource breaks a rule. */
export interface Finding {
  /** Path of the property, or what the resource lacks. */
  readonly property: string;
  /** What is there, as the end of a sentence: `is "optional"`. */
  readonly found: string;
}

/** What an author asks of a deployment. */
export interface Control {
  /** As its author names it: `EC2.8` is AWS's, `CKV_AWS_23` Checkov's, `ec2_…` Prowler's, `Stack.1` this project's own. */
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** Where the control is described. */
  readonly source: string;
  /** Number in the CIS AWS Foundations Benchmark 5.0. @default it has none */
  readonly cis?: string;
}

/** A control that can be decided from a stack's resources. */
export interface Rule extends Control {
  /** What to do about a finding. */
  readonly remedy: string;
  /** Types of the resources that it judges. */
  readonly types: readonly string[];
  /** Which of them. @default all */
  readonly applies?: (resource: Resource, stack: Stack) => boolean;
  /** What is wrong with one of them. A value that is not known yet is not. */
  readonly check: (resource: Resource, stack: Stack) => readonly Finding[];
}

/** Where Security Hub describes a control of its own. */
export function securityHub(id: string): string {
  const [service = "", number = ""] = id.toLowerCase().split(".");
  return `https://docs.aws.amazon.com/securityhub/latest/userguide/${service}-controls.html#${service}-${number}`;
}

/** Where Checkov lists its checks. */
export const checkov = "https://www.checkov.io/5.Policy%20Index/terraform.html";

/** A control of Security Hub as a rule. */
export function control(id: string, rest: Omit<Rule, "id" | "source">): Rule {
  return { id, source: securityHub(id), ...rest };
}

const shown = (value: unknown) => (value === undefined ? "is not set" : `is ${JSON.stringify(value)}`);

/** A finding unless the value at a path passes; one that is not known passes. */
export function check(
  resource: Resource,
  property: string,
  passes: (value: unknown) => boolean,
): readonly Finding[] {
  const value = valueAt(resource.inputs, property);
  return isUnknown(value) || passes(value) ? [] : [{ property, found: shown(value) }];
}

/** A finding unless the value at a path is the one that is wanted. Launch templates have their flags as text. */
export function mustBe(resource: Resource, property: string, wanted: string | number | boolean) {
  return check(resource, property, (value) => value === wanted || value === String(wanted));
}

/** The findings in each item of a list. */
export function inEach(
  resource: Resource,
  list: string,
  find: (item: string) => readonly Finding[],
): readonly Finding[] {
  return Array.from({ length: lengthAt(resource, list) }, (_, index) => find(`${list}.${index}`)).flat();
}

/** A finding that names what a resource lacks, unless it is there. */
export function mustHave(what: string, companions: readonly unknown[]): readonly Finding[] {
  return companions.length > 0 ? [] : [{ property: what, found: "is missing" }];
}

/** A finding in the words of an operator. */
export function describe(rule: Rule, resource: Resource, { property, found }: Finding): string {
  return `[${rule.id}] ${resource.name} (${resource.type}): ${property} ${found}. ${rule.remedy} Severity ${rule.severity}, ${rule.source}`;
}
