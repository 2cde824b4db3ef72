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
  /** What is sent, one after the other, again and again. */
  readonly bodies?: readonly unknown[];
}

export interface Figures {
  /** Requests a second that were answered well. */
  readonly rate: number;
  /** In milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Requests that were answered at all. */
  readonly answered: number;
  /** Of an answer, with its head. */
  readonly bytes: number;
  /** Requests that were answered otherwise, or not at all. */
  readonly failed: number;
}

const script = ({ method, token, bodies = [] }: Load) =>
  [
    `wrk.method = ${JSON.stringify(method)}`,
    ...(token === undefined ? [] : [`wrk.headers["Authorization"] = ${JSON.stringify(`Bearer ${token}`)}`]),
    ...(bodies.length === 0 ? [] : ['wrk.headers["Content-Type"] = "application/json"']),
    `local bodies = {${bodies.map((body) => `[[${JSON.stringify(body)}]]`).join(", ")}}`,
    `local sent = 0
request = function()
  sent = sent + 1
  return wrk.format(nil, nil, nil, bodies[(sent - 1) % math.max(#bodies, 1) + 1])
end`,
    // As one line, with all digits: wrk's own report rounds.
    `done = function(summary, latency)
  local e = summary.errors
  print(string.format("figures %d %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), e.status + e.connect + e.read + e.write + e.timeout, summary.bytes))
end`,
    "",
  ].join("\n");

/** Reads what {@link script} has wrk print. */
export function readFigures(output: string): Figures {
  const [, ...parts] = /^figures (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(output) ?? [];
  const [requests = 0, duration = 0, p50 = 0, p99 = 0, failed = 0, bytes = 0] = parts.map(Number);
  if (requests === 0 || duration === 0) throw new Error(`wrk had no request answered: ${output}`);
  return {
    rate: ((requests - failed) * 1e6) / duration,
    ...{ p50: p50 / 1000, p99: p99 / 1000, answered: requests, bytes: bytes / requests, failed },
  };
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
