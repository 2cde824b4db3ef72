/**
 * `npm run updates`: has the real engine say what each change of dev does, and writes it down. `npm run updates -- WORD…`: only those
 * changes that a word is in.
 */
import { changes, type Effect, readEffects, writeEffects } from "../../tools/updates";
import { Deployment } from "./deployment";
import { assertSucceeded } from "./support";
import { effectOf } from "./updates";

async function main(): Promise<void> {
  const words = process.argv.slice(2);
  const stack = await Deployment.create("dev");
  try {
    assertSucceeded(await stack.up());
    const known = readEffects();
    const effects: Record<string, Effect> = {};
    for (const change of changes) {
      const { meaning } = change;
      const isWanted = words.length === 0 || words.some((word) => meaning.includes(word));
      const effect = isWanted ? await effectOf(stack, change) : known[meaning];
      if (effect) effects[meaning] = effect;
      if (isWanted) console.log(meaning);
    }
    await writeEffects(effects);
  } finally {
    stack.close();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
