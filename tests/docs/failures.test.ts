import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const root = join(__dirname, "..", "..");
const read = (file: string) => readFileSync(join(root, file), "utf8");

describe("docs/failures.md", () => {
  const rows = read("docs/failures.md")
    .split("\n")
    .filter((line) => /^\| (?!away |withheld |-)/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));

  it("has a line for each part that can be away", () => {
    const parts = rows.map(([, part]) => part);
    for (const part of [
      ...["the database", "the bucket of the accounts", "Secrets Manager", "the Auto Scaling API"],
      ...["a host", "a zone", "the peering"],
    ])
      assert.ok(parts.includes(part), part);
  });

  for (const row of rows)
    it(`names the test of ${row[1]}`, () => {
      const [, file = "", title = ""] = /^(\w+): `([^`]+)`$/.exec(row.at(-2) ?? "") ?? [];
      const text = read(`tests/region/${file}.test.ts`);
      // Those that differ in the attack only have their titles from a table.
      const [attack = "", rest = ""] = title.split(/: (?=the API goes on)/);
      assert.ok(
        text.includes(`it("${title}"`) ||
          (text.includes(`attack: "${attack}"`) && text.includes(`it(\`\${attack}: ${rest}\``)),
        `tests/region/${file}.test.ts has no test called "${title}"`,
      );
    });
});
