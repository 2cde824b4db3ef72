import { existsSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { listed, LocalBackend, unknownTypes } from "../engine/backend";
import { explain } from "../engine/errors";
import { SHOWN_ONLY } from "../aws/recorded";
import { Interrupt } from "./interrupt";
import { STATE_PATH, StateDirectory, sweep } from "../machine/state";
import { prepareMachine, startPlatform } from "./platform";
import { checkMachine } from "./preflight";
import { loadStack, runProgram } from "../engine/program";
import type { StackOutputs } from "../engine/program";
import { duration, Progress } from "../terminal/progress";
import type { Region } from "../aws/region";
import { smokeCheck } from "./smoke";
import { OUTPUTS_FILE, renderInert, renderOutputs, renderTimes, renderTrial, writeOutputs } from "./summary";
import { Teardown } from "./teardown";

const HELP = `Deploys the stack on this machine: real hosts in two networks, no AWS account.

Usage: npm start [-- OPTIONS]

  --once          deploy, check the service as a user would, destroy; exit status 0 or 1
  --stack NAME    settings from Pulumi.NAME.yaml (default: local)
  --help          this text

Without --once the region stays up until Ctrl-C or SIGTERM, which destroys everything.
Needs root on Debian 12 or 13; packages that are missing are installed.
`;

interface Options {
  readonly once: boolean;
  readonly stack: string;
}

function serviceUrl(outputs: StackOutputs): string {
  const { serviceUrl: url, albDnsName } = outputs;
  if (typeof url?.value === "string") return url.value.replace(/\/$/, "");
  if (typeof albDnsName?.value === "string") return `http://${albDnsName.value}`;
  throw new Error("the program exports neither serviceUrl nor albDnsName");
}

/** An error together with the last words of the hosts that failed and that it does not mention. */
function withHosts(error: unknown, region: Region): Error {
  const told = explain(error);
  const hosts = region
    .failedHosts()
    .filter(({ instanceId }) => !told.includes(instanceId))
    .map(
      ({ label, instanceId, output }) =>
        `\nHost ${label} (${instanceId}) failed. Its last words:\n${output.replace(/^/gm, "    ")}`,
    );
  return new Error([told, ...hosts].join("\n"));
}

/** What is told at the very end, where nothing scrolls it away; `isClean` when everything could be destroyed. */
type LastWords = (isClean: boolean) => void;

/** What a run is given. */
interface Circumstances {
  readonly options: Options;
  readonly progress: Progress;
  readonly interrupt: Interrupt;
  readonly teardown: Teardown;
  /** Told of what goes wrong in the region while nobody waits for it. */
  readonly onFault: (error: Error) => void;
}

/** Deploys, and holds until the end is wanted. */
async function run(circumstances: Circumstances): Promise<LastWords> {
  const { options, progress, interrupt, teardown, onFault } = circumstances;
  const { signal } = interrupt;
  const startedAt = performance.now();
  checkMachine();
  const stack = loadStack(options.stack);
  const state = StateDirectory.acquire();
  teardown.add("lock", () => state.release());
  rmSync(OUTPUTS_FILE, { force: true }); // of a run that was killed

  progress.heading(`Preparing stack ${options.stack}`);
  // First of all, as what was left may fill the disk. The state directory is the first thing that a run makes: where it
  // is, the packages are that the removal needs.
  const hasState = existsSync(STATE_PATH);
  const removeStale = async () => {
    const stale = await progress.during("looking for what a killed run left", () => sweep(state));
    for (const item of stale) progress.print(`    removed ${item}`);
  };
  if (hasState) await removeStale();
  teardown.add("clean-up", async () => {
    if (!existsSync(STATE_PATH)) return; // nothing was made
    const rest = await progress.during("making sure that nothing is left", () => sweep(state));
    for (const item of rest) progress.warn(`! was still there, removed: ${item}`);
  });
  const types = await prepareMachine(options.stack, progress, signal);
  // A removal that failed half-way may have left something without its record.
  if (!hasState) await removeStale();
  const platform = await startPlatform(state, progress, teardown, interrupt, onFault);
  const unknown = unknownTypes(platform.handlers, types);
  if (unknown.length > 0) {
    throw new Error(`The local region can't make these types, so nothing was made: ${unknown.join(", ")}`);
  }

  progress.heading(`Deploying stack ${options.stack}`);
  const backend = new LocalBackend({ ...platform, progress, signal });
  teardown.add("stack", async () => {
    progress.heading("Destroying");
    const since = performance.now();
    const failures = await backend.destroy();
    progress.print(`Destroyed in ${duration((performance.now() - since) / 1000)}.`);
    if (failures.length > 0) throw new Error(failures.map((failure) => failure.message).join("\n"));
  });
  const failed = (error: unknown): never => {
    signal.throwIfAborted();
    throw withHosts(error, platform.region);
  };
  const { outputs } = await runProgram({ stack, backend, signal }).catch(failed);
  const seconds = (performance.now() - startedAt) / 1000;
  const url = serviceUrl(outputs);
  await writeOutputs(outputs);
  teardown.add("outputs", () => rmSync(dirname(OUTPUTS_FILE), { recursive: true, force: true }));
  const counts = backend.counts();
  const steps = [...progress.finished];
  const tell = () => {
    progress.heading("Without effect here");
    progress.print(
      renderInert([
        { title: "recorded only", types: listed(counts, platform.recorded) },
        { title: "shown by the API, not in force", types: listed(counts, SHOWN_ONLY) },
      ]),
    );
    progress.heading("Where the time went");
    progress.print(renderTimes(steps, seconds));
    progress.heading("Outputs");
    progress.print(renderOutputs(outputs));
  };

  if (options.once) {
    progress.heading("Checking the service");
    const hosts = Number(stack.config[`${stack.project}:webMinSize`] ?? 1);
    const onPassed = (what: string) => progress.print(`${progress.paint("green", "✓")} ${what}`);
    await smokeCheck({ url, hosts, signal, onPassed }).catch(failed);
    return (isClean) => {
      tell();
      const rest = isClean ? "; nothing of it is left" : "";
      progress.print(`\n${progress.paint("green", "✓")} Stack ${options.stack} works${rest}.`);
    };
  }
  tell();
  progress.heading("Try it");
  progress.print(renderTrial(url, platform.apiEndpoint));
  progress.print(`\nUp. Ctrl-C destroys everything.`);
  await interrupt.wait();
  if (interrupt.fault) throw interrupt.fault;
  return () => undefined;
}

/** Makes a run depend neither on who starts it nor on how: on their shell's settings or their AWS configuration. */
function isolate(): void {
  process.umask(0o022);
  const path = new Set([...(process.env["PATH"] ?? "").split(":"), "/usr/local/sbin", "/usr/sbin", "/sbin"]);
  for (const name of Object.keys(process.env)) {
    if (name.startsWith("AWS_")) Reflect.deleteProperty(process.env, name);
  }
  Object.assign(process.env, {
    PATH: [...path].filter(Boolean).join(":"), // Debian's su leaves out the system's programs
    LC_ALL: "C.UTF-8",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  });
}

async function main(): Promise<number> {
  isolate();
  let options: Options;
  try {
    const { values } = parseArgs({
      options: {
        once: { type: "boolean", default: false },
        stack: { type: "string", default: "local" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      return 0;
    }
    options = values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 1;
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
    tell = await run({ options, progress, interrupt, teardown, onFault });
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
