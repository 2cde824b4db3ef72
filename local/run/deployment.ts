import { rmSync } from "node:fs";
import { writeRecord } from "../../report/record";
import type { Region } from "../aws/region";
import { listed, unknownTypes } from "../engine/backend";
import { loadStack, runProgram } from "../engine/program";
import type { StackOutputs } from "../engine/program";
import { explain } from "../terminal/explain";
import type { Circumstances, LastWords } from "./command";
import { openRegion } from "./openRegion";
import type { Options } from "./options";
import { previewProgram } from "./preview";
import { smokeCheck } from "./smoke";
import { Timeline } from "./timeline";
import { watch } from "./watch";
import { outputsFile, renderInert, renderOutputs, renderTimes, renderTrial, writeOutputs } from "./summary";

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

/** Deploys, and holds until the end is wanted; what it makes, the teardown undoes. */
export async function deploy(options: Options, circumstances: Circumstances): Promise<LastWords> {
  const { progress, interrupt, teardown } = circumstances;
  const { signal } = interrupt;
  const startedAt = performance.now();
  const stack = loadStack(options.stack);
  let types: string[] = [];
  const { region, backend } = await openRegion(
    circumstances,
    `Preparing stack ${options.stack}`,
    async (either) => {
      rmSync(outputsFile(), { force: true }); // of a run that was killed
      types = await progress.during(
        "previewing the program",
        () => previewProgram(options.stack, either),
        either,
      );
    },
    options.minute * 1000,
  );
  const unknown = unknownTypes(region.handlers, types);
  if (unknown.length > 0) {
    throw new Error(`The local region can't make these types, so nothing was made: ${unknown.join(", ")}`);
  }

  progress.heading(`Deploying stack ${options.stack}`);
  const failed = (error: unknown): never => {
    signal.throwIfAborted();
    throw withHosts(error, region);
  };
  const { outputs } = await runProgram({ stack, backend, signal }).catch(failed);
  const seconds = (performance.now() - startedAt) / 1000;
  const url = serviceUrl(outputs);
  await writeOutputs(outputs, region.apiEndpoint);
  teardown.add("outputs", () => rmSync(outputsFile(), { force: true }));
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
  const timeline = options.record === undefined ? undefined : new Timeline(new Date());
  await watch(
    () => region.status(),
    progress,
    signal,
    (status) => timeline?.take(status, new Date()),
  );
  if (options.record !== undefined && timeline) writeRecord(timeline.record(), options.record);
  if (interrupt.fault) throw interrupt.fault;
  return () => undefined;
}
