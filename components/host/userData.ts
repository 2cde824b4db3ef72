import { readFileSync } from "node:fs";
import * as path from "node:path";
import { gzipSync } from "fflate";

const directory = path.join(__dirname, "..", "..", "userdata");
const boundary = "==django-on-ec2==";

/** EC2's limit on user data before it is encoded for the API. */
export const userDataLimit = 16 * 1024;

/** The boot scripts, by the name of their file in `userdata/`. */
export type BootScript = "postgres" | "django" | "web" | "release";

/** Names and plain values: nothing secret, since whoever may describe the instance can read its user data. */
export type Variables = Readonly<Record<string, string | number | boolean>>;

/**
 * User data for a boot script: a cloud-config part, by which the script runs at every boot, and the script, with its
 * variables exported before it.
 */
export function userDataFor(script: BootScript, variables: Variables): string {
  const read = (file: string) => readFileSync(path.join(directory, file), "utf8");
  return renderUserData(read("cloud-config.yaml"), [read("lib.sh"), read(`${script}.sh`)], variables);
}

/** Joins the parts to one MIME message. */
export function renderUserData(
  cloudConfig: string,
  scripts: readonly string[],
  variables: Variables,
): string {
  const exports = Object.entries(variables).map(
    ([name, value]) => `export ${name}=${shellQuote(name, String(value))}\n`,
  );
  const script = ["#!/bin/bash\n", ...exports, ...scripts].join("");
  const nonAscii = script.split("\n").find((line) => /[^\x20-\x7e\t]/.test(line));
  // cloud-init garbles anything else when it unpacks a part.
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
    "Content-Type: application/gzip",
    "Content-Transfer-Encoding: base64",
    "",
    // Not Node's own zlib: its bytes differ between versions and machines, and each difference would replace hosts.
    (base64(gzipSync(Buffer.from(script), { level: 9, mtime: 0 })).match(/.{1,76}/g) ?? []).join("\n"),
    `--${boundary}--`,
    "",
  ].join("\n");
  if (message.length > userDataLimit) {
    throw new Error(
      `User data has ${message.length} bytes and EC2 takes ${userDataLimit}: shorten the scripts, or move parts of them into the image.`,
    );
  }
  return message;
}

function shellQuote(name: string, value: string): string {
  if (!/^[A-Z][A-Z0-9_]*$/.test(name))
    throw new Error(`${name} cannot name a shell variable: use A-Z, 0-9 and _.`);
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
