/** The child of preview.ts: runs the program once without making anything and tells what it would make. */
import { resourceTypes } from "../engine/backend";
import { explain } from "../terminal/explain";
import { accountInvokes } from "../aws/account";
import { computeInvokes } from "../aws/compute";
import type { PreviewMessage } from "./preview";
import { loadStack, runProgram } from "../engine/program";

async function preview(stack: string): Promise<PreviewMessage> {
  const invokes = { ...computeInvokes({ imageNamed: () => "ami-00000000000000000" }), ...accountInvokes() };
  try {
    const { registrations } = await runProgram({
      stack: loadStack(stack),
      preview: true,
      backend: {
        create: () => Promise.resolve({ id: "", outputs: {} }),
        async invoke(token, inputs, region) {
          const invoke = invokes[token];
          if (!invoke) throw new Error(`the local region has no data source ${token}`);
          return invoke(inputs, region);
        },
      },
    });
    return { types: resourceTypes(registrations) };
  } catch (error) {
    return { error: explain(error) };
  }
}

void preview(process.argv[2] ?? "").then((message) => {
  process.send?.(message, () => process.exit(0));
});
