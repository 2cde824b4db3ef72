/**
 * Runs the test files that the arguments name in this one process, each as a suite of its own: packages are loaded once, and what
 * one file has recorded of a stack serves the others. What a file changes of the process it must restore.
 */
import * as path from "node:path";
import { describe } from "node:test";

for (const file of process.argv.slice(2))
  describe(file, () => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- it must be loaded while its suite is declared
    require(path.resolve(file));
  });
