/** Forms: labels, hints and errors that belong together, and what happens while one is sent. */
import { Problem } from "./api.js";
import { button, fill, h, newId } from "./dom.js";
import { explain } from "./states.js";

const searchPause = 300;

/**
 * @typedef {object} Field
 * @property {string} name as the service calls it
 * @property {HTMLElement} element
 * @property {HTMLInputElement} input
 * @property {(text: string) => void} complain
 */

/**
 * @param {object} options
 * @param {string} options.name
 * @param {string} options.label
 * @param {string} [options.hint]
 * @param {import("./dom.js").Properties} [options.input] attributes of the input
 * @param {boolean} [options.hideLabel] from those who see the page
 * @returns {Field}
 */
export function field({ name, label, hint, input: attributes = {}, hideLabel = false }) {
  const id = newId();
  const error = h("p", { class: "error", id: `${id}-error` });
  const input = h("input", {
    id,
    name,
    "aria-describedby": [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" "),
    ...attributes,
  });
  const complain = (/** @type {string} */ text) => {
    error.textContent = text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  input.addEventListener("input", () => complain(""));
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: id, class: hideLabel ? "visually-hidden" : "" }, label),
    hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null,
    attributes["type"] === "password" ? withReveal(input) : input,
    error,
  );
  return { name, element, input, complain };
}

/** @param {HTMLInputElement} input */
function withReveal(input) {
  const reveal = button(
    "Show",
    () => {
      const shown = input.type === "text";
      input.type = shown ? "password" : "text";
      reveal.textContent = shown ? "Show" : "Hide";
      reveal.setAttribute("aria-label", shown ? "Show the password" : "Hide the password");
    },
    "quiet",
    { "aria-label": "Show the password" },
  );
  return h("div", { class: "reveal" }, input, reveal);
}

/**
 * @param {object} options
 * @param {Field[]} options.fields
 * @param {string} options.action the button's label
 * @param {(values: Record<string, string>) => Promise<unknown>} options.send
 * @param {string} [options.style]
 * @param {boolean} [options.danger]
 */
export function form({ fields, action, send, style = "", danger = false }) {
  const trouble = h("div");
  const submit = h("button", { type: "submit", class: danger ? "danger" : "primary" }, action);
  let busy = false;
  const element = h(
    "form",
    {
      class: style,
      novalidate: true,
      onsubmit: async (/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        if (busy) return;
        const empty = fields.find(({ input }) => input.required && !input.value);
        if (empty) {
          empty.complain("Fill this in.");
          empty.input.focus();
          return;
        }
        busy = true;
        // Not disabled: that would take the focus away.
        submit.setAttribute("aria-disabled", "true");
        fill(trouble);
        for (const { complain } of fields) complain("");
        try {
          await send(Object.fromEntries(fields.map(({ name, input }) => [name, input.value])));
        } catch (error) {
          showFailure(error, fields, trouble);
        } finally {
          busy = false;
          submit.removeAttribute("aria-disabled");
        }
      },
    },
    trouble,
    fields.map(({ element }) => element),
    submit,
  );
  return element;
}

/**
 * Tells each field's error at the field, and what belongs to none above them.
 * @param {unknown} error
 * @param {Field[]} fields
 * @param {HTMLElement} trouble
 */
function showFailure(error, fields, trouble) {
  if (!(error instanceof Problem)) console.error(error);
  const errors = error instanceof Problem ? error.errors : [];
  const known = errors.filter((one) => fields.some(({ name }) => name === one.field));
  for (const field of fields) {
    const own = known.filter((one) => one.field === field.name);
    if (own.length) field.complain(own.map(({ detail }) => detail).join(" "));
  }
  fields.find(({ input }) => input.hasAttribute("aria-invalid"))?.input.focus();
  const strangers = errors.filter((one) => !known.includes(one)).map(({ detail }) => detail);
  if (known.length && !strangers.length) return;
  fill(trouble, h("p", { class: "error", role: "alert" }, [explain(error), ...strangers].join(" ")));
}

/**
 * Searches while one types, but not with each key.
 * @param {object} options
 * @param {AbortSignal} options.signal
 * @param {string} options.label
 * @param {(text: string) => void} options.found
 */
export function searchField({ signal, label, found }) {
  const input = h("input", {
    type: "search",
    "aria-label": label,
    placeholder: label,
    autocapitalize: "none",
    spellcheck: "false",
    maxlength: 64,
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  input.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => found(input.value.trim()), searchPause);
  });
  signal.addEventListener("abort", () => clearTimeout(typing));
  return input;
}

/**
 * Asks before something that cannot be taken back.
 * @param {object} options
 * @param {string} options.title
 * @param {string} options.text
 * @param {string} options.action
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, action }) {
  const id = newId();
  return new Promise((resolve) => {
    const end = (/** @type {boolean} */ answer) => {
      resolve(answer);
      dialog.close();
    };
    const dialog = h(
      "dialog",
      {
        "aria-labelledby": id,
        onclose: () => {
          resolve(false);
          dialog.remove();
        },
      },
      h("h2", { id }, title),
      h("p", {}, text),
      h(
        "div",
        { class: "actions" },
        button("Cancel", () => end(false), "", { autofocus: true }),
        button(action, () => end(true), "danger"),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
