import { join } from "node:path";
import type { Handlers, Invokes } from "../engine/handler";
import { accountInvokes } from "../aws/account";
import { lambdaHandlers } from "../aws/lambda";
import { randomHandlers } from "../aws/random";
import { recordedHandlers } from "../aws/recorded";
import { secretHandlers } from "../aws/secrets";
import { storageHandlers } from "../aws/storage";
import type { Interrupt } from "./interrupt";
import { ensureBaseImage, packageSources } from "../machine/baseImage";
import { spawnService } from "../machine/state";
import type { StateDirectory } from "../machine/state";
import {
  checkDisk,
  checkKernel,
  checkNetwork,
  checkPrivilege,
  installPackages,
  missingPackages,
} from "./preflight";
import { previewProgram } from "./preview";
import type { Progress, Step } from "../terminal/progress";
import { createRegion } from "../aws/region";
import type { Region } from "../aws/region";
import { startApiFront } from "../api/apiFront";
import { awsClients } from "../api/clients";
import { motoPython, startMoto } from "../api/moto";
import type { Teardown } from "./teardown";

/** Everything between the machine and the program. */
export interface Platform {
  readonly handlers: Handlers;
  readonly invokes: Invokes;
  /** Types whose handlers only record. */
  readonly recorded: readonly string[];
  readonly region: Region;
  readonly apiEndpoint: string;
}

/** Does several things side by side. When one fails the others are stopped and waited for. */
async function together<A, B>(
  signal: AbortSignal,
  first: (signal: AbortSignal) => Promise<A>,
  second: (signal: AbortSignal) => Promise<B>,
): Promise<[A, B]> {
  signal.throwIfAborted();
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

/**
 * Checks and prepares the machine, and runs the program without making anything. Answers the type of each resource that
 * it will make. What is wrong with the program's settings is told before anything is installed.
 */
export async function prepareMachine(
  stack: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<string[]> {
  const [types] = await together(
    signal,
    (either) => progress.during("previewing the program", () => previewProgram(stack, either), either),
    (either) =>
      progress.during(
        "checking disk and network",
        async () => {
          checkDisk();
          const [source = ""] = await packageSources();
          await checkNetwork(source.split(" ")[1] ?? "", either);
        },
        either,
      ),
  );
  await checkPrivilege();
  const missing = await missingPackages();
  if (missing.length > 0) {
    await progress.during(`installing ${missing.join(" ")}`, () => installPackages(missing, signal));
  }
  signal.throwIfAborted(); // an installation is not cut short
  await progress.during("checking the kernel", () => checkKernel());
  return types;
}

/**
 * Starts the services, and answers what makes the program's resources. `onFault` is told of what goes wrong in the region
 * while nobody waits for it.
 */
export async function startPlatform(
  state: StateDirectory,
  progress: Progress,
  teardown: Teardown,
  interrupt: Interrupt,
  onFault: (error: Error) => void,
): Promise<Platform> {
  const { signal } = interrupt;
  const [image, python] = await together(
    signal,
    (either) =>
      progress.during("base image", (step) => ensureBaseImage((what) => step.update(what), either), either),
    (either) => {
      const onBuild = (step: Step) => () => step.update("installing into the cache");
      return progress.during(
        "moto",
        (step) => motoPython({ signal: either, onBuild: onBuild(step) }),
        either,
      );
    },
  );
  const moto = await startMoto(
    python,
    (name, command, args, options) => spawnService(state, name, command, args, options),
    signal,
  );
  let isStopping = false;
  void moto.service.ended.then((reason) => {
    if (!isStopping) interrupt.fail(new Error(`moto ended by itself (${reason}):\n${moto.service.output()}`));
  });
  teardown.add("moto", () => {
    isStopping = true;
    return moto.service.stop();
  });
  const front = await startApiFront(moto.port);
  teardown.add("API", () => front.close());
  const clients = awsClients(front.endpoint);
  teardown.add("API clients", () => clients.destroy());
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
        nodeModules: join(__dirname, "..", "..", "node_modules"),
        signal,
      }),
      ...region.handlers,
    },
    invokes: { ...accountInvokes(), ...region.invokes },
    recorded: Object.keys(recorded).filter((type) => !(type in region.handlers)),
    region,
    apiEndpoint: front.endpoint,
  };
}
