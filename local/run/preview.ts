import { fork } from "node:child_process";
import { join } from "node:path";

/** What the child tells. */
export type PreviewMessage = { readonly types: string[] } | { readonly error: string };

/**
 * Runs the program as `pulumi preview` would and answers the type of each resource that it would make, one entry each.
 * Throws what the program itself says is wrong, such as its settings, before anything is made.
 * In a process of its own: Pulumi and the program keep global state, and the real run must find both fresh.
 */
export async function previewProgram(stack: string, signal: AbortSignal): Promise<string[]> {
  const child = fork(join(__dirname, "previewProcess.ts"), [stack], {
    execArgv: ["--require", require.resolve("tsx/cjs")],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // Away from the terminal's Ctrl-C, which the signal stands for.
    detached: true,
  });
  const stop = () => child.kill("SIGKILL");
  signal.addEventListener("abort", stop, { once: true });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (chunk: string) => (printed += chunk));
  }
  try {
    const message = await new Promise<PreviewMessage>((resolve, reject) => {
      let told: PreviewMessage = { error: "" };
      child.once("message", (received) => (told = received as PreviewMessage));
      child.once("error", reject);
      child.once("close", () => resolve(told));
    });
    signal.throwIfAborted();
    if ("types" in message) return message.types;
    throw new Error(message.error || `the program ended without a word:\n${printed}`);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
