/** `npm start`: has a stack deployed, and tells how it went by words and exit status. */
import { explain } from "../terminal/explain";
import { Progress } from "../terminal/progress";
import { deploy } from "./deployment";
import type { LastWords } from "./deployment";
import { isolate } from "./environment";
import { Interrupt } from "./interrupt";
import { help, readOptions } from "./options";
import type { Options } from "./options";
import { Teardown } from "./teardown";

async function main(): Promise<number> {
  isolate();
  let options: Options;
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return 1;
  }
  if (options.help) {
    process.stdout.write(help);
    return 0;
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
  const interrupt = new Interrupt(() =>
    progress.warn(
      'The clean-up is under way; it takes a few seconds. What "kill -9" leaves, the next start removes.',
    ),
  );
  // A fault of this program must not leave hosts behind either.
  process.on("uncaughtException", (error) => interrupt.fail(error));
  const teardown = new Teardown(progress);
  const faults = new Set<string>();
  const onFault = (error: Error) => {
    faults.add(explain(error));
    progress.warn(`! ${explain(error)}`);
  };
  let tell: LastWords = () => undefined;
  let failure: unknown;
  let status = 0;
  try {
    tell = await deploy({ options, progress, interrupt, teardown, onFault });
  } catch (error) {
    failure = error;
    // Asked for now: a Ctrl-C during the clean-up must not hide why the run failed.
    status = interrupt.exitStatus ?? 1;
  }
  const isClean = await teardown.run();
  const isFaulty = interrupt.fault !== undefined || (options.once && faults.size > 0);
  if (failure === undefined && isFaulty) {
    failure = interrupt.fault ?? new Error(`This went wrong meanwhile:\n${[...faults].join("\n")}`);
    status = 1;
  }
  if (failure === undefined) tell(isClean);
  else if (status === 1) progress.error(`\n✗ ${explain(failure)}`);
  else progress.warn(`\nStopped before it was up${isClean ? "; nothing of it is left" : ""}.`);
  progress.close();
  for (const undo of unshare) undo();
  return isClean ? status : 1;
}

process.exitCode = 1; // should this process ever end without main having told its status
main().then(
  (status) => process.exit(status),
  (error: unknown) => {
    process.stderr.write(`${explain(error)}\n`);
    process.exit(1);
  },
);
