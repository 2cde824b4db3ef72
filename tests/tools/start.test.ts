import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryFolder } from "../local/support";

const tools = join(__dirname, "..", "..", "tools");

/** A clone whose npm and loader are stand-ins: npm notes that it was called and installs what the lock file says. */
async function makeClone() {
  const folder = await temporaryFolder();
  const root = folder.path;
  const write = async (path: string, content: string) => {
    await mkdir(join(root, path, ".."), { recursive: true });
    await writeFile(join(root, path), content);
  };
  const lock = (version: string) =>
    write(
      "package-lock.json",
      JSON.stringify({
        packages: {
          "": { name: "clone" },
          "node_modules/package": { version },
          "node_modules/only-elsewhere": { version: "1.0.0", optional: true },
        },
      }),
    );
  await mkdir(join(root, "tools"));
  await copyFile(join(tools, "start.mjs"), join(root, "tools", "start.mjs"));
  await write("local/main.ts", 'console.log("started with", process.argv.slice(2).join(" "));');
  await write(
    "npm.js",
    `const fs = require("node:fs");
     fs.appendFileSync("npm.log", process.argv.slice(2).join(" ") + "\\n");
     if (process.env.NPM_FAILS) process.exit(1);
     const { packages } = JSON.parse(fs.readFileSync("package-lock.json", "utf8"));
     delete packages["node_modules/only-elsewhere"];
     fs.mkdirSync("node_modules/package", { recursive: true });
     fs.writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages }));`,
  );
  await write("tools/typescript.cjs", 'require.extensions[".ts"] = require.extensions[".js"];');
  await lock("1.0.0");
  const start = (env: NodeJS.ProcessEnv = {}) =>
    execFileSync(process.execPath, [join(root, "tools", "start.mjs"), "local/main.ts", "--once"], {
      cwd: "/",
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, npm_execpath: join(root, "npm.js"), ...env },
    });
  const installs = async () => (await readFile(join(root, "npm.log"), "utf8")).split("\n").length - 1;
  return { root, start, lock, installs, remove: () => folder.remove() };
}

describe("npm start", () => {
  it("installs the packages on a fresh clone and after a change of the lock file only", async (t) => {
    const clone = await makeClone();
    t.after(() => clone.remove());
    assert.match(clone.start(), /Installing the packages .*\n(.*\n)*started with --once/);
    assert.equal(clone.start(), "started with --once\n");
    assert.equal(await clone.installs(), 1);
    await clone.lock("2.0.0");
    clone.start();
    clone.start();
    assert.equal(await clone.installs(), 2);
  });

  it("leaves packages alone that are another clone's, by a link", async (t) => {
    const clone = await makeClone();
    t.after(() => clone.remove());
    clone.start();
    const theirs = join(clone.root, "theirs");
    await rename(join(clone.root, "node_modules"), theirs);
    await symlink(theirs, join(clone.root, "node_modules"));
    assert.equal(clone.start(), "started with --once\n");
    await clone.lock("2.0.0");
    assert.throws(() => clone.start(), {
      status: 1,
      stderr: /node_modules links to \S+\/theirs, .* run "npm ci" there/,
    });
    assert.equal(await clone.installs(), 1);
  });

  it("says what to do when npm fails", async (t) => {
    const clone = await makeClone();
    t.after(() => clone.remove());
    assert.throws(
      () => clone.start({ NPM_FAILS: "1" }),
      (error: { status: number; stderr: string }) => {
        assert.equal(error.status, 1);
        assert.match(error.stderr, /"npm install" failed/);
        return true;
      },
    );
  });

  it("takes nothing away that is installed and right, not even when an installation fails", async (t) => {
    const folder = await temporaryFolder();
    t.after(() => folder.remove());
    const root = folder.path;
    const npm = (args: readonly string[], cwd = root) =>
      execFileSync("npm", args, {
        cwd,
        stdio: "pipe",
        env: { ...process.env, npm_config_cache: join(root, "cache") },
      });
    const has = (name: string) => existsSync(join(root, "node_modules", name));
    for (const name of ["needed", "tool", "later"]) {
      await mkdir(join(root, name));
      await writeFile(join(root, name, "package.json"), JSON.stringify({ name, version: "1.0.0" }));
      npm(["pack", "--pack-destination", root], join(root, name));
    }
    const at = (...names: readonly string[]) =>
      Object.fromEntries(names.map((name) => [name, `file:${name}-1.0.0.tgz`]));
    const want = async (...dependencies: readonly string[]) => {
      const manifest = { name: "clone", dependencies: at(...dependencies), devDependencies: at("tool") };
      await writeFile(join(root, "package.json"), JSON.stringify(manifest));
      npm(["install", "--package-lock-only"]);
    };
    await mkdir(join(root, "tools"));
    await copyFile(join(tools, "start.mjs"), join(root, "tools", "start.mjs"));
    await writeFile(join(root, "tools", "typescript.cjs"), "");
    await writeFile(join(root, "program.js"), 'console.log("started");');
    const start = (cache: string) =>
      execFileSync(process.execPath, [join(root, "tools", "start.mjs"), "program.js"], {
        encoding: "utf8",
        stdio: "pipe",
        // As in a shell that is set up to run, not to develop.
        env: {
          ...process.env,
          npm_execpath: "",
          NODE_ENV: "production",
          npm_config_cache: join(root, cache),
        },
      });

    await want("needed");
    assert.match(start("cache"), /started/);
    assert.deepEqual([has("needed"), has("tool")], [true, true]);
    await want("needed", "later");
    // As another version of npm may write it.
    const lock = (await readFile(join(root, "package-lock.json"), "utf8")).replace(
      /^ {2}"requires": true,\n/m,
      "",
    );
    await writeFile(join(root, "package-lock.json"), lock);
    await rename(join(root, "later-1.0.0.tgz"), join(root, "elsewhere.tgz"));
    assert.throws(() => start("empty cache"), { status: 1, stderr: /"npm install" failed/ });
    assert.deepEqual([has("needed"), has("tool"), has("later")], [true, true, false]);
    await rename(join(root, "elsewhere.tgz"), join(root, "later-1.0.0.tgz"));
    assert.match(start("empty cache"), /started/);
    assert.deepEqual([has("needed"), has("tool"), has("later")], [true, true, true]);
    assert.equal(await readFile(join(root, "package-lock.json"), "utf8"), lock);
  });

  it("tells what it can do", () => {
    const runIn = (env: NodeJS.ProcessEnv, ...args: string[]) =>
      execFileSync(process.execPath, [join(tools, "start.mjs"), "local/run/main.ts", ...args], {
        encoding: "utf8",
        stdio: "pipe",
        env: { ...process.env, ...env },
      });
    const run = (...args: string[]) => runIn({}, ...args);
    assert.match(run("--help"), /--once .*\n.*--stack NAME/);
    assert.throws(() => run("--twice"), { status: 1 });
    assert.throws(() => runIn({ LOCAL_REGION: "ten" }), {
      status: 1,
      stderr: 'LOCAL_REGION is "ten". Give the number of a local region, 0 to 99, or leave it unset for 0.\n',
    });
    assert.throws(
      () => run("--stack", "nowhere", "--once"),
      (error: { status: number; stdout: string }) => {
        assert.equal(error.status, 1);
        assert.match(error.stdout, /There is no stack "nowhere"|needs root/);
        return true;
      },
    );
  });
});
