/** wrk, the load generator, and what it measured. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../local/machine/exec";

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly method: "GET" | "POST";
  readonly token?: string;
  readonly body?: unknown;
}

export interface Figures {
  /** Requests a second that were answered well. */
  readonly rate: number;
  /** In milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Requests that were answered otherwise, or not at all. */
  readonly failed: number;
}

const script = ({ method, token, body }: Load) =>
  [
    `wrk.method = ${JSON.stringify(method)}`,
    ...(token === undefined ? [] : [`wrk.headers["Authorization"] = ${JSON.stringify(`Bearer ${token}`)}`]),
    ...(body === undefined
      ? []
      : ['wrk.headers["Content-Type"] = "application/json"', `wrk.body = [[${JSON.stringify(body)}]]`]),
    // As one line, with all digits: wrk's own report rounds.
    `done = function(summary, latency)
  local e = summary.errors
  print(string.format("figures %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), e.status + e.connect + e.read + e.write + e.timeout))
end`,
    "",
  ].join("\n");

/** Reads what {@link script} has wrk print. */
export function readFigures(output: string): Figures {
  const [, ...parts] = /^figures (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(output) ?? [];
  const [requests, duration, p50, p99, failed] = parts.map(Number);
  if (requests === undefined || !duration || p50 === undefined || p99 === undefined || failed === undefined)
    throw new Error(`wrk told no figures: ${output}`);
  return { rate: ((requests - failed) * 1e6) / duration, p50: p50 / 1000, p99: p99 / 1000, failed };
}

/** Sends requests over some connections, on each the next when the one before is answered. */
export async function wrk(load: Load): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), "django-on-ec2-wrk-"));
  try {
    const file = join(folder, "load.lua");
    writeFileSync(file, script(load));
    const { connections, seconds, url } = load;
    return readFigures(
      await run("wrk", ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "10s", "-s", file, url]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
