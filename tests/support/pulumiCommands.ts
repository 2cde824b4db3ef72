/** `npm run local:up` and its like in a checkout, and what the engine did. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent } from "@pulumi/pulumi/automation";

/** What a command of the CLI did. */
export interface Deployed {
  readonly status: number;
  /** Everything that was shown. */
  readonly output: string;
  /** Errors that the engine reported. */
  readonly errors: string;
  /** What is not left as it was, in order, such as `create aws:ec2/vpc:Vpc local-web-network`. */
  readonly steps: readonly string[];
}

export type PulumiCommand = "preview" | "up" | "refresh" | "destroy";

/** Runs one of the commands to its end, without asking; once the signal is aborted, to the end that Ctrl-C gives it. */
export async function deploy(
  checkout: string,
  command: PulumiCommand,
  { options = [], controlC }: { readonly options?: readonly string[]; readonly controlC?: AbortSignal } = {},
): Promise<Deployed> {
  const folder = mkdtempSync(join(tmpdir(), "django-on-ec2-events-"));
  const log = join(folder, "events.json");
  const yes = command === "preview" ? [] : ["--yes", "--skip-preview"];
  try {
    const args = [
      ...["run", "--silent", `local:${command}`, "--"],
      ...[...yes, "--non-interactive", "--color=never", `--event-log=${log}`, ...options],
    ];
    const { status, output } = await run(checkout, "npm", args, controlC);
    return { status, output, ...(status === 0 || output.includes("Diagnostics") ? told(log) : nothing) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs any command in a checkout; answers how it ended, with all that it printed. */
export function run(
  cwd: string,
  command: string,
  args: readonly string[],
  controlC?: AbortSignal,
): Promise<{ status: number; output: string }> {
  return new Promise((resolve, reject) => {
    // Makes the option for the log known.
    const env = { ...process.env, PULUMI_DEBUG_COMMANDS: "true" };
    // As a job of a terminal, all of which Ctrl-C reaches.
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    const interrupt = () => child.pid !== undefined && process.kill(-child.pid, "SIGINT");
    controlC?.addEventListener("abort", interrupt);
    child.once("error", reject);
    child.once("close", (status) => {
      controlC?.removeEventListener("abort", interrupt);
      resolve({ status: status ?? -1, output });
    });
  });
}

const nothing = { errors: "", steps: [] };

function told(log: string): Pick<Deployed, "errors" | "steps"> {
  const events = readFileSync(log, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as EngineEvent);
  const steps: string[] = [];
  const refreshed = new Set<string>();
  for (const { resourcePreEvent, resOutputsEvent } of events) {
    const { op, type, urn } = resourcePreEvent?.metadata ?? resOutputsEvent?.metadata ?? none;
    if (resourcePreEvent && op === "refresh") refreshed.add(urn);
    // What a refresh finds is told with its outputs, anything else when it begins.
    if (idle.has(op) || (!resourcePreEvent && !refreshed.has(urn))) continue;
    steps.push(`${op} ${type} ${nameOf(urn)}`);
  }
  const errors = events.flatMap(({ diagnosticEvent: event }) =>
    event?.severity === "error" ? [event.message] : [],
  );
  return { errors: errors.join("\n"), steps };
}

/** Of events that are no steps. */
const none = { op: "same", type: "", urn: "" } as const;
const idle: ReadonlySet<string> = new Set(["same", "read", "refresh"]);
const nameOf = (urn: string) => urn.split("::").slice(3).join("::");
