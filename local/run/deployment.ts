import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { prepareRegion, startRegion } from "../aws/region";
import type { Region } from "../aws/region";
import { listed, LocalBackend, unknownTypes } from "../engine/backend";
import { loadStack, runProgram } from "../engine/program";
import type { StackOutputs } from "../engine/program";
import { StateDirectory, statePath } from "../machine/state";
import { sweep } from "../machine/sweep";
import { explain } from "../terminal/explain";
import { duration } from "../terminal/progress";
import type { Progress } from "../terminal/progress";
import type { Interrupt } from "./interrupt";
import type { Options } from "./options";
import { checkMachine } from "./preflight";
import { prepareMachine } from "./prepare";
import { smokeCheck } from "./smoke";
import { outputsFile, renderInert, renderOutputs, renderTimes, renderTrial, writeOutputs } from "./summary";
import type { Teardown } from "./teardown";

const projectRoot = join(__dirname, "..", "..");

function serviceUrl(outputs: StackOutputs): string {
  const { serviceUrl: url, albDnsName } = outputs;
  if (typeof url?.value === "string") return url.value.replace(/\/$/, "");
  if (typeof albDnsName?.value === "string") return `http://${albDnsName.value}`;
  throw new Error("the program exports neither serviceUrl nor albDnsName");
}

/** An error together with the last words of the hosts that failed and that it does not mention. */
function withHosts(error: unknown, region: Pick<Region, "failedHosts">): Error {
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
export type LastWords = (isClean: boolean) => void;

/** What a run is given. */
export interface Circumstances {
  readonly options: Options;
  readonly progress: Progress;
  readonly interrupt: Interrupt;
  readonly teardown: Teardown;
  /** Told of what goes wrong in the region while nobody waits for it. */
  readonly onFault: (error: Error) => void;
}

/** Deploys, and holds until the end is wanted; what it makes, the teardown undoes. */
export async function deploy(circumstances: Circumstances): Promise<LastWords> {
  const { options, progress, interrupt, teardown, onFault } = circumstances;
  const { signal } = interrupt;
  const startedAt = performance.now();
  checkMachine();
  const stack = loadStack(options.stack);
  const state = StateDirectory.acquire();
  teardown.add("lock", () => state.release());
  rmSync(outputsFile, { force: true }); // of a run that was killed

  progress.heading(`Preparing stack ${options.stack}`);
  // First of all, as what was left may fill the disk. The state directory is the first thing that a run makes: where it
  // is, the packages are that the removal needs.
  const hasState = existsSync(statePath);
  const removeStale = async () => {
    const stale = await progress.during("looking for what a killed run left", () => sweep(state));
    for (const item of stale) progress.print(`    removed ${item}`);
  };
  if (hasState) await removeStale();
  teardown.add("clean-up", async () => {
    if (!existsSync(statePath)) return; // nothing was made
    const rest = await progress.during("making sure that nothing is left", () => sweep(state));
    for (const item of rest) progress.warn(`! was still there, removed: ${item}`);
  });
  const types = await prepareMachine(options.stack, progress, signal);
  // A removal that failed half-way may have left something without its record.
  if (!hasState) await removeStale();
  const region = await startRegion({
    state,
    ...(await prepareRegion((...step) => progress.during(...step), signal)),
    nodeModules: join(projectRoot, "node_modules"),
    onFault,
    onBreakdown: (error) => interrupt.fail(error),
    signal,
  });
  teardown.add("region", () => region.close());
  const unknown = unknownTypes(region.handlers, types);
  if (unknown.length > 0) {
    throw new Error(`The local region can't make these types, so nothing was made: ${unknown.join(", ")}`);
  }

  progress.heading(`Deploying stack ${options.stack}`);
  const backend = new LocalBackend({ ...region, progress, signal });
  teardown.add("stack", async () => {
    progress.heading("Destroying");
    const since = performance.now();
    const failures = await backend.destroy();
    progress.print(`Destroyed in ${duration((performance.now() - since) / 1000)}.`);
    if (failures.length > 0) throw new Error(failures.map((failure) => failure.message).join("\n"));
  });
  const failed = (error: unknown): never => {
    signal.throwIfAborted();
    throw withHosts(error, region);
  };
  const { outputs } = await runProgram({ stack, backend, signal }).catch(failed);
  const seconds = (performance.now() - startedAt) / 1000;
  const url = serviceUrl(outputs);
  await writeOutputs(outputs);
  teardown.add("outputs", () => rmSync(dirname(outputsFile), { recursive: true, force: true }));
  const counts = backend.counts();
  const steps = [...progress.finished];
  const tell = () => {
    progress.heading("Without effect here");
    progress.print(
      renderInert([
        { title: "recorded only", types: listed(counts, region.recorded) },
        { title: "shown by the API, not in force", types: listed(counts, region.shownOnly) },
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
  progress.print(renderTrial(url, region.apiEndpoint));
  progress.print(`\nUp. Ctrl-C destroys everything.`);
  await interrupt.wait();
  if (interrupt.fault) throw interrupt.fault;
  return () => undefined;
}
