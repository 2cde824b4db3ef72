import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const execute = promisify(execFile);
export const root = join(__dirname, "..", "..");

/** A region that a command of npm holds in a checkout, as a user would start it. */
class RegionCommand {
  output = "";
  private readonly child: ChildProcess;
  /** Exit status; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  private isEnded = false;

  constructor(
    protected readonly directory: string,
    args: readonly string[],
  ) {
    this.child = spawn("npm", args, {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding("utf8").on("data", (chunk: string) => (this.output += chunk));
    this.ended = new Promise((resolve) =>
      this.child.once("close", (status) => {
        this.isEnded = true;
        resolve(status);
      }),
    );
  }

  /** Id of the process that runs the region, once it holds the machine: npm is its parent. */
  get pid(): number {
    return (JSON.parse(readFileSync("/var/lib/django-on-ec2.lock", "utf8")) as { pid: number }).pid;
  }

  /** Waits until the run has printed something; throws with all of its output when it ends before. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.output);
      if (found) return found;
      if (this.isEnded) throw new Error(`ended without printing ${pattern}:\n${this.output}`);
      await sleep(100);
    }
  }

  kill(signal: NodeJS.Signals): void {
    if (!this.isEnded) process.kill(this.pid, signal);
  }
}

/** A run of `npm start`. */
export class RegionProcess extends RegionCommand {
  constructor(directory: string, ...args: string[]) {
    super(directory, ["start", "--silent", "--", ...args]);
  }

  /** Outputs of the running stack. */
  outputs(): Record<string, string> {
    const file = join(this.directory, ".local/outputs.json");
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  }
}

/** A run of `npm run region`, to which `pulumi` deploys. */
export class HeldRegion extends RegionCommand {
  constructor(directory: string) {
    super(directory, ["run", "--silent", "region"]);
  }

  async isUp(): Promise<void> {
    await this.prints(/The region is up/);
  }
}

/** Everything of the local region that is on this machine: empty before and after each run. */
export async function leftovers(): Promise<string[]> {
  const found: string[] = [];
  const add = (kind: string, items: string[]) => found.push(...items.map((item) => `${kind} ${item}`));
  const lines = async (command: string, ...args: string[]) =>
    (await execute(command, args)).stdout.split("\n").filter(Boolean);
  add(
    "namespace",
    (await lines("ip", "netns", "list")).filter((line) => line.startsWith("doe2-")),
  );
  add(
    "loop device",
    (await lines("losetup", "-l", "-n", "-O", "BACK-FILE")).filter((file) => file.includes("django-on-ec2")),
  );
  add(
    "table",
    (await lines("nft", "list", "tables")).filter((line) => / vpc$/.test(line)),
  );
  add(
    "mount",
    readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      // By what it is and where: a mount of somebody else's may have a layer in the cache.
      .filter((line) => /doe2-|\/var\/lib\/django-on-ec2/.test(line.split(" ", 2).join(" "))),
  );
  const processes = (await lines("ps", "-eo", "pid=,ppid=,args=")).map((line) => {
    const [, pid = "", parent = "", args = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return { pid, parent, args };
  });
  const nodes = new Set(processes.filter(({ args }) => /^\S*node /.test(args)).map(({ pid }) => pid));
  add(
    "process",
    processes
      .filter(
        ({ parent, args }) =>
          /^(systemd-nspawn|haproxy|dnsmasq|slirp4netns|ip netns exec) .*(doe2-|django-on-ec2)/.test(args) ||
          // Other tests may run a moto of their own: that has a parent.
          (/ -m moto\.server /.test(args) && !nodes.has(parent)),
      )
      .map(({ args }) => args),
  );

  for (const folder of ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"])
    try {
      add(
        "control group",
        readdirSync(folder).filter((name) => name.startsWith("doe2-")),
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  try {
    add(
      "file",
      readdirSync("/var/lib").filter((name) => name.startsWith("django-on-ec2")),
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return found;
}

/** A copy of this checkout that a test may break. */
export async function copyOfCheckout(): Promise<{ readonly path: string; remove(): void }> {
  const copy = mkdtempSync(join(tmpdir(), "django-on-ec2-checkout-"));
  const { stdout } = await execute("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
  });
  for (const file of stdout.split("\n").filter(Boolean))
    cpSync(join(root, file), join(copy, file), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return { path: copy, remove: () => rmSync(copy, { recursive: true, force: true }) };
}
