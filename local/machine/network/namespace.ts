import { existsSync } from "node:fs";
import { run } from "../exec";
import { patiently } from "../patiently";

/** Lists the network namespaces of the machine that `ip netns` made. */
export const namespaceFolder = "/run/netns";

let counter = 0;
/**
 * A name for a network interface or namespace, unique in this run and short enough for Linux (15 characters). It ends with a
 * digit: ip(8) takes abbreviations of its own words, so that "ip link add he" asks for help.
 */
export const uniqueName = (kind: string): string => `${kind}${++counter}`;

/** A network namespace of the machine. */
export class NetworkNamespace {
  constructor(readonly name: string) {}

  get path(): string {
    return `${namespaceFolder}/${this.name}`;
  }

  async create(): Promise<void> {
    await run("ip", ["netns", "add", this.name]);
    await this.ip("link", "set", "lo", "up");
  }

  /** Runs ip(8) on the namespace. */
  ip(...args: readonly string[]): Promise<string> {
    return run("ip", ["-netns", this.name, ...args]);
  }

  /** Runs a command inside. */
  run(command: string, args: readonly string[], input?: string): Promise<string> {
    return run("ip", ["netns", "exec", this.name, command, ...args], { input });
  }

  /** Deletes one of its network interfaces, and with a veth's end the other end; safe to call when it is gone. */
  async deleteLink(name: string): Promise<void> {
    if (!existsSync(this.path)) return;
    const links = await this.ip("-brief", "link", "show");
    if (links.split("\n").some((line) => line.split(/[@\s]/, 1)[0] === name))
      await this.ip("link", "delete", name);
  }

  /** Kills what runs inside, and waits until it is gone. */
  async killProcesses(): Promise<void> {
    await patiently(async () => {
      const pids = (await run("ip", ["netns", "pids", this.name])).split("\n").filter(Boolean).map(Number);
      for (const pid of pids) process.kill(pid, "SIGKILL");
      if (pids.length > 0) throw new Error(`still running: ${pids.join(", ")}`);
    });
  }

  /** Deletes the namespace with its interfaces, routes and rules; safe to call when it is gone. */
  async delete(): Promise<void> {
    if (existsSync(this.path)) await run("ip", ["netns", "delete", this.name]);
  }
}
