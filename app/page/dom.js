/** Elements without markup in strings, and what is said to those who do not see the page. */

/** @typedef {Node | string | number | false | null | undefined} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => unknown)>} Properties */

/**
 * Makes an element. A function is a listener (`onclick`), `true` and `false` set or leave out an attribute, anything else
 * is an attribute's text.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Properties} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties))
    if (typeof value === "function") element.addEventListener(name.slice("on".length), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null)
      element.setAttribute(name, String(value));
  element.append(...nodes(children));
  return element;
}

/**
 * @param {(Child | Child[])[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  return children
    .flat()
    .filter((child) => child !== false && child !== null && child !== undefined)
    .map((child) => (typeof child === "number" ? String(child) : child));
}

/**
 * Replaces what an element holds.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/**
 * An element of the document that is always there.
 * @param {string} id
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the document lacks #${id}`);
  return element;
}

let ids = 0;
/** An id that no other element has. */
export const newId = () => `id-${++ids}`;

/**
 * Says something to whoever does not see what has changed.
 * @param {string} text
 */
export function announce(text) {
  const region = byId("announcement");
  // The same text again is news only when it comes anew.
  region.textContent = "";
  requestAnimationFrame(() => (region.textContent = text));
}

/** Takes the message away. */
export const dismissNotice = () => {
  fill(byId("notices"));
};

/**
 * A message that stays until it is dismissed, the next one comes, or the view is left.
 * @param {string} text
 * @param {{ action: string, run: () => void }} [offer]
 */
export function notify(text, offer) {
  const accept = () => {
    dismissNotice();
    offer?.run();
  };
  fill(
    byId("notices"),
    h(
      "div",
      { class: "notice" },
      h("p", {}, text),
      h(
        "div",
        { class: "actions" },
        offer && button(offer.action, accept, "quiet"),
        button("Dismiss", dismissNotice, "quiet"),
      ),
    ),
  );
}

/**
 * @param {string} label
 * @param {() => unknown} run
 * @param {string} [style] classes
 * @param {Properties} [properties]
 */
export const button = (label, run, style = "", properties = {}) =>
  h("button", { type: "button", class: style, onclick: run, ...properties }, label);

/**
 * The heading of a view, which gets the focus when the view is entered.
 * @param {string} text
 */
export const heading = (text) => h("h1", { tabindex: "-1" }, text);
