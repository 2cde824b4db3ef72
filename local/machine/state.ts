import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { CommandError, run } from "./exec";

/** Everything that the local region keeps on disk, the base image apart. */
export const STATE_PATH = "/var/lib/django-on-ec2";
/** Prefix of the network namespaces, control groups and mount sources that belong to the local region. */
export const PREFIX = "doe2-";
/** Lists the network namespaces of the machine that `ip netns` made. */
const NETNS_PATH = "/run/netns";
/** systemd-nspawn keeps mount points here and cannot clean them up unless the folder is on a tmpfs. */
const NSPAWN_RUN_PATH = "/run/systemd/nspawn";
const NSPAWN_TMPFS_SOURCE = `${PREFIX}nspawn`;

/** Changes with each start of the machine, and with it what a process id and a start time mean. */
const bootId = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

interface ProcessRecord {
  readonly pid: number;
  readonly bootId: string;
  /** Start time in clock ticks since boot: with the pid it names one process for good. */
  readonly startTime: string;
  readonly command: string;
}

function processRecord(pid: number, command: string): ProcessRecord | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    // proc(5): the second field, the command in parentheses, may hold spaces; starttime is field 22.
    const startTime = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return startTime === undefined ? undefined : { pid, bootId, startTime, command };
  } catch {
    return undefined; // gone
  }
}

function isAlive(record: ProcessRecord): boolean {
  return (
    record.bootId === bootId && processRecord(record.pid, record.command)?.startTime === record.startTime
  );
}

function readRecord(file: string): ProcessRecord | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as ProcessRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Another local region runs on this machine. */
export class RegionBusyError extends Error {
  constructor(readonly pid: number) {
    super(
      `another local region runs on this machine (process ${pid}); ` +
        `one machine holds one region: stop that run with Ctrl-C or "kill ${pid}", then start again`,
    );
    this.name = "RegionBusyError";
  }
}

/** The state directory, held by this process alone. */
export class StateDirectory {
  private constructor(readonly path: string) {}

  private static readonly lockFile = `${STATE_PATH}.lock`;

  /** Takes the machine's only region; throws `RegionBusyError` while another process holds it. */
  static acquire(): StateDirectory {
    const own = processRecord(process.pid, process.argv.join(" "));
    const draft = `${StateDirectory.lockFile}.${process.pid}`;
    try {
      fs.writeFileSync(draft, JSON.stringify(own));
      for (;;) {
        try {
          fs.linkSync(draft, StateDirectory.lockFile); // appears whole, or not at all
          break;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
          const holder = readRecord(StateDirectory.lockFile);
          if (holder && isAlive(holder)) throw new RegionBusyError(holder.pid);
          StateDirectory.removeStaleLock();
        }
      }
    } finally {
      fs.rmSync(draft, { force: true });
    }
    return new StateDirectory(STATE_PATH);
  }

  /** Of two runs that find the same dead holder, one removes its lock: taking it away by name is atomic. */
  private static removeStaleLock(): void {
    const aside = `${StateDirectory.lockFile}.stale-${process.pid}`;
    try {
      fs.renameSync(StateDirectory.lockFile, aside);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return; // the other run was first
      throw error;
    }
    const taken = readRecord(aside);
    // The other run was first by more than that, and holds a lock of its own by now: it gets it back.
    if (taken && isAlive(taken)) fs.linkSync(aside, StateDirectory.lockFile);
    fs.rmSync(aside, { force: true });
  }

  /** A folder below the state directory, made if it is missing. */
  folder(...names: string[]): string {
    const folder = path.join(this.path, ...names);
    // For root alone: hosts' disks hold programs that run as root, and what hosts have written.
    fs.mkdirSync(this.path, { recursive: true, mode: 0o700 });
    fs.mkdirSync(folder, { recursive: true });
    return folder;
  }

  release(): void {
    fs.rmSync(StateDirectory.lockFile, { force: true });
  }
}

