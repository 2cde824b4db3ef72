/** `npm run docs`: writes what the pages and Pulumi.yaml say of settings, outputs, costs and permissions, and the client's types. */
import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { generatedFiles, root } from "./generate";

async function main(): Promise<void> {
  for (const [file, { written, current }] of await generatedFiles()) {
    if (written === current) continue;
    writeFileSync(path.join(root, file), written);
    console.log(`wrote ${file}`);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
