// Runs one invocation of a Lambda function in a process of its own, as the Node.js runtime of AWS Lambda would.
// The invocation arrives as one JSON line on standard input; the outcome leaves as one JSON document on descriptor 3.
import { existsSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

const outcomeDescriptor = 3;

function finish(outcome) {
  let rest = Buffer.from(JSON.stringify(outcome));
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(outcomeDescriptor, rest));
    } catch (error) {
      // The pipe is full until the other side has read.
      if (error.code !== "EAGAIN") throw error;
    }
  }
  process.exit(0);
}

function fail(error, kind) {
  const known = error instanceof Error;
  finish({
    error: {
      errorType: kind ?? (known ? error.name : typeof error),
      errorMessage: known ? error.message : String(error),
      trace: known ? String(error.stack).split("\n") : [],
    },
  });
}

async function loadHandler(root, name) {
  const [, file, path] = /^(.*?)\.([^/]*)$/.exec(name) ?? [];
  const module = [".js", ".mjs", ".cjs"].map((extension) => `${root}/${file}${extension}`).find(existsSync);
  if (!module) return fail(new Error(`Cannot find module '${file}'`), "Runtime.ImportModuleError");
  const namespace = await import(pathToFileURL(module).href);
  const look = (start) => path.split(".").reduce((value, key) => value?.[key], start);
  const handler = look(namespace) ?? look(namespace.default);
  if (typeof handler === "function") return handler;
  return fail(new Error(`${name} is undefined or not exported`), "Runtime.HandlerNotFound");
}

async function invoke({ event, context, handler, root, deadline }) {
  process.on("uncaughtException", (error) => fail(error));
  process.on("unhandledRejection", (reason) =>
    fail(reason instanceof Error ? reason : new Error(String(reason)), "Runtime.UnhandledPromiseRejection"),
  );
  try {
    const run = await loadHandler(root, handler);
    const result = await run(event, { ...context, getRemainingTimeInMillis: () => deadline - Date.now() });
    finish({ result: result === undefined ? null : result });
  } catch (error) {
    fail(error);
  }
}

// The input stays open for as long as the caller lives: a caller that was killed takes its function with it.
process.stdin.once("close", () => process.exit(1));
let received = "";
process.stdin.setEncoding("utf8").on("data", (chunk) => {
  received += chunk;
  if (received.endsWith("\n")) void invoke(JSON.parse(received));
});
