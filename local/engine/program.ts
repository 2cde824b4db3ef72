/** Runs the Pulumi program in this process: no engine and no CLI, each resource made by the backend that the caller gives. */
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import type { Properties, ResourceRequest, ResourceState } from "./handler";
import { setMonitor, withOwnState } from "./monitor";
import type { StackConfig } from "./stack";

export { loadStack, type StackConfig } from "./stack";

const stackType = "pulumi:pulumi:Stack";

/** Makes what the program registers, and answers what it looks up. */
export interface Backend {
  /** In a preview the id may be anything: the program does not see it. */
  create(request: ResourceRequest): Promise<ResourceState>;
  /** Answers a data source, such as `aws:ec2/getAmi:getAmi`. */
  invoke(token: string, inputs: Properties, region: string): Promise<Properties>;
}

/** All that the program said of a resource when it registered it. */
export interface Registration extends ResourceRequest {
  /** Empty for the stack itself. */
  readonly parent: string;
  /** False for components and the stack. */
  readonly custom: boolean;
  /** URN of the provider; empty for components and under a default provider. */
  readonly provider: string;
  /** URNs of everything it depends on, named in its options or implied by its inputs. */
  readonly dependencies: readonly string[];
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  /** Inputs whose value is, or holds, a secret. */
  readonly secretInputs: readonly string[];
  /** Whether the provider's default tags apply to the type. */
  readonly takesTags: boolean;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly deleteBeforeReplace: boolean;
  readonly ignoreChanges: readonly string[];
  readonly replaceOnChanges: readonly string[];
  readonly additionalSecretOutputs: readonly string[];
}

/** What the program exported. In a preview a value that is not known yet is undefined. */
export type StackOutputs = Readonly<Record<string, { readonly value: unknown; readonly secret: boolean }>>;

/** What a run of the program answers. */
export interface ProgramResult {
  readonly outputs: StackOutputs;
  /** In the order in which the program registered them. */
  readonly registrations: readonly Registration[];
}

export interface ProgramOptions {
  readonly stack: StackConfig;
  readonly backend: Backend;
  /** Whether ids and outputs stay unknown, as in `pulumi preview`. @default false */
  readonly preview?: boolean;
  /** Told of each resource before it is made, the stack and its components included. */
  readonly onRegister?: (registration: Registration) => void;
  /** Ends the run: nothing more is started, what is under way is waited for. */
  readonly signal?: AbortSignal;
  /** How long nothing may happen, with nothing under way, before the run counts as stuck, in seconds. @default 30 */
  readonly stuckAfterSeconds?: number;
  /** Told what the program logs. @default it is printed */
  readonly onLog?: (message: string) => void;
  /** Loads the program. @default index.ts of this repository, whose modules may be loaded already */
  readonly program?: () => unknown;
}

/** A resource that could not be made. It has no numeric `code`: Pulumi takes 1 and 14 for gRPC codes. */
export class ResourceFailure extends Error {
  constructor(
    readonly resource: ResourceRequest,
    cause: unknown,
  ) {
    super(`${resource.name} [${resource.type}]: ${messageOf(cause)}`, { cause });
    this.name = "ResourceFailure";
  }
}

/**
 * Runs the program to its end and answers its outputs. It rejects with the error of the first resource that fails
 * (with all of them, if several do), once everything that was under way has settled, so that the caller can destroy it.
 */
export async function runProgram(options: ProgramOptions): Promise<ProgramResult> {
  const run = new ProgramRun(options);
  return withOwnState(
    () => run.run(),
    (reason) => run.report(errorOf(reason)),
  );
}

/** Loading the program is what makes its resources: its first module is loaded anew, and forgotten again. */
function loadProgram(): unknown {
  const file = path.resolve(__dirname, "..", "..", "index.ts");
  const known = require.cache[file];
  Reflect.deleteProperty(require.cache, file);
  try {
    // oxlint-disable-next-line typescript/no-require-imports -- the program must load after the monitor is set
    return require(file) as unknown;
  } finally {
    if (known) require.cache[file] = known;
    else Reflect.deleteProperty(require.cache, file);
  }
}

class ProgramRun {
  private readonly registrations = new Map<string, Registration>();
  private readonly providers = new Map<string, Properties>();
  private readonly taggable = new Set<string>();
  private readonly underWay = new Set<Promise<unknown>>();
  private readonly errors = new Set<Error>();
  private outputs: StackOutputs = {};
  private lastActivity = Date.now();
  private fail: () => void = () => undefined;

  constructor(private readonly options: ProgramOptions) {}

