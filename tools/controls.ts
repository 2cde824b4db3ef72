/** The page of controls: what became of each in each stack. */
import { absentControls, accountControls, declinedControls } from "../policy/elsewhere";
import { type Exception, exceptions } from "../policy/exceptions";
import { judge, rules, type Verdict } from "../policy/judge";
import type { Control, Rule } from "../policy/rule";
import { type Resource, Stack } from "../policy/stack";
import { wildcards } from "../policy/wildcards";
import { table } from "./markdown";

/** Stacks by name. */
export type Stacks = Readonly<Record<string, readonly Resource[]>>;

/** What became of a rule in a stack, in a word or two. */
export function statusOf({ resources, findings }: Verdict): string {
  if (resources === 0) return "not applicable";
  if (findings.length === 0) return "passed";
  if (findings.some(({ accepted }) => !accepted)) return "**failed**";
  const declined = new Set(findings.map(({ resource }) => resource.urn)).size;
  return declined === resources ? "declined" : `declined for ${declined} of ${resources}`;
}

/** The tables of the page. */
export function controlsPage(stacks: Stacks): string {
  const names = Object.keys(stacks);
  const judged = new Map(names.map((name) => [name, new Stack(stacks[name] ?? [])]));
  const verdicts = [...rules]
    .sort(byId)
    .map((rule) => [rule, names.map((name) => judge(rule, judged.get(name) ?? new Stack([])))] as const);
  return [
    "## By resource",
    table(
      ["control", "title", "severity", "CIS", ...names],
      ...verdicts.map(([rule, ofStacks]) => [...head(rule), ...ofStacks.map(statusOf)]),
    ),
    "## Declined, and why",
    table(
      ["control", "where", "reason"],
      ...exceptions.map((exception) => [
        exception.controls.join(", "),
        whereAccepted(exception, verdicts, names),
        exception.reason,
      ]),
      ...declinedControls.map((each) => [`${link(each)}: ${each.title}`, "everywhere", each.reason]),
    ),
    "## About what no stack has",
    "Controls of AWS's foundational practices for the services that stacks use. They are about resources that no stack has, such as VPNs and classic load balancers.",
    table(
      ["control", "title", "severity", "about"],
      ...absentControls.map((each) => [
        link(each),
        each.title,
        each.severity,
        each.types.map((type) => `\`${type.split(":").at(-1) ?? type}\``).join(", "),
      ]),
    ),
    "## The account's own",
    "Settings of an account or a region hold for all that runs there: a stack that made them would take them away with it. An account that is to pass these has them from elsewhere; Security Hub, Checkov and Prowler say whether it does.",
    table(["control", "title", "severity", "CIS"], ...accountControls.map(head)),
    "## Wildcards in policies",
    "Rule Stack.5 refuses every other.",
    table(
      ["actions", "resources", "reason"],
      ...wildcards.map(({ actions, resource, byTag, reason }) => [
        actions.map((action) => `\`${action}\``).join(", "),
        `\`${readable(resource)}\`${byTag ? ", by the stack's tags" : ""}`,
        reason,
      ]),
    ),
  ].join("\n\n");
}

const byId = (one: Control, other: Control) => one.id.localeCompare(other.id, "en", { numeric: true });
const link = ({ id, source }: Control) => `[${id}](${source})`;
const head = (control: Control) => [link(control), control.title, control.severity, control.cis ?? ""];

/** In which stacks an exception accepts something. */
function whereAccepted(
  exception: Exception,
  verdicts: readonly (readonly [Rule, readonly Verdict[]])[],
  names: readonly string[],
): string {
  const accepts = (index: number) =>
    verdicts.some(([, ofStacks]) => ofStacks[index]?.findings.some(({ accepted }) => accepted === exception));
  return names.filter((_, index) => accepts(index)).join(", ");
}

/** A pattern as an ARN with its wildcards. */
function readable({ source }: RegExp): string {
  return source
    .replace(/^\^|\$$/g, "")
    .replace(/\[\^\*\]\+/g, "…")
    .replace(/\\d\+/g, "…")
    .replace(/\\(.)/g, "$1");
}
