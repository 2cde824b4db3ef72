import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { listed, LocalBackend, unknownTypes } from "./backend";
import type { Handlers, Invokes } from "./handler";
import { accountInvokes } from "./handlers/account";
import { lambdaHandlers } from "./handlers/lambda";
import { randomHandlers } from "./handlers/random";
import { recordedHandlers, SHOWN_ONLY } from "./handlers/recorded";
import { secretHandlers } from "./handlers/secrets";
import { storageHandlers } from "./handlers/storage";
import { Interrupt } from "./interrupt";
import { ensureBaseImage, packageSources } from "./machine/baseImage";
import { spawnService, StateDirectory, sweep } from "./machine/state";
import {
  checkDisk,
  checkKernel,
  checkMachine,
  checkNetwork,
  installPackages,
  missingPackages,
  PreflightError,
} from "./preflight";
import { previewProgram } from "./preview";
import { loadStack, ResourceFailure, runProgram } from "./program";
import type { StackOutputs } from "./program";
import { duration, Progress } from "./progress";
import { createRegion } from "./region";
import type { Region } from "./region";
import { startApiFront } from "./services/apiFront";
import { awsClients } from "./services/clients";
import { motoPython, startMoto } from "./services/moto";
import { smokeCheck } from "./smoke";
import { OUTPUTS_FILE, renderInert, renderOutputs, renderTimes, renderTrial, writeOutputs } from "./summary";

const HELP = `Deploys the stack on this machine: real hosts in two networks, no AWS account.

Usage: npm start [-- OPTIONS]

  --once          deploy, check the service as a user would, destroy; exit status 0 or 1
  --stack NAME    settings from Pulumi.NAME.yaml (default: local)
  --help          this text

Without --once the region stays up until Ctrl-C or SIGTERM, which destroys everything.
Needs root on Debian 12 or 13; packages that are missing are installed.
`;

interface Options {
  readonly once: boolean;
  readonly stack: string;
}

/** What has to be undone at the end, the last first. */
class Teardown {
  private readonly actions: { readonly what: string; readonly undo: () => Promise<void> | void }[] = [];

  constructor(private readonly progress: Progress) {}

  add(what: string, undo: () => Promise<void> | void): void {
    this.actions.push({ what, undo });
  }

  /** Undoes everything, whatever fails on the way. Answers whether all of it could be undone. */
  async run(): Promise<boolean> {
    let isClean = true;
    for (let action = this.actions.pop(); action; action = this.actions.pop()) {
      try {
        await action.undo();
      } catch (error) {
        isClean = false;
        this.progress.error(`${action.what}: ${explain(error)}`);
      }
    }
    return isClean;
  }
}

/** Everything between the machine and the program. */
interface Platform {
  readonly handlers: Handlers;
  readonly invokes: Invokes;
  readonly recorded: readonly string[];
  readonly region: Region;
  readonly apiEndpoint: string;
  /** Resolves with the reason when a service ends that must not. */
  readonly broken: Promise<string>;
}

/** An error for people: its message, and where a fault of this program itself is. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  const fault = [error, cause].find(
    (item) => item instanceof TypeError || item instanceof ReferenceError || item instanceof RangeError,
  );
  return fault instanceof Error ? `${error.message}\n${fault.stack}` : error.message;
}

/** Does several things side by side. When one fails the others are stopped and waited for. */
async function together<A, B>(
  signal: AbortSignal,
  first: (signal: AbortSignal) => Promise<A>,
  second: (signal: AbortSignal) => Promise<B>,
): Promise<[A, B]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const watch = async <T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await action(either);
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  };
  const both = [watch(first), watch(second)] as const;
  await Promise.allSettled(both);
  signal.throwIfAborted();
  failed.signal.throwIfAborted();
  return Promise.all(both);
}

