import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { it } from "node:test";
import { temporaryFolder } from "../local/support";
import { ownFolder } from "./folder";

it("what a killed run has left goes with the next run, and what others use or made stays", async (t) => {
  const parent = await temporaryFolder();
  t.after(() => parent.remove());
  const script = `
    const { ownFolder } = require(${JSON.stringify(path.join(__dirname, "folder.ts"))});
    console.log(ownFolder(${JSON.stringify(parent.path)}));
    setInterval(() => 1, 1000);`;
  const child = spawn(process.execPath, ["--require", "./tools/typescript.cjs", "-e", script], {
    cwd: path.join(__dirname, "..", ".."),
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const theirs = line.toString().trim();
  writeFileSync(path.join(theirs, "state"), "");
  const foreign = path.join(parent.path, "django-on-ec2-engine-by-hand");
  mkdirSync(foreign);

  const own = ownFolder(parent.path);
  assert.deepEqual([theirs, foreign, own].map(existsSync), [true, true, true]);

  child.kill("SIGKILL");
  await once(child, "exit");
  const next = ownFolder(parent.path);
  assert.deepEqual([theirs, foreign, own, next].map(existsSync), [false, true, true, true]);
});

it("another process under the number of one that is gone keeps nothing alive", async (t) => {
  const parent = await temporaryFolder();
  t.after(() => parent.remove());
  const old = path.join(parent.path, `django-on-ec2-engine-${process.pid}-1-AbCdEf`);
  mkdirSync(old);
  ownFolder(parent.path);
  assert.equal(existsSync(old), false);
});
