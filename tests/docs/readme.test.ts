import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { test } from "node:test";
import { definitions } from "../../settings/definitions";

const root = path.join(__dirname, "..", "..");
const readme = readFileSync(path.join(root, "README.md"), "utf8");

/** Rows of the table under a heading, cell by cell. */
function table(heading: string): string[][] {
  const [, section = ""] =
    new RegExp(`^### ${heading}$([\\s\\S]*?)(?=^#|$(?![\\s\\S]))`, "m").exec(readme) ?? [];
  return section
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length > 0 ? `\`[${value.join(", ")}]\`` : "";
  if (typeof value === "object" || value === "") return "";
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

test("the README's settings are the program's", () => {
  const expected = Object.entries(definitions).map(([name, { default: value, description }]) => [
    `\`${name}\``,
    shown(value),
    description,
  ]);
  assert.deepEqual(table("Settings"), expected);
});

test("the README's outputs are the program's", () => {
  const program = readFileSync(path.join(root, "index.ts"), "utf8");
  const exported = [...program.matchAll(/^export const (\w+) =/gm)].map(([, name]) => `\`${name}\``);
  assert.deepEqual(
    table("Outputs")
      .map(([name]) => name)
      .sort(),
    exported.sort(),
  );
});
