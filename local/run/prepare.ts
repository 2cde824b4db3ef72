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

/** Checks and prepares the machine. `first` is done beside the first checks, before anything is installed. */
export async function prepareMachine(
  progress: Progress,
  signal: AbortSignal,
  first: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  await together(signal, first, (either) =>
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
}
