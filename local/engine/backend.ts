import type { Handler, Handlers, Invokes, Properties, ResourceRequest, ResourceState } from "./handler";
import type { Backend, Registration } from "./program";
import type { ProviderBackend } from "./providerServer";
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

interface Made {
  readonly request: ResourceRequest;
  readonly id: string;
  state: Properties;
}

/** A region that ends takes along what a user would have to release first. */
const unprotected: Properties = {
  forceDestroy: true,
  enableDeletionProtection: false,
  disableApiTermination: false,
};

/** Type tokens of the program that nothing here can make. */
export function unknownTypes(handlers: Handlers, types: Iterable<string>): string[] {
  return [...new Set(types)].filter((type) => !(type in handlers)).sort();
}

/** Makes and changes resources by the handlers, remembers what there is, and in the end destroys it in reverse. */
export class LocalBackend implements Backend, ProviderBackend {
  /** In the order in which they were made. */
  private made: Made[] = [];
  private readonly underWay = new Set<Promise<unknown>>();

  constructor(private readonly options: LocalBackendOptions) {}

  /** Type tokens of what there is, with how many there are. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { request } of this.made) counts.set(request.type, (counts.get(request.type) ?? 0) + 1);
    return counts;
  }

  checkType(type: string): void {
    this.handler(type);
  }

  private handler(type: string): Handler {
    const handler = this.options.handlers[type];
    if (!handler) throw new Error(`the local region has no ${type}`);
    return handler;
  }

  async create(request: ResourceRequest, signal?: AbortSignal): Promise<ResourceState> {
    const handler = this.handler(request.type);
    return this.step(request, "creating", "created", async () => {
      const created = await handler.create(request, signal);
      this.made.push({ request, id: created.id, state: { ...request.inputs, ...created.outputs } });
      return created;
    });
  }

  async read(id: string, state: Properties, request: ResourceRequest): Promise<ResourceState | undefined> {
    return this.handler(request.type).read(id, state, request.region);
  }

  async update(id: string, state: Properties, request: ResourceRequest): Promise<ResourceState> {
    const handler = this.handler(request.type);
    return this.step(request, "updating", "updated", async () => {
      const updated = await handler.update(id, state, request);
      const known = this.find(id, request);
      if (known) known.state = { ...known.state, ...request.inputs, ...updated.outputs };
      return updated;
    });
  }

  async delete(id: string, state: Properties, request: ResourceRequest): Promise<void> {
    await this.remove({ request, id, state });
    const known = this.find(id, request);
    this.made = this.made.filter((item) => item !== known);
  }

  async invoke(token: string, inputs: Properties, region: string): Promise<Properties> {
    const invoke = this.options.invokes[token];
    if (!invoke) throw new Error(`the local region has no data source ${token}`);
    return invoke(inputs, region);
  }

  /**
   * Destroys everything, the youngest first, once nothing is under way any more. It goes on after a failure, so that as little
   * as possible is left, and answers what could not be destroyed. `protect` and `retainOnDelete` do not hold here: the region
   * ends with the run.
   */
  async destroy(): Promise<Error[]> {
    while (this.underWay.size > 0) await Promise.allSettled(this.underWay);
    const failures: Error[] = [];
    for (let last = this.made.pop(); last; last = this.made.pop()) {
      const { name, type } = last.request;
      await this.remove({ ...last, state: { ...last.state, ...unprotected } }).catch((error: unknown) =>
        failures.push(new Error(`${name} [${type}] could not be deleted`, { cause: error })),
      );
    }
    return failures;
  }

  private find(id: string, { type, urn }: ResourceRequest): Made | undefined {
    return this.made.find((made) => made.id === id && made.request.type === type && made.request.urn === urn);
  }

  private remove({ request, id, state }: Made): Promise<void> {
    const { type, region } = request;
    return this.step(
      request,
      "deleting",
      "deleted",
      () => this.handler(type).delete(id, state, region),
      true,
    );
  }

  /** Shows a step. Once the run is stopped, nothing begins any more but its end. */
  private async step<T>(
    { name, type }: ResourceRequest,
    doing: string,
    done: string,
    action: () => Promise<T>,
    isEnd = false,
  ): Promise<T> {
    const { progress, signal } = this.options;
    if (signal.aborted && !isEnd) throw new Error(`not ${done}: the run was stopped`);
    const step = progress.begin(name, shortType(type), doing);
    const work = action();
    this.underWay.add(work);
    try {
      const result = await work;
      step.done(done);
      return result;
    } catch (error) {
      if (signal.aborted && !isEnd) step.stopped();
      else step.failed(error);
      throw error;
    } finally {
      this.underWay.delete(work);
    }
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
