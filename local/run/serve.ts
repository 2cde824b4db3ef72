import { randomUUID } from "node:crypto";
import { relative } from "node:path";
import { serveProviders } from "../aws/providers";
import type { Circumstances, LastWords } from "./command";
import {
  engineEnvironment,
  engineFile,
  removeEngineEnvironment,
  writeEngineEnvironment,
} from "./engineEnvironment";
import { forOtherTerminals } from "./environment";
import { openRegion } from "./openRegion";

/** Holds a region until the end is wanted, and lets Pulumi's engine deploy to it. */
export async function serve(circumstances: Circumstances): Promise<LastWords> {
  const { progress, interrupt, teardown } = circumstances;
  const { region, backend } = await openRegion(
    circumstances,
    "Preparing the region",
    async () => removeEngineEnvironment(), // of a run that was killed
  );
  const providers = await serveProviders(backend, randomUUID());
  teardown.add("providers", () => providers.stop());
  writeEngineEnvironment(
    engineEnvironment({ providers: providers.addresses, apiEndpoint: region.apiEndpoint }),
  );
  teardown.add("environment", () => removeEngineEnvironment());

  progress.heading("In another terminal");
  for (const line of forOtherTerminals()) progress.print(line);
  progress.print(`  npm run local:up          # or local:preview, local:refresh, local:destroy`);
  progress.print("");
  progress.print("  # The same with a pulumi of your own:");
  progress.print(`  . ./${relative(process.cwd(), engineFile())}`);
  progress.print(`  pulumi up --stack local`);
  progress.print(`\nThe region is up. Ctrl-C destroys everything in it.`);
  await interrupt.wait();
  if (interrupt.fault) throw interrupt.fault;
  return () => undefined;
}
