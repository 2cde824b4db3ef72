/** Everybody's accounts, for administrators. */
import { request, withQuery } from "../api.js";
import { announce, button, fill, h, heading } from "../dom.js";
import { confirm, searchField } from "../forms.js";
import { replace } from "../router.js";
import { empty, failureNote, pagedList } from "../states.js";
import { dateOf } from "../text.js";

/** @typedef {import("../api.js").Account} Account */

/**
 * @param {import("../main.js").SignedIn} context
 * @returns {import("../main.js").View}
 */
export function accountsView({ signal, parameters, account: own }) {
  let query = parameters;
  const prefix = () => query.get("prefix") ?? "";

  /** @param {Account} account */
  function entry(account) {
    const item = h("li", { class: "account" });
    showAccount(item, account);
    return item;
  }

  /**
   * @param {HTMLLIElement} item
   * @param {Account} account
   */
  function showAccount(item, account) {
    const { login, role, locked, created_at, changed_at } = account;
    const trouble = h("div", { class: "trouble" });
    /**
     * @param {string} action of the API
     * @param {string} done what is told then
     */
    const act = async (action, done) => {
      try {
        showAccount(
          item,
          await request("POST", `/v1/accounts/${account.id}/${action}`, { repeatable: true }),
        );
        announce(`${login}: ${done}.`);
        item.querySelector("button")?.focus();
      } catch (error) {
        if (!signal.aborted) fill(trouble, failureNote(error));
      }
    };
    const lock = async () => {
      const text = `${login} is signed out, and cannot sign in until you unlock the account.`;
      if (await confirm({ title: "Lock the account?", text, action: "Lock" })) await act("lock", "locked");
    };
    fill(
      item,
      h(
        "div",
        {},
        h(
          "p",
          { class: "line" },
          h("strong", {}, login),
          role === "admin" && h("span", { class: "badge" }, "Administrator"),
          locked && h("span", { class: "badge bad" }, "Locked"),
        ),
        h(
          "p",
          { class: "line muted" },
          h("span", {}, `Since ${dateOf(created_at)}`),
          h("span", {}, `last change ${dateOf(changed_at)}`),
          h("span", { class: "code" }, account.id),
        ),
      ),
      account.id === own.id
        ? h("p", { class: "muted" }, "You")
        : h(
            "div",
            { class: "actions" },
            locked
              ? button("Unlock", () => act("unlock", "unlocked"), "", { "aria-label": `Unlock ${login}` })
              : button("Lock", lock, "", { "aria-label": `Lock ${login}` }),
            button("End sessions", () => act("signout", "sessions ended"), "quiet", {
              "aria-label": `End sessions of ${login}`,
            }),
          ),
      trouble,
    );
  }

  const accounts = pagedList({
    signal,
    label: "Accounts",
    noun: "account",
    load: (cursor, own) =>
      request("GET", withQuery("/v1/accounts", { prefix: prefix(), cursor }), { signal: own }),
    entry,
    none: () => empty("No login begins like this."),
  });

  const search = searchField({
    signal,
    label: "Logins that begin with",
    found: (text) => replace("accounts", { prefix: text }),
  });
  search.value = prefix();

  void accounts.reload();
  return {
    elements: [
      heading("Accounts"),
      h("div", { class: "filter", role: "search", "aria-label": "Accounts" }, search),
      accounts.element,
    ],
    update: (parameters) => {
      query = parameters;
      if (document.activeElement !== search) search.value = prefix();
      void accounts.reload();
    },
  };
}
