/** How long a deployment takes, and what makes it take so long, from the dependencies of its resources. */
import type { Registration } from "../local/engine/program";
import { inOrder, type Needs } from "./dag";
import { type Duration, durations, waits } from "./durations";

/** What of a resource decides when it is there. */
export type Timed = Pick<Registration, "type" | "name" | "urn" | "custom" | "inputs" | "dependencies">;

/** A piece of work, in seconds from the start. */
export interface Step {
  readonly start: number;
  readonly end: number;
  /** The piece that it waited for longest; undefined if it waited for nothing. */
  readonly after: string | undefined;
}

/** Each piece as early as what it needs allows. Pieces that have no duration take none. */
export function schedule(needs: Needs, seconds: ReadonlyMap<string, number>): Map<string, Step> {
  const steps = new Map<string, Step>();
  for (const piece of inOrder(needs)) {
    let after: string | undefined;
    let start = 0;
    for (const needed of needs.get(piece) ?? []) {
      const end = steps.get(needed)?.end ?? 0;
      if (after !== undefined && end <= start) continue;
      [after, start] = [needed, end];
    }
    steps.set(piece, { start, end: start + (seconds.get(piece) ?? 0), after });
  }
  return steps;
}

/** The pieces that make the whole as long as it is, first to last, without those that take no time. */
export function criticalPath(steps: ReadonlyMap<string, Step>): string[] {
  const path: string[] = [];
  let last: string | undefined;
  for (const [piece, { end }] of steps)
    if (last === undefined || end > (steps.get(last)?.end ?? 0)) last = piece;
  for (let at = last; at !== undefined; at = steps.get(at)?.after) path.unshift(at);
  return path.filter((piece) => lengthOf(steps.get(piece)) > 0);
}

const lengthOf = (step: Step | undefined) => (step ? step.end - step.start : 0);

/** When everything is done. */
export function duration(steps: ReadonlyMap<string, Step>): number {
  return Math.max(0, ...[...steps.values()].map(({ end }) => end));
}

/** How long AWS takes for a resource. */
export function durationOf({ type, name, inputs }: Timed): Duration {
  const isWait = type === "aws:lambda/invocation:Invocation";
  const label = isWait ? (JSON.parse(String(inputs["input"])) as { label: string }).label : "";
  const known = isWait ? waits[label] : durations[type];
  if (known === undefined)
    throw new Error(
      `tools/durations.ts has no row for ${isWait ? `the wait "${label}"` : type} (${name}): add it.`,
    );
  return known;
}

/** What each resource needs. */
export function needsOf(resources: readonly Timed[]): Map<string, Set<string>> {
  const urns = new Set(resources.map(({ urn }) => urn));
  return new Map(
    resources.map(({ urn, dependencies }) => [urn, new Set(dependencies.filter((each) => urns.has(each)))]),
  );
}

/** A first `up`: everything is created, each as soon as what it depends on is there. */
export function firstUp(resources: readonly Timed[]): Map<string, Step> {
  const custom = resources.filter((resource) => resource.custom);
  return schedule(needsOf(resources), new Map(custom.map((each) => [each.urn, durationOf(each).create])));
}

/** What a change of the app makes anew, as `Type name` without the stack's; held by a test under the real engine. */
export const replacedByAppChange: readonly string[] = [
  "AmiFromInstance image",
  "Group web",
  "Instance image-builder",
  "Instance release-host",
  "InstanceState image-builder-stopped",
  "InstanceState release-host-stopped",
  "Invocation image-builder-gate",
  "Invocation release-host-gate",
  "Invocation web-gate",
  "Policy web-cpu",
  "Policy web-requests",
];

/** A change of the app: the new ones, each after what it depends on, and then the old ones, each after what depended on it. */
export function appChange(
  resources: readonly Timed[],
  stack: string,
): { readonly made: Map<string, Step>; readonly gone: Map<string, Step> } {
  const inWords = ({ type, name }: Timed) =>
    `${type.split(":").at(-1) ?? type} ${name.replace(`${stack}-`, "")}`;
  const replaced = resources.filter((each) => replacedByAppChange.includes(inWords(each)));
  const changed = resources.filter((each) =>
    /^(BucketObjectv2 image-app-|LaunchTemplate web$)/.test(inWords(each)),
  );
  const seconds = (key: "create" | "delete", list: readonly Timed[]) =>
    new Map(list.map((each) => [each.urn, durationOf(each)[key] ?? 1] as const));
  const needs = needsOf(resources);
  return {
    made: schedule(needs, seconds("create", [...replaced, ...changed])),
    gone: schedule(turned(needs), seconds("delete", replaced)),
  };
}

/** The same with every arrow the other way. */
function turned(needs: Needs): Map<string, Set<string>> {
  const other = new Map([...needs.keys()].map((node) => [node, new Set<string>()] as const));
  for (const [node, needed] of needs) for (const each of needed) other.get(each)?.add(node);
  return other;
}
