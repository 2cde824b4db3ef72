/** A stack of a copy of this repository under the real engine, with recorded providers and a backend of files. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import * as path from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";
import { type DestroyOptions, type EngineEvent, LocalWorkspace, type Stack } from "@pulumi/pulumi/automation";
import { parse, stringify } from "yaml";
import { awsChanges, randomChanges } from "../../local/aws/changes";
import type { ChangeTable } from "../../local/engine/changes";
import { ProviderServer } from "../../local/engine/providerServer";
import { pulumiFolder } from "../../tools/pulumiCli";
import { ownValues } from "../../local/engine/recorder";
import { startLanguageHost } from "../../tools/languageHost";
import { ownFolder } from "./folder";
import { type Books, type Call, RecordingCloud } from "./recordingCloud";

const root = path.join(__dirname, "..", "..");

/** Folder of the copy that is the CLI's home, and holds the state. */
const home = ".pulumi-home";

/** What of the repository the program reads. */
const programFiles = [
  "Pulumi.yaml",
  "index.ts",
  "package.json",
  "tsconfig.json",
  "app",
  "components",
  "gate",
  "settings",
  "tools",
  "userdata",
];

/** One step of the engine, such as `create-replacement`. */
export interface Step {
  readonly op: string;
  readonly type: string;
  readonly name: string;
  readonly urn: string;
}

/** What a command of the CLI did. */
export interface Outcome {
  readonly succeeded: boolean;
  /** Errors that the engine reported. */
  readonly errors: readonly string[];
  /** Everything that was shown. */
  readonly output: string;
  /** In order; without the ones that change nothing. */
  readonly steps: readonly Step[];
  /** Calls that reached the providers, in order. */
  readonly calls: readonly Call[];
}

/** Calls in words, such as `create Instance dev-db`. */
export function inWords(calls: readonly Call[]): string[] {
  return calls.map(({ method, type, name, failed }) => {
    const what = `${method} ${type.split(":").at(-1) ?? type} ${name}`;
    return failed ? `failed: ${what}` : what;
  });
}

/** Steps that leave a resource as it is. */
const idle = new Set(["same", "read", "refresh"]);

export interface ExportedResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly protect?: boolean;
  readonly delete?: boolean;
}

const cli = pulumiFolder();
if (cli !== undefined) process.env["PATH"] = [cli, process.env["PATH"]].join(path.delimiter);

/** Options of every test of the engine: skipped where there is no CLI and none can be built. */
export const needsCli = { skip: cli === undefined ? "no Pulumi CLI, and no Go to build it" : false };

/** A folder with the program that Pulumi's releases start policy packs with; a CLI that was built from source has none. */
const policyStarter = path.join(__dirname, "policyStarter");

/** What {@link Deployment.save} remembers. */
export interface Saved {
  readonly folder: string;
  readonly books: Books;
}

interface Server {
  readonly stop: () => void;
}

export class Deployment {
  private constructor(
    readonly cloud: RecordingCloud,
    /** Holds the copy, and what was saved of it. */
    private readonly folder: string,
    /** The copy of the repository, for tests to change. */
    readonly tree: string,
    private readonly stackName: string,
    private readonly servers: readonly Server[],
    private readonly environment: Readonly<Record<string, string>>,
    private readonly stack: Stack,
  ) {}

  /**
   * Makes a stack with the settings of `Pulumi.<stack>.yaml`, values of one's own for the examples among them, and these on
   * top. Nothing is deployed yet.
   */
  static async create(
    stackName: string,
    settings: Readonly<Record<string, unknown>> = {},
  ): Promise<Deployment> {
    const folder = ownFolder();
    const tree = path.join(folder, "tree");
    const cloud = new RecordingCloud();
    ignoreRefusals();
    keepConnectionsApart();
    const servers: Server[] = [];
    const serve = async (name: string, changes: ChangeTable) => {
      const server = await ProviderServer.start({ version: versionOf(name), changes, backend: cloud });
      servers.push(server);
      return `${name}:${server.port}`;
    };
    try {
      for (const file of [...programFiles, `Pulumi.${stackName}.yaml`])
        cpSync(path.join(root, file), path.join(tree, file), { recursive: true });
      symlinkSync(path.join(root, "node_modules"), path.join(tree, "node_modules"));
      const providers = [await serve("aws", awsChanges), await serve("random", randomChanges)];
      const environment = {
        PULUMI_BACKEND_URL: `file://${path.join(tree, home)}`,
        PULUMI_CONFIG_PASSPHRASE: "test",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS: "true",
        PULUMI_DEBUG_PROVIDERS: providers.join(),
      };
      const stack = await LocalWorkspace.createStack(
        { stackName, projectName: "django-on-ec2", program: () => Promise.resolve(loadProgram(tree)) },
        { workDir: tree, pulumiHome: path.join(tree, home), envVars: environment },
      );
      const deployment = new Deployment(cloud, folder, tree, stackName, servers, environment, stack);
      deployment.set({ ...ownValues[stackName], ...settings });
      return deployment;
    } catch (error) {
      end(servers, folder);
      throw error;
    }
  }

