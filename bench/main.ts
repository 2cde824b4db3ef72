/** `npm run bench -- NAME…`: measures parts of the project on this machine, and says which of their goals are held. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readRecord } from "../report/record";
import { benchDatabase } from "./database";
import { benchOnHosts, hostBenches } from "./hosts";
import { benchPath } from "./path";
import { benchProgram } from "./program";
import { recordOf } from "./records";
import { goalTable } from "./report";
import { benchServer } from "./server";
import { benchStart } from "./start";

const benches: Readonly<Record<string, (options: readonly string[]) => Promise<void>>> = {
  database: benchDatabase,
  path: benchPath,
  program: benchProgram,
  server: benchServer,
  start: benchStart,
};
/** What has goals, in the order in which it runs when no bench is named: each line a process of its own. */
const all: readonly (readonly string[])[] = [["program"], ["start"], hostBenches];

async function main(): Promise<void> {
  const [name, ...rest] = process.argv.slice(2);
  if (name === undefined) return runAll();
  if ([name, ...rest].every((each) => hostBenches.includes(each))) {
    benchOnHosts([name, ...rest]);
    return;
  }
  const bench = benches[name];
  if (!bench) {
    const names = [...Object.keys(benches), ...hostBenches].join(", ");
    throw new Error(
      `there is no bench "${name}"; there are: ${names}. Without a name all run that have goals.`,
    );
  }
  await bench(rest);
}

/** Runs every bench that has goals, and prints these in one table. */
async function runAll(): Promise<void> {
  for (const names of all) {
    const args = [join(__dirname, "..", "tools", "start.mjs"), "bench/main.ts", ...names];
    const [status] = (await once(spawn(process.execPath, args, { stdio: "inherit" }), "close")) as [
      number | null,
    ];
    if (status !== 0) throw new Error(`npm run bench -- ${names.join(" ")} ended with ${status}`);
  }
  const reports = all.flat().flatMap((name) => {
    const file = recordOf(name);
    return existsSync(file) ? [{ name, ...readRecord(readFileSync(file, "utf8"), file) }] : [];
  });
  console.log(`\n${goalTable(reports)}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
