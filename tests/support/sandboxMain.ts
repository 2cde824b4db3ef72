/** Runs the command of its arguments in the sandbox; its status tells whether that succeeded. */
import { runInSandbox } from "./sandbox";

runInSandbox(process.argv.slice(2), (chunk) => process.stdout.write(chunk)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
