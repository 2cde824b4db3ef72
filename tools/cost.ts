/** `npm run cost -- STACK`: what a month of a stack costs at rest, with the arithmetic. */
import { recordGraph } from "../local/engine/recorder";
import { costTable, monthlyCosts } from "./costs";

async function main(): Promise<void> {
  const [stack] = process.argv.slice(2);
  if (stack === undefined) throw new Error("Give a stack: npm run cost -- dev");
  const { registrations } = await recordGraph(stack, false);
  console.log(costTable(`${stack}, a month at rest`, monthlyCosts(registrations)));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
