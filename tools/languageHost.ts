/**
 * Runs the program as Pulumi's language host for Node.js does: in a process of its own, by the SDK's `cmd/run`, under the
 * runtime options of `Pulumi.yaml`. The host itself comes with Pulumi's releases, and not with a CLI that was built from source.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import { GetRequiredPluginsResponse, type RunRequest, RunResponse } from "@pulumi/pulumi/proto/language_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { parse } from "yaml";

/** What `Pulumi.yaml` may say under `runtime.options`. */
interface RuntimeOptions {
  readonly nodeargs?: string;
  readonly typescript?: boolean;
}

/** Programs that run. */
const running = new Set<ChildProcess>();

/**
 * Starts a host on a free port of this machine's loopback, for the CLI's option `--client`. A host that the CLI starts by itself
 * is given the engine's address; the others are told with each program.
 */
export async function startLanguageHost(engine?: string): Promise<{ port: number; stop: () => void }> {
  const server = new Server();
  server.addService(LanguageRuntimeService, {
    getRequiredPlugins: (_call: unknown, respond: sendUnaryData<GetRequiredPluginsResponse>) =>
      respond(null, new GetRequiredPluginsResponse()),
    getPluginInfo: (_call: unknown, respond: sendUnaryData<PluginInfo>) => {
      const info = new PluginInfo();
      info.setVersion("1.0.0");
      respond(null, info);
    },
    run: ({ request }: ServerUnaryCall<RunRequest, RunResponse>, respond: sendUnaryData<RunResponse>) => {
      run(request, engine).then(
        (response) => respond(null, response),
        (error: unknown) => respond({ code: status.UNKNOWN, details: String(error) }),
      );
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    const bound = (error: Error | null, chosen: number) => (error ? reject(error) : resolve(chosen));
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), bound);
  });
  return {
    port,
    stop: () => {
      server.forceShutdown();
      for (const child of running) child.kill("SIGKILL");
    },
  };
}

async function run(request: RunRequest, engine = request.getArgsList()[0] ?? ""): Promise<RunResponse> {
  const options = runtimeOptions(request.getPwd());
  const flags = {
    monitor: request.getMonitorAddress(),
    engine,
    organization: request.getOrganization(),
    project: request.getProject(),
    stack: request.getStack(),
    pwd: request.getPwd(),
    parallel: String(request.getParallel()),
  };
  const args = [
    ...(options.nodeargs?.split(/\s+/) ?? []),
    require.resolve("@pulumi/pulumi/cmd/run"),
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    request.getPwd(),
  ];
  const config = Object.fromEntries(request.getConfigMap().entries() as Iterable<[string, string]>);
  const env = {
    ...process.env,
    PULUMI_CONFIG: JSON.stringify(config),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    PULUMI_NODEJS_TYPESCRIPT: String(options.typescript ?? true),
  };
  const child = spawn(process.execPath, args, {
    cwd: request.getPwd(),
    env,
    stdio: ["ignore", "ignore", "inherit"],
    // Away from the terminal's Ctrl-C: it is the engine that ends what the program waits for.
    detached: true,
  });
  running.add(child);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  }).finally(() => running.delete(child));
  const response = new RunResponse();
  // What was thrown is told to the engine already.
  if (code !== 0) response.setBail(true);
  return response;
}

/** Of the project's own file: with `--client` the CLI passes on where the host is, in place of them. */
function runtimeOptions(folder: string): RuntimeOptions {
  const { runtime } = parse(readFileSync(path.join(folder, "Pulumi.yaml"), "utf8")) as {
    runtime: string | { readonly options?: RuntimeOptions };
  };
  return (typeof runtime === "object" ? runtime.options : undefined) ?? {};
}
