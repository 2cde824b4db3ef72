/** Reads a stack's configuration, or says everything that is wrong with it at once. */
import * as pulumi from "@pulumi/pulumi";
import { closest, distance } from "fastest-levenshtein";
import * as z from "zod/mini";
import { combinations } from "./combinations";
import { fields, type Values } from "./schema";
import { stackName } from "./stackName";

const schema = z.strictObject(fields).check(
  ...combinations.map(({ reads, problem }) =>
    z.check<Values>(
      ({ value, issues }) => {
        const message = problem(value);
        if (message !== undefined) issues.push({ code: "custom", input: value, message });
      },
      { when: ({ issues }) => !issues.some(({ path }) => reads.some((key) => key === path?.[0])) },
    ),
  ),
);

/**
 * The values of a stack's configuration, as Pulumi hands it over: texts by namespaced key. Throws one error that lists
 * everything that is wrong.
 */
export function readValues(project: string, stack: string, config: Readonly<Record<string, string>>): Values {
  const prefix = `${project}:`;
  const own = Object.entries(config).filter(([key]) => key.startsWith(prefix));
  const given = Object.fromEntries(own.map(([key, value]) => [key.slice(prefix.length), value]));
  const wrongName = stackName(stack);
  const { data, error } = schema.safeParse(given);
  const problems = [
    ...(wrongName === undefined ? [] : [`the stack's name is ${stack}: ${wrongName}`]),
    ...new Set(error?.issues.flatMap((issue) => describe(issue, given))),
  ];
  if (data === undefined || problems.length > 0) {
    const lines = problems.map((problem) => `  - ${problem}.`);
    throw new pulumi.RunError(
      [`The configuration of stack ${stack} is wrong; nothing was changed.`, ...lines].join("\n"),
    );
  }
  return data;
}

function describe(issue: z.core.$ZodIssue, given: Readonly<Record<string, string>>): string[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map(unknownKey);
  const [key] = issue.path;
  return [
    key === undefined ? issue.message : `${String(key)} is ${given[String(key)] ?? ""}: ${issue.message}`,
  ];
}

function unknownKey(key: string): string {
  const lower = key.toLowerCase();
  const known = new Map(Object.keys(fields).map((name) => [name.toLowerCase(), name]));
  const nearest = closest(lower, [...known.keys()]);
  const near = distance(lower, nearest) <= Math.max(2, key.length / 3);
  return `${key} is not a setting: ${near ? `write ${known.get(nearest)}` : "remove it, or see the list in docs/settings.md"}`;
}
