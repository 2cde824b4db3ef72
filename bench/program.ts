/** What evaluating the program costs, beside importing the three packages that it uses alone. */
import * as path from "node:path";
import { loadStack } from "../local/engine/program";
import type * as engine from "../tests/engine/deployment";
import { startEchoEngine } from "./echoEngine";
import { type Figures, measure, type Measured } from "./measure";
import { record } from "./records";

const root = path.join(__dirname, "..");

/** How many times as long as the packages alone the program may take. */
const goal = 2;

const packages: Measured = {
  args: ["--eval", 'for (const name of ["pulumi", "aws", "random"]) require(`@pulumi/${name}`)'],
};
const program: Measured = { args: [path.join("tools", "start.mjs"), path.join("tools", "cost.ts"), "dev"] };

/** The program as Pulumi's language host starts it for a preview of dev, under the options that `Pulumi.yaml` can give it. */
function languageHost(address: string) {
  const { project, config } = loadStack("dev");
  const options = { monitor: address, engine: address, project, stack: "dev", pwd: root };
  const args = [
    path.join(root, "node_modules", "@pulumi", "pulumi", "cmd", "run"),
    ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    "--dry-run",
    root,
  ];
  const env = { PULUMI_CONFIG: JSON.stringify(config) };
  const typescript = { ...env, PULUMI_NODEJS_TYPESCRIPT: "true" };
  return {
    // Its cache would leave out the check of files that have not changed, also of those whose imports have.
    "preview, types checked by ts-node": { args, env: { ...typescript, TS_NODE_CACHE: "false" } },
    "preview, ts-node without types": { args, env: { ...typescript, PULUMI_NODEJS_TRANSPILE_ONLY: "true" } },
    "preview, as in Pulumi.yaml": { args: ["--require", "./tools/typescript.cjs", ...args], env },
  };
}

function row(name: string, { seconds, processor, mebibytes }: Figures, base: Figures): string {
  const figure = (value: number, of: number) => `${value.toFixed(2)} (${(value / of).toFixed(2)} x)`;
  return [
    `| ${name}`,
    figure(seconds, base.seconds),
    figure(processor, base.processor),
    `${mebibytes.toFixed(0)} |`,
  ].join(" | ");
}

/** How long a whole `pulumi preview` of dev takes, the first being slower than the next; without a CLI, why not. */
async function previewUnderCli(): Promise<string> {
  // Loaded late, as it looks for a CLI, and builds one with Go, when it is loaded.
  // oxlint-disable-next-line typescript/no-require-imports -- for the reason given
  const { Deployment, needsCli } = require("../tests/engine/deployment") as typeof engine;
  if (needsCli.skip) return `pulumi preview: skipped, ${needsCli.skip}`;
  const stack = await Deployment.create("dev");
  try {
    const [first, second] = [await stack.previewByCommand(), await stack.previewByCommand()];
    return `pulumi preview, as in Pulumi.yaml: ${first.seconds.toFixed(1)} s the first time, then ${second.seconds.toFixed(1)} s`;
  } finally {
    stack.close();
  }
}

/** Prints a table, and whether the goal is held. */
export async function benchProgram(): Promise<void> {
  const echo = await startEchoEngine();
  try {
    const alone = await measure({ packages, program }, 9);
    const hosted = await measure(languageHost(echo.address), 3);
    console.log("| medians | seconds | seconds of the processor | most MiB |\n|---|---:|---:|---:|");
    console.log(row("the three packages alone", alone.packages, alone.packages));
    console.log(row("evaluating dev", alone.program, alone.packages));
    for (const [name, figures] of Object.entries(hosted)) console.log(row(name, figures, alone.packages));
    const ratio = alone.program.processor / alone.packages.processor;
    const isHeld = ratio <= goal;
    const rows = Object.entries({
      "the packages alone": alone.packages,
      "evaluating dev": alone.program,
      ...hosted,
    });
    record("program", {
      title: "The program",
      summary:
        "What evaluating the program for dev costs, beside importing the packages that it uses; medians.",
      goals: [
        {
          what: "processor's time of evaluating dev, by that of the packages alone",
          wanted: `at most ${goal.toFixed(1)} x`,
          measured: `${ratio.toFixed(2)} x`,
          isHeld,
        },
      ],
      charts: [
        {
          kind: "bars",
          title: "Time by process",
          y: "seconds",
          series: ["from start to exit", "of the processor"],
          rows: rows.map(([label, { seconds, processor }]) => ({ label, values: [seconds, processor] })),
        },
      ],
    });
    console.log(
      `goal, at most ${goal.toFixed(1)} x the processor's time of the packages: ${isHeld ? "held" : "missed"}`,
    );
  } finally {
    echo.stop();
  }
  console.log(await previewUnderCli());
}
