/** What has happened: one's own activity, for administrators everybody's. */
import { request, withQuery } from "../api.js";
import { h, heading, newId } from "../dom.js";
import { address, replace } from "../router.js";
import { empty, pagedList } from "../states.js";
import { facts, time } from "../text.js";

/** @typedef {import("../api.js").Event} Event */

/** @type {Record<string, string>} */
const names = {
  "account.signed_up": "Signed up",
  "account.signed_in": "Signed in",
  "account.sign_in_refused": "Sign-in refused",
  "account.signed_out": "Signed out",
  "account.password_changed": "Password changed",
  "account.password_refused": "Password refused",
  "account.token_reused": "Session ended: a token was used twice",
  "account.deleted": "Account deleted",
  "account.locked": "Account locked",
  "account.unlocked": "Account unlocked",
  "account.sessions_ended": "Sessions ended",
  "task.created": "Task added",
  "task.changed": "Task changed",
  "task.deleted": "Task deleted",
  "fleet.resized": "Fleet resized",
};

/**
 * What an event's details say, in words.
 * @param {Event} event
 */
function detailsOf({ event, details }) {
  if (event === "fleet.resized") return `from ${String(details["from"])} to ${String(details["to"])} hosts`;
  return Object.entries(details)
    .filter(([name]) => name !== "version")
    .map(([name, value]) => `${name}: ${String(value)}`.replaceAll("_", " "))
    .join(", ");
}

/**
 * @param {import("../main.js").SignedIn} context
 * @returns {import("../main.js").View}
 */
export function activityView({ signal, parameters, account }) {
  let query = parameters;
  const isAdministrator = account.role === "admin";
  const filter = () => ({
    event: query.get("event") ?? "",
    everyone: (isAdministrator && query.get("everyone")) || "",
  });

  /** @param {Event} event */
  function entry(event) {
    const details = detailsOf(event);
    const by = event.account === account.id ? "you" : event.account;
    return h(
      "li",
      { class: "event" },
      h(
        "p",
        { class: "line apart" },
        h("strong", {}, names[event.event] ?? event.event),
        details && h("span", { class: "muted" }, details),
        time(event.at),
      ),
      facts([
        ["by", filter().everyone && by],
        ["on", event.object === event.account ? "" : event.object],
        ["from", event.client],
        ["host", event.host],
      ]),
    );
  }

  const events = pagedList({
    signal,
    label: "Activity",
    noun: "event",
    load: (cursor, own) =>
      request("GET", withQuery("/v1/activity", { ...filter(), cursor }), { signal: own }),
    entry,
    none: () =>
      filter().event
        ? empty(
            "Nothing of this kind has happened.",
            h("a", { href: address("activity") }, "Show all activity"),
          )
        : empty("Nothing has happened yet."),
  });

  const go = (/** @type {Record<string, string>} */ change) =>
    replace("activity", { ...filter(), ...change });
  const kind = h(
    "select",
    { "aria-label": "What" },
    h("option", { value: "" }, "Everything"),
    Object.entries(names).map(([value, label]) => h("option", { value }, label)),
  );
  const id = newId();
  const everyone = h("input", { type: "checkbox", id });
  kind.addEventListener("change", () => go({ event: kind.value }));
  everyone.addEventListener("change", () => go({ everyone: everyone.checked ? "true" : "" }));
  const showFilter = () => {
    kind.value = filter().event;
    everyone.checked = filter().everyone === "true";
  };
  showFilter();
  void events.reload();
  return {
    elements: [
      heading("Activity"),
      h(
        "div",
        { class: "filter" },
        kind,
        isAdministrator && h("span", { class: "line" }, everyone, h("label", { for: id }, "Of everyone")),
      ),
      events.element,
    ],
    update: (parameters) => {
      query = parameters;
      showFilter();
      void events.reload();
    },
  };
}
