import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import * as path from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { temporaryFolder } from "../local/support";

const root = path.join(__dirname, "..", "..");

describe("the loader of TypeScript", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let program: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
    program = path.join(folder.path, "program.ts");
  });
  afterEach(() => folder.remove());

  function run(env: NodeJS.ProcessEnv = {}) {
    const args = ["--require", path.join(root, "tools", "typescript.cjs"), program];
    return spawnSync(process.execPath, args, {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, XDG_CACHE_HOME: path.join(folder.path, "cache"), ...env },
    });
  }

  it("has stack traces point to the lines as they were written", async () => {
    const text = [
      "interface Removed { readonly a: number }",
      "type AlsoRemoved = { readonly b: string };",
      "",
      "class Thrower {",
      "  constructor(private readonly removed: Removed & AlsoRemoved) {}",
      "  fail(): never { throw new TypeError(`no ${this.removed.a}`); }",
      "}",
      "export const run = (): void => new Thrower({ a: 1, b: '' }).fail();",
      "run();",
    ];
    await writeFile(program, text.join("\n"));
    // The second run finds the translation of the first.
    for (let round = 0; round < 2; round++) {
      const { status, stderr } = run();
      assert.equal(status, 1);
      assert.match(stderr, /^TypeError: no 1\n {4}at Thrower\.fail \(.*program\.ts:6:25\)$/m);
      assert.match(stderr, /at run \(.*program\.ts:8:61\)$/m);
      assert.match(stderr, /at Object\.<anonymous> \(.*program\.ts:9:1\)$/m);
    }
  });

  it("keeps the lines where source-map-support is installed later, as Pulumi's language host does", async () => {
    const register = JSON.stringify(require.resolve("source-map-support/register"));
    await writeFile(
      program,
      `interface Removed {\n  readonly a: 1;\n}\nrequire(${register});\nthrow new Error("lost");\n`,
    );
    assert.match(run().stderr, /^Error: lost\n {4}at Object\.<anonymous> \(.*program\.ts:5:7\)$/m);
  });

  it("translates a file anew when it has changed", async () => {
    for (const word of ["one", "two", "one"]) {
      await writeFile(program, `const word: string = "${word}"; console.log(word);`);
      assert.equal(run().stdout, `${word}\n`);
    }
  });

  it("does without a cache where it may not write", async () => {
    await writeFile(program, `const word: string = "here"; console.log(word);`);
    const { stdout, stderr } = run({ XDG_CACHE_HOME: "/sys" });
    assert.equal(stderr, "");
    assert.equal(stdout, "here\n");
  });

  it("says where a file is wrong", async () => {
    await writeFile(program, "const a = 1;\nconst = 2;\n");
    assert.match(run().stderr, /program\.ts:2:6: ERROR/);
  });

  it("leaves the compiler out until Pulumi needs it", async () => {
    await writeFile(
      program,
      `const pulumi = require(${JSON.stringify(require.resolve("@pulumi/pulumi"))});
       const isLoaded = () => Object.keys(require.cache).some((file) => file.endsWith("/lib/typescript.js"));
       console.log(isLoaded());
       pulumi.runtime.serializeFunction(() => 42)
         .then(({ text }: { text: string }) => console.log(text.includes("return 42") || text.includes("=> 42"), isLoaded()));`,
    );
    const { stdout, stderr } = run();
    assert.equal(stderr, "");
    assert.equal(stdout, "false\ntrue true\n");
  });

  it("has Pulumi take the stack traces of its report of leaks only when they are wanted, and every other one", async () => {
    await writeFile(
      program,
      `const { debuggablePromise } = require(${JSON.stringify(require.resolve("@pulumi/pulumi/runtime/debuggable.js"))});
       const promise = Promise.resolve();
       void debuggablePromise(promise, "");
       const kept = (promise as unknown as { _debugStackTrace: string })._debugStackTrace;
       for (const trace of [kept, new Error().stack!]) console.log(trace.includes("program.ts:"));`,
    );
    assert.equal(run().stdout, "false\ntrue\n");
    assert.equal(run({ PULUMI_DEBUG_PROMISE_LEAKS: "1" }).stdout, "true\ntrue\n");
  });
});
