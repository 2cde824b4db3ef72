/** `npm run fault`: has something go wrong in the running region, until it is told to take that back. */
import { existsSync, readFileSync } from "node:fs";
import { awsClients } from "../api/clients";
import { beginFault, faultNamed, type FaultName, faults } from "../faults";
import type { Site } from "../faults/fault";
import { targetOf } from "../faults/targets";
import { exitWith } from "./command";
import { isolate } from "./environment";
import { Interrupt } from "./interrupt";
import { outputsFile } from "./summary";

const names = Object.keys(faults);
const help = `Has something go wrong in the region that \`npm start\` holds, until Ctrl-C takes it back.

Usage: npm run fault -- LIST
       npm run fault -- NAME [TARGET]

TARGET is the id of a host of the fleet, or a zone; without it the first one is taken.

${names.map((name) => `  ${name.padEnd(14)} ${faultNamed(name)?.what}`).join("\n")}
`;

/** The region of this checkout. */
function openSite(): Site {
  if (!existsSync(outputsFile()))
    throw new Error("no region is running for this checkout: start one with `npm start`, and leave it open");
  const outputs = JSON.parse(readFileSync(outputsFile(), "utf8")) as Record<string, string>;
  const { awsEndpointUrl = "" } = outputs;
  return { endpoint: awsEndpointUrl, clients: awsClients(awsEndpointUrl), outputs };
}

async function make(name: string, wanted: string | undefined): Promise<number> {
  const fault = faultNamed(name);
  if (!fault) {
    process.stderr.write(`there is no fault ${name}; there are: ${names.join(", ")}\n`);
    return 1;
  }
  const site = openSite();
  const interrupt = new Interrupt(() => process.stdout.write("It is being taken back.\n"));
  try {
    const target = await targetOf(fault, site, wanted);
    const undo = await beginFault(name as FaultName, site, target);
    process.stdout.write(`${[name, target].filter(Boolean).join(" ")}: ${fault.what}.\n`);
    process.stdout.write(`Watch for: ${fault.watch}.\n`);
    if (undo === undefined) return 0;
    process.stdout.write("Ctrl-C takes it back.\n");
    // A process that only waits for a signal would end.
    const wait = setInterval(() => undefined, 60_000);
    await interrupt.wait();
    clearInterval(wait);
    await undo();
    process.stdout.write("Taken back.\n");
    return interrupt.fault ? 1 : 0;
  } finally {
    site.clients.destroy();
  }
}

async function main([name, target, ...more]: readonly string[]): Promise<number> {
  if (name === undefined || name === "--help" || more.length > 0) {
    process.stdout.write(help);
    return name === "--help" ? 0 : 1;
  }
  if (name !== "LIST") return make(name, target);
  for (const each of names) {
    const fault = faultNamed(each);
    process.stdout.write(`${each}${fault?.target ? ` [${fault.target.toUpperCase()}]` : ""}\n`);
    process.stdout.write(`    ${fault?.what}\n    watch for: ${fault?.watch}\n`);
  }
  return 0;
}

isolate();
exitWith(main(process.argv.slice(2)));
