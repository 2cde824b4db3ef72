/** `npm test`: every check and every test, and a closing line that counts them. `npm test -- STAGE…`: those stages only. */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import * as path from "node:path";
import { regionVariable } from "../client/localRegion";
import { cacheDirectory } from "../local/machine/cache";
import { checkMachine, installPackages, missingPackages, requiredPackages } from "../local/run/preflight";
import { pulumiFolder } from "../tools/pulumiCli";
import { RegionPool } from "./support/regionPool";

const root = path.join(__dirname, "..");
const scratch = mkdtempSync(path.join(tmpdir(), "django-on-ec2-tests-"));

/** A stage that hangs is ended rather than waited for, in milliseconds: long enough for a machine that others keep busy. */
const longestStage = 70 * 60_000;

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What a stage prints. */
type Show = (text: string) => void;

interface Stage {
  /** Debian's packages that it needs, installed if they are missing; without any it runs wherever Node.js does. */
  readonly packages?: readonly string[];
  /** Whether it needs root even with the packages there. @default false */
  readonly root?: boolean;
  /** Too long for `npm run check`. @default false */
  readonly takesMinutes?: boolean;
  /** Whether it needs Pulumi's CLI. @default false */
  readonly cli?: boolean;
  /** Whether it waits for hosts, and hardly uses the processor: it runs beside the others. @default false */
  readonly waits?: boolean;
  readonly run: (show: Show) => Promise<Counts>;
}

function command(
  name: string,
  args: readonly string[],
  show: Show,
  env: NodeJS.ProcessEnv = process.env,
): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const stdio = ["ignore", "pipe", "pipe"] as const;
    const child = spawn(name, args, { cwd: root, stdio: [...stdio], timeout: longestStage, env });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", show);
    child.once("error", reject);
    child.once("close", (status, signal) => {
      if (signal) show(`${name} was ended by ${signal}${child.killed ? ": its time is over" : ""}\n`);
      resolve(status);
    });
  });
}

const packages = path.join(root, "node_modules");

/** A check that passes or fails as a whole; its program by its path in a package. */
async function check(program: string, args: readonly string[], show: Show): Promise<Counts> {
  const passed = (await command(process.execPath, [path.join(packages, program), ...args], show)) === 0;
  return { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 };
}

/** Checks the source in a tenth of the time that `typescript` takes, which other packages need for its programming interface. */
const typeChecker = "typescript7/bin/tsc";

/** Where a check keeps what it found, to look at changed files only. */
const cache = (name: string) => path.join(cacheDirectory(), "checks", root, name);

