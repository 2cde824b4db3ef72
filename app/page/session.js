/**
 * What the page knows of its session. The tokens are in cookies that no script can read; here is only whose session it is
 * and when to renew it, shared with the other tabs.
 */

const storageKey = "session";
/** So long before the access token expires, in milliseconds. */
const margin = 60_000;

/** @typedef {{ account: string, renewAt: number }} Session */

/** @returns {Session | undefined} */
export function current() {
  const text = localStorage.getItem(storageKey);
  return text ? JSON.parse(text) : undefined;
}

/** Whose session it was when this tab last heard of it. @type {string | undefined} */
let known = current()?.account;

/**
 * @param {string} account
 * @param {number} seconds for which the access token is good
 */
export function keep(account, seconds) {
  known = account;
  localStorage.setItem(
    storageKey,
    JSON.stringify({ account, renewAt: Date.now() + seconds * 1000 - margin }),
  );
}

export function forget() {
  known = undefined;
  localStorage.removeItem(storageKey);
}

/**
 * Calls back when another tab has signed in or out: what is shown here belongs to somebody who is not signed in any more.
 * A session that another tab has renewed is the same session.
 * @param {() => void} changed
 */
export function watch(changed) {
  addEventListener("storage", ({ key }) => {
    if (key !== storageKey && key !== null) return;
    const account = current()?.account;
    if (account === known) return;
    known = account;
    changed();
  });
}

/**
 * One tab at a time, where browsers offer that: over HTTPS and on this machine. Elsewhere the service bears it: a refresh
 * token that was spent a moment ago is answered as the first time.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export const exclusively = (work) =>
  "locks" in navigator ? /** @type {Promise<T>} */ (navigator.locks.request(storageKey, work)) : work();
