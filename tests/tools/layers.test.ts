import assert from "node:assert/strict";
import * as path from "node:path";
import { describe, it } from "node:test";
import { Linter } from "eslint";

const root = path.join(__dirname, "..", "..");

/** What the rule says of a file with that line. */
async function complaints(file: string, line: string): Promise<string[]> {
  const layers = (await import(path.join(root, "tools", "layers.mjs"))) as Record<string, never>;
  const plugins = { layers: { rules: layers } };
  const rules = { "layers/imports": "error" } as const;
  return new Linter({ cwd: root })
    .verify(line, [{ files: ["**/*.ts"], plugins, rules }], { filename: path.join(root, file) })
    .map(({ message }) => message);
}

const refused: [file: string, line: string, message: RegExp][] = [
  [
    "components/network/x.ts",
    'import "../host/y";',
    /network must not import components\/host, which stands above it/,
  ],
  ["components/network/x.ts", 'import "../storage/y";', /storage, which stands beside it/],
  ["components/iam/x.ts", 'export * from "../gate/deployGate";', /iam must not import components\/gate/],
  ["components/web/x.ts", 'export { a } from "../../settings/settings";', /must not import settings/],
  [
    "index.ts",
    'import "./local/engine/program";',
    /index\.ts must not import local\/engine, which is not part of/,
  ],
  ["local/machine/network/x.ts", 'import "../../aws/region";', /local\/machine must not import local\/aws/],
  ["local/run/x.ts", 'void import("../../tests/run");', /must not import tests/],
  ["components/novel/x.ts", 'import "../iam/y";', /components\/novel has no place/],
];

describe("the lint rule of layers", () => {
  for (const [file, line, message] of refused)
    it(`refuses ${line} in ${file}`, async () => {
      const [first = "", ...others] = await complaints(file, line);
      assert.match(first, message);
      assert.deepEqual(others, []);
    });

  for (const [file, line] of [
    ["components/iam/x.ts", 'import "../../gate/contract.cjs";'],
    ["components/web/x.ts", 'import "../release/y";'],
    ["components/web/x.ts", 'import "./y";'],
    ["index.ts", 'import "./settings/settings";'],
    ["tests/components/web/x.test.ts", 'import "../../../local/engine/program";'],
    ["local/machine/network/x.ts", 'import "../host/y";'],
    ["local/aws/x.ts", 'import "@aws-sdk/client-ec2";'],
  ] as const)
    it(`allows ${line} in ${file}`, async () => {
      assert.deepEqual(await complaints(file, line), []);
    });
});
