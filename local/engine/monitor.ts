/**
 * All that a run uses of Pulumi's SDK beyond what the SDK documents, gathered here: the store that holds the state of a run, and
 * the inside of the monitor that `setMocks` installs. `tests/local/engine/monitor.test.ts` fails when an upgrade changes them.
 */
import * as pulumi from "@pulumi/pulumi";
import { type LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";
import type {
  RegisterResourceOutputsRequest,
  RegisterResourceRequest,
} from "@pulumi/pulumi/proto/resource_pb";
import * as runtimeState from "@pulumi/pulumi/runtime/state";
import type { Properties } from "./handler";
import type { StackConfig } from "./stack";

/** Everything that the SDK knows of a run, as its `LocalStore` has it: configuration, monitor, root resource, promises under way. */
interface Store {
  readonly settings: { engine: EngineClient | undefined };
}

/** The SDK looks for the store in an AsyncLocalStorage before it takes the one of the process; its Automation API lives on that. */
const { withLocalStorage, getLocalStore } = runtimeState as unknown as {
  withLocalStorage: <T>(work: () => T) => T;
  getLocalStore: () => Store | undefined;
};

/** The parts of the engine's client that the SDK calls when the store has one. */
interface EngineClient {
  log(request: LogRequest, done: () => void): void;
  setRootResource(request: unknown, done: () => void): void;
}

/** The parts of the mocks' monitor that a run looks into. */
interface MockMonitor {
  newUrn(parent: string, type: string, name: string): string;
  registerResource(request: RegisterResourceRequest, respond: unknown): Promise<void>;
  registerResourceOutputs(request: RegisterResourceOutputsRequest, respond: unknown): void;
}

/** What answers the program. */
export interface Monitor {
  /** As the engine names it; the mocks would keep the type of the immediate parent only. */
  urn(parent: string, type: string, name: string): string;
  /** The raw request says what the mocks are not told: dependencies and options. Undefined if a resource is read, not made. */
  newResource(
    request: RegisterResourceRequest | undefined,
    args: pulumi.runtime.MockResourceArgs,
  ): Promise<pulumi.runtime.MockResourceResult>;
  registerOutputs(urn: string, outputs: Properties): void;
  call(args: pulumi.runtime.MockCallArgs): Promise<pulumi.runtime.MockCallResult>;
  /** Told what the program logs, which is printed otherwise. */
  readonly log: ((message: string) => void) | undefined;
}

/**
 * Has `work` find a state of its own in the SDK, so that runs in one process do not meet. What is rejected in it and handled by
 * nobody goes to `onRejection`; all other rejections go where they went before.
 */
export async function withOwnState<T>(
  work: () => Promise<T>,
  onRejection: (reason: unknown) => void,
): Promise<T> {
  return withLocalStorage(async () => {
    const own = getLocalStore();
    const others = process.rawListeners("unhandledRejection") as NodeJS.UnhandledRejectionListener[];
    const listener: NodeJS.UnhandledRejectionListener = (reason, promise) => {
      if (getLocalStore() === own) onRejection(reason);
      // Thrown here, it ends as it does where nobody listens.
      else if (others.length === 0) throw reason;
      else for (const other of others) other.call(process, reason, promise);
    };
    for (const other of others) process.off("unhandledRejection", other);
    process.on("unhandledRejection", listener);
    try {
      return await work();
    } finally {
      process.off("unhandledRejection", listener);
      for (const other of others) process.on("unhandledRejection", other);
    }
  });
}

/** Installs the monitor in the state of the current run. */
export async function setMonitor(stack: StackConfig, preview: boolean, monitor: Monitor): Promise<void> {
  let current: RegisterResourceRequest | undefined;
  const mocks: pulumi.runtime.Mocks = {
    newResource(args) {
      const request = current;
      current = undefined;
      return monitor.newResource(request, args);
    },
    call: (args) => monitor.call(args),
  };
  pulumi.runtime.setAllConfig({ ...stack.config });
  await pulumi.runtime.setMocks(mocks, stack.project, stack.stack, preview, "local");

  const mock = pulumi.runtime.getMonitor() as unknown as MockMonitor;
  const registerResource = mock.registerResource.bind(mock);
  const registerResourceOutputs = mock.registerResourceOutputs.bind(mock);
  mock.newUrn = (parent, type, name) => monitor.urn(parent, type, name);
  mock.registerResource = (request, respond) => {
    // Read back by newResource, which the mocks' monitor calls before it first yields.
    current = request;
    return registerResource(request, respond);
  };
  mock.registerResourceOutputs = (request, respond) => {
    const outputs = request.getOutputs();
    if (outputs) monitor.registerOutputs(request.getUrn(), pulumi.runtime.deserializeProperties(outputs));
    registerResourceOutputs(request, respond);
  };

  const { log } = monitor;
  const store = getLocalStore();
  if (log === undefined || store === undefined) return;
  store.settings.engine = {
    log(request, done) {
      if (request.getSeverity() !== LogSeverity.DEBUG) log(request.getMessage());
      done();
    },
    setRootResource: (_, done) => done(),
  };
}
