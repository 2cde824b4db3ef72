import { existsSync } from "node:fs";
import { join } from "node:path";
import { prepareRegion, startRegion } from "../aws/region";
import type { Region } from "../aws/region";
import { LocalBackend } from "../engine/backend";
import { StateDirectory, statePath } from "../machine/state";
import { sweep } from "../machine/sweep";
import { duration } from "../terminal/progress";
import type { Circumstances } from "./command";
import { checkMachine } from "./preflight";
import { prepareMachine } from "./prepare";

const projectRoot = join(__dirname, "..", "..");

/** A region at work, and what makes resources in it. */
export interface OpenRegion {
  readonly region: Region;
  readonly backend: LocalBackend;
}

/**
 * Takes the machine, prepares it and starts a region; the teardown destroys what the backend then makes, ends the region and
 * sees that nothing is left. A minute of alarms lasts so many milliseconds. `first` is done before anything is installed; what it throws ends it all.
 */
export async function openRegion(
  { progress, interrupt, teardown, onFault }: Circumstances,
  title: string,
  first: (signal: AbortSignal) => Promise<void>,
  minute = 60_000,
): Promise<OpenRegion> {
  const { signal } = interrupt;
  checkMachine();
  const state = StateDirectory.acquire();
  teardown.add("lock", () => state.release());

  progress.heading(title);
  // First of all, as what was left may fill the disk. The state directory is the first thing that a run makes: where it
  // is, the packages are that the removal needs.
  const hasState = existsSync(statePath());
  const removeStale = async () => {
    const stale = await progress.during("looking for what a killed run left", () => sweep(state));
    for (const item of stale) progress.print(`    removed ${item}`);
  };
  if (hasState) await removeStale();
  teardown.add("clean-up", async () => {
    if (!existsSync(statePath())) return; // nothing was made
    const rest = await progress.during("making sure that nothing is left", () => sweep(state));
    for (const item of rest) progress.warn(`! was still there, removed: ${item}`);
  });
  await prepareMachine(progress, signal, first);
  // A removal that failed half-way may have left something without its record.
  if (!hasState) await removeStale();
  const region = await startRegion({
    state,
    ...(await prepareRegion((...step) => progress.during(...step), signal)),
    nodeModules: join(projectRoot, "node_modules"),
    minute,
    onFault,
    onBreakdown: (error) => interrupt.fail(error),
    signal,
  });
  teardown.add("region", () => region.close());
  const backend = new LocalBackend({ ...region, progress, signal });
  teardown.add("resources", async () => {
    if (backend.counts().size === 0) return;
    progress.heading("Destroying");
    const since = performance.now();
    const failures = await backend.destroy();
    progress.print(`Destroyed in ${duration((performance.now() - since) / 1000)}.`);
    if (failures.length > 0) throw new Error(failures.map((failure) => failure.message).join("\n"));
  });
  return { region, backend };
}
