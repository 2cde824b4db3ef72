/** `npm run region`: holds a region for `pulumi` commands in other terminals. */
import { parseArgs } from "node:util";
import { runCommand } from "./command";
import { serve } from "./serve";

const help = `Holds a local region, for \`pulumi\` in another terminal: hosts live as long as this runs.

Usage: npm run region

Ctrl-C or SIGTERM destroys everything.
Needs root on Debian 12 or 13; packages that are missing are installed.
`;

runCommand(help, (args) => {
  const { values } = parseArgs({ args: [...args], options: { help: { type: "boolean", default: false } } });
  return { help: values.help, isStrict: false, run: serve };
});
