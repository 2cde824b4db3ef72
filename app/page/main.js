/** The page: who is signed in, which view is shown, and the frame around it. */
import { onSessionLost, Problem, request, signOut } from "./api.js";
import { announce, button, byId, dismissNotice, fill, h, heading, notify } from "./dom.js";
import { address, go, here } from "./router.js";
import { current, watch } from "./session.js";
import { empty, explain, resource } from "./states.js";
import { accountView } from "./views/account.js";
import { accountsView } from "./views/accounts.js";
import { activityView } from "./views/activity.js";
import { fleetView } from "./views/fleet.js";
import { signInView, signUpView } from "./views/sign-in.js";
import { tasksView } from "./views/tasks.js";

/** @typedef {import("./api.js").Account} Account */
/**
 * @typedef {object} Context
 * @property {AbortSignal} signal ends when the view is left
 * @property {URLSearchParams} parameters of the address
 * @property {(account: Account) => void} enter somebody has signed in
 * @property {(why: string) => void} leave whoever was signed in is not any more
 */
/** @typedef {Context & { account: Account }} SignedIn */
/**
 * @typedef {object} View
 * @property {Node[]} elements
 * @property {(parameters: URLSearchParams) => void} [update] the same view with other parameters
 */
/** @typedef {{ title: string, administrators?: boolean, make: (context: SignedIn) => View }} Route */

/** @type {Record<string, Route>} */
const routes = {
  tasks: { title: "Tasks", make: tasksView },
  activity: { title: "Activity", make: activityView },
  account: { title: "Account", make: accountView },
  fleet: { title: "Fleet", administrators: true, make: fleetView },
  accounts: { title: "Accounts", administrators: true, make: accountsView },
};
/** @type {Record<string, { title: string, make: (context: Context) => View }>} */
const publicRoutes = {
  signin: { title: "Sign in", make: signInView },
  signup: { title: "Sign up", make: signUpView },
};

/** @type {Account | undefined} */
let account;
/** What is shown. @type {{ name: string, view: View, end: AbortController } | undefined} */
let shown;

const main = byId("main");
const icon = new URL("icon.svg", import.meta.url).href;

const allowed = () =>
  Object.entries(routes).filter(([, { administrators }]) => !administrators || account?.role === "admin");

function showTop() {
  const { name } = here();
  const links = allowed().map(([route, { title }]) =>
    h("li", {}, h("a", { href: address(route), "aria-current": route === name && "page" }, title)),
  );
  fill(
    byId("top"),
    h(
      "a",
      { class: "brand", href: "#/" },
      h("img", { src: icon, alt: account ? "Tasks" : "" }),
      !account && "Tasks",
    ),
    account && h("nav", { "aria-label": "Views" }, h("ul", {}, links)),
    account &&
      h(
        "div",
        { class: "who" },
        h("span", { class: "login", title: account.login }, account.login),
        button("Sign out", leaveByChoice, "quiet"),
      ),
  );
}

async function leaveByChoice() {
  try {
    await signOut();
    leave("You have signed out.");
  } catch (error) {
    notify(`You are still signed in. ${explain(error)}`);
  }
}

/** @param {Account} entered */
function enter(entered) {
  account = entered;
  dismissNotice();
  if (here().name in publicRoutes || !here().name) go("tasks");
  else show();
}

/** @param {string} why */
function leave(why) {
  account = undefined;
  if (here().name !== "signin") go("signin");
  notify(why);
  show();
}

/** Shows the view of the address. */
function show({ focus = true } = {}) {
  const { name, parameters } = here();
  if (account ? name === "" || name in publicRoutes : name === "") {
    location.replace(address(account ? "tasks" : "signin"));
    return;
  }
  // Where somebody wanted to go is kept: the address stays, and after signing in it counts.
  const place = account ? name : name in publicRoutes ? name : "signin";
  // Signing in and up have no parameters; made anew, they would lose what has been typed.
  if (shown?.name === place && (shown.view.update || place in publicRoutes)) {
    shown.view.update?.(parameters);
    return;
  }
  shown?.end.abort();
  // What it offers belongs to the view that is left.
  if (account) dismissNotice();
  const end = new AbortController();
  const context = { signal: end.signal, parameters, enter, leave };
  const route = allowed().find(([route]) => route === place)?.[1];
  const { title, view } = account
    ? route
      ? { title: route.title, view: route.make({ ...context, account }) }
      : { title: "Not found", view: missing() }
    : {
        title: publicRoutes[place]?.title ?? "",
        view: (publicRoutes[place] ?? { make: signInView }).make(context),
      };
  shown = { name: place, view, end };
  document.title = title === "Tasks" ? title : `${title} – Tasks`;
  showTop();
  fill(main, ...view.elements);
  if (!focus) return;
  scrollTo(0, 0);
  main.querySelector("h1")?.focus();
}

/** @returns {View} */
function missing() {
  const home = h("a", { href: address("tasks") }, "To the tasks");
  return { elements: [heading("Not found"), empty("Nothing is shown at this address.", home)] };
}

/** Finds out who is signed in, and shows what they came for. */
async function start() {
  account = undefined;
  shown?.end.abort();
  shown = undefined;
  if (!current()) {
    show({ focus: false });
    return;
  }
  const end = new AbortController();
  const { element, reload } = resource({
    signal: end.signal,
    load: async (signal) => {
      try {
        return await request("GET", "/v1/account", { signal });
      } catch (error) {
        if (error instanceof Problem && error.status === 401) return undefined;
        throw error;
      }
    },
    show: (/** @type {Account | undefined} */ found) => {
      end.abort();
      account = found;
      show({ focus: false });
    },
  });
  showTop();
  fill(main, element);
  await reload();
}

function showConnection() {
  const text = navigator.onLine ? "" : "You are offline. What you see may have changed since.";
  byId("offline").textContent = text;
}

addEventListener("hashchange", () => show());
for (const change of ["online", "offline"]) addEventListener(change, showConnection);
byId("skip").addEventListener("click", (event) => {
  // The address names the view.
  event.preventDefault();
  main.focus();
});
onSessionLost(() => {
  if (account) leave("Your session has ended. Sign in again.");
});
watch(() => {
  announce("Somebody has signed in or out in another tab.");
  void start();
});
showConnection();
void start();
