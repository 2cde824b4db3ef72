/** What the terminal of a `pulumi` command must know of a running region: `engine.env` in its folder of the checkout. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { regionFolder } from "../../client/localRegion";
import { localCredentials } from "../api/clients";

const folder = () => join(__dirname, "..", "..", regionFolder());

/** Where a running region tells how it is reached. */
export const engineFile = (): string => join(folder(), "engine.env");
/** The state of stacks in the local region. */
const stateFolder = () => join(folder(), "state");

/** The one stack of the local region, as the CLI's backend of files keeps one that has nothing yet. */
const stackFile = () => join(stateFolder(), ".pulumi", "stacks", "django-on-ec2", "local.json");
const emptyStack = { version: 3, checkpoint: { stack: "organization/django-on-ec2/local" } };

/** How a running region is reached. */
export interface RegionAddresses {
  /** For `PULUMI_DEBUG_PROVIDERS`. */
  readonly providers: string;
  /** The AWS API. */
  readonly apiEndpoint: string;
}

/** Variables with which `pulumi` works against a region, and cannot work against anything else. */
export function engineEnvironment({ providers, apiEndpoint }: RegionAddresses): Record<string, string> {
  return {
    PULUMI_DEBUG_PROVIDERS: providers,
    PULUMI_BACKEND_URL: pathToFileURL(stateFolder()).href,
    // Not a secret: what the state hides is of use on this machine only. Pulumi.local.yaml has its salt.
    PULUMI_CONFIG_PASSPHRASE: "local-region",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    AWS_ENDPOINT_URL: apiEndpoint,
    AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  };
}

/** The variables as a shell reads them. */
export function renderEnvironment(environment: Readonly<Record<string, string>>): string {
  const lines = Object.entries(environment).map(
    ([name, value]) => `export ${name}='${value.replaceAll("'", quote)}'\n`,
  );
  // Of the user's own account: they would come before what stands here.
  return ["unset AWS_PROFILE AWS_SESSION_TOKEN\n", ...lines].join("");
}

/** What {@link renderEnvironment} was given. */
export function parseEnvironment(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name = "", value = ""]) => [
      name,
      value.replaceAll(quote, "'"),
    ]),
  );
}

/** A quote within quotes. */
const quote = `'\\''`;

/** Writes the variables, and makes the stack if there is none, as `pulumi stack init` would. */
export function writeEngineEnvironment(environment: Readonly<Record<string, string>>): void {
  mkdirSync(dirname(stackFile()), { recursive: true });
  if (!existsSync(stackFile())) writeFileSync(stackFile(), JSON.stringify(emptyStack));
  writeFileSync(engineFile(), renderEnvironment(environment));
}

/** Safe to call when there is none. */
export function removeEngineEnvironment(): void {
  rmSync(engineFile(), { force: true });
}

/** The variables of the running region. */
export function readEngineEnvironment(): Record<string, string> {
  if (!existsSync(engineFile()))
    throw new Error(
      "no region is running for this checkout: start one with `npm run region`, and leave it open",
    );
  return parseEnvironment(readFileSync(engineFile(), "utf8"));
}
