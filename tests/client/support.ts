import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeService } from "./fakeService";

export const bin = join(__dirname, "..", "..", "client", "bin.mjs");
export const password = "fifty-five tulips";

/** How a run of the client ended. */
export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a run may be given besides its arguments. */
export interface Given {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A run of the client in the process that is kept for it. */
export interface Asked {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly folder: string;
  readonly input: string;
}

const host = fork(join(__dirname, "host.ts"), {
  execArgv: ["--require", join(__dirname, "..", "..", "tools", "typescript.cjs")],
});
host.unref();
host.channel?.unref();
const gone = once(host, "exit").then(() => {
  throw new Error("The client's process has ended.");
});
gone.catch(() => undefined); // as it does with this process
let last: Promise<unknown> = Promise.resolve();

/** Each waits for the one before: a process has one environment. */
function inHost(asked: Asked): Promise<Run> {
  const run = last.then(async () => {
    host.channel?.ref();
    const answered = once(host, "message") as Promise<[Run]>;
    host.send(asked);
    const [answer] = await Promise.race([answered, gone]);
    host.channel?.unref();
    return answer;
  });
  last = run;
  return run;
}

/** A user at a machine: an empty home, an empty folder to stand in, and a service that the environment names. */
export class User {
  private constructor(
    readonly folder: string,
    readonly service: FakeService,
  ) {}

  static async at(service: FakeService): Promise<User> {
    return new User(await mkdtemp(join(tmpdir(), "django-on-ec2-client-")), service);
  }

  get config(): string {
    return join(this.folder, "config", "django-on-ec2");
  }

  get env(): NodeJS.ProcessEnv {
    return {
      PATH: process.env["PATH"],
      HOME: this.folder,
      TZ: "UTC",
      XDG_CONFIG_HOME: join(this.folder, "config"),
      // The loader's, so that not every user has everything translated anew.
      XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] ?? join(process.env["HOME"] ?? "", ".cache"),
      DJANGO_ON_EC2_URL: this.service.url,
    };
  }

  /** Runs the client with no terminal. */
  run(args: readonly string[], { input = "", env = {} }: Given = {}): Promise<Run> {
    return inHost({ args, env: { ...this.env, ...env }, folder: this.folder, input });
  }

  /** Runs the client with no terminal, as a process of its own. */
  spawn(args: readonly string[], { input = "", env = {} }: Given = {}): Promise<Run> {
    const child = spawn(process.execPath, [bin, ...args], {
      cwd: this.folder,
      env: { ...this.env, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const run = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (run.stdout += chunk));
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (run.stderr += chunk));
    // A run that fails before it reads closes its input.
    child.stdin.on("error", () => undefined).end(input);
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status) => resolve({ status, ...run }));
    });
  }

  /** Signs in to an account that the service has. */
  async signIn(login: string): Promise<void> {
    const { status, stderr } = await this.run(["signin", login], { input: `${password}\n` });
    if (status !== 0) throw new Error(`${login} could not sign in: ${stderr}`);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A service and a user of it, before each test and gone after it. */
export async function start(t: { after(fn: () => Promise<void>): void }): Promise<{
  readonly service: FakeService;
  readonly user: User;
}> {
  const service = await new FakeService().start();
  const user = await User.at(service);
  t.after(async () => {
    await service.stop();
    await user.remove();
  });
  return { service, user };
}
