import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { regionFolder, regionNumber, regionVariable } from "../../client/localRegion";
import { lockFile, namePrefix, statePath } from "../../local/machine/state";

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
    protected readonly number: number,
  ) {
    this.child = spawn("npm", args, {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", [regionVariable]: String(number) },
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
    return (JSON.parse(readFileSync(lockFile(this.number), "utf8")) as { pid: number }).pid;
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

/** How `npm start` is run. */
export interface RunOptions {
  readonly args?: readonly string[];
  /** Of the local region. @default that of this process */
  readonly number?: number;
}

/** The number of a region beside this process's own: runs of tests use those below 50. */
export const neighbour = (): number => (regionNumber() + 50) % 100;

/** A run of `npm start`. */
export class RegionProcess extends RegionCommand {
  constructor(directory: string, { args = [], number = regionNumber() }: RunOptions = {}) {
    super(directory, ["start", "--silent", "--", ...args], number);
  }

  /** Outputs of the running stack. */
  outputs(): Record<string, string> {
    const file = join(this.directory, regionFolder(this.number), "outputs.json");
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  }
}

/** A run of `npm run region`, to which `pulumi` deploys. */
export class HeldRegion extends RegionCommand {
  constructor(directory: string) {
    super(directory, ["run", "--silent", "region"], regionNumber());
  }

  async isUp(): Promise<void> {
    await this.prints(/The region is up/);
  }
}

/** Everything of a local region that is on the machine: empty before and after each run. */
export async function leftovers(number = regionNumber()): Promise<string[]> {
  const [prefix, state] = [namePrefix(number), statePath(number)];
  const isOurs = (text: string) => text.includes(prefix) || text.includes(`${state}/`);
  const isOursByEnvironment = (pid: string) => environmentOf(pid).includes(`${regionVariable}=${number}`);
  const found: string[] = [];
  const add = (kind: string, items: string[]) => found.push(...items.map((item) => `${kind} ${item}`));
  const lines = async (command: string, ...args: string[]) =>
    (await execute(command, args)).stdout.split("\n").filter(Boolean);
  add(
    "namespace",
    (await lines("ip", "netns", "list")).filter((line) => line.startsWith(prefix)),
  );
  add(
    "loop device",
    (await lines("losetup", "-l", "-n", "-O", "BACK-FILE")).filter((file) => file.startsWith(`${state}/`)),
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
      .filter((line) => isOurs(line.split(" ", 2).join(" "))),
  );
  // The tmpfs is shared with other regions: who uses it says so in it, and the last one takes it away.
  const nspawn = "/run/systemd/nspawn";
  const claims = existsSync(nspawn) ? readdirSync(nspawn).filter((name) => name.endsWith("-claim")) : [];
  const isMounted = readFileSync("/proc/self/mounts", "utf8").includes(`django-on-ec2-nspawn ${nspawn} `);
  add(
    "tmpfs",
    isMounted && claims.length === 0 ? [nspawn] : claims.filter((name) => name.startsWith(prefix)),
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
        ({ pid, parent, args }) =>
          (/^(systemd-nspawn|haproxy|dnsmasq|slirp4netns|ip netns exec) /.test(args) && isOurs(args)) ||
          // Other tests may run a moto of their own: that has a parent.
          (/ -m moto\.server /.test(args) && !nodes.has(parent) && isOursByEnvironment(pid)),
      )
      .map(({ args }) => args),
  );

  for (const folder of ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"])
    try {
      add(
        "control group",
        readdirSync(folder).filter((name) => name.startsWith(prefix)),
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  const [folder, name] = [dirname(state), basename(state)];
  add(
    "file",
    readdirSync(folder).filter((each) => each === name || each.startsWith(`${name}.`)),
  );
  return found;
}

/** Variables that a process was started with; none of one that has ended since. */
function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
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
