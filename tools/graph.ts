/** `npm run graph -- STACK`: a picture of a stack's components, as SVG on standard output. */
import { recordGraph } from "../local/engine/recorder";
import { draw } from "./drawing";

async function main(): Promise<void> {
  const [stack] = process.argv.slice(2);
  if (stack === undefined) throw new Error("Give a stack: npm run graph -- prod > prod.svg");
  const { registrations } = await recordGraph(stack, false);
  process.stdout.write(await draw(registrations, stack));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