  /** Changes settings of the stack; undefined takes one away. */
  set(settings: Readonly<Record<string, unknown>>): void {
    const file = path.join(this.tree, `Pulumi.${this.stackName}.yaml`);
    const document = parse(readFileSync(file, "utf8")) as { config: Record<string, unknown> };
    for (const [key, value] of Object.entries(settings)) {
      if (value === undefined) Reflect.deleteProperty(document.config, `django-on-ec2:${key}`);
      else document.config[`django-on-ec2:${key}`] = value;
    }
    writeFileSync(file, stringify(document));
  }

  /** Changes settings, and adds a line to a file; answers what takes that back. */
  change(settings: Readonly<Record<string, unknown>>, file?: string): () => void {
    const files = [`Pulumi.${this.stackName}.yaml`, ...(file === undefined ? [] : [file])];
    const before = files.map((each) => [each, readFileSync(path.join(this.tree, each), "utf8")] as const);
    this.set(settings);
    if (file !== undefined) this.edit(file, (text) => `${text}${file.endsWith(".sh") ? "true" : ""}\n`);
    return () => {
      for (const [each, text] of before) this.edit(each, () => text);
    };
  }

  /** Changes a file of the copy. */
  edit(file: string, change: (text: string) => string): void {
    const where = path.join(this.tree, file);
    writeFileSync(where, change(readFileSync(where, "utf8")));
  }

  /** Remembers state, program and cloud, so that several tests can begin with the same deployment. */
  save(): Saved {
    const folder = mkdtempSync(path.join(this.folder, "saved-"));
    copyTree(this.tree, folder);
    return { folder, books: this.cloud.books() };
  }

  restore({ folder, books }: Saved): void {
    for (const file of readdirSync(this.tree))
      if (file !== "node_modules") rmSync(path.join(this.tree, file), { recursive: true });
    copyTree(folder, this.tree);
    this.cloud.open(books);
  }

  preview(options: { readonly replace?: string[] } = {}): Promise<Outcome> {
    return this.run((watch) => this.stack.preview({ ...watch, ...options }));
  }

  up(
    options: {
      readonly replace?: string[];
      readonly exclude?: string[];
      readonly continueOnError?: boolean;
    } = {},
  ): Promise<Outcome> {
    return this.run((watch) => this.stack.up({ ...watch, ...options }));
  }

  refresh(): Promise<Outcome> {
    return this.run((watch) => this.stack.refresh(watch));
  }

  destroy(options: DestroyOptions = {}): Promise<Outcome> {
    return this.run((watch) => this.stack.destroy({ ...watch, ...options }));
  }

  /**
   * A `pulumi preview` as a user has it: the command, with the program in a process of its own under the runtime options of
   * `Pulumi.yaml`. Answers how long it took, in seconds, and what it printed; it rejects with what it printed if it fails.
   */
  async previewByCommand(...options: readonly string[]): Promise<{ seconds: number; printed: string }> {
    const host = await startLanguageHost();
    const args = [
      "preview",
      "--non-interactive",
      "--stack",
      this.stackName,
      `--client=127.0.0.1:${host.port}`,
      ...options,
    ];
    const start = performance.now();
    try {
      const { stdout, stderr } = await promisify(execFile)("pulumi", args, {
        cwd: this.tree,
        env: {
          ...process.env,
          PULUMI_HOME: path.join(this.tree, home),
          ...this.environment,
          // Where the CLI looks for what starts a policy pack.
          PATH: [policyStarter, process.env["PATH"]].join(path.delimiter),
        },
        maxBuffer: 16 << 20,
      });
      return { seconds: (performance.now() - start) / 1000, printed: stdout + stderr };
    } finally {
      host.stop();
    }
  }