/** Checks and prepares the machine, and answers the types that the program will make. */
async function prepareMachine(stack: string, progress: Progress, signal: AbortSignal): Promise<string[]> {
  const [types] = await together(
    signal,
    (either) => progress.during("previewing the program", () => previewProgram(stack, either)),
    (either) =>
      progress.during("checking disk and network", async () => {
        checkDisk();
        const [source = ""] = await packageSources();
        await checkNetwork(source.split(" ")[1] ?? "", either);
      }),
  );
  const missing = await missingPackages();
  if (missing.length > 0) {
    await progress.during(`installing ${missing.join(" ")}`, () => installPackages(missing, signal));
  }
  await progress.during("checking the kernel", () => checkKernel());
  return types;
}

async function startPlatform(
  state: StateDirectory,
  progress: Progress,
  teardown: Teardown,
  signal: AbortSignal,
): Promise<Platform> {
  const [image, python] = await together(
    signal,
    (either) => progress.during("base image", (step) => ensureBaseImage((what) => step.update(what), either)),
    (either) =>
      progress.during("moto", (step) =>
        motoPython(undefined, { signal: either, onBuild: () => step.update("installing into the cache") }),
      ),
  );
  const moto = await startMoto(
    python,
    (name, command, args, options) => spawnService(state, name, command, args, options),
    signal,
  );
  teardown.add("moto", () => moto.service.stop());
  const front = await startApiFront(moto.port);
  teardown.add("API", () => front.close());
  const clients = awsClients(front.endpoint);
  teardown.add("API clients", () => clients.destroy());
  const onFault = (error: Error) => progress.warn(`! ${explain(error)}`);
  const region = await createRegion({ state, clients, apiPort: front.port, baseImage: image.path, onFault });
  teardown.add("region", () => region.close());
  front.attach({ hosts: region.hosts, targetHealth: region.targetHealth });
  const recorded = recordedHandlers();
  return {
    handlers: {
      ...recorded,
      ...randomHandlers(),
      ...secretHandlers(clients),
      ...storageHandlers({ clients, emptyOnDelete: true }),
      ...lambdaHandlers({
        folder: state.folder("functions"),
        endpoint: front.endpoint,
        nodeModules: join(__dirname, "..", "node_modules"),
        signal,
      }),
      ...region.handlers,
    },
    invokes: { ...accountInvokes(), ...region.invokes },
    recorded: Object.keys(recorded).filter((type) => !(type in region.handlers)),
    region,
    apiEndpoint: front.endpoint,
    broken: moto.service.ended.then((reason) => `moto ended (${reason}):\n${moto.service.output()}`),
  };
}

/** The outputs that the commands for people need. */
function serviceUrl(outputs: StackOutputs): string {
  const url = outputs["serviceUrl"]?.value ?? `http://${String(outputs["albDnsName"]?.value)}`;
  return String(url).replace(/\/$/, "");
}

