import assert from "node:assert/strict";
import { it } from "node:test";
import { loadStack, runProgram } from "../../../local/engine/program";
import { recorder } from "../../../local/engine/recorder";

it("a preview refuses more connections than the database has memory for", async () => {
  const { config, ...stack } = loadStack("dev");
  const large = { ...config, "django-on-ec2:webMaxSize": "30" };
  await assert.rejects(
    runProgram({ stack: { ...stack, config: large }, backend: recorder, preview: true }),
    /t3.small has memory for 192 connections, and the web hosts open 496: set a larger databaseInstanceType/,
  );
});
