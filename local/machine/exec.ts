import { spawn } from "node:child_process";

/** A command that could not be run or that failed. It has no numeric `code`: Pulumi takes 1 and 14 for gRPC codes. */
export class CommandError extends Error {
  constructor(
    readonly command: string,
    readonly exitStatus: number | null,
    readonly stderr: string,
  ) {
    super(
      `${command} failed (${exitStatus === null ? "no exit status" : `exit status ${exitStatus}`}): ${stderr.trim()}`,
    );
    this.name = "CommandError";
  }
}

export interface RunOptions {
  /** Written to standard input. */
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

/**
 * Runs a command to its end and answers its standard output. When the signal aborts, the command is killed with all that it
 * started, and the promise is rejected once it has ended.
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    options.signal?.throwIfAborted();
    const child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      // A group of its own: Ctrl-C in the terminal must reach this program only, which then stops things in order.
      detached: true,
      env: options.env,
      cwd: options.cwd,
    });
    const kill = () => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    };
    options.signal?.addEventListener("abort", kill, { once: true });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
    child.on("error", (error) =>
      reject(new CommandError(`${command} ${args.join(" ")}`, null, error.message)),
    );
    child.on("close", (status) => {
      options.signal?.removeEventListener("abort", kill);
      if (options.signal?.aborted) reject(options.signal.reason as Error);
      else if (status === 0) resolve(stdout);
      else reject(new CommandError(`${command} ${args.join(" ")}`, status, stderr || stdout.slice(-2000)));
    });
    // A command may end without reading its input; its exit status tells what happened.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
}
