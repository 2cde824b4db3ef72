/**
 * Runs the test files that the arguments name in this one process, each as a suite of its own: packages are loaded once, and what
 * one file has recorded of a stack serves the others. What a file changes of the process it must restore, and end what it starts.
 */
import "./unfollowed";
import * as path from "node:path";
import { after, describe } from "node:test";

/** How long this process may take to end once all tests are done, in milliseconds. */
const longestEnd = 60_000;

/** A service, a socket or a process that a test has left would keep this process until its stage has run out of time. */
function failUnended(): void {
  console.error(
    `All tests are done, but not what they opened: ${process.getActiveResourcesInfo().join(", ")}`,
  );
  // Has the runner sum up, as at an end of its own accord.
  process.emit("beforeExit", 1);
  setTimeout(() => process.exit(1), 1000);
}

const files = process.argv.slice(2);
let left = files.length;
for (const file of files)
  describe(file, () => {
    after(() => {
      if (--left === 0) setTimeout(failUnended, longestEnd).unref();
    });
    // oxlint-disable-next-line typescript/no-require-imports -- it must be loaded while its suite is declared
    require(path.resolve(file));
  });
