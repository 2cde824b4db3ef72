import { motoPython } from "../api/moto";
import { ensureBaseImage, packageSources } from "../machine/host/baseImage";
import type { Progress, Step } from "../terminal/progress";
import {
  checkDisk,
  checkKernel,
  checkNetwork,
  checkPrivilege,
  installPackages,
  missingPackages,
} from "./preflight";
import { previewProgram } from "./preview";

/** What is in the user's cache once the machine is prepared. */
export interface Cached {
  /** Folder of the Debian tree that hosts start from. */
  readonly baseImage: string;
  /** The Python that runs moto. */
  readonly python: string;
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

/** Has the cache filled: what is missing is built, side by side. */
export async function prepareCache(progress: Progress, signal: AbortSignal): Promise<Cached> {
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
  return { baseImage: image.path, python };
}
