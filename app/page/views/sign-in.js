/** Signing in and up. */
import { request, signIn } from "../api.js";
import { h, heading } from "../dom.js";
import { field, form } from "../forms.js";
import { address } from "../router.js";

/** What a new password must be, told before it is chosen. */
export const passwordHint =
  "15 to 128 characters. A few unrelated words do well; spaces and all scripts are welcome, and you may paste. " +
  "Refused are common passwords and what is little more than your login.";

const login = (/** @type {string | undefined} */ hint) =>
  field({
    name: "login",
    label: "Login",
    ...(hint ? { hint } : {}),
    input: {
      autocomplete: "username",
      autocapitalize: "none",
      spellcheck: "false",
      maxlength: 256,
      required: true,
    },
  });

/**
 * @param {string} title
 * @param {HTMLElement} form
 * @param {string} question
 * @param {HTMLElement} link
 */
const card = (title, form, question, link) => [
  h("div", { class: "card narrow" }, heading(title), form, h("p", { class: "muted" }, question, " ", link)),
];

/**
 * @param {import("../main.js").Context} context
 * @returns {import("../main.js").View}
 */
export function signInView({ enter }) {
  const fields = [
    login(undefined),
    field({
      name: "password",
      label: "Password",
      input: { type: "password", autocomplete: "current-password", required: true },
    }),
  ];
  const send = async (/** @type {Record<string, string>} */ given) =>
    enter(await signIn(given["login"] ?? "", given["password"] ?? ""));
  return {
    elements: card(
      "Sign in",
      form({ fields, action: "Sign in", send }),
      "No account yet?",
      h("a", { href: address("signup") }, "Sign up"),
    ),
  };
}

/**
 * @param {import("../main.js").Context} context
 * @returns {import("../main.js").View}
 */
export function signUpView({ enter }) {
  const fields = [
    login("3 to 64 letters and digits of any script, and . @ + - _ among them."),
    field({
      name: "password",
      label: "Password",
      hint: passwordHint,
      input: { type: "password", autocomplete: "new-password", required: true },
    }),
  ];
  const send = async (/** @type {Record<string, string>} */ given) => {
    // The same login and password again answers as the first time.
    await request("POST", "/v1/signup", { body: given, anonymous: true, repeatable: true });
    enter(await signIn(given["login"] ?? "", given["password"] ?? ""));
  };
  return {
    elements: card(
      "Sign up",
      form({ fields, action: "Sign up", send }),
      "Have an account?",
      h("a", { href: address("signin") }, "Sign in"),
    ),
  };
}
