/** The service's API: errors as they are told, requests that are safe to repeat repeated, the session renewed in time. */
import { current, exclusively, forget, keep } from "./session.js";

/**
 * What the service answers with, by its own description.
 * @template {keyof import("../../client/schema").components["schemas"]} Name
 * @typedef {import("../../client/schema").Readable<import("../../client/schema").components["schemas"][Name]>} Answered
 */
/** @typedef {NonNullable<Answered<"Problem">["errors"]>[number]} FieldError */
/** @typedef {Answered<"Account">} Account */
/** @typedef {Answered<"Task">} Task */
/** @typedef {Answered<"Event">} Event */
/** @typedef {Answered<"Instance">} Host */
/** @typedef {Answered<"Fleet">} Fleet */
/** @typedef {Answered<"History">} FleetHistory */
/**
 * @template T
 * @typedef {{ results: T[], next_cursor: string | null }} Page
 */
/**
 * @typedef {object} Options
 * @property {unknown} [body]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {boolean} [repeatable] whether a second request does no more than the first. By default, of GET, PUT and DELETE
 * @property {boolean} [keepalive]
 * @property {number} [attempts] how often it is sent at most
 * @property {number} [timeout] how long an answer is waited for, in milliseconds
 * @property {boolean} [anonymous] whether it needs no session
 */

const usualAttempts = 4;
const usualTimeout = 15_000;
const longestWait = 5_000;
/** The service takes a refresh token that was just spent once more for ten seconds only; after that it ends the session. */
const renewing = { attempts: 2, timeout: 4_000 };
const passing = [0, 502, 503, 504];

/** Why a request failed: the service's problem details, or that it was not reached (status 0). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} detail
   * @param {FieldError[]} [errors]
   * @param {number} [retryAfter] seconds
   */
  constructor(status, code, detail, errors = [], retryAfter) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = errors;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may work later. */
  get passes() {
    return passing.includes(this.status) || this.status === 429;
  }
}

/** @type {() => void} */
let sessionLost = () => undefined;

/**
 * Calls back when the session has ended without anyone signing out here.
 * @param {() => void} lost
 */
export function onSessionLost(lost) {
  sessionLost = lost;
}

/**
 * Sends a request; the session is renewed before it or, if the service asks for that, once in between.
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<any>} the body
 */
export async function request(method, path, options = {}) {
  if (options.anonymous) return repeated(method, path, options);
  const session = current();
  if (session && session.renewAt <= Date.now()) await renew(session.renewAt);
  try {
    return await repeated(method, path, options);
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) throw error;
    await renew(current()?.renewAt);
    return repeated(method, path, options);
  }
}

/**
 * A path with a query; empty values are left out.
 * @param {string} path
 * @param {Record<string, string | null | undefined>} query
 */
export function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value);
  const text = new URLSearchParams(/** @type {[string, string][]} */ (given)).toString();
  return text ? `${path}?${text}` : path;
}

/**
 * @param {string} login
 * @param {string} password
 * @returns {Promise<Account>}
 */
export async function signIn(login, password) {
  // A session that nobody hears of does no harm, and ends by itself.
  const options = { body: { login, password }, anonymous: true, repeatable: true };
  const { expires_in } = await request("POST", "/v1/session", options);
  /** @type {Account} */
  const account = await repeated("GET", "/v1/account", {});
  keep(account.id, expires_in);
  return account;
}

/** Ends the session of this browser. */
export async function signOut() {
  await request("DELETE", "/v1/session", { anonymous: true });
  forget();
}

/** @type {Promise<void> | undefined} */
let renewal;

/**
 * @param {number | undefined} seen when the session was to be renewed, for whoever found it too old
 * @returns {Promise<void>}
 */
function renew(seen) {
  renewal ??= exclusively(() => renewOnce(seen)).finally(() => (renewal = undefined));
  return renewal;
}

/** @param {number | undefined} seen */
async function renewOnce(seen) {
  const session = current();
  // Another tab was faster.
  if (session && session.renewAt !== seen) return;
  try {
    if (!session) throw new Problem(401, "signed_out", "Sign in.");
    // A reload in between does not end it: the answer's cookies must arrive.
    const { expires_in } = await repeated("PUT", "/v1/session", { keepalive: true, ...renewing });
    keep(session.account, expires_in);
  } catch (error) {
    if (error instanceof Problem && error.status === 401) {
      forget();
      sessionLost();
    }
    throw error;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Options} options
 */
async function repeated(method, path, options) {
  const {
    repeatable = ["GET", "PUT", "DELETE"].includes(method),
    attempts = usualAttempts,
    signal,
  } = options;
  for (let attempt = 1; ; attempt++)
    try {
      return await send(method, path, options);
    } catch (error) {
      // An answer was lost on the way, and what was to go has gone.
      if (attempt > 1 && method === "DELETE" && error instanceof Problem && error.status === 404)
        return undefined;
      const mayPass = error instanceof Problem && passing.includes(error.status);
      if (!mayPass || !repeatable || attempt === attempts || signal?.aborted) throw error;
      const wait = error.retryAfter ? error.retryAfter * 1000 : 200 * 2 ** attempt;
      await pause(Math.min(wait, longestWait) * (0.75 + Math.random() / 2));
    }
}

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * @param {string} method
 * @param {string} path
 * @param {Options} options
 */
async function send(method, path, { body, headers, signal, keepalive, timeout = usualTimeout }) {
  const limit = AbortSignal.timeout(timeout);
  let response;
  let text;
  try {
    response = await fetch(path, {
      method,
      // Without this header the service heeds no cookie.
      headers: {
        "X-Session": "cookie",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      keepalive: keepalive ?? false,
      cache: "no-store",
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable(limit.aborted);
  }
  if (!response.ok) throw problemOf(response, text);
  return text ? JSON.parse(text) : undefined;
}

/** @param {boolean} late */
function unreachable(late) {
  if (!navigator.onLine) return new Problem(0, "offline", "This device is offline.");
  const reason = late ? "The service did not answer in time." : "The service cannot be reached.";
  return new Problem(0, "unreachable", reason);
}

/**
 * @param {Response} response
 * @param {string} text
 */
function problemOf(response, text) {
  const { status, headers } = response;
  const retryAfter = Number(headers.get("Retry-After")) || undefined;
  if (headers.get("Content-Type") !== "application/problem+json")
    // Not the service's own words: the load balancer has no host to ask.
    return new Problem(status, "unavailable", `The service cannot answer (${status}).`, [], retryAfter);
  const { code, detail, errors } = JSON.parse(text);
  return new Problem(status, code, detail, errors, retryAfter);
}
