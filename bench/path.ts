/** How long a deployment takes on AWS, by the longest chain of its dependencies: reckoned, not measured. */
import { recordGraph } from "../local/engine/recorder";
import {
  appChange,
  criticalPath,
  duration,
  durationOf,
  firstUp,
  type Step,
  type Timed,
} from "../tools/criticalPath";

const minutes = (seconds: number) =>
  `${Math.floor(seconds / 60)}:${String(Math.round(seconds) % 60).padStart(2, "0")}`;

/** The bases of the numbers, each with a number of its own. */
class Sources {
  private readonly bases: string[] = [];

  numberOf(basis: string): number {
    if (!this.bases.includes(basis)) this.bases.push(basis);
    return this.bases.indexOf(basis) + 1;
  }

  list(): string {
    return this.bases.map((basis, index) => `[${index + 1}] ${basis}`).join("\n");
  }
}

/** The longest chain, a line for each piece: when it begins, how long it takes, and by which source. */
function lines(
  steps: ReadonlyMap<string, Step>,
  resources: readonly Timed[],
  sources: Sources,
  from = 0,
): string {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const line = (urn: string): string[] => {
    const [step, resource] = [steps.get(urn), byUrn.get(urn)];
    if (!step || !resource) return [];
    const what = `${resource.type.split(":").at(-1) ?? ""} ${resource.name}`;
    const times = `${minutes(from + step.start).padStart(6)}  ${String(step.end - step.start).padStart(4)} s`;
    return [`${times}  ${what.padEnd(44)} [${sources.numberOf(durationOf(resource).basis)}]`];
  };
  return criticalPath(steps).flatMap(line).join("\n");
}

/** What the same pieces take if each waits for the one before. */
const oneByOne = (steps: ReadonlyMap<string, Step>) =>
  [...steps.values()].reduce((sum, { start, end }) => sum + end - start, 0);

/** Prints the critical path of a first `up` of a stack, prod unless another is named, and of a change of the app. */
export async function benchPath([stack = "prod"]: readonly string[]): Promise<void> {
  const { registrations } = await recordGraph(stack, false);
  const sources = new Sources();
  const first = firstUp(registrations);
  const endOf = (suffix: string) => {
    const resource = registrations.find(({ name, custom }) => custom && name === `${stack}-${suffix}`);
    return minutes(first.get(resource?.urn ?? "")?.end ?? 0);
  };
  const { made, gone } = appChange(registrations, stack);
  const serving = duration(made);
  console.log(
    [
      `A first up of ${stack} takes ${minutes(duration(first))} (minutes:seconds), along`,
      lines(first, registrations, sources),
      `The regions are made side by side: the database is ready at ${endOf("db-gate")}, the image at ${endOf("image")},`,
      "and what needs both goes on at the later of the two, never after their sum.",
      `One call after another, as the replaced scripts made theirs, the same takes ${minutes(oneByOne(first))}.`,
      "",
      `After a change of the app the new fleet serves at ${minutes(serving)}, along`,
      lines(made, registrations, sources),
      `The old fleet, its image and their hosts are gone at ${minutes(serving + duration(gone))}, along the deletion of`,
      lines(gone, registrations, sources, serving),
      "",
      "How long each takes, by:",
      sources.list(),
    ].join("\n"),
  );
}
