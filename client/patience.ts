/** Requests that bear with a service that is busy or away for a moment. */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "./failure";

/** How long and how often a request is tried. Times are in milliseconds. */
export interface Patience {
  /** For one answer. */
  readonly timeout: number;
  /** For all of them together. */
  readonly budget: number;
  /** The first wait is up to this, each other one up to twice the one before. */
  readonly wait: number;
  readonly tries: number;
}

const ordinary: Patience = { timeout: 10_000, budget: 40_000, wait: 300, tries: 5 };
// The service takes a spent refresh token once more for ten seconds, for clients whose answer was lost, and not after that.
const refreshing: Patience = { ...ordinary, timeout: 4000, budget: 8000 };
const once: Patience = { ...ordinary, tries: 1, timeout: 30_000, budget: 30_000 };

// What may arrive twice without being done twice, besides reading and what has a key that the service knows it by.
const repeatable: Readonly<Record<string, Patience>> = {
  "PUT /v1/fleet": ordinary,
  "POST /v1/signup": ordinary,
  "POST /v1/token/refresh": refreshing,
};

/** How a request is tried: again only where nothing is done twice even if an answer was lost. */
export function patienceFor({ method, url, headers }: Request): Patience {
  const { pathname } = new URL(url);
  // Whoever asks for the state wants to see it, not to wait until it is good.
  if (pathname === "/readyz") return once;
  if (method === "GET" || headers.has("idempotency-key")) return ordinary;
  return repeatable[`${method} ${pathname}`] ?? once;
}

/** Statuses of a service, or of a balancer before it, that passes. */
const passing = new Set([429, 502, 503, 504]);

/** The answer to a request, read to its end; it is asked for again while that is safe and may help. */
export async function patientFetch(request: Request, patience = patienceFor(request)): Promise<Response> {
  const end = performance.now() + patience.budget;
  for (let tries = 1; ; tries++) {
    const left = end - performance.now();
    const answer = await attempt(request.clone(), Math.ceil(Math.min(patience.timeout, left)));
    if (answer instanceof Response && !passing.has(answer.status)) return answer;
    const wait = waitBefore(answer, tries, patience);
    if (tries < patience.tries && performance.now() + wait < end) await sleep(wait);
    else if (answer instanceof Response) return answer;
    else throw answer;
  }
}

function waitBefore(answer: Response | Failure, tries: number, { wait }: Patience): number {
  const asked = answer instanceof Response ? retryAfter(answer) : undefined;
  // Of many clients that were turned away together, no two come back together.
  return (asked ?? 0) * 1000 + Math.random() * wait * 2 ** (tries - 1);
}

/** Seconds after which the service asks to be asked again. */
export function retryAfter({ headers }: Response): number | undefined {
  const given = headers.get("retry-after");
  if (given === null) return undefined;
  const seconds = /^\d+$/.test(given) ? Number(given) : (Date.parse(given) - Date.now()) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}

async function attempt(request: Request, timeout: number): Promise<Response | Failure> {
  const signal = AbortSignal.timeout(timeout);
  try {
    const answer = await fetch(request, { signal, redirect: "manual" });
    // The body belongs to the attempt: it can stay away as the head can.
    const body = await answer.arrayBuffer();
    return new Response(body.byteLength > 0 ? body : null, answer);
  } catch (error) {
    const { origin } = new URL(request.url);
    const reason = signal.aborted ? `no answer within ${Math.ceil(timeout / 1000)} s` : reasonOf(error);
    return new Failure("unavailable", `The service at ${origin} is away: ${reason}.`, { cause: error });
  }
}

/** The cause that lies deepest: fetch itself only says that it failed. */
function reasonOf(error: unknown): string {
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : (error as Error).cause;
  if (inner !== undefined) return reasonOf(inner);
  const { message, code } = error as NodeJS.ErrnoException;
  return message || (code ?? String(error));
}
