import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  outputsJson,
  renderInert,
  renderOutputs,
  renderTimes,
  renderTrial,
  writeOutputs,
} from "../../../local/run/summary";
import { temporaryFolder } from "../support";

const outputs = {
  url: { value: "http://x", secret: false },
  password: { value: "hush", secret: true },
  zones: { value: ["a", "b"], secret: false },
};

describe("what a run tells at its end", () => {
  it("outputs are those of pulumi stack output --json, without secrets", async (t) => {
    const folder = await temporaryFolder();
    t.after(() => folder.remove());
    const file = join(folder.path, "new", "outputs.json");
    await writeOutputs(outputs, "http://127.0.0.1:1", file);
    assert.deepEqual(JSON.parse(await readFile(file, "utf8")), {
      ...(JSON.parse(outputsJson(outputs)) as object),
      awsEndpointUrl: "http://127.0.0.1:1",
    });
    assert.deepEqual(JSON.parse(outputsJson(outputs)), {
      url: "http://x",
      password: "[secret]",
      zones: ["a", "b"],
    });
    assert.doesNotMatch(renderOutputs(outputs), /hush/);
    assert.match(renderOutputs(outputs), /^ {2}password : \[secret\]\n {2}url {6}: "http:\/\/x"$/m);
  });

  it("commands to try are shell that parses", () => {
    const trial = renderTrial("http://127.0.10.1", "http://127.0.0.1:1");
    execFileSync("bash", ["-n"], { input: trial });
    assert.match(trial, /The page: http:\/\/127\.0\.10\.1\/ /);
  });

  it("times are the slowest steps first, without trifles", () => {
    const step = (name: string, seconds: number) => ({ name, kind: "", seconds, failed: false });
    const text = renderTimes([step("short", 0.1), step("long", 61), step("middle", 5)], 70);
    assert.deepEqual(text.split("\n"), [
      "  1 min 1 s  long",
      "      5.0 s  middle",
      "  1 min 10 s in all; steps ran side by side",
    ]);
  });

  it("what has no effect is counted by type", () => {
    const text = renderInert([
      {
        title: "recorded only",
        types: [
          ["aws:iam/role:Role", 3],
          ["aws:acm/certificate:Certificate", 1],
        ],
      },
      { title: "nothing", types: [] },
    ]);
    assert.equal(text, "  recorded only (4): iam.Role ×3, acm.Certificate");
  });
});
