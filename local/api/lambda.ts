import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { localCredentials } from "./clients";

const runtimeFile = join(__dirname, "lambdaRuntime.mjs");
const logLimit = 64 * 1024;

/** A function as it was deployed. */
export interface DeployedFunction {
  readonly name: string;
  readonly arn: string;
  readonly region: string;
  /** Folder with the unpacked code. */
  readonly codePath: string;
  /** Such as `index.handler`. */
  readonly handler: string;
  readonly timeoutSeconds: number;
  readonly memoryMiB: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** What a function that failed said. */
export class FunctionError extends Error {
  constructor(
    readonly errorType: string,
    message: string,
    /** The function's own stack trace. */
    readonly trace: readonly string[],
    /** What the function printed. */
    readonly log: string,
  ) {
    super(message);
    this.name = "FunctionError";
  }
}

/** How an invocation is run. */
export interface InvokeOptions {
  /** The AWS API that the function's SDK clients reach. */
  readonly endpoint: string;
  /** Ends the invocation when the run is aborted. */
  readonly signal?: AbortSignal;
}

/** A function's answer. */
export interface Invocation {
  /** JSON. */
  readonly payload: string;
  readonly log: string;
}

type Outcome =
  | { readonly result: unknown }
  | {
      readonly error: { readonly errorType: string; readonly errorMessage: string; readonly trace: string[] };
    };

function environment(fn: DeployedFunction, logStream: string, endpoint: string): NodeJS.ProcessEnv {
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    AWS_REGION: fn.region,
    AWS_DEFAULT_REGION: fn.region,
    AWS_ACCESS_KEY_ID: localCredentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: localCredentials.secretAccessKey,
    AWS_ENDPOINT_URL: endpoint,
    AWS_EC2_METADATA_DISABLED: "true",
    // Whoever runs this may have an AWS configuration of their own: it is none of the function's business.
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMiB),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${fn.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: logStream,
    AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${process.versions.node.split(".")[0]}.x`,
    LAMBDA_TASK_ROOT: fn.codePath,
    _HANDLER: fn.handler,
    ...fn.environment,
  };
}

/**
 * Runs a function once, in a process of its own, and answers what it returned.
 * Throws a `FunctionError` with the function's own message when it throws, exits or exceeds its timeout.
 */
export async function invokeFunction(
  fn: DeployedFunction,
  payload: string,
  options: InvokeOptions,
): Promise<Invocation> {
  options.signal?.throwIfAborted();
  const requestId = randomUUID();
  const logStream = `${new Date().toISOString().slice(0, 10).replace(/-/g, "/")}/[$LATEST]${requestId.replace(/-/g, "")}`;
  const child = spawn(process.execPath, [runtimeFile], {
    cwd: fn.codePath,
    env: environment(fn, logStream, options.endpoint),
    stdio: ["pipe", "pipe", "pipe", "pipe"],
    // Away from the terminal's Ctrl-C: this program decides when the function ends.
    detached: true,
  });
  let log = "";
  let outcome = "";
  const [, stdout, stderr, result] = child.stdio;
  for (const stream of [stdout, stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => (log = (log + chunk).slice(-logLimit)));
  }
  if (result && "setEncoding" in result) {
    result.setEncoding("utf8").on("data", (chunk: string) => (outcome += chunk));
  }

  let stopped: "timeout" | "abort" | undefined;
  const stop = (reason: "timeout" | "abort") => {
    stopped ??= reason;
    // The whole group: the function may have started processes of its own.
    if (child.pid) {
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        return; // ended already
      }
    }
  };
  const onAbort = () => stop("abort");
  options.signal?.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => stop("timeout"), fn.timeoutSeconds * 1000);
  const started = Date.now();

  const ended = new Promise<string>((resolve, reject) => {
    child.once("error", (error) => reject(new Error(`${fn.name} could not be started: ${error.message}`)));
    child.once("close", (status, signal) => resolve(signal ? `signal: ${signal}` : `exit status ${status}`));
  });
  // A function may end without reading its input; how it ended tells why.
  child.stdin.on("error", () => undefined);
  child.stdin.write(
    `${JSON.stringify({
      event: payload === "" ? {} : (JSON.parse(payload) as unknown),
      handler: fn.handler,
      root: fn.codePath,
      deadline: started + fn.timeoutSeconds * 1000,
      context: {
        functionName: fn.name,
        functionVersion: "$LATEST",
        invokedFunctionArn: fn.arn,
        memoryLimitInMB: String(fn.memoryMiB),
        awsRequestId: requestId,
        logGroupName: `/aws/lambda/${fn.name}`,
        logStreamName: logStream,
      },
    })}\n`,
  );

  let end: string;
  try {
    end = await ended;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", onAbort);
  }
  if (stopped === "timeout") {
    throw new FunctionError(
      "Sandbox.Timedout",
      `Task timed out after ${fn.timeoutSeconds.toFixed(2)} seconds`,
      [],
      log,
    );
  }
  if (stopped === "abort") throw new FunctionError("Aborted", "the run was stopped", [], log);
  if (outcome === "")
    throw new FunctionError("Runtime.ExitError", `Runtime exited with error: ${end}`, [], log);
  const told = JSON.parse(outcome) as Outcome;
  if ("error" in told) {
    throw new FunctionError(told.error.errorType, told.error.errorMessage, told.error.trace, log);
  }
  return { payload: JSON.stringify(told.result), log };
}
