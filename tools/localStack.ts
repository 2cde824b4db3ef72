/**
 * `npm run local:up`, `local:preview`, `local:refresh`, `local:destroy`: that command of `pulumi` against the region that
 * `npm run region` holds. It needs no more of Pulumi than the `pulumi` program: a language host of our own runs `index.ts`.
 */
import { spawn } from "node:child_process";
import * as path from "node:path";
import { readEngineEnvironment } from "../local/run/engineEnvironment";
import { startLanguageHost } from "./languageHost";
import { pulumiFolder } from "./pulumiCli";

const root = path.join(__dirname, "..");
/** Commands that run the program. */
const running = new Set(["preview", "up"]);

async function main([command = "", ...args]: readonly string[]): Promise<number> {
  const environment = readEngineEnvironment();
  const folder = pulumiFolder();
  if (folder === undefined)
    throw new Error("this needs Pulumi's CLI, or Go to build it: see https://www.pulumi.com/docs/install");
  const host = running.has(command) ? await startLanguageHost() : undefined;
  // The terminal gives Ctrl-C to both, and other signals come to one: pulumi ends in its own time.
  process.on("SIGINT", () => undefined);
  try {
    const client = host ? [`--client=127.0.0.1:${host.port}`] : [];
    const pulumi = spawn(path.join(folder, "pulumi"), [command, "--stack", "local", ...client, ...args], {
      cwd: root,
      env: { ...process.env, ...environment },
      stdio: "inherit",
    });
    for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => pulumi.kill(signal));
    return await new Promise((resolve, reject) => {
      pulumi.once("error", reject);
      pulumi.once("close", (status) => resolve(status ?? 1));
    });
  } finally {
    host?.stop();
  }
}

main(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