/** A process that runs beside this one until it is stopped. */
export interface Service {
  readonly name: string;
  readonly pid: number;
  /** Resolves with the reason once the process has ended. */
  readonly ended: Promise<string>;
  /** The last lines that it printed. */
  output(): string;
  /** Asks the process to end and kills it after the grace time. Safe to call twice. */
  stop(graceSeconds?: number): Promise<void>;
}

export interface SpawnOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Told of all that the process prints. */
  readonly onOutput?: (chunk: string) => void;
}

const OUTPUT_LIMIT = 16_384;

/**
 * Starts a process and records its id, so that a later run recognises what a killed run left behind.
 * It is in a process group of its own: Ctrl-C reaches this program only, which then stops things in order.
 */
export async function spawnService(
  state: Pick<StateDirectory, "folder">,
  name: string,
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Service> {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    ...(options.env && { env: options.env }),
    ...(options.cwd && { cwd: options.cwd }),
  });
  let output = "";
  const keep = (chunk: string) => {
    output = (output + chunk).slice(-OUTPUT_LIMIT);
    options.onOutput?.(chunk);
  };
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => reject(new CommandError(command, null, error.message)));
  });
  const { pid } = child;
  if (pid === undefined) throw new CommandError(command, null, "it has no process id");
  const recordFile = path.join(state.folder("processes"), `${name}.json`);
  fs.writeFileSync(recordFile, JSON.stringify(processRecord(pid, `${command} ${args.join(" ")}`)));
  let alive = true;
  const ended = new Promise<string>((resolve) => {
    child.once("close", (status, signal) => {
      alive = false;
      fs.rmSync(recordFile, { force: true });
      resolve(signal === null ? `exit status ${status}` : `signal ${signal}`);
    });
  });
  return {
    name,
    pid,
    ended,
    output: () => output,
    async stop(graceSeconds = 5) {
      if (alive) child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), graceSeconds * 1000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Polls until a service is ready; throws with what the service printed when it ends before that. */
export async function until(ready: () => Promise<boolean>, service: Service, seconds = 20): Promise<void> {
  let ended: string | undefined;
  void service.ended.then((reason) => (ended = reason));
  for (const deadline = Date.now() + seconds * 1000; ;) {
    if (
      await Promise.resolve()
        .then(ready)
        .catch(() => false)
    )
      return;
    if (ended !== undefined)
      throw new Error(`${service.name} ended with ${ended}: ${service.output().trim()}`);
    if (Date.now() > deadline)
      throw new Error(`${service.name} was not ready after ${seconds} s: ${service.output().trim()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Mount points at or below a folder, the deepest first. */
function mountsBelow(folder: string): string[] {
  return fs
    .readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((point) => point.replace(/\\040/g, " "))
    .filter((point) => point === folder || point.startsWith(`${folder}/`))
    .reverse();
}

/** Gives systemd-nspawn a tmpfs for its own mount points where /run is not one. */
export async function prepareNspawnFolder(): Promise<void> {
  const tmpfs = 0x01021994; // statfs(2), TMPFS_MAGIC
  fs.mkdirSync(NSPAWN_RUN_PATH, { recursive: true });
  if (fs.statfsSync(NSPAWN_RUN_PATH).type !== tmpfs)
    await run("mount", ["-t", "tmpfs", NSPAWN_TMPFS_SOURCE, NSPAWN_RUN_PATH]);
}

/** Roots of the control group hierarchies in which each host gets a group of its own. */
export function controlGroupRoots(): string[] {
  const unified = "/sys/fs/cgroup";
  if (fs.existsSync(`${unified}/cgroup.controllers`)) return [unified];
  return [`${unified}/systemd`, `${unified}/unified`].filter((root) => fs.existsSync(root));
}

/** Tries for two seconds: a killed process frees its mounts and control groups a moment after its death. */
async function patiently(action: () => unknown): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await action();
      return;
    } catch (error) {
      if (tries === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function removeGroupTree(group: string): void {
  if (!fs.existsSync(group)) return;
  for (const entry of fs.readdirSync(group, { withFileTypes: true }))
    if (entry.isDirectory()) removeGroupTree(path.join(group, entry.name));
  // What a host started and did not end with it; nothing else is ever in its groups.
  const members = fs.readFileSync(path.join(group, "cgroup.procs"), "utf8").split("\n").filter(Boolean);
  for (const pid of members) process.kill(Number(pid), "SIGKILL");
  fs.rmdirSync(group);
}

/** Removes a host's control group and the groups below it, with what is left in them of an ended host. */
export const removeControlGroup = (group: string): Promise<void> => patiently(() => removeGroupTree(group));

/** Unmounts a file system that ended processes may still hold. */
export const unmount = (point: string): Promise<void> => patiently(() => run("umount", [point]));

async function attempt(problems: string[], what: string, action: () => unknown): Promise<void> {
  await patiently(action).catch((error: unknown) => problems.push(`${what}: ${(error as Error).message}`));
}

/**
 * Removes everything that the local region ever makes on a machine: processes, mounts, loop devices, network
 * namespaces (and with them addresses, routes and firewall tables), control groups and files. It recognises its own by
 * recorded process, folder and name prefix, and touches nothing else. Answers what it removed.
 * Throws one error that lists whatever could not be removed.
 */
export async function sweep(state: StateDirectory): Promise<string[]> {
  const removed: string[] = [];
  const problems: string[] = [];

  const processes = path.join(state.path, "processes");
  for (const file of fs.existsSync(processes) ? fs.readdirSync(processes) : []) {
    const record = readRecord(path.join(processes, file));
    if (!record || !isAlive(record)) continue;
    await attempt(problems, file, () => {
      if (isAlive(record)) process.kill(record.pid, "SIGKILL");
    });
    removed.push(`process ${record.pid} (${path.basename(file, ".json")})`);
  }
  const namespaces = fs.existsSync(NETNS_PATH)
    ? fs.readdirSync(NETNS_PATH).filter((name) => name.startsWith(PREFIX))
    : [];
  for (const namespace of namespaces)
    await attempt(problems, `processes in ${namespace}`, async () => {
      const pids = (await run("ip", ["netns", "pids", namespace])).split("\n").filter(Boolean).map(Number);
      for (const pid of pids) process.kill(pid, "SIGKILL");
      if (pids.length > 0) throw new Error(`still running: ${pids.join(", ")}`);
    });
  for (const mount of mountsBelow(state.path)) {
    await attempt(problems, `mount ${mount}`, async () => run("umount", [mount]));
    removed.push(`mount ${mount}`);
  }
  const devices = await run("losetup", ["--list", "--noheadings", "--output", "NAME,BACK-FILE"]);
  for (const line of devices.split("\n")) {
    const [device, file] = line.trim().split(/\s+/, 2);
    if (!device || !file?.startsWith(`${state.path}/`)) continue;
    await attempt(problems, `loop device ${device}`, async () => run("losetup", ["--detach", device]));
    removed.push(`loop device ${device}`);
  }
  for (const namespace of namespaces) {
    await attempt(problems, `network namespace ${namespace}`, async () => {
      await run("ip", ["netns", "delete", namespace]);
    });
    removed.push(`network namespace ${namespace}`);
  }
  for (const root of controlGroupRoots())
    for (const name of fs.readdirSync(root).filter((entry) => entry.startsWith(PREFIX))) {
      await attempt(problems, `control group ${name}`, () => removeGroupTree(path.join(root, name)));
      removed.push(`control group ${name}`);
    }
  if (fs.readFileSync("/proc/self/mounts", "utf8").includes(`${NSPAWN_TMPFS_SOURCE} ${NSPAWN_RUN_PATH} `))
    await attempt(problems, NSPAWN_RUN_PATH, async () => run("umount", [NSPAWN_RUN_PATH]));
  // Never delete through a mount that is still there.
  if (mountsBelow(state.path).length === 0) fs.rmSync(state.path, { recursive: true, force: true });
  if (problems.length > 0) throw new Error(`could not remove:\n  ${problems.join("\n  ")}`);
  return removed;
}
