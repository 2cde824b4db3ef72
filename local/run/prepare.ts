import { packageSources } from "../machine/host/baseImage";
import { together } from "../machine/together";
import type { Progress } from "../terminal/progress";
import {
  checkDisk,
  checkKernel,
  checkNetwork,
  checkPrivilege,
  installPackages,
  missingPackages,
} from "./preflight";
import { previewProgram } from "./preview";

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
