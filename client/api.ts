/** The service's API, typed by its own description, as whoever is signed in or as nobody. */
import createClient, { type Client } from "openapi-fetch";
import { Failure } from "./failure";
import { patientFetch, retryAfter } from "./patience";
import type { components, paths, Readable } from "./schema";
import { Sessions, type Tokens } from "./sessions";

/** What the API says instead of an answer (RFC 9457). */
interface Problem {
  readonly detail: string;
  readonly code?: string;
  readonly errors?: readonly { readonly field: string; readonly detail: string }[];
}

/** A thing that the API answers with. */
export type Answered<Name extends keyof components["schemas"]> = Readable<components["schemas"][Name]>;

export type Api = Client<paths>;

/** The two ways to speak to one service. */
export interface Service {
  readonly url: string;
  readonly sessions: Sessions;
  /** For requests that need no session. */
  readonly open: Api;
  /** For all others. */
  readonly own: Api;
}

/** The service at an address. */
export function connect(url: string): Service {
  const sessions = new Sessions(url);
  const open = createClient<paths>({ baseUrl: url, fetch: (request) => patientFetch(request) });
  const refresh = (token: string): Promise<Tokens> =>
    answerTo(open.POST("/v1/token/refresh", { body: { refresh: token } }));
  const signedIn = async (request: Request): Promise<Response> => {
    const ask = (token: string) => {
      const signed = request.clone();
      signed.headers.set("authorization", `Bearer ${token}`);
      return patientFetch(signed);
    };
    const token = await sessions.access(refresh);
    const answer = await ask(token);
    // Ended before its time, by an administrator or a change of keys: what was refused was not done.
    return answer.status === 401 ? ask(await sessions.renew(token, refresh)) : answer;
  };
  return { url, sessions, open, own: createClient<paths>({ baseUrl: url, fetch: signedIn }) };
}

/** What a request is answered with; whatever else the service says is a failure. */
export async function answerTo<T>(
  asked: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  let result;
  try {
    result = await asked;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Failure("fault", "The answer is not of this API: is --url the service's address?", {
      cause: error,
    });
  }
  const { data, error, response } = result;
  if (!response.ok) throw failureOf(response, error);
  return data as T;
}

const kinds: Readonly<Record<number, Failure["kind"]>> = {
  400: "invalid",
  401: "signedOut",
  403: "refused",
  404: "missing",
  409: "conflict",
  412: "conflict",
  413: "invalid",
  422: "invalid",
  429: "tooMany",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};

function failureOf(response: Response, error: unknown): Failure {
  const location = response.headers.get("location");
  if (location && URL.canParse(location) && response.status >= 300 && response.status < 400)
    return new Failure("invalid", `The service is elsewhere: --url ${new URL(location).origin}`);
  const kind = kinds[response.status] ?? "fault";
  if (!isProblem(error))
    return new Failure(kind, `The service answered ${response.status} without a reason.`);
  const errors = (error.errors ?? []).map(({ field, detail }) => `  ${field}: ${detail}`);
  const wait = kind === "tooMany" ? retryAfter(response) : undefined;
  const later = wait === undefined ? [] : [`Try again in ${Math.ceil(wait)} s.`];
  return new Failure(kind, [error.detail, ...errors, ...later].join("\n"));
}

function isProblem(error: unknown): error is Problem {
  return typeof error === "object" && error !== null && typeof (error as Problem).detail === "string";
}

/** All results of a list, page by page, up to a number of them, and whether there are more. */
export async function collect<T>(
  page: (limit: number, cursor?: string) => Promise<{ results: T[]; next_cursor: string | null }>,
  most = Infinity,
): Promise<{ results: T[]; isCut: boolean }> {
  const results: T[] = [];
  let cursor: string | undefined;
  do {
    const answer = await page(Math.min(most - results.length, 100), cursor);
    results.push(...answer.results);
    cursor = answer.next_cursor ?? undefined;
  } while (cursor !== undefined && results.length < most);
  return { results, isCut: cursor !== undefined };
}
