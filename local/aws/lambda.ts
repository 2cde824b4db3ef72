import { createHash } from "node:crypto";
import { readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { unzipTo, zipArchive } from "./archive";
import type { Handler, Handlers, ResourceRequest, ResourceState } from "../engine/handler";
import { arn, physicalName } from "./naming";
import { nested, numberOr, optionalText, text, textMap } from "../engine/properties";
import { FunctionError, invokeFunction } from "../api/lambda";
import type { DeployedFunction } from "../api/lambda";

/** What the Lambda handlers need. */
export interface LambdaOptions {
  /** Folder that holds each function's unpacked code. */
  readonly folder: string;
  /** The AWS API that functions reach. */
  readonly endpoint: string;
  /** `node_modules` of the project: it holds the AWS SDK that Lambda's runtime brings along. */
  readonly nodeModules: string;
  /** Ends running invocations when the run is aborted. */
  readonly signal?: AbortSignal;
}

const logTailLines = 20;

/** Handlers of `aws.lambda.Function` and `aws.lambda.Invocation`. */
export function lambdaHandlers(options: LambdaOptions): Handlers {
  const place = (region: string, name: string) => join(options.folder, region, name);

  async function deploy(request: ResourceRequest, name: string): Promise<ResourceState> {
    const { inputs, region } = request;
    const runtime = text(inputs, "runtime");
    if (!runtime.startsWith("nodejs"))
      throw new Error(`${request.name}: only Node.js functions run here, not ${runtime}`);
    const code = await zipArchive(inputs["code"]);
    const folder = place(region, name);
    await rm(folder, { recursive: true, force: true });
    const codePath = join(folder, "code");
    await unzipTo(code, codePath);
    // Beside the code, not inside: Node.js looks for packages in the parent folders too.
    await symlink(options.nodeModules, join(folder, "node_modules"));
    const functionArn = arn("lambda", region, `function:${name}`);
    const deployed: DeployedFunction = {
      name,
      arn: functionArn,
      region,
      codePath,
      handler: text(inputs, "handler"),
      timeoutSeconds: numberOr(inputs, "timeout", 3),
      memoryMiB: numberOr(inputs, "memorySize", 128),
      environment: textMap(nested(inputs, "environment"), "variables"),
    };
    await writeFile(join(folder, "function.json"), JSON.stringify(deployed));
    const invokeArn = (target: string) =>
      `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/${target}/invocations`;
    const codeSha256 = createHash("sha256").update(code).digest("base64");
    return {
      id: name,
      outputs: {
        name,
        arn: functionArn,
        qualifiedArn: `${functionArn}:$LATEST`,
        invokeArn: invokeArn(functionArn),
        qualifiedInvokeArn: invokeArn(`${functionArn}:$LATEST`),
        version: "$LATEST",
        lastModified: new Date().toISOString(),
        codeSha256,
        sourceCodeHash: codeSha256,
        sourceCodeSize: code.length,
      },
    };
  }

  async function find(region: string, name: string): Promise<DeployedFunction | undefined> {
    try {
      return JSON.parse(
        await readFile(join(place(region, name), "function.json"), "utf8"),
      ) as DeployedFunction;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  const functions: Handler = {
    create: (request) => deploy(request, physicalName(request, 64)),
    async read(id, state, region) {
      return (await find(region, id)) && { id, outputs: state };
    },
    update: (id, _state, request) => deploy(request, id),
    async delete(id, _state, region) {
      await rm(place(region, id), { recursive: true, force: true });
    },
  };

  async function invoke(request: ResourceRequest, stop?: AbortSignal): Promise<ResourceState> {
    const { inputs } = request;
    const scope = optionalText(inputs, "lifecycleScope") ?? "CREATE_ONLY";
    if (scope !== "CREATE_ONLY")
      throw new Error(`${request.name}: lifecycleScope ${scope} is not supported here`);
    const [name = ""] = text(inputs, "functionName").split(":").slice(-1);
    const fn = await find(request.region, name);
    if (!fn) throw new Error(`${request.name}: there is no function ${name} in ${request.region}`);
    const input = text(inputs, "input");
    try {
      const signals = [options.signal, stop].filter((signal) => signal !== undefined);
      const { payload } = await invokeFunction(fn, input, {
        ...options,
        signal: AbortSignal.any(signals),
      });
      const digest = createHash("md5").update(input).digest("hex");
      return { id: `${name}_$LATEST_${digest}`, outputs: { result: payload } };
    } catch (error) {
      if (!(error instanceof FunctionError)) throw error;
      const tail = error.log.trimEnd().split("\n").slice(-logTailLines).join("\n  ");
      throw new Error(`${error.message}${tail && `\n  the function ${name} printed:\n  ${tail}`}`, {
        cause: error,
      });
    }
  }

  const invocations: Handler = {
    create: invoke,
    read: (id, state) => Promise.resolve({ id, outputs: state }),
    // A change of what is asked replaces an invocation of this scope; what is left to update asks nothing.
    update: (id) => Promise.resolve({ id, outputs: {} }),
    delete: () => Promise.resolve(),
  };

  return {
    "aws:lambda/function:Function": functions,
    "aws:lambda/invocation:Invocation": invocations,
  };
}
