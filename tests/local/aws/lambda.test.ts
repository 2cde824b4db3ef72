import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { join } from "node:path";
import { asset } from "@pulumi/pulumi";
import { lambdaHandlers } from "../../../local/aws/lambda";
import type { Handlers } from "../../../local/engine/handler";
import { request, temporaryFolder } from "../support";

const functionType = "aws:lambda/function:Function";
const invocationType = "aws:lambda/invocation:Invocation";

const functionCode = `
import { readFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { S3Client } from "@aws-sdk/client-s3";
export const handler = async (event, context) => {
  console.log("asked", event.do);
  switch (event.do) {
    case "echo": return { event, name: context.functionName, left: context.getRemainingTimeInMillis(), env: process.env, sdk: typeof S3Client };
    case "nothing": return;
    case "large": return "x".repeat(3_000_000);
    case "throw": throw new RangeError("the host failed at step 3");
    case "exit": process.exit(7);
    case "hang": spawn("sleep", ["60"]); return new Promise(() => setInterval(() => 1, 1000));
    case "reject": Promise.reject(new Error("nobody waits")); return new Promise(() => setInterval(() => 1, 1000));
  }
};
export const files = { list: async () => readFileSync(new URL(import.meta.url), "utf8").length };
`;

describe("Lambda functions", () => {
  let handlers: Handlers;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const abort = new AbortController();

  const invoke = async (event: unknown, functionName = "gate") => {
    const handler = handlers[invocationType];
    assert.ok(handler);
    return handler.create(request(invocationType, "call", { functionName, input: JSON.stringify(event) }));
  };
  const deploy = async (name: string, inputs: Record<string, unknown>, region?: string) => {
    const handler = handlers[functionType];
    assert.ok(handler);
    const code = new asset.AssetArchive({ "index.mjs": new asset.StringAsset(functionCode) });
    const standard = { name, runtime: "nodejs22.x", handler: "index.handler", code, timeout: 20 };
    return handler.create(request(functionType, name, { ...standard, ...inputs }, region));
  };

  before(async () => {
    folder = await temporaryFolder();
    handlers = lambdaHandlers({
      folder: folder.path,
      endpoint: "http://127.0.0.1:9",
      nodeModules: join(__dirname, "..", "..", "..", "node_modules"),
      signal: abort.signal,
    });
    await deploy("gate", { environment: { variables: { COLOUR: "blue" } } });
  });
  after(() => folder.remove());

  it("see what Lambda gives them and no more", async () => {
    process.env["DJANGO_ON_EC2_TEST_LEAK"] = "1";
    const { outputs } = await invoke({ do: "echo", list: [1, "ü"] });
    const result = JSON.parse(String(outputs["result"])) as Record<string, unknown>;
    const env = result["env"] as Record<string, string>;
    assert.deepEqual(result["event"], { do: "echo", list: [1, "ü"] });
    assert.equal(result["name"], "gate");
    assert.equal(result["sdk"], "function");
    assert.ok(Number(result["left"]) > 15_000 && Number(result["left"]) <= 20_000);
    assert.equal(env["COLOUR"], "blue");
    assert.equal(env["AWS_REGION"], "us-east-1");
    assert.equal(env["AWS_LAMBDA_FUNCTION_NAME"], "gate");
    assert.equal(env["AWS_ENDPOINT_URL"], "http://127.0.0.1:9");
    assert.equal(env["DJANGO_ON_EC2_TEST_LEAK"], undefined);
  });

  it("answer null for nothing, and large results whole", async () => {
    assert.equal((await invoke({ do: "nothing" })).outputs["result"], "null");
    assert.equal(String((await invoke({ do: "large" })).outputs["result"]).length, 3_000_002);
  });

  it("fail with their own message and what they printed", async () => {
    await assert.rejects(invoke({ do: "throw" }), (error: Error & { code?: unknown }) => {
      assert.match(error.message, /^the host failed at step 3\n/);
      assert.match(error.message, /asked throw/);
      assert.equal(error.code, undefined);
      const cause = error.cause as { errorType: string; trace: string[] };
      assert.equal(cause.errorType, "RangeError");
      assert.ok(cause.trace.some((line) => line.includes("index.mjs")));
      return true;
    });
  });

  it("fail when they exit or leave a rejection", async () => {
    await assert.rejects(invoke({ do: "exit" }), /Runtime exited with error: exit status 7/);
    await assert.rejects(invoke({ do: "reject" }), /nobody waits/);
  });

  it("are stopped at their timeout", async () => {
    await deploy("slow", { timeout: 1 });
    await assert.rejects(invoke({ do: "hang" }, "slow"), /Task timed out after 1\.00 seconds/);
  });

  it("say what is wrong with their handler", async () => {
    await deploy("none", { handler: "index.nothing" });
    await assert.rejects(invoke({}, "none"), /index\.nothing is undefined or not exported/);
    await deploy("file", { handler: "other.handler" });
    await assert.rejects(invoke({}, "file"), /Cannot find module 'other'/);
    await deploy("deep", { handler: "index.files.list" });
    assert.equal((await invoke({}, "deep")).outputs["result"], String(functionCode.length));
    await assert.rejects(invoke({}, "missing"), /there is no function missing in us-east-1/);
    await assert.rejects(deploy("python", { runtime: "python3.13" }), /only Node\.js functions/);
  });

  it("can be read, changed and deleted", async () => {
    const handler = handlers[functionType];
    assert.ok(handler);
    const created = await deploy("brief", {}, "us-east-2");
    assert.equal(created.outputs["arn"], "arn:aws:lambda:us-east-2:123456789012:function:brief");
    assert.ok(await handler.read("brief", created.outputs, "us-east-2"));
    assert.equal(await handler.read("brief", created.outputs, "us-east-1"), undefined);
    await handler.delete("brief", created.outputs, "us-east-2");
    await handler.delete("brief", created.outputs, "us-east-2");
    assert.equal(await handler.read("brief", created.outputs, "us-east-2"), undefined);
  });

  it("are stopped when the run is", async () => {
    const running = invoke({ do: "hang" });
    setTimeout(() => abort.abort(), 300);
    await assert.rejects(running, /the run was stopped/);
  });
});
