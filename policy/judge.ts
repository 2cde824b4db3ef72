/** What the rules say of a stack. */
import { type Exception, exceptions } from "./exceptions";
import type { Finding, Rule } from "./rule";
import { balancerRules } from "./rules/balancer";
import { hostRules } from "./rules/hosts";
import { identityRules } from "./rules/identity";
import { networkRules } from "./rules/network";
import { observabilityRules } from "./rules/observability";
import { storageRules } from "./rules/storage";
import type { Resource, Stack } from "./stack";

export const rules: readonly Rule[] = [
  ...networkRules,
  ...hostRules,
  ...balancerRules,
  ...storageRules,
  ...identityRules,
  ...observabilityRules,
];

/** A finding, and the exception that accepts it, if one does. */
export interface Judged {
  readonly resource: Resource;
  readonly finding: Finding;
  readonly accepted: Exception | undefined;
}

/** What became of one rule in a stack. */
export interface Verdict {
  readonly rule: Rule;
  /** How many resources it was about. */
  readonly resources: number;
  readonly findings: readonly Judged[];
}

/** Judges a stack by one rule. */
export function judge(rule: Rule, stack: Stack): Verdict {
  const resources = stack.ofType(...rule.types).filter((resource) => rule.applies?.(resource, stack) ?? true);
  const findings = resources.flatMap((resource) =>
    rule.check(resource, stack).map((finding) => ({
      resource,
      finding,
      accepted: exceptions.find(
        ({ controls, when, of }) =>
          controls.includes(rule.id) && (when?.(stack) ?? true) && (of?.(resource, stack) ?? true),
      ),
    })),
  );
  return { rule, resources: resources.length, findings };
}
