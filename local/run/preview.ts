import { accountInvokes } from "../aws/account";
import { computeInvokes } from "../aws/compute";
import { resourceTypes } from "../engine/backend";
import { loadStack, runProgram } from "../engine/program";

/**
 * Runs the program as `pulumi preview` would and answers the type of each resource that it would make, one entry each.
 * Throws what the program itself says is wrong, such as its settings, before anything is made.
 */
export async function previewProgram(stack: string, signal: AbortSignal): Promise<string[]> {
  const invokes = { ...computeInvokes({ imageNamed: () => "ami-00000000000000000" }), ...accountInvokes() };
  const { registrations } = await runProgram({
    stack: loadStack(stack),
    preview: true,
    signal,
    // The real run says it again.
    onLog: () => undefined,
    backend: {
      create: () => Promise.resolve({ id: "", outputs: {} }),
      async invoke(token, inputs, region) {
        const invoke = invokes[token];
        if (!invoke) throw new Error(`the local region has no data source ${token}`);
        return invoke(inputs, region);
      },
    },
  });
  return resourceTypes(registrations);
}
