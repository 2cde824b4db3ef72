/** The client's commands and options. */
import { Command, CommanderError } from "commander";
import { version } from "../package.json";
import { addAccountCommands } from "./accountCommands";
import { note } from "./context";
import { exitStatus, Failure } from "./failure";
import { addOperationCommands } from "./operationCommands";
import { urlVariable } from "./service";
import { addTaskCommands } from "./taskCommands";

const help = `
Passwords are asked for, or read from standard input, one a line.
Exit status: 0 done, 1 a fault, 2 not valid, 3 not signed in, 4 refused, 5 not found, 6 a conflict,
7 the service is away, 8 too many requests.
`;

/** The client, ready to parse its arguments. */
export async function buildProgram(): Promise<Command> {
  const program = new Command("django-on-ec2")
    .description("The client of the service: accounts, tasks, and its operation.")
    .version(version, "--version", "print the client's version")
    .option("--url <url>", `the service's address (else ${urlVariable}, --stack, .local/outputs.json)`)
    .option("--stack <name>", "the Pulumi stack whose outputs name the service")
    .option("--json", "print JSON")
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("(--help tells more)")
    .addHelpText("after", help)
    .exitOverride();
  addAccountCommands(program);
  addTaskCommands(program);
  addOperationCommands(program);
  const { default: addCompletion } = await import("@bomb.sh/tab/commander");
  addCompletion(program);
  return program;
}

/** Runs the client; answers its exit status. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await (await buildProgram()).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitStatus.invalid;
    if (error instanceof Failure) {
      // Each line by itself: a line's end is the only control character that is ours.
      for (const line of error.message.split("\n")) note(line);
      return exitStatus[error.kind];
    }
    if (error instanceof Error && error.name === "ExitPromptError") return exitStatus.interrupted;
    // Files that cannot be read or written; anything else is a fault of the client, shown with where it lies.
    if (error instanceof Error && "syscall" in error) {
      note(error.message);
      return exitStatus.fault;
    }
    throw error;
  }
}
