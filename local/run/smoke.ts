import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** A check of the deployed service as its users would use it. */
export interface SmokeOptions {
  /** Such as `http://127.0.10.1`. */
  readonly url: string;
  /** How many hosts must be seen to answer. */
  readonly hosts: number;
  readonly signal: AbortSignal;
  /** Told of each thing that was found to work. */
  readonly onPassed: (what: string) => void;
}

const requestSeconds = 15;
const hostsSeconds = 30;
const instanceHeader = "x-instance-id";

/** Signs up, signs in, creates and lists a task, and sees every host answer. Throws what did not work. */
export async function smokeCheck(options: SmokeOptions): Promise<void> {
  const { url, hosts, signal, onPassed } = options;
  const seen = new Set<string>();

  async function ask(
    method: string,
    path: string,
    expected: number,
    body?: object,
    token?: string,
  ): Promise<unknown> {
    const limit = AbortSignal.timeout(requestSeconds * 1000);
    const what = `${method} ${path}`;
    const headers = new Headers();
    if (body) headers.set("content-type", "application/json");
    if (token) headers.set("authorization", `Bearer ${token}`);
    let answer: Response;
    let text: string;
    try {
      answer = await fetch(new URL(path, url), {
        method,
        headers,
        body: body && JSON.stringify(body),
        signal: AbortSignal.any([limit, signal]),
      });
      text = await answer.text();
    } catch (error) {
      signal.throwIfAborted();
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const reason = limit.aborted ? `no answer in ${requestSeconds} s` : String(cause);
      throw new Error(`${what}: ${reason}`, { cause: error });
    }
    const host = answer.headers.get(instanceHeader);
    if (host) seen.add(host);
    if (answer.status !== expected) {
      throw new Error(
        `${what}: HTTP ${answer.status} instead of ${expected} from ${host ?? "no host"}: ${text.slice(0, 500)}`,
      );
    }
    return text === "" ? undefined : (JSON.parse(text) as unknown);
  }

  const login = `smoke-${randomBytes(4).toString("hex")}`;
  const password = randomBytes(12).toString("base64url");
  const title = `Written by ${login}`;
  await ask("POST", "/v1/signup", 201, { login, password });
  onPassed(`signed up ${login}`);
  await ask("POST", "/v1/signup", 409, { login, password: randomBytes(12).toString("base64url") });
  onPassed("a second account of that login is refused");
  const tokens = (await ask("POST", "/v1/signin", 200, { login, password })) as { access: string };
  onPassed("signed in");
  const created = (await ask("POST", "/v1/tasks", 201, { title }, tokens.access)) as { id: string };
  onPassed("created a task");
  const listed = (await ask("GET", "/v1/tasks", 200, undefined, tokens.access)) as {
    results: { id: string; title: string }[];
  };
  const [task] = listed.results;
  if (listed.results.length !== 1 || task?.id !== created.id || task.title !== title) {
    throw new Error(`GET /v1/tasks: not the one task just created, but ${JSON.stringify(listed.results)}`);
  }
  onPassed("listed it");

  const deadline = Date.now() + hostsSeconds * 1000;
  while (seen.size < hosts) {
    if (Date.now() > deadline) {
      throw new Error(
        `${seen.size} of ${hosts} hosts answered in ${hostsSeconds} s: ${[...seen].join(", ")}`,
      );
    }
    // The task is read through each: hosts share what they know.
    await ask("GET", `/v1/tasks/${created.id}`, 200, undefined, tokens.access);
    await sleep(50, undefined, { signal });
  }
  onPassed(`${seen.size} hosts answer: ${[...seen].sort().join(", ")}`);
}
