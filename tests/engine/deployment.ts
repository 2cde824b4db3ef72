/** A stack of a copy of this repository under the real engine, with recorded providers and a backend of files. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { type DestroyOptions, type EngineEvent, LocalWorkspace, type Stack } from "@pulumi/pulumi/automation";
import { parse, stringify } from "yaml";
import { awsChanges, randomChanges } from "../../local/aws/changes";
import { ProviderServer } from "../../local/engine/providerServer";
import { pulumiFolder } from "../../tools/pulumiCli";
import { type Call, RecordingCloud } from "./recordingCloud";

const root = path.join(__dirname, "..", "..");

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

export class Deployment {
  private constructor(
    readonly cloud: RecordingCloud,
    /** The copy of the repository, for tests to change. */
    readonly tree: string,
    private readonly stackName: string,
    private readonly servers: readonly { stop: () => void }[],
    private readonly stack: Stack,
  ) {}

  /** Makes a stack with the settings of `Pulumi.<stack>.yaml` and these on top. Nothing is deployed yet. */
  static async create(
    stackName: string,
    settings: Readonly<Record<string, unknown>> = {},
  ): Promise<Deployment> {
    const tree = mkdtempSync(path.join(tmpdir(), "django-on-ec2-engine-"));
    for (const file of [...programFiles, `Pulumi.${stackName}.yaml`])
      cpSync(path.join(root, file), path.join(tree, file), { recursive: true });
    symlinkSync(path.join(root, "node_modules"), path.join(tree, "node_modules"));
    const home = path.join(tree, ".pulumi-home");
    const cloud = new RecordingCloud();
    const aws = await ProviderServer.start({ version: "7.48.0", changes: awsChanges, backend: cloud });
    const random = await ProviderServer.start({ version: "4.21.2", changes: randomChanges, backend: cloud });
    const stack = await LocalWorkspace.createStack(
      { stackName, projectName: "django-on-ec2", program: () => Promise.resolve(loadProgram(tree)) },
      {
        workDir: tree,
        pulumiHome: home,
        envVars: {
          PULUMI_BACKEND_URL: `file://${home}`,
          PULUMI_CONFIG_PASSPHRASE: "test",
          PULUMI_SKIP_UPDATE_CHECK: "true",
          PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
          PULUMI_DEBUG_PROVIDERS: `aws:${aws.port},random:${random.port}`,
        },
      },
    );
    const deployment = new Deployment(cloud, tree, stackName, [aws, random], stack);
    deployment.set(settings);
    return deployment;
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

  /** Changes a file of the copy. */
  edit(file: string, change: (text: string) => string): void {
    const where = path.join(this.tree, file);
    writeFileSync(where, change(readFileSync(where, "utf8")));
  }

  preview(options: { readonly replace?: string[] } = {}): Promise<Outcome> {
    return this.run((watch) => this.stack.preview({ ...watch, ...options }));
  }

  up(options: { readonly replace?: string[] } = {}): Promise<Outcome> {
    return this.run((watch) => this.stack.up({ ...watch, ...options }));
  }

  refresh(): Promise<Outcome> {
    return this.run((watch) => this.stack.refresh(watch));
  }

  /** Without a preview first. */
  destroy(options: DestroyOptions = {}): Promise<Outcome> {
    return this.run((watch) => this.stack.destroy({ ...watch, ...options }));
  }

  /** The state, with its secrets encrypted. */
  async exported(): Promise<{ readonly resources: readonly ExportedResource[] }> {
    const { deployment } = (await this.stack.exportStack()) as {
      deployment: { resources?: ExportedResource[] };
    };
    return { resources: deployment.resources ?? [] };
  }

  /** Ends the providers and deletes the copy. */
  close(): void {
    for (const server of this.servers) server.stop();
    rmSync(this.tree, { recursive: true, force: true });
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

/** Runs the program of a copy afresh: making the resources is what loading its modules does. */
function loadProgram(tree: string): Record<string, unknown> {
  for (const file of Object.keys(require.cache)) {
    if (file.startsWith(`${tree}/`)) Reflect.deleteProperty(require.cache, file);
  }
  return createRequire(__filename)(path.join(tree, "index.ts")) as Record<string, unknown>;
}
