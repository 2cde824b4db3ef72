import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { gzipSync } from "fflate";
import type { BootScript, BootVariables } from "./bootVariables";

const directory = path.join(__dirname, "..", "..", "userdata");
const boundary = "==django-on-ec2==";

/** EC2's limit on user data before it is encoded for the API. */
export const userDataLimit = 16 * 1024;

/** A boot script's variables as the program has them: some are known only when other resources are there. */
export type BootInputs<S extends BootScript> = {
  readonly [Name in keyof BootVariables<S>]: pulumi.Input<BootVariables<S>[Name]>;
};

type PlainVariables = Readonly<Record<string, string | number | boolean>>;

/** User data for a boot script, which gets its variables and no others: compressed, in base64, as {@link renderUserData} has it. */
export function userDataFor<S extends BootScript>(
  script: S,
  variables: BootInputs<S>,
): pulumi.Output<string> {
  return pulumi
    .all(variables as Readonly<Record<string, pulumi.Input<string | number | boolean>>>)
    .apply((known) => renderBootScript(script, known as BootVariables<S>));
}

/** User data for a boot script whose variables are all known. */
export function renderBootScript<S extends BootScript>(script: S, variables: BootVariables<S>): string {
  const { given, fetched } = assembleScript(script);
  const pinned: PlainVariables =
    fetched === undefined ? {} : { SCRIPT: script, SCRIPT_SHA256: sha256(fetched) };
  return renderUserData(readText("cloud-config.yaml"), given, {
    ...pinned,
    ...(variables as PlainVariables),
  });
}

/** What a host fetches at its first boot, from the bucket of the reports. */
export interface FetchedScript {
  readonly key: string;
  readonly sha256: string;
  readonly content: string;
}

/** Boot scripts that are too long for user data. */
const long: readonly BootScript[] = ["postgres"];

/** The boot script of a host whose user data only fetches it, and has its hash: the host runs no other. */
export function fetchedScript(script: BootScript): FetchedScript {
  const { fetched } = assembleScript(script);
  if (fetched === undefined) throw new Error(`${script}.sh is in its host's user data as a whole.`);
  const hash = sha256(fetched);
  return { key: `scripts/${hash}.sh`, sha256: hash, content: fetched };
}

/** A boot script as its host gets it. */
export interface AssembledScript {
  /** In the user data. */
  readonly given: string;
  /** By way of the bucket; undefined for a script that the user data has as a whole. */
  readonly fetched?: string;
}

/**
 * A boot script with the parts of the library that it names in lines such as `source lib/core.sh`, and those that they name,
 * each once and before it is used. What it does not name is not in it, and neither are comments: a change of them leaves the
 * host alone.
 */
export function assembleScript(script: BootScript, read = readText): AssembledScript {
  const seen = new Set<string>();
  const inline = (file: string): string =>
    read(file).replace(/^source (lib\/\w+\.sh)\n/gm, (_line, part: string) => {
      if (seen.has(part)) return "";
      seen.add(part);
      return inline(part);
    });
  const assemble = (file: string) => inline(file).replace(/^\s*(#.*)?\n/gm, "");
  return long.includes(script)
    ? { given: assemble("fetch.sh"), fetched: assemble(`${script}.sh`) }
    : { given: assemble(`${script}.sh`) };
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

const readText = (file: string) => readFileSync(path.join(directory, file), "utf8");

/**
 * Joins the parts to one MIME message: a cloud-config part, by which the script runs at every boot, and the script, with its
 * variables exported before it. Answers the message compressed, which cloud-init undoes, and in base64.
 */
export function renderUserData(cloudConfig: string, body: string, variables: PlainVariables): string {
  const exports = Object.entries(variables).map(
    ([name, value]) => `export ${name}=${shellQuote(name, String(value))}\n`,
  );
  const script = ["#!/bin/bash\n", ...exports, body].join("");
  const nonAscii = script.split("\n").find((line) => /[^\x20-\x7e\t]/.test(line));
  // cloud-init garbles anything else in a part.
  if (nonAscii !== undefined) throw new Error(`User data must be plain ASCII; this line is not: ${nonAscii}`);
  const message = [
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    "MIME-Version: 1.0",
    "",
    `--${boundary}`,
    'Content-Type: text/cloud-config; charset="us-ascii"',
    "",
    cloudConfig.trimEnd(),
    `--${boundary}`,
    'Content-Type: text/x-shellscript; charset="us-ascii"',
    "",
    script.trimEnd(),
    `--${boundary}--`,
    "",
  ].join("\n");
  // Not Node's own zlib: its bytes differ between versions and machines, and each difference would replace hosts.
  const compressed = gzipSync(Buffer.from(message), { level: 9, mtime: 0 });
  if (compressed.length > userDataLimit) {
    throw new Error(
      `User data has ${compressed.length} bytes and EC2 takes ${userDataLimit}: shorten the script, or have its host fetch it: fetchedScript.`,
    );
  }
  return Buffer.from(compressed).toString("base64");
}

function shellQuote(name: string, value: string): string {
  if (!/^[A-Z][A-Z0-9_]*$/.test(name))
    throw new Error(`${name} cannot name a shell variable: use A-Z, 0-9 and _.`);
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
