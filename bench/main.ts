/** `npm run bench -- NAME`: measures a part of the project on this machine, and says whether its goal is held. */
import { benchDatabase } from "./database";
import { benchPath } from "./path";
import { benchProgram } from "./program";
import { benchServer } from "./server";

const benches: Readonly<Record<string, (options: readonly string[]) => Promise<void>>> = {
  database: benchDatabase,
  path: benchPath,
  program: benchProgram,
  server: benchServer,
};

async function main(): Promise<void> {
  const [name = "", ...options] = process.argv.slice(2);
  const bench = benches[name];
  if (!bench) throw new Error(`there is no bench "${name}"; there are: ${Object.keys(benches).join(", ")}`);
  await bench(options);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