  /** What the state holds, with its secrets encrypted. */
  async exported(): Promise<readonly ExportedResource[]> {
    const { deployment } = (await this.stack.exportStack()) as {
      deployment: { resources?: ExportedResource[] };
    };
    return deployment.resources ?? [];
  }

  /** Everything that the CLI keeps on disk for this stack. */
  files(): string[] {
    return readdirSync(path.join(this.tree, home), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), "utf8"));
  }

  /** Ends the providers and deletes the copy, and what was saved of it. */
  close(): void {
    end(this.servers, this.folder);
  }

  private async run(
    command: (watch: {
      onEvent: (event: EngineEvent) => void;
      onOutput: (text: string) => void;
    }) => Promise<unknown>,
  ): Promise<Outcome> {
    const steps: Step[] = [];
    const errors: string[] = [];
    let output = "";
    const before = this.cloud.calls.length;
    const onEvent = ({ resourcePreEvent, diagnosticEvent }: EngineEvent) => {
      if (resourcePreEvent !== undefined && !idle.has(resourcePreEvent.metadata.op)) {
        const { op, type, urn } = resourcePreEvent.metadata;
        steps.push({ op, type, urn, name: urn.split("::").slice(3).join("::") });
      }
      if (diagnosticEvent?.severity === "error") errors.push(diagnosticEvent.message);
    };
    let succeeded = true;
    try {
      await command({ onEvent, onOutput: (text) => (output += text) });
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "CommandError") throw error;
      succeeded = false;
      output += error.message;
    }
    return { succeeded, errors, output, steps, calls: this.cloud.calls.slice(before) };
  }
}

/** Version of one of Pulumi's packages. */
function versionOf(name: string): string {
  const file = require.resolve(`@pulumi/${name}/package.json`);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/**
 * Clients of one process share their connections by address. An engine that is given the port of one that has ended would be met
 * with that one's failure, and a program that cannot reach its engine counts as one without resources: each client has connections
 * of its own therefore.
 */
export function keepConnectionsApart(): Record<string, unknown> {
  const { grpcClientOptions } = createRequire(__filename)("@pulumi/pulumi/runtime/settings") as {
    readonly grpcClientOptions: Record<string, unknown>;
  };
  grpcClientOptions["grpc.use_local_subchannel_pool"] = 1;
  return grpcClientOptions;
}

let refusalsAreIgnored = false;

/** What a program hears that still registers, or still asks a provider, when the engine ends or has ended. */
const refusal =
  /^(Resource monitor is terminating|invocation of \S+ returned an error: grpc: the client connection is closing|14 UNAVAILABLE: .*)$/;

/**
 * When the engine ends because a resource failed, it refuses what the program still waits for, and the Automation API listens
 * no longer by the time that it hears of it, nor does the test. Those refusals are nobody's fault; everything else goes where it
 * went. For as long as the process lives, to be called once tests are under way: Node's runner listens from its first test on.
 */
export function ignoreRefusals(): void {
  if (refusalsAreIgnored) return;
  refusalsAreIgnored = true;
  const others = process.rawListeners("unhandledRejection") as NodeJS.UnhandledRejectionListener[];
  for (const other of others) process.off("unhandledRejection", other);
  process.on("unhandledRejection", (reason, promise) => {
    if (reason instanceof Error && refusal.test(reason.message)) return;
    for (const other of others) other.call(process, reason, promise);
  });
}

function end(servers: readonly Server[], folder: string): void {
  for (const server of servers) server.stop();
  rmSync(folder, { recursive: true, force: true });
}

function copyTree(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (source) => path.basename(source) !== "node_modules" });
}

/** Runs the program of a copy afresh: making the resources is what loading its modules does. */
function loadProgram(tree: string): Record<string, unknown> {
  for (const file of Object.keys(require.cache)) {
    if (file.startsWith(`${tree}/`)) Reflect.deleteProperty(require.cache, file);
  }
  return createRequire(__filename)(path.join(tree, "index.ts")) as Record<string, unknown>;
}
