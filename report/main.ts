/** `npm run report`: makes a page of the records of runs. */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { page } from "./page";
import { readRecord } from "./record";

const help = `Makes a page of runs, with charts, that needs nothing but itself.

Usage: npm run report -- FILE... [--output PAGE]

  FILE            records of runs, as \`npm run bench\` and \`npm start -- --record FILE\` write them
  --output PAGE   where the page goes (default: report.html)
  --help          this text
`;

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      output: { type: "string", default: "report.html" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  if (positionals.length === 0) throw new Error(`name the records of some runs\n\n${help}`);
  const runs = positionals.map((file) => readRecord(readFileSync(file, "utf8"), file));
  writeFileSync(values.output, page(runs));
  console.log(values.output);
}

try {
  main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
