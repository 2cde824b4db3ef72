/** One's own account: who one is, the password, the sessions, the end. */
import { request, signOut } from "../api.js";
import { button, h, heading, notify } from "../dom.js";
import { confirm, field, form } from "../forms.js";
import { explain } from "../states.js";
import { dateOf } from "../text.js";
import { keep } from "../session.js";
import { passwordHint } from "./sign-in.js";

/** @typedef {Record<string, string>} Values */

/**
 * Tells a password manager whose password is asked for.
 * @param {string} login
 */
const username = (login) =>
  h("input", { type: "text", autocomplete: "username", value: login, readonly: true, hidden: true });

/** @param {string} label */
const presentPassword = (label) =>
  field({
    name: "password",
    label,
    input: { type: "password", autocomplete: "current-password", required: true },
  });

/**
 * @param {import("../main.js").SignedIn} context
 * @returns {import("../main.js").View}
 */
export function accountView({ account, leave }) {
  const changePassword = form({
    fields: [
      presentPassword("Present password"),
      field({
        name: "new_password",
        label: "New password",
        hint: passwordHint,
        input: { type: "password", autocomplete: "new-password", required: true },
      }),
    ],
    action: "Change the password",
    send: async (values) => {
      const { expires_in } = await request("PUT", "/v1/account/password", {
        body: values,
        repeatable: false,
      });
      keep(account.id, expires_in);
      changePassword.reset();
      notify("The password is changed, and all other sessions have ended.");
    },
  });
  changePassword.prepend(username(account.login));

  const deletion = form({
    fields: [presentPassword("Password")],
    action: "Delete the account",
    danger: true,
    send: async (values) => {
      const text = `${account.login} and all its tasks will be gone. The login cannot be had again for 30 days.`;
      const sure = await confirm({ title: "Delete the account?", text, action: "Delete for good" });
      if (!sure) return;
      await request("POST", "/v1/account/delete", { body: values });
      await signOut();
      leave("The account and its tasks are deleted.");
    },
  });
  deletion.prepend(username(account.login));

  async function signOutEverywhere() {
    const text =
      "Every browser and program that is signed in to this account has to sign in again, this one too.";
    if (!(await confirm({ title: "Sign out everywhere?", text, action: "Sign out everywhere" }))) return;
    try {
      await request("POST", "/v1/signout");
      await signOut();
      leave("You have signed out everywhere. Programs may go on for ten minutes at most.");
    } catch (error) {
      notify(`The sessions have not ended. ${explain(error)}`);
    }
  }

  /**
   * @param {string} title
   * @param {...import("../dom.js").Child} content
   */
  const section = (title, ...content) => h("section", { class: "card" }, h("h2", {}, title), ...content);
  return {
    elements: [
      heading("Account"),
      section(
        "You",
        h(
          "dl",
          { class: "properties" },
          h("dt", {}, "Login"),
          h("dd", {}, account.login),
          h("dt", {}, "Role"),
          h("dd", {}, account.role === "admin" ? "Administrator" : "User"),
          h("dt", {}, "Since"),
          h("dd", {}, dateOf(account.created_at)),
        ),
      ),
      section("Password", h("p", { class: "muted" }, "Changing it ends all other sessions."), changePassword),
      section(
        "Sessions",
        h("p", { class: "muted" }, "If a device is lost, or somebody else was signed in:"),
        button("Sign out everywhere", signOutEverywhere),
      ),
      section(
        "Delete the account",
        h("p", { class: "muted" }, "All its tasks are deleted with it. This cannot be taken back."),
        deletion,
      ),
    ],
  };
}
