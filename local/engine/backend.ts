import type { Handlers, Invokes, Properties, ResourceRequest, ResourceState } from "./handler";
import type { Backend, Registration } from "./program";
import { shortType } from "../terminal/progress";
import type { Progress } from "../terminal/progress";

/** What a backend is made of. */
export interface LocalBackendOptions {
  readonly handlers: Handlers;
  readonly invokes: Invokes;
  readonly progress: Progress;
  /** Once aborted, nothing more is created. */
  readonly signal: AbortSignal;
}

interface Created {
  readonly request: ResourceRequest;
  readonly id: string;
  readonly state: Properties;
}

/** Type tokens of the program that nothing here can make. */
export function unknownTypes(handlers: Handlers, types: Iterable<string>): string[] {
  return [...new Set(types)].filter((type) => !(type in handlers)).sort();
}

/** Makes the program's resources by the handlers, remembers them, and destroys them in reverse. */
export class LocalBackend implements Backend {
  /** In the order in which they were made. */
  private readonly created: Created[] = [];

  constructor(private readonly options: LocalBackendOptions) {}

  /** Type tokens of what was made, with how many there are. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { request } of this.created) counts.set(request.type, (counts.get(request.type) ?? 0) + 1);
    return counts;
  }

  async create(request: ResourceRequest): Promise<ResourceState> {
    const { handlers, progress, signal } = this.options;
    if (signal.aborted) throw new Error("not created: the run was stopped");
    const handler = handlers[request.type];
    if (!handler) throw new Error(`the local region has no ${request.type}`);
    const step = progress.begin(request.name, shortType(request.type), "creating");
    try {
      const state = await handler.create(request);
      this.created.push({ request, id: state.id, state: { ...request.inputs, ...state.outputs } });
      step.done("created");
      return state;
    } catch (error) {
      if (this.options.signal.aborted) step.stopped();
      else step.failed(error);
      throw error;
    }
  }

  async invoke(token: string, inputs: Properties, region: string): Promise<Properties> {
    const invoke = this.options.invokes[token];
    if (!invoke) throw new Error(`the local region has no data source ${token}`);
    return invoke(inputs, region);
  }

  /**
   * Destroys everything, the youngest first. It goes on after a failure, so that as little as possible is left, and
   * answers what could not be destroyed. `protect` and `retainOnDelete` do not hold here: the region ends with the run.
   */
  async destroy(): Promise<Error[]> {
    const { handlers, progress } = this.options;
    const failures: Error[] = [];
    for (let last = this.created.pop(); last; last = this.created.pop()) {
      const { request, id, state } = last;
      const step = progress.begin(request.name, shortType(request.type), "deleting");
      try {
        await handlers[request.type]?.delete(id, state, request.region);
        step.done("deleted");
      } catch (error) {
        step.failed(error);
        failures.push(new Error(`${request.name} [${request.type}] could not be deleted`, { cause: error }));
      }
    }
    return failures;
  }
}

/** Resources of types that have no effect here, for the list at the end of a run: type token and count. */
export function listed(counts: ReadonlyMap<string, number>, types: Iterable<string>): [string, number][] {
  const wanted = new Set(types);
  return [...counts].filter(([type]) => wanted.has(type)).sort(([a], [b]) => a.localeCompare(b));
}

/** Types that the program registers, components and providers apart. */
export function resourceTypes(registrations: Iterable<Registration>): string[] {
  return [...registrations]
    .filter(({ custom, type }) => custom && !type.startsWith("pulumi:providers:"))
    .map(({ type }) => type);
}
