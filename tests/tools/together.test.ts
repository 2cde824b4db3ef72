import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import * as path from "node:path";
import { describe, it } from "node:test";
import { temporaryFolder } from "../local/support";

const root = path.join(__dirname, "..", "..");

/** Runs a test file as `npm test` runs those that share a process. */
async function run(text: string) {
  const folder = await temporaryFolder();
  try {
    const file = path.join(folder.path, "a.test.ts");
    await writeFile(file, `import { describe, it } from "node:test";\n${text}\n`);
    const args = ["--require", "./tools/typescript.cjs", "--test-reporter=tap", "tests/support/together.ts"];
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    return spawnSync(process.execPath, [...args, file], { cwd: root, encoding: "utf8", env });
  } finally {
    await folder.remove();
  }
}

describe("test files that share a process", () => {
  it("have their suites nested, and pass", async () => {
    const { status, stdout } = await run(
      'describe("outer", () => describe("inner", () => it("passes", async () => { await null; })));',
    );
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^ {12}ok 1 - passes$/m);
  });

  it("fail by an error that nobody catches, which is named", async () => {
    for (const stray of [
      'setTimeout(() => { throw new Error("stray"); });',
      'void Promise.reject(new Error("stray"));',
    ]) {
      const { status, stdout } = await run(
        `it("waits", () => { ${stray} return new Promise((resolve) => setTimeout(resolve, 20)); });`,
      );
      assert.equal(status, 1, stdout);
      assert.match(stdout, /created the error "Error: stray"/);
    }
  });
});
