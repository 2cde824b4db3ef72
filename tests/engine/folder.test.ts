import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { it, type TestContext } from "node:test";
import { ownFolder } from "./folder";

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "django-on-ec2-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

it("what a killed run has left goes with the next run, and what others use or made stays", async (t) => {
  const parent = temporaryFolder(t);
  const script = `
    const { ownFolder } = require(${JSON.stringify(path.join(__dirname, "folder.ts"))});
    console.log(ownFolder(${JSON.stringify(parent)}));
    setInterval(() => 1, 1000);`;
  const child = spawn(process.execPath, ["--require", "./tools/typescript.cjs", "-e", script], {
    cwd: path.join(__dirname, "..", ".."),
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const theirs = line.toString().trim();
  writeFileSync(path.join(theirs, "state"), "");
  const foreign = path.join(parent, "django-on-ec2-engine-by-hand");
  mkdirSync(foreign);

  const own = ownFolder(parent);
  assert.deepEqual([theirs, foreign, own].map(existsSync), [true, true, true]);

  child.kill("SIGKILL");
  await once(child, "exit");
  const next = ownFolder(parent);
  assert.deepEqual([theirs, foreign, own, next].map(existsSync), [false, true, true, true]);
});

it("another process under the number of one that is gone keeps nothing alive", async (t) => {
  const parent = temporaryFolder(t);
  const old = path.join(parent, `django-on-ec2-engine-${process.pid}-1-AbCdEf`);
  mkdirSync(old);
  ownFolder(parent);
  assert.equal(existsSync(old), false);
});
