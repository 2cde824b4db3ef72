import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";

const root = path.join(__dirname, "..", "..");

/** A file with one line, and what the lint rules say of it. */
type Case = readonly [file: string, line: string, message: RegExp];

const refused: readonly Case[] = [
  [
    "components/network/x.ts",
    'import "../host/y";',
    /network must not import components\/host, which stands above it/,
  ],
  ["components/network/x1.ts", 'import "../storage/y";', /storage, which stands beside it/],
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
  ["local/run/x1.ts", "export const snake_case = 1;", /variable snake_case: write it in camelCase/],
  ["local/run/x2.ts", "export function Make() {}", /function Make: write it in camelCase/],
  ["local/run/x3.ts", "export type small = string;", /type small: write it in PascalCase/],
  ["local/run/x4.ts", "export const f = (a_b: number) => a_b;", /parameter a_b: write it in camelCase/],
  [
    "components/web/x2.ts",
    "export const f = (a?: { b: 1 }) => ({ ...(a && { b: a.b }) });",
    /Write the property plainly/,
  ],
  ["local/aws/x.ts", "export const f = (a?: number) => ({ ...(a && { a }) });", /Write the property plainly/],
  [
    "tests/run/x.test.ts",
    'import { test } from "node:test"; void test;',
    /'test' import from 'node:test' is restricted/,
  ],
  [
    "components/web/x3.ts",
    'import { output } from "@pulumi/pulumi"; export const f = `${output("a")}`;',
    /default stringification format/,
  ],
  ["local/run/x5.ts", "const f = async () => 1; f();", /[Pp]romise/],
];

const allowed: readonly (readonly [file: string, line: string])[] = [
  ["components/iam/y.ts", 'import "../../gate/contract.cjs";'],
  ["components/web/y.ts", 'import "../release/y";'],
  ["components/web/y1.ts", 'import "./y";'],
  ["settings/y.ts", 'import "../components/web/y";'],
  ["tests/components/web/y.test.ts", 'import "../../../local/engine/program";'],
  ["local/machine/network/y.ts", 'import "../host/y";'],
  ["local/aws/y.ts", 'import "@aws-sdk/client-ec2";'],
  ["local/aws/y1.ts", "export const f = ({ snake_case }: Record<string, string>) => snake_case;"],
];

const folder = mkdtempSync(path.join(tmpdir(), "lint-rules-"));
const tree = ["tools/layers.mjs", "tools/lintRules.mjs", ".oxlintrc.json", "tsconfig.json", "package.json"];

/** What the linter prints for programs, as far as it is looked at. */
interface Report {
  readonly diagnostics: readonly { readonly filename: string; readonly message: string }[];
}

describe("the lint rules", () => {
  let report: Report;
  before(async () => {
    for (const file of tree) cpSync(path.join(root, file), path.join(folder, file));
    symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
    for (const [file, line] of [...refused, ...allowed]) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), `${line}\n`);
    }
    const printed = await new Promise<string>((resolve) => {
      // It exits with 1 when it finds something.
      execFile(path.join(root, "node_modules/.bin/oxlint"), ["-f", "json", "."], { cwd: folder }, (_, text) =>
        resolve(text),
      );
    });
    report = JSON.parse(printed) as Report;
  });
  after(() => rmSync(folder, { recursive: true }));

  const complaints = (file: string) =>
    report.diagnostics.filter(({ filename }) => filename === file).map(({ message }) => message);

  for (const [file, line, message] of refused)
    it(`refuse ${line} in ${file}`, () => {
      assert.match(complaints(file).join("\n"), message);
    });

  for (const [file, line] of allowed)
    it(`allow ${line} in ${file}`, () => assert.deepEqual(complaints(file), []));
});
