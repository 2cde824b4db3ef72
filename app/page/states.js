/** What is loaded: while it is under way, when there is nothing, when it fails, and when it comes in pages. */
import { Problem } from "./api.js";
import { announce, button, fill, h } from "./dom.js";
import { counted } from "./text.js";

/** Seconds until the first and the longest wait for another try by itself. */
const firstWait = 2;
const longestWait = 30;

/**
 * @typedef {object} Retry
 * @property {HTMLElement} element
 * @property {() => void} stop
 */

/**
 * Tells why something failed. What may pass is tried again by itself, with time left to read.
 * @param {unknown} error
 * @param {number} failures so many in a row
 * @param {() => void} again
 * @returns {Retry}
 */
function failure(error, failures, again) {
  const problem = error instanceof Problem ? error : undefined;
  if (!problem) console.error(error);
  const detail = problem?.message ?? "This page has a fault.";
  let left = problem?.passes
    ? Math.max(problem.retryAfter ?? 0, Math.min(firstWait * 2 ** (failures - 1), longestWait))
    : 0;
  const countdown = h("p", { class: "muted", "aria-hidden": "true" });
  const tick = () => {
    countdown.textContent = left > 0 ? `Trying again in ${counted(left, "second")}.` : "";
    if (left-- === 0) again();
  };
  const timer = left > 0 ? setInterval(tick, 1000) : undefined;
  const stop = () => {
    clearInterval(timer);
    removeEventListener("online", again);
  };
  if (left > 0) tick();
  addEventListener("online", again);
  const element = h(
    "div",
    { class: "state failure", role: "alert" },
    h("p", {}, h("strong", {}, "That did not work. "), detail),
    countdown,
    button(left > 0 ? "Try now" : "Try again", again),
  );
  return { element, stop };
}

/** Shown only after a moment: what comes at once needs no notice. */
const loading = () => h("p", { class: "state loading" }, "Loading…");

/**
 * @param {string} text
 * @param {HTMLElement | false} [action]
 */
export const empty = (text, action) => h("div", { class: "state empty" }, h("p", {}, text), action);

/**
 * Something that is loaded as a whole.
 * @template T
 * @param {object} options
 * @param {AbortSignal} options.signal that ends it
 * @param {(signal: AbortSignal) => Promise<T>} options.load
 * @param {(value: T) => void} options.show given what came, fills the element
 * @param {HTMLElement} [options.element]
 */
export function resource({ signal, load, show, element = h("div", { class: "stack" }) }) {
  let failures = 0;
  /** @type {Retry | undefined} */
  let retry;
  /** @type {AbortController | undefined} */
  let running;
  signal.addEventListener("abort", () => (retry?.stop(), running?.abort()));

  const reload = async () => {
    retry?.stop();
    running?.abort();
    running = new AbortController();
    const own = running.signal;
    element.setAttribute("aria-busy", "true");
    if (!element.hasChildNodes()) fill(element, loading());
    try {
      const value = await load(own);
      if (own.aborted) return;
      failures = 0;
      show(value);
    } catch (error) {
      if (own.aborted || signal.aborted) return;
      retry = failure(error, ++failures, () => void reload());
      fill(element, retry.element);
    }
    element.removeAttribute("aria-busy");
  };
  return { element, reload };
}

/**
 * A list that comes in pages.
 * @template T
 * @param {object} options
 * @param {AbortSignal} options.signal
 * @param {string} options.label of the list, for those who do not see it
 * @param {string} options.noun of one entry
 * @param {string} [options.plural]
 * @param {(cursor: string | null, signal: AbortSignal) => Promise<import("./api.js").Page<T>>} options.load
 * @param {(entry: T) => HTMLLIElement} options.entry
 * @param {() => HTMLElement} options.none what is shown instead of an empty list
 */
export function pagedList({ signal, label, noun, plural, load, entry, none }) {
  const list = h("ul", { class: "list", "aria-label": label });
  /** @type {string | null} */
  let next = null;
  const more = button("Load more", () => void loadMore(), "quiet");
  const trouble = h("div");

  const { element, reload } = resource({
    signal,
    load: (own) => load(null, own),
    show: ({ results, next_cursor }) => {
      fill(list, results.map(entry));
      next = next_cursor;
      arrange();
      announce(results.length ? told() : "Nothing found.");
    },
  });

  const told = () => counted(list.childElementCount, noun, plural) + (next ? ", and there are more." : ".");

  /** Shows the list or what stands for an empty one. */
  function arrange() {
    more.hidden = next === null;
    fill(element, list.childElementCount ? [list, trouble, more] : none());
  }

  async function loadMore() {
    const first = list.childElementCount;
    more.setAttribute("aria-disabled", "true");
    try {
      const { results, next_cursor } = await load(next, signal);
      fill(trouble);
      list.append(...results.map(entry));
      next = next_cursor;
      more.hidden = next === null;
      announce(told());
      // The button may be gone, and with it the focus.
      const entered = /** @type {HTMLElement | undefined} */ (list.children[first]);
      entered?.setAttribute("tabindex", "-1");
      entered?.focus();
    } catch (error) {
      if (signal.aborted) return;
      fill(trouble, failureNote(error));
    } finally {
      more.removeAttribute("aria-disabled");
    }
  }

  /**
   * Shows one more entry, on top.
   * @param {T} added
   */
  function add(added) {
    if (element.hasAttribute("aria-busy")) {
      // What is under way may have been asked for before the entry was there.
      void reload();
      return;
    }
    list.prepend(entry(added));
    arrange();
  }

  return { element, reload, add, arrange };
}

/**
 * One line that tells why something did not work.
 * @param {unknown} error
 */
export function failureNote(error) {
  if (!(error instanceof Problem)) console.error(error);
  return h("p", { class: "error", role: "alert" }, explain(error));
}

/**
 * What to tell of an error.
 * @param {unknown} error
 */
export function explain(error) {
  if (!(error instanceof Problem)) return "This page has a fault. Reload it.";
  if (error.status === 429 && error.retryAfter)
    return `${error.message} The next try is possible in ${counted(error.retryAfter, "second")}.`;
  return error.message;
}
