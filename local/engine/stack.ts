/** A stack's configuration, read from the project's files. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { parse } from "yaml";

const root = path.resolve(__dirname, "..", "..");

/** A stack's configuration as the Pulumi CLI would hand it to the program. */
export interface StackConfig {
  readonly project: string;
  readonly stack: string;
  /** Values by namespaced key; structured ones as JSON. */
  readonly config: Readonly<Record<string, string>>;
}

/** Where a stack's configuration is read, and what of it the caller wants otherwise. */
export interface StackSource {
  /** Folder of Pulumi.yaml. @default this repository */
  readonly directory?: string;
  /** Settings by plain key, in place of the files' own. @default none */
  readonly overrides?: Readonly<Record<string, string>>;
}

/** Reads a stack's configuration: the defaults of Pulumi.yaml, then Pulumi.<stack>.yaml, then the overrides. */
export function loadStack(
  stack: string,
  { directory = root, overrides = {} }: StackSource = {},
): StackConfig {
  const file = path.join(directory, `Pulumi.${stack}.yaml`);
  if (!existsSync(file)) {
    const stacks = readdirSync(directory).flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? []);
    throw new Error(`There is no stack "${stack}": ${file} does not exist. Stacks: ${stacks.join(", ")}.`);
  }
  const project = parse(readFileSync(path.join(directory, "Pulumi.yaml"), "utf8")) as {
    name: string;
    config?: Record<string, unknown>;
  };
  const own = (parse(readFileSync(file, "utf8")) ?? {}) as { config?: Record<string, unknown> };
  const config: Record<string, string> = {};
  const set = (key: string, value: unknown) => {
    config[key.includes(":") ? key : `${project.name}:${key}`] =
      typeof value === "string" ? value : JSON.stringify(value);
  };
  for (const [key, declared] of Object.entries(project.config ?? {})) {
    const value = isObject(declared) ? (declared["default"] ?? declared["value"]) : declared;
    if (value !== undefined && value !== null) set(key, value);
  }
  for (const [key, value] of Object.entries(own.config ?? {})) {
    if (isObject(value) && "secure" in value) {
      throw new Error(
        `${file}: ${key} is encrypted and only the Pulumi CLI can read it. Give it in clear here.`,
      );
    }
    set(key, value);
  }
  for (const [key, value] of Object.entries(overrides)) set(key, value);
  return { project: project.name, stack, config };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
