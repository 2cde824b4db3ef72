/** Which service the client speaks to, and what its deployment says of it. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { Failure } from "./failure";
import { regionFolder } from "./localRegion";

/** The environment variable with the service's address. */
export const urlVariable = "DJANGO_ON_EC2_URL";

/** What every command may be told about the service. */
export interface ServiceOptions {
  readonly url?: string;
  readonly stack?: string;
}

/** The outputs of a deployment; only those that the client reads. */
export interface Outputs {
  readonly serviceUrl: string;
  readonly adminSecretName: string;
  /** The local region's AWS API, if they are the local region's. */
  readonly awsEndpointUrl?: string;
}

/** Where a running local region keeps them, in the folder of its checkout. */
const localFile = () => `${regionFolder()}/outputs.json`;

/** The service's address: from the option, the environment, the stack or the local region. */
export async function serviceUrl(options: ServiceOptions, env = process.env): Promise<string> {
  if (options.url !== undefined) return origin(options.url, "--url");
  const fromEnvironment = env[urlVariable];
  if (fromEnvironment) return origin(fromEnvironment, urlVariable);
  const outputs = await outputsOf(options);
  if (outputs) return origin(outputs.serviceUrl, "the output serviceUrl");
  throw new Failure(
    "invalid",
    [
      "No service is named. Any of these names one, the first that is there:",
      "  --url URL",
      `  the environment variable ${urlVariable}`,
      "  --stack NAME, whose output serviceUrl is read by the Pulumi CLI",
      `  ${localFile()} in this folder, which "npm start" keeps while its region is up`,
    ].join("\n"),
  );
}

/** The outputs of the stack that is named, else those of the local region of this folder, if it is up. */
export function outputsOf({ stack }: ServiceOptions): Promise<Outputs | undefined> {
  return stack === undefined ? localOutputs() : stackOutputs(stack);
}

function origin(text: string, source: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url && ["http:", "https:"].includes(url.protocol) && url.href === `${url.origin}/`;
  if (!isOrigin)
    throw new Failure("invalid", `${source} is "${text}". Give it as https://HOST or http://HOST:PORT.`);
  return url.origin;
}

async function stackOutputs(stack: string): Promise<Outputs> {
  let text: string;
  try {
    const args = ["stack", "output", "--json", "--non-interactive", "--stack", stack];
    text = (await promisify(execFile)("pulumi", args)).stdout;
  } catch (error) {
    const { code, stderr = "" } = error as NodeJS.ErrnoException & { stderr?: string };
    throw code === "ENOENT"
      ? new Failure(
          "invalid",
          "--stack needs the Pulumi CLI, and there is no pulumi on the PATH; give --url instead.",
        )
      : new Failure("fault", `pulumi did not give the outputs of stack "${stack}":\n${stderr.trim()}`);
  }
  return checked(text, `stack "${stack}"`);
}

async function localOutputs(): Promise<Outputs | undefined> {
  const file = localFile();
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return checked(text, file);
}

function checked(text: string, source: string): Outputs {
  const outputs = JSON.parse(text) as Partial<Outputs>;
  for (const name of ["serviceUrl", "adminSecretName"] as const)
    if (typeof outputs[name] !== "string")
      throw new Failure("fault", `${source} has no output ${name}: is it deployed?`);
  return outputs as Outputs;
}
