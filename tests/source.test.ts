/** Types and lint rules of the whole source, on one TypeScript program: to build it takes longest, and the typed rules need it too. */
import assert from "node:assert/strict";
import * as path from "node:path";
import { before, describe, it } from "node:test";
import { ESLint } from "eslint";
import * as ts from "typescript";

const root = path.join(__dirname, "..");

describe("the source", () => {
  let program: ts.Program;
  before(() => {
    const onUnRecoverableConfigFileDiagnostic = ({ messageText }: ts.Diagnostic) => {
      throw new Error(ts.flattenDiagnosticMessageText(messageText, ts.sys.newLine));
    };
    const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic };
    const config = ts.getParsedCommandLineOfConfigFile(path.join(root, "tsconfig.json"), {}, host);
    assert.ok(config);
    program = ts.createProgram(config.fileNames, config.options);
  });

  it("has the types that it says", () => {
    const wrong = ts.getPreEmitDiagnostics(program);
    const format = { ...ts.sys, getCanonicalFileName: String, getNewLine: () => ts.sys.newLine };
    assert.ok(wrong.length === 0, ts.formatDiagnosticsWithColorAndContext(wrong, format));
  });

  it("keeps the lint rules", async () => {
    const languageOptions = { parserOptions: { projectService: false, programs: [program] } };
    const eslint = new ESLint({ cwd: root, overrideConfig: { files: ["**/*.ts"], languageOptions } });
    const results = await eslint.lintFiles(["."]);
    const wrong = results.filter(({ messages }) => messages.length > 0);
    assert.ok(wrong.length === 0, await (await eslint.loadFormatter("stylish")).format(wrong));
    assert.ok(results.length > 200, "it has looked at few files only");
  });
});