/** Tests of a folder and of the folders below it; those in files called `*.debian.test.ts` need Debian's packages. */
const testFiles = (folder: string, ending: RegExp = /\.test\.ts$/) =>
  readdirSync(path.join(__dirname, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => ending.test(file))
    .sort()
    .map((file) => path.join("tests", folder, file));

/** Those of the region's tests that take longest, so that none of them begins when the others are nearly done. */
const longest = ["database", "brokenApp", "engine", "backup", "resilience", "healing", "system", "slowHosts"];
function longestFirst(files: readonly string[]): string[] {
  const place = (file: string) => longest.indexOf(path.basename(file, ".test.ts")) >>> 0;
  return [...files].sort((one, other) => place(one) - place(other));
}

/** Folders with stages of their own, or without tests for Node's runner. */
const elsewhere = ["app", "engine", "page", "region", "support"];
/** Folders whose tests wait for other programs, or set variables of the environment: in processes of their own. */
const apart = ["userdata", "gate", "client"];
/** All others: in one process, since most of them load Pulumi and the AWS package. */
const together = readdirSync(__dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && ![...elsewhere, ...apart].includes(entry.name))
  .map(({ name }) => name);

/** Those files of the folders that need no Debian packages. */
const plainFiles = (folders: readonly string[]) =>
  folders.flatMap((folder) => testFiles(folder, /(?<!\.debian)\.test\.ts$/));

/** With these Node.js runs TypeScript. */
const loader = ["--require", "./tools/typescript.cjs"];

/** Tests of Node's runner, counted from its machine-readable report. `args` say what it runs, and how. */
async function nodeTests(args: readonly string[], show: Show, env?: NodeJS.ProcessEnv): Promise<Counts> {
  const report = path.join(mkdtempSync(path.join(scratch, "report-")), "report.tap");
  const options = [
    ...loader,
    ...["--test-reporter=spec", "--test-reporter-destination=stdout"],
    ...["--test-reporter=tap", `--test-reporter-destination=${report}`],
  ];
  const status = await command(process.execPath, [...options, ...args], show, env);
  const text = readFileSync(report, "utf8");
  const count = (word: string) => Number(new RegExp(`^# ${word} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
  const failed = count("fail") + count("cancelled");
  return {
    passed: count("pass"),
    failed: status !== 0 && failed === 0 ? 1 : failed,
    skipped: count("skipped") + count("todo"),
  };
}

/** Test files in processes of their own. */
const eachAlone = (files: readonly string[], atOnce: number, show: Show) =>
  nodeTests(["--test", `--test-concurrency=${atOnce}`, ...files], show);

/** Test files in one process. Most of what they make is soon left: more room for it saves a fifth of the time. */
const inOneProcess = (files: readonly string[], show: Show) =>
  nodeTests(["--max-semi-space-size=64", "tests/support/together.ts", ...files], show);

/** The local regions that the tests may have: two wait for different things even on one processor, more than four save no time. */
const regions = new RegionPool(Math.min(4, Math.max(2, availableParallelism())));
const inRegion = (number: number) => ({ ...process.env, [regionVariable]: String(number) });

/** Test files that start hosts: each in a process and a local region of its own, some side by side; shown in one piece. */
async function regionTests(files: readonly string[], show: Show): Promise<Counts> {
  const counts = await Promise.all(
    files.map((file) =>
      regions.use(async (number) => {
        let shown = "";
        const start = Date.now();
        const result = await nodeTests(["--test", file], (text) => (shown += text), inRegion(number));
        show(`--- ${file}\n${shown}--- ${file}: ${seconds(start)}\n`);
        return result;
      }),
    ),
  );
  return total(counts);
}

const seconds = (since: number) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

const total = (counts: readonly Counts[]): Counts => {
  const sum = (key: keyof Counts) => counts.reduce((all, count) => all + count[key], 0);
  return { passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") };
};

/** The service's tests and checks, on the Debian release of its hosts. */
async function serviceTests(show: Show): Promise<Counts> {
  const python = (...args: string[]) => ["/opt/venv/bin/python", "-m", ...args];
  let output = "";
  let [passed, failed] = [0, 0];
  const showToo = (chunk: string) => {
    output += chunk;
    show(chunk);
  };
  for (const args of [
    ["ruff", "check", "--no-cache", "/src/app", "/src/tests/app"],
    ["ruff", "format", "--check", "--no-cache", "/src/app", "/src/tests/app"],
    ["mypy", "--cache-dir=/dev/null"],
    ["pytest", "-q", "-p", "no:cacheprovider"],
  ]) {
    const sandbox = [...loader, "tests/support/sandboxMain.ts", ...python(...args)];
    const status = await command(process.execPath, sandbox, showToo, inRegion(regions.spare));
    if (status !== 0 && !/^.*\d+ failed.* in [\d.]+s/m.test(output)) failed++;
    if (status === 0 && args[0] !== "pytest") passed++;
  }
  const count = (word: string) =>
    Number(new RegExp(`(\\d+) ${word}\\b.* in [\\d.]+s`).exec(output)?.[1] ?? 0);
  return {
    passed: passed + count("passed"),
    failed: failed + count("failed") + count("errors?"),
    skipped: count("skipped"),
  };
}

const stages: Readonly<Record<string, Stage>> = {
  // The longest first, of those that run side by side.
  // Skips its tests where there is neither Pulumi's CLI nor Go to build it with.
  "engine tests": {
    takesMinutes: true,
    cli: true,
    run: (show) => eachAlone(testFiles("engine"), availableParallelism(), show),
  },
  "service tests": { packages: requiredPackages, root: true, run: serviceTests },
  "program tests": { run: (show) => inOneProcess(plainFiles(together), show) },
  "script tests": { run: (show) => eachAlone(plainFiles(apart), availableParallelism(), show) },
  types: { run: (show) => check(typeChecker, [], show) },
  "types of the page": { run: (show) => check(typeChecker, ["--project", "app"], show) },
  lint: { run: (show) => check("oxlint/bin/oxlint", ["."], show) },
  format: {
    run: (show) =>
      check(
        "prettier/bin/prettier.cjs",
        ["--check", "--cache", "--cache-location", cache("prettier"), "."],
        show,
      ),
  },
  "tests on Debian": {
    packages: ["bash-completion", "ca-certificates", "fish", "python3-venv", "shellcheck", "zsh"],
    run: (show) =>
      eachAlone(
        [...together, ...apart].flatMap((folder) => testFiles(folder, /\.debian\.test\.ts$/)),
        availableParallelism(),
        show,
      ),
  },
  "local region tests": {
    packages: requiredPackages,
    root: true,
    cli: true,
    waits: true,
    run: (show) => regionTests(longestFirst(testFiles("region")), show),
  },
  "page tests": {
    packages: [...requiredPackages, "chromium"],
    root: true,
    waits: true,
    run: (show) => regionTests(testFiles("page"), show),
  },
};

/** What of the machine the stages need and it does not have. */
async function prepare(wanted: readonly Stage[]): Promise<void> {
  // Once, rather than by each who needs it.
  if (wanted.some(({ cli }) => cli)) pulumiFolder();
  const packages = [...new Set(wanted.flatMap((stage) => stage.packages ?? []))];
  if (packages.length === 0) return;
  if (wanted.some((stage) => stage.root)) checkMachine();
  const missing = await missingPackages(packages);
  if (missing.length === 0) return;
  checkMachine();
  console.log(`installing ${missing.join(" ")}`);
  await installPackages(missing);
}

async function runStage(name: string, { run }: Stage, show: Show): Promise<Counts> {
  const start = Date.now();
  show(`\n=== ${name}\n`);
  const counts = await run(show);
  show(`=== ${name}: ${seconds(start)}\n`);
  return counts;
}

/**
 * Runs the stages, one more at once than there are processors, as tests wait for other programs; each is shown when it is done, in
 * one piece.
 */
async function runTogether(wanted: readonly (readonly [string, Stage])[]): Promise<Counts[]> {
  const waiting = wanted.values();
  const counts: Counts[] = [];
  const lane = async () => {
    for (const [name, stage] of waiting) {
      let shown = "";
      counts.push(await runStage(name, stage, (text) => (shown += text)));
      process.stdout.write(shown);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() + 1 }, lane));
  return counts;
}

async function main(): Promise<void> {
  const names = process.argv.slice(2);
  const isCheck = names[0] === "--check";
  const unknown = names.filter((name) => !isCheck && !(name in stages));
  if (unknown.length > 0)
    throw new Error(`no such stage: ${unknown.join(", ")}; there are: ${Object.keys(stages).join(", ")}`);
  const wanted = Object.entries(stages).filter(([name, { packages, takesMinutes }]) =>
    isCheck ? !packages && !takesMinutes : names.length === 0 || names.includes(name),
  );
  await prepare(wanted.map(([, stage]) => stage));
  const counts = await Promise.all([
    runTogether(wanted.filter(([, { waits }]) => !waits)),
    ...wanted
      .filter(([, { waits }]) => waits)
      .map(([name, stage]) => runStage(name, stage, (text) => process.stdout.write(text))),
  ]);
  const { passed, failed, skipped } = total(counts.flat());
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

main()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  })
  .finally(() => rmSync(scratch, { recursive: true, force: true }));
