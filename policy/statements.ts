/** The statements of policy documents in a stack, and the policies of its hosts. */
import { isProperties } from "../local/engine/properties";
import type { Resource, Stack } from "./stack";
import { types } from "./types";

/** A statement, as IAM reads it. */
export interface PolicyStatement {
  readonly Effect: string;
  readonly Principal?: unknown;
  readonly Action?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** One or several, as a list. */
export const listOf = (value: string | readonly string[] | undefined): readonly string[] =>
  typeof value === "string" ? [value] : (value ?? []);

/** The statements of the document in a property; none while it is not known. */
export function statementsOf({ inputs }: Resource, property: string): readonly PolicyStatement[] {
  const document = inputs[property];
  if (typeof document !== "string") return [];
  const parsed: unknown = JSON.parse(document);
  const statements = isProperties(parsed) ? parsed["Statement"] : undefined;
  return (Array.isArray(statements) ? statements : [statements]) as PolicyStatement[];
}

/** The actions that a role's policy allows. */
export function allowedActions(policy: Resource): string[] {
  return statementsOf(policy, "policy")
    .filter(({ Effect }) => Effect === "Allow")
    .flatMap(({ Action }) => listOf(Action));
}

/** The policies of the role that a host's instance profile carries. */
export function policiesOfHost(host: Resource, stack: Stack): Resource[] {
  return stack
    .referredBy(host, "iamInstanceProfile")
    .filter(({ type }) => type === types.instanceProfile)
    .flatMap((profile) => stack.referredBy(profile, "role"))
    .flatMap((role) => stack.referringTo(role, types.rolePolicy, "role"));
}