  async run(): Promise<ProgramResult> {
    const { stack, preview, signal } = this.options;
    const failed = new Promise<void>((resolve) => (this.fail = resolve));
    const interrupted = () => this.report(new Error("The run was interrupted."));
    // The timer also keeps the process alive while the program waits for nothing that Node knows of.
    const watch = setInterval(() => this.checkStuck(), 250);
    signal?.addEventListener("abort", interrupted);
    try {
      if (signal?.aborted) interrupted();
      await setMonitor(stack, preview ?? false, {
        urn: (parent, type, name) => this.urn(parent, type, name),
        newResource: (request, args) => this.newResource(request, args),
        registerOutputs: (urn, outputs) => {
          if (this.registrations.get(urn)?.type === stackType) this.outputs = stackOutputs(outputs);
        },
        call: (args) => this.call(args),
        log: this.options.onLog,
      });
      await Promise.race([this.execute().catch((error: unknown) => this.report(errorOf(error))), failed]);
      while (this.underWay.size > 0) await Promise.allSettled(this.underWay);
      // Rejections are raised once the microtasks are done.
      await turn();
      await turn();
      if (this.errors.size > 0) throw this.error();
      return { outputs: this.outputs, registrations: [...this.registrations.values()] };
    } finally {
      signal?.removeEventListener("abort", interrupted);
      clearInterval(watch);
    }
  }

  /** The program, and then everything it started that its exports do not wait for. */
  private async execute(): Promise<void> {
    await pulumi.runtime.runInPulumiStack(async () => {
      pulumi.runtime.registerStackTransformation(({ type, name, props }) => {
        if ("tagsAll" in props) this.taggable.add(`${type}::${name}`);
        return undefined;
      });
      return (this.options.program ?? loadProgram)();
    });
    for (let known = -1; known !== this.registrations.size;) {
      known = this.registrations.size;
      await pulumi.runtime.disconnect();
      await turn();
    }
    if (pulumi.log.hasErrors()) throw new Error("The program logged an error; see above.");
  }

  private async newResource(
    request: RegisterResourceRequest | undefined,
    args: pulumi.runtime.MockResourceArgs,
  ): Promise<pulumi.runtime.MockResourceResult> {
    if (request === undefined || args.id)
      throw this.report(new Error(`${args.name} [${args.type}]: reading is not supported.`));
    const registration = this.register(request, args.inputs as Properties);
    if (!registration.custom) return { id: undefined, state: {} };
    if (registration.type.startsWith("pulumi:providers:")) {
      this.providers.set(registration.urn, registration.inputs);
      return { id: registration.name, state: {} };
    }
    const created = await this.track(
      () => this.options.backend.create(registration),
      (cause) => new ResourceFailure(registration, cause),
    );
    return this.options.preview
      ? { id: undefined, state: args.inputs as Record<string, unknown> }
      : { id: created.id, state: this.markSecrets(registration, created.outputs) };
  }

  private register(request: RegisterResourceRequest, raw: Properties): Registration {
    const [type, name] = [request.getType(), request.getName()];
    const urn = this.urn(request.getParent(), type, name);
    if (this.registrations.has(urn))
      throw this.report(new Error(`Duplicate resource URN ${urn}: give one of the two another name.`));
    const providerUrn = request.getProvider().split("::").slice(0, 4).join("::");
    if (request.getCustom()) this.checkProvider(type, providerUrn);
    const inputs = Object.fromEntries(Object.entries(raw).map(([key, value]) => [key, unwrap(value)]));
    const takesTags = this.taggable.has(`${type}::${name}`);
    const registration: Registration = {
      type,
      name,
      urn,
      inputs: takesTags
        ? { ...inputs, tags: { ...this.defaultTags(providerUrn), ...(inputs["tags"] as object) } }
        : inputs,
      region: type.startsWith("aws:") ? this.region(providerUrn, inputs) : "",
      parent: request.getParent(),
      custom: request.getCustom(),
      provider: providerUrn,
      dependencies: request.getDependenciesList(),
      propertyDependencies: Object.fromEntries(
        [...request.getPropertydependenciesMap().entries()].map(([key, value]) => [key, value.getUrnsList()]),
      ),
      secretInputs: Object.keys(raw).filter((key) => isSecret(raw[key])),
      takesTags,
      protect: request.getProtect() ?? false,
      retainOnDelete: request.getRetainondelete() ?? false,
      deleteBeforeReplace: request.getDeletebeforereplace(),
      ignoreChanges: request.getIgnorechangesList(),
      replaceOnChanges: request.getReplaceonchangesList(),
      additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    };
    this.registrations.set(urn, registration);
    this.lastActivity = Date.now();
    this.options.onRegister?.(registration);
    return registration;
  }

