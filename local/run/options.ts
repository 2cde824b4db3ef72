import { parseArgs } from "node:util";

export const help = `Deploys the stack on this machine: real hosts in two networks, no AWS account.

Usage: npm start [-- OPTIONS]

  --once            deploy, check the service as a user would, destroy; exit status 0 or 1
  --stack NAME      settings from Pulumi.NAME.yaml (default: local)
  --minute SECONDS  how long a minute of the scaling policies lasts, to see them at work sooner (default: 60)
  --record FILE     write what becomes of the region, once a second, for \`npm run report\`
  --help            this text

Without --once the region stays up until Ctrl-C or SIGTERM, which destroys everything.
Needs root on Debian 12 or 13; packages that are missing are installed.
`;

/** What `npm start` is asked to do. */
export interface Options {
  /** Deploy, check, destroy. */
  readonly once: boolean;
  readonly stack: string;
  /** How long a minute of the scaling policies lasts, in seconds. */
  readonly minute: number;
  /** Where the record of the region goes; undefined: nowhere. */
  readonly record: string | undefined;
  readonly help: boolean;
}

/** Reads the options; throws what is wrong with them. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: "boolean", default: false },
      stack: { type: "string", default: "local" },
      minute: { type: "string", default: "60" },
      record: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const minute = Number(values.minute);
  if (!(minute >= 1 && minute <= 60)) throw new Error(`--minute is ${values.minute}: give 1 to 60 seconds`);
  if (values.once && values.record !== undefined)
    throw new Error("--record needs a region that stays up: leave --once out");
  return { ...values, minute, record: values.record };
}
