/** What the real engine says that a change of dev does. */
import type { Change, Done, Effect } from "../../tools/updates";
import type { Deployment, Step } from "./deployment";
import { assertSucceeded } from "./support";

/** Previews a change of a deployment, and takes it back. */
export async function effectOf(stack: Deployment, change: Change): Promise<Effect> {
  const back = stack.change(change.settings ?? {}, change.file);
  try {
    const preview = await stack.preview();
    assertSucceeded(preview);
    return effectOfSteps(preview.steps);
  } finally {
    back();
  }
}

/** The engine tells a replacement in three steps, in the order in which it will take them. */
function effectOfSteps(steps: readonly Step[]): Effect {
  const effect: { [What in Done]?: string[] } = {};
  const replaced = new Set<string>();
  for (const { op, type, name } of steps) {
    // An object has its content's digest in its name.
    const short = name.replace(/^dev-/, "").replace(/(?<=-(?:app|script)-)[0-9a-f]{8}$/, "DIGEST");
    const what = `${type.split(":").at(-1) ?? type} ${short}`;
    let done = op as Done;
    if (/replace/.test(op)) {
      if (replaced.has(what)) continue;
      replaced.add(what);
      done = op === "delete-replaced" ? "delete, create" : "replace";
    }
    (effect[done] ??= []).push(what);
  }
  for (const names of Object.values(effect)) names.sort();
  return Object.fromEntries(Object.entries(effect).sort(([a], [b]) => (a < b ? -1 : 1)));
}