  private async call(args: pulumi.runtime.MockCallArgs): Promise<pulumi.runtime.MockCallResult> {
    const provider = (args.provider ?? "").split("::").slice(0, 4).join("::");
    this.checkProvider(args.token, provider);
    const inputs = args.inputs as Properties;
    return this.track(
      () => this.options.backend.invoke(args.token, inputs, this.region(provider, inputs)),
      (cause) => {
        const message = `${args.token}: ${messageOf(cause)}`;
        // Of a failed call Pulumi keeps only `details`, as gRPC errors have them.
        return Object.assign(new Error(message, { cause }), { details: message });
      },
    );
  }

  /** Waits for the backend. After the first failure nothing is started any more: what would be simply never settles. */
  private async track<T>(start: () => Promise<T>, failure: (cause: unknown) => Error): Promise<T> {
    if (this.errors.size > 0) return new Promise<never>(() => undefined);
    const work = start();
    this.underWay.add(work);
    try {
      return await work;
    } catch (cause) {
      throw this.report(failure(cause));
    } finally {
      this.underWay.delete(work);
      this.lastActivity = Date.now();
    }
  }

  report(error: Error): Error {
    // A failed resource comes back as an unhandled rejection of each of its dependents, with Pulumi's words before it.
    if (![...this.errors].some((known) => error.message.includes(known.message))) this.errors.add(error);
    this.fail();
    return error;
  }

  private error(): Error {
    const errors = [...this.errors];
    const [first] = errors;
    if (first !== undefined && errors.length === 1) return first;
    return new AggregateError(errors, errors.map((error) => error.message).join("\n"));
  }

  private checkStuck(): void {
    const seconds = this.options.stuckAfterSeconds ?? 30;
    if (this.underWay.size > 0 || Date.now() - this.lastActivity < seconds * 1000) return;
    const last = [...this.registrations.values()].at(-1)?.name ?? "nothing";
    this.report(
      new Error(
        `The program waits for something that never comes: nothing happened for ${seconds} s after ${last}.`,
      ),
    );
  }

  /** As the engine names it; mocks keep the type of the immediate parent only. */
  private urn(parent: string, type: string, name: string): string {
    const { project, stack } = this.options.stack;
    const parentType = parent === "" ? stackType : (parent.split("::")[2] ?? "");
    return `urn:pulumi:${stack}::${project}::${parentType === stackType ? type : `${parentType}$${type}`}::${name}`;
  }

  private checkProvider(token: string, provider: string): void {
    const packageName = token.split(":")[0] ?? "";
    const disabled = this.options.stack.config["pulumi:disable-default-providers"] ?? "[]";
    if (provider === "" && (JSON.parse(disabled) as string[]).includes(packageName)) {
      throw this.report(
        new Error(
          `The default provider for "${packageName}" is disabled: ${token} must use an explicit provider.`,
        ),
      );
    }
  }

  private region(provider: string, inputs: Properties): string {
    const region =
      inputs["region"] ?? this.providers.get(provider)?.["region"] ?? this.options.stack.config["aws:region"];
    return typeof region === "string" ? region : "";
  }

  private defaultTags(provider: string): object {
    const json = this.providers.get(provider)?.["defaultTags"];
    return typeof json === "string" ? ((JSON.parse(json) as { tags?: object }).tags ?? {}) : {};
  }

  private markSecrets(registration: Registration, outputs: Properties): Record<string, unknown> {
    const secret = new Set([...registration.additionalSecretOutputs, ...registration.secretInputs]);
    const state = registration.takesTags ? { tagsAll: registration.inputs["tags"], ...outputs } : outputs;
    return Object.fromEntries(
      Object.entries(state).map(([key, value]) => [key, secret.has(key) ? pulumi.secret(value) : value]),
    );
  }
}

function stackOutputs(outputs: Properties): StackOutputs {
  return Object.fromEntries(
    Object.entries(outputs).map(([key, output]) => {
      const value = unwrap(output);
      return [key, { value: pulumi.containsUnknowns(value) ? undefined : value, secret: isSecret(output) }];
    }),
  );
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const isSecret = (value: unknown): boolean => pulumi.runtime.isRpcSecret(value);
const unwrap = (value: unknown): unknown => pulumi.runtime.unwrapRpcSecret(value);
const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
const errorOf = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));
