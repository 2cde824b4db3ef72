/** The fleet: its hosts, its size, and how it came to that. */
import { request } from "../api.js";
import { announce, fill, h, heading } from "../dom.js";
import { confirm, field, form } from "../forms.js";
import { empty, resource } from "../states.js";
import { counted, facts, time } from "../text.js";

/** @typedef {import("../api.js").Fleet} Fleet */
/** @typedef {import("../api.js").FleetHistory} FleetHistory */

const refreshEvery = 5_000;

/** What AWS says of a host or an activity, and how that looks; anything else is neither good nor bad. */
const looks = /** @type {Record<string, string>} */ ({
  InService: "good",
  Healthy: "good",
  Successful: "good",
  Unhealthy: "bad",
  Failed: "bad",
  Cancelled: "bad",
});

/** @param {string} text */
const badge = (text) => h("span", { class: `badge ${looks[text] ?? ""}` }, text);

/** @param {Fleet} fleet */
const hosts = ({ instances }) =>
  h(
    "ul",
    { class: "list", "aria-label": "Hosts" },
    instances.map(({ id, zone, state, health }) =>
      h(
        "li",
        { class: "line apart" },
        h("span", { class: "code" }, id),
        h("span", { class: "muted" }, zone),
        h("span", { class: "line" }, badge(state), badge(health)),
      ),
    ),
  );

/**
 * @param {FleetHistory} history
 * @param {string} own id of whoever is signed in
 */
function historyOf({ changes, activities }, own) {
  return [
    h("h3", {}, "Changes of the desired size"),
    changes === null
      ? empty("The database does not answer, which keeps them. They are not lost.")
      : changes.length === 0
        ? empty("Nobody has changed it.")
        : h(
            "ul",
            { class: "list", "aria-label": "Changes of the desired size" },
            changes.map(({ at, account, from, to }) =>
              h(
                "li",
                { class: "event" },
                h("p", { class: "line apart" }, h("strong", {}, `${from} → ${to}`), time(at)),
                facts([["by", account === own ? "you" : account]]),
              ),
            ),
          ),
    h("h3", {}, "What the group did"),
    activities.length === 0
      ? empty("It has done nothing yet.")
      : h(
          "ul",
          { class: "list", "aria-label": "What the group did" },
          activities.map(({ started_at, status, description, cause }) =>
            h(
              "li",
              { class: "event" },
              h("p", { class: "line apart" }, h("strong", {}, description), badge(status), time(started_at)),
              h("p", { class: "muted" }, cause),
            ),
          ),
        ),
  ];
}

/**
 * @param {import("../main.js").SignedIn} context
 * @returns {import("../main.js").View}
 */
export function fleetView({ signal, account }) {
  const summary = h("p", { class: "summary" });
  const table = h("div");
  const size = field({
    name: "desired",
    label: "Desired size",
    input: { type: "number", inputmode: "numeric", required: true },
  });
  /** @type {Fleet | undefined} */
  let known;

  /** @param {Fleet} fleet */
  function show(fleet) {
    const healthy = fleet.instances.filter(
      ({ state, health }) => state === "InService" && health === "Healthy",
    ).length;
    const text = `${healthy} of ${counted(fleet.desired, "host")} in service; ${fleet.minimum} to ${fleet.maximum} are allowed.`;
    // Whoever is typing keeps what they have typed.
    if (!known || known.desired !== fleet.desired) size.input.value = String(fleet.desired);
    size.input.min = String(fleet.minimum);
    size.input.max = String(fleet.maximum);
    if (known && summary.textContent !== text) announce(text);
    summary.textContent = text;
    // Not under the hands of whoever reads it.
    if (JSON.stringify(known?.instances) !== JSON.stringify(fleet.instances)) fill(table, hosts(fleet));
    known = fleet;
  }

  const control = form({
    style: "inline",
    fields: [size],
    action: "Apply",
    send: async ({ desired }) => {
      const wanted = Number(desired);
      const ends = (known?.desired ?? wanted) - wanted;
      const text = `${counted(ends, "host")} will finish what they are answering, and end.`;
      if (ends > 0 && !(await confirm({ title: `Shrink to ${wanted}?`, text, action: "Shrink" }))) return;
      show(await request("PUT", "/v1/fleet", { body: { desired: wanted } }));
      announce(`The fleet is to have ${counted(wanted, "host")}.`);
      void history.reload();
    },
  });

  const fleet = resource({
    signal,
    load: (own) => request("GET", "/v1/fleet", { signal: own }),
    show: (/** @type {Fleet} */ loaded) => {
      show(loaded);
      if (!table.isConnected)
        fill(
          fleet.element,
          summary,
          h("section", { class: "card" }, control),
          h("section", { class: "card" }, h("h2", {}, "Hosts"), table),
        );
    },
  });
  let told = "";
  const history = resource({
    signal,
    load: (own) => request("GET", "/v1/fleet/history", { signal: own }),
    show: (/** @type {FleetHistory} */ loaded) => {
      const text = JSON.stringify(loaded);
      if (text !== told || !history.element.querySelector("h3"))
        fill(history.element, historyOf(loaded, account.id));
      told = text;
    },
  });

  const timer = setInterval(() => {
    if (document.hidden || !known) return;
    void fleet.reload();
    void history.reload();
  }, refreshEvery);
  signal.addEventListener("abort", () => clearInterval(timer));
  void fleet.reload();
  void history.reload();
  return {
    elements: [
      heading("Fleet"),
      fleet.element,
      h("section", { class: "card" }, h("h2", {}, "History"), history.element),
    ],
  };
}