async function deploy(
  options: Options,
  progress: Progress,
  interrupt: Interrupt,
  teardown: Teardown,
): Promise<number> {
  const { signal } = interrupt;
  const startedAt = performance.now();
  checkMachine();
  const stack = loadStack(options.stack);
  const state = StateDirectory.acquire();
  teardown.add("lock", () => state.release());

  progress.heading(`Preparing stack ${options.stack}`);
  const types = await prepareMachine(options.stack, progress, signal);
  const stale = await progress.during("looking for what a killed run left", () => sweep(state));
  for (const item of stale) progress.print(`    removed ${item}`);
  teardown.add("clean-up", async () => {
    for (const item of await sweep(state)) progress.warn(`! still there, removed: ${item}`);
  });
  const platform = await startPlatform(state, progress, teardown, signal);
  const unknown = unknownTypes(platform.handlers, types);
  if (unknown.length > 0) {
    throw new Error(`The local region can't make these types, so nothing was made: ${unknown.join(", ")}`);
  }

  progress.heading(`Deploying stack ${options.stack}`);
  const backend = new LocalBackend({ ...platform, progress, signal });
  teardown.add("stack", async () => {
    progress.heading("Destroying");
    const since = performance.now();
    const failures = await backend.destroy();
    progress.print(`Destroyed in ${duration((performance.now() - since) / 1000)}.`);
    if (failures.length > 0) throw new Error(failures.map((failure) => failure.message).join("\n"));
  });
  const { outputs } = await runProgram({ stack, backend, signal }).catch((error: unknown) => {
    if (!signal.aborted) reportHosts(platform.region, error, progress);
    throw error;
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const url = serviceUrl(outputs);
  await writeOutputs(outputs);
  teardown.add("outputs", () => rmSync(OUTPUTS_FILE, { force: true }));

  let isWorking = true;
  if (options.once) {
    progress.heading("Checking the service");
    const hosts = Number(stack.config[`${stack.project}:webMinSize`] ?? 1);
    const onPassed = (what: string) => progress.print(`${progress.paint("green", "✓")} ${what}`);
    await progress
      .during("smoke check", () => smokeCheck({ url, hosts, signal, onPassed }))
      .catch((error: unknown) => {
        signal.throwIfAborted();
        isWorking = false;
        reportHosts(platform.region, error, progress);
        reportFailure(error, progress);
      });
  }
  progress.heading("Without effect here");
  const counts = backend.counts();
  progress.print(
    renderInert([
      { title: "recorded only", types: listed(counts, platform.recorded) },
      { title: "shown by the API, not in force", types: listed(counts, SHOWN_ONLY) },
    ]),
  );
  progress.heading("Where the time went");
  progress.print(renderTimes(progress.finished, seconds));
  progress.heading("Outputs");
  progress.print(renderOutputs(outputs));
  if (options.once) return isWorking ? 0 : 1;

  progress.heading("Try it");
  progress.print(renderTrial(url, platform.apiEndpoint));
  progress.print(`\nUp. Ctrl-C destroys everything.`);
  const broken = await Promise.race([interrupt.wait(), platform.broken]);
  if (interrupt.fault) throw interrupt.fault;
  if (broken !== undefined) throw new Error(broken);
  return 0;
}

/** What failed hosts said, as far as the error does not tell already. */
function reportHosts(region: Region, error: unknown, progress: Progress): void {
  const told = error instanceof Error ? error.message : "";
  for (const { label, instanceId, output } of region.failedHosts()) {
    if (told.includes(instanceId)) continue;
    progress.error(`\nHost ${label} (${instanceId}) failed. Its last words:`);
    progress.print(output.replace(/^/gm, "    "));
  }
}

function reportFailure(error: unknown, progress: Progress): void {
  progress.heading("Failed");
  const errors = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  for (const item of errors) {
    const known = item instanceof PreflightError || item instanceof ResourceFailure;
    progress.error(known ? item.message : explain(item));
  }
}

async function main(): Promise<number> {
  let options: Options;
  try {
    const { values } = parseArgs({
      options: {
        once: { type: "boolean", default: false },
        stack: { type: "string", default: "local" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      return 0;
    }
    options = { once: values.once ?? false, stack: values.stack ?? "local" };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 1;
  }

  // A closed terminal or pipe must not keep the region from being destroyed.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  const screen = {
    write: process.stdout.write.bind(process.stdout),
    get isTTY() {
      return process.stdout.isTTY;
    },
    get columns() {
      return process.stdout.columns;
    },
    get rows() {
      return process.stdout.rows;
    },
  };
  const progress = new Progress({ screen });
  const unshare = [progress.share(process.stdout), progress.share(process.stderr)];
  const interrupt = new Interrupt(() => progress.warn("The clean-up is under way; it takes a few seconds."));
  // A fault of this program must not leave hosts behind either.
  process.on("uncaughtException", (error) => interrupt.fail(error));
  const teardown = new Teardown(progress);
  let status: number;
  try {
    status = await deploy(options, progress, interrupt, teardown);
  } catch (error) {
    if (interrupt.exitStatus === undefined) reportFailure(interrupt.fault ?? error, progress);
    else progress.warn("\nStopped.");
    status = interrupt.exitStatus ?? 1;
  }
  const isClean = await teardown.run();
  progress.close();
  for (const undo of unshare) undo();
  return isClean ? status : 1;
}

void main().then((status) => process.exit(status));
