/** `npm test`: every check and every test, one stage after the other, and a closing line that counts them. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { checkMachine, installPackages, missingPackages, requiredPackages } from "../local/run/preflight";
import { runInSandbox } from "./support/sandbox";

const root = path.join(__dirname, "..");
const scratch = mkdtempSync(path.join(tmpdir(), "django-on-ec2-tests-"));
const total = { passed: 0, failed: 0, skipped: 0 };

/** A stage that hangs is ended rather than waited for, in milliseconds. */
const LONGEST_STAGE = 20 * 60_000;

function command(name: string, args: readonly string[]): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      timeout: LONGEST_STAGE,
    });
    child.once("error", reject);
    child.once("close", resolve);
  });
}

const local = (name: string) => path.join(root, "node_modules/.bin", name);

/** A check that passes or fails as a whole. */
async function check(name: string, args: readonly string[]): Promise<void> {
  if ((await command(local(name), args)) === 0) total.passed++;
  else total.failed++;
}

/** Files of a folder of tests, and of the folders below it. */
const testFiles = (folder: string) =>
  readdirSync(path.join(__dirname, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .sort()
    .map((file) => path.join("tests", folder, file));

/** Tests of Node's runner, counted from its machine-readable report. */
async function nodeTests(files: readonly string[], filesAtOnce: number): Promise<void> {
  const report = path.join(scratch, "report.tap");
  const status = await command(process.execPath, [
    ...["--import", "tsx", "--test", `--test-concurrency=${filesAtOnce}`],
    ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
    ...["--test-reporter=tap", `--test-reporter-destination=${report}`],
    ...files,
  ]);
  const text = readFileSync(report, "utf8");
  const count = (word: string) => Number(new RegExp(`^# ${word} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
  total.passed += count("pass");
  total.failed += count("fail") + count("cancelled");
  total.skipped += count("skipped") + count("todo");
  if (status !== 0 && count("fail") + count("cancelled") === 0) total.failed++;
}

/** The service's tests and checks, on the Debian release of its hosts. */
async function serviceTests(): Promise<void> {
  const python = (...args: string[]) => ["/opt/venv/bin/python", "-m", ...args];
  let output = "";
  const show = (chunk: string) => {
    output += chunk;
    process.stdout.write(chunk);
  };
  for (const args of [
    ["ruff", "check", "--no-cache", "/src/app", "/src/tests/app"],
    ["ruff", "format", "--check", "--no-cache", "/src/app", "/src/tests/app"],
    ["mypy", "--cache-dir=/dev/null"],
    ["pytest", "-q", "-p", "no:cacheprovider"],
  ])
    try {
      await runInSandbox(python(...args), show);
      if (args[0] !== "pytest") total.passed++;
    } catch (error) {
      console.error((error as Error).message);
      if (!/^.*\d+ failed.* in [\d.]+s/m.test(output)) total.failed++;
    }
  const count = (word: string) =>
    Number(new RegExp(`(\\d+) ${word}\\b.* in [\\d.]+s`).exec(output)?.[1] ?? 0);
  total.passed += count("passed");
  total.failed += count("failed") + count("errors?");
  total.skipped += count("skipped");
}

/** Debian's packages that the tests need, beside those of the local region. */
const TEST_PACKAGES = ["shellcheck"];

async function prepare(): Promise<void> {
  checkMachine();
  const missing = await missingPackages([...requiredPackages, ...TEST_PACKAGES]);
  if (missing.length === 0) return;
  console.log(`installing ${missing.join(" ")}`);
  await installPackages(missing);
}

const stages: Readonly<Record<string, () => Promise<void>>> = {
  "type check": () => check("tsc", ["--noEmit"]),
  lint: () => check("eslint", ["--max-warnings=0", "."]),
  format: () => check("prettier", ["--check", "."]),
  "unit and graph tests": () =>
    nodeTests(
      ["components", "settings", "graph", "gate", "userdata", "local", "tools", "docs"].flatMap(testFiles),
      2,
    ),
  "engine tests": () => nodeTests(testFiles("engine"), 1),
  "service tests": serviceTests,
  "local region tests": () => nodeTests(testFiles("region"), 1),
};

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !(name in stages));
  if (unknown.length > 0)
    throw new Error(`no such stage: ${unknown.join(", ")}; there are: ${Object.keys(stages).join(", ")}`);
  await prepare();
  for (const [name, stage] of Object.entries(stages)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const start = Date.now();
    console.log(`\n=== ${name}`);
    await stage();
    console.log(`=== ${name}: ${((Date.now() - start) / 1000).toFixed(1)} s`);
  }
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
  process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
}

main()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  })
  .finally(() => rmSync(scratch, { recursive: true, force: true }));
