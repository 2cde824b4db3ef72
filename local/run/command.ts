/** What the commands of this folder have in common: a run that tells how it went by words and exit status. */
import { regionNumber } from "../../client/localRegion";
import { explain } from "../terminal/explain";
import { Progress } from "../terminal/progress";
import { isolate } from "./environment";
import { Interrupt } from "./interrupt";
import { Teardown } from "./teardown";

/** What is told at the very end, where nothing scrolls it away; `isClean` when everything could be destroyed. */
export type LastWords = (isClean: boolean) => void;

/** What a run is given. */
export interface Circumstances {
  readonly progress: Progress;
  readonly interrupt: Interrupt;
  readonly teardown: Teardown;
  /** Told of what goes wrong in the region while nobody waits for it. */
  readonly onFault: (error: Error) => void;
}

/** A command as its arguments want it. */
export interface Command {
  /** Whether only the help is wanted. */
  readonly help: boolean;
  /** Whether what goes wrong while nobody waits for it fails the run. */
  readonly isStrict: boolean;
  readonly run: (circumstances: Circumstances) => Promise<LastWords>;
}

/** Runs a command, and ends the process with its status. `read` throws what is wrong with the arguments. */
export function runCommand(help: string, read: (args: readonly string[]) => Command): void {
  exitWith(execute(help, read));
}

/** Ends the process with a command's status; with 1, and the reason on standard error, when it is rejected. */
export function exitWith(command: Promise<number>): void {
  process.exitCode = 1; // should this process ever end without the command having told its status
  command.then(
    (status) => process.exit(status),
    (error: unknown) => {
      process.stderr.write(`${explain(error)}\n`);
      process.exit(1);
    },
  );
}

async function execute(help: string, read: (args: readonly string[]) => Command): Promise<number> {
  isolate();
  regionNumber(); // refuses one that is none
  let command: Command;
  try {
    command = read(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return 1;
  }
  if (command.help) {
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
    tell = await command.run({ progress, interrupt, teardown, onFault });
  } catch (error) {
    failure = error;
    // Asked for now: a Ctrl-C during the clean-up must not hide why the run failed.
    status = interrupt.exitStatus ?? 1;
  }
  const isClean = await teardown.run();
  const isFaulty = interrupt.fault !== undefined || (command.isStrict && faults.size > 0);
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
