/**
 * A process in which the client runs one command after the other, each with an environment, a folder and an input of its own:
 * what a process of its own would spend most of its time on, loading the client, is done once.
 */
import { Readable } from "node:stream";
import { inspect } from "node:util";
import { run } from "../../client/program";
import type { Asked, Run } from "./support";

let printed = { stdout: "", stderr: "" };
for (const name of ["stdout", "stderr"] as const)
  process[name].write = (text: unknown) => {
    printed[name] += String(text);
    return true;
  };

async function serve({ args, env, folder, input }: Asked): Promise<Run> {
  process.chdir(folder);
  for (const name of Object.keys(process.env)) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, env);
  Object.defineProperty(process, "stdin", { value: Readable.from([input]), configurable: true });
  printed = { stdout: "", stderr: "" };
  try {
    return { status: await run(args), ...printed };
  } catch (error) {
    // As Node.js ends a process by an error that nobody catches.
    return { status: 1, stdout: printed.stdout, stderr: `${printed.stderr}${inspect(error)}\n` };
  }
}

process.on("message", (asked: Asked) => {
  void serve(asked).then((answer) => process.send?.(answer));
});
