import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { Browser as Chromium, Locator, Page } from "playwright-core";
import { assertUsable, launch, Person } from "./browser";

/** Where the page is served. */
export interface Target {
  readonly url: string;
  readonly administrator: { readonly login: string; readonly password: string };
}

const password = "fifty-five tulips in a row";
let count = 0;
const newLogin = () => `person-${Date.now().toString(36)}-${++count}`;

const button = (page: Page | Locator, name: string | RegExp) =>
  page.getByRole("button", { name, exact: typeof name === "string" });
const heading = (page: Page, name: string) => page.getByRole("heading", { name, exact: true, level: 1 });
const item = (page: Page, text: string) =>
  page.getByRole("list", { name: "Tasks" }).getByRole("listitem").filter({ hasText: text });
const go = async (page: Page, view: string) => {
  await page
    .getByRole("navigation", { name: "Views" })
    .getByRole("link", { name: view, exact: true })
    .click();
  await heading(page, view).waitFor();
};
/** Has the browser forget the access token, as it does after ten minutes. */
async function expireAccess(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const url = page.url();
  for (const name of ["access", "__Host-access"]) await devtools.send("Network.deleteCookies", { name, url });
}
/** Waits until an element has the focus. */
const focused = (element: Locator) => element.and(element.page().locator(":focus")).waitFor();
export const titles = (page: Page) =>
  page.getByRole("list", { name: "Tasks" }).getByRole("listitem").locator("label").allTextContents();

export async function signIn(page: Page, login: string, secret = password): Promise<void> {
  await page.getByLabel("Login").fill(login);
  await page.getByLabel("Password", { exact: true }).fill(secret);
  await button(page, "Sign in").click();
}

export async function signUp(page: Page, login = newLogin()): Promise<string> {
  await page.getByRole("link", { name: "Sign up" }).click();
  await page.getByLabel("Login").fill(login);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await button(page, "Sign up").click();
  await heading(page, "Tasks").waitFor();
  return login;
}

export async function addTask(page: Page, title: string): Promise<void> {
  await page.getByLabel("New task").fill(title);
  await page.getByLabel("New task").press("Enter");
  await item(page, title).waitFor();
}

/** What people do with the page, in Chromium. */
export function days(target: () => Target): void {
  let browser: Chromium;
  let person: Person;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());
  afterEach(() => person.context.close());

  /** Somebody who has just signed up. */
  async function newUser(): Promise<{ page: Page; login: string }> {
    person = await Person.at(browser, target().url);
    const page = await person.open();
    return { page, login: await signUp(page) };
  }

  async function administrator(): Promise<Page> {
    const { login, password } = target().administrator;
    person = await Person.at(browser, target().url);
    const page = await person.open();
    await signIn(page, login, password);
    await heading(page, "Tasks").waitFor();
    return page;
  }

  /** Asks the API as another program of the same account would. */
  async function api(login: string, method: string, path: string, body?: unknown): Promise<unknown> {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${target().url}/v1/signin`, {
      method: "POST",
      headers,
      body: JSON.stringify({ login, password }),
    });
    const { access } = (await answer.json()) as { access: string };
    const response = await fetch(target().url + path, {
      method,
      headers: { ...headers, authorization: `Bearer ${access}` },
      body: JSON.stringify(body),
    });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    return response.json();
  }

  describe("signing up and in", () => {
    it("tells the rules before, and what is wrong at the field", async () => {
      person = await Person.at(browser, target().url);
      const page = await person.open();
      await assertUsable(page, "sign in");
      await page.getByRole("link", { name: "Sign up" }).click();
      await heading(page, "Sign up").waitFor();
      assert.equal(await page.title(), "Sign up – Tasks");
      await page.getByText("15 to 128 characters. A few unrelated words").waitFor();
      const field = page.getByLabel("Password", { exact: true });
      assert.equal(await field.getAttribute("autocomplete"), "new-password");
      await page.getByLabel("Login").fill(newLogin());
      await field.fill("too short");
      await field.press("Enter");
      await page.getByText("A password has 15 to 128 characters.").waitFor();
      await focused(field);
      assert.equal(await field.getAttribute("aria-invalid"), "true");
      await assertUsable(page, "sign up");
      person.assertNoComplaints(400);
    });

    it("takes a pasted password", async () => {
      person = await Person.at(browser, target().url);
      const page = await person.open("#/signup");
      await page.getByLabel("Login").fill("pasted words of somebody");
      await page.getByLabel("Login").press("Control+a");
      await page.getByLabel("Login").press("Control+c");
      await page.getByLabel("Password", { exact: true }).press("Control+v");
      assert.equal(
        await page.getByLabel("Password", { exact: true }).inputValue(),
        "pasted words of somebody",
      );
      person.assertNoComplaints();
    });

    it("answers a wrong password, and goes where one wanted to go", async () => {
      const { page, login } = await newUser();
      await button(page, "Sign out").click();
      await page.getByText("You have signed out.").waitFor();
      await page.goto(`${target().url}/#/account`);
      await signIn(page, login, "not the right password");
      await page.getByRole("alert").getByText("No account has this login and password.").waitFor();
      await signIn(page, login);
      await heading(page, "Account").waitFor();
      person.assertNoComplaints(401);
    });

    it("waits as long as the service says when too many have failed", async () => {
      person = await Person.at(browser, target().url);
      const page = await person.open();
      const body = { status: 429, code: "too_many_failures", detail: "Too many sign-ins have failed." };
      await page.route("**/v1/session", (route) =>
        route.fulfill({
          status: 429,
          headers: { "content-type": "application/problem+json", "retry-after": "42" },
          body: JSON.stringify(body),
        }),
      );
      await signIn(page, "somebody");
      await page
        .getByText("Too many sign-ins have failed. The next try is possible in 42 seconds.")
        .waitFor();
      person.assertNoComplaints(429);
    });
  });

  describe("a user's day", () => {
    it("adds, does, edits and deletes tasks, with the keyboard alone", async () => {
      const { page } = await newUser();
      await page.getByText("No tasks yet.").waitFor();
      await assertUsable(page, "no tasks");
      await addTask(page, "Water the tulips");
      await addTask(page, "Book the train");

      const box = page.getByRole("checkbox", { name: "Water the tulips" });
      await box.focus();
      await page.keyboard.press("Space");
      await page.locator(".task.done").waitFor();
      assert.equal(await box.isChecked(), true);
      await assertUsable(page, "tasks");

      await button(item(page, "Book the train"), "Edit").focus();
      await page.keyboard.press("Enter");
      await page.keyboard.type("Book the ferry");
      await assertUsable(page, "a task that is being edited");
      await page.keyboard.press("Enter");
      await item(page, "Book the ferry").waitFor();
      await focused(button(item(page, "Book the ferry"), "Edit"));
      await page.keyboard.press("Enter");
      await page.keyboard.type("nothing of this");
      await page.keyboard.press("Escape");
      await item(page, "Book the ferry").waitFor();

      await button(item(page, "Book the ferry"), "Delete").focus();
      await page.keyboard.press("Enter");
      await page.getByText("Deleted “Book the ferry”, open.").waitFor();
      assert.deepEqual(await titles(page), ["Water the tulips"]);
      await focused(box);
      await button(page, "Undo").click();
      await item(page, "Book the ferry").waitFor();
      await page.reload();
      await item(page, "Water the tulips").waitFor();
      assert.deepEqual((await titles(page)).sort(), ["Book the ferry", "Water the tulips"]);
      person.assertNoComplaints();
    });

    it("filters, searches and orders by the address, with which the back button works", async () => {
      const { page } = await newUser();
      for (const title of ["Bread", "Apples", "Cheese"]) await addTask(page, title);
      await page.getByRole("checkbox", { name: "Apples" }).check();
      const filter = (name: string) => page.getByRole("link", { name, exact: true });
      await filter("Done").click();
      await item(page, "Bread").waitFor({ state: "detached" });
      assert.deepEqual(await titles(page), ["Apples"]);
      assert.match(page.url(), /done=true/);
      await filter("Open").click();
      await item(page, "Apples").waitFor({ state: "detached" });
      await page.goBack();
      await item(page, "Apples").waitFor();
      assert.equal(await filter("Done").getAttribute("aria-current"), "true");
      await filter("All").click();
      await item(page, "Cheese").waitFor();
      await page.getByLabel("Order").selectOption("A to Z");
      await page.waitForURL(/order=title/);
      await item(page, "Apples").and(page.locator(":first-child")).waitFor();
      assert.deepEqual(await titles(page), ["Apples", "Bread", "Cheese"]);
      await page.getByLabel("Search").fill("che");
      await item(page, "Bread").waitFor({ state: "detached" });
      assert.deepEqual(await titles(page), ["Cheese"]);
      await page.getByLabel("Search").fill("nothing like it");
      await page.getByText("No task matches.").waitFor();
      await page.getByRole("link", { name: "Show all tasks" }).click();
      await item(page, "Bread").waitFor();
      person.assertNoComplaints();
    });

    it("loads more, and goes on at the first that came", async () => {
      const { page, login } = await newUser();
      const session = await person.context.cookies();
      assert.ok(session.length > 0);
      for (let number = 1; number <= 55; number++)
        await page.evaluate(
          (title) =>
            fetch("/v1/tasks", {
              method: "POST",
              headers: { "content-type": "application/json", "x-session": "cookie" },
              body: JSON.stringify({ title }),
            }),
          `Task ${number}`,
        );
      await page.reload();
      await button(page, "Load more").click();
      await item(page, "Task 1").and(page.locator(":last-child")).waitFor();
      assert.equal((await titles(page)).length, 55, login);
      await focused(item(page, "Task 5").last());
      assert.equal(await button(page, "Load more").isVisible(), false);
      person.assertNoComplaints();
    });

    it("tells what has been changed elsewhere, and overwrites it only when asked to", async () => {
      const { page, login } = await newUser();
      await addTask(page, "Mine");
      const { results } = (await api(login, "GET", "/v1/tasks")) as { results: { id: string }[] };
      const path = `/v1/tasks/${results[0]!.id}`;

      await button(item(page, "Mine"), "Edit").click();
      await api(login, "PATCH", path, { title: "Theirs" });
      const title = page.getByLabel("Title");
      await title.fill("Mine, better");
      await title.press("Enter");
      await page.getByText("Changed elsewhere in the meantime: it is now “Theirs”, open.").waitFor();
      assert.equal(await title.inputValue(), "Mine, better");
      await assertUsable(page, "a task that was changed elsewhere");
      await button(page, "Save mine").click();
      await item(page, "Mine, better").waitFor();

      await api(login, "PATCH", path, { title: "Theirs again" });
      await button(item(page, "Mine, better"), "Delete").click();
      await page
        .getByText("Not deleted: it was changed elsewhere, and is now “Theirs again”, open.")
        .waitFor();
      await api(login, "PATCH", path, { done: true });
      await page.getByRole("checkbox", { name: "Theirs again" }).click();
      await page.locator(".task.done").waitFor();
      person.assertNoComplaints(412);
    });

    it("takes a task for deleted that is gone when the request is repeated", async () => {
      const { page } = await newUser();
      await addTask(page, "Say it once");
      let deletions = 0;
      await page.route("**/v1/tasks/*", async (route) => {
        if (route.request().method() !== "DELETE" || deletions++ > 0) return route.continue();
        await route.fetch();
        return route.fulfill({ status: 502, body: "the answer was lost" });
      });
      await button(item(page, "Say it once"), "Delete").click();
      await page.getByText("Deleted “Say it once”, open.").waitFor();
      assert.equal(deletions, 2);
      person.assertNoComplaints(404, 502);
    });

    it("shows one's own activity", async () => {
      const { page } = await newUser();
      await addTask(page, "Water the tulips");
      await go(page, "Activity");
      const events = page.getByRole("list", { name: "Activity" }).getByRole("listitem");
      await events.filter({ hasText: "Task added" }).waitFor();
      await events.filter({ hasText: "Signed up" }).waitFor();
      await assertUsable(page, "activity");
      await page.getByLabel("What").selectOption("Signed in");
      await events.filter({ hasText: "Signed up" }).waitFor({ state: "detached" });
      assert.equal(await events.count(), 1);
      await page.getByLabel("What").selectOption("Task deleted");
      await page.getByText("Nothing of this kind has happened.").waitFor();
      person.assertNoComplaints();
    });

    it("changes the password, signs out everywhere and deletes the account", async () => {
      const { page, login } = await newUser();
      await go(page, "Account");
      await assertUsable(page, "account");
      await page.getByLabel("Present password").fill("not the present one");
      await page.getByLabel("New password").fill("sixty-six tulips in a row");
      await button(page, "Change the password").click();
      await page.getByText("This is not the account's password.").waitFor();
      await page.getByLabel("Present password").fill(password);
      await button(page, "Change the password").click();
      await page.getByText("The password is changed").waitFor();
      await page.reload();
      await heading(page, "Account").waitFor();

      await button(page, "Sign out everywhere").click();
      await assertUsable(page, "a dialog");
      await button(page.getByRole("dialog"), "Cancel").click();
      await focused(button(page, "Sign out everywhere"));
      await button(page, "Sign out everywhere").click();
      await button(page.getByRole("dialog"), "Sign out everywhere").click();
      await page.getByText("You have signed out everywhere.").waitFor();
      await page.goBack();
      await heading(page, "Sign in").waitFor();
      await signIn(page, login, "sixty-six tulips in a row");
      await go(page, "Account");
      await page.getByLabel("Password", { exact: true }).fill("sixty-six tulips in a row");
      await button(page, "Delete the account").click();
      await button(page.getByRole("dialog"), "Delete for good").click();
      await page.getByText("The account and its tasks are deleted.").waitFor();
      await signIn(page, login, "sixty-six tulips in a row");
      await page.getByText("No account has this login and password.").waitFor();
      person.assertNoComplaints(401, 403);
    });
  });

  describe("a session", () => {
    it("outlives a reload, and no script can read its tokens", async () => {
      const { page } = await newUser();
      await page.reload();
      await heading(page, "Tasks").waitFor();
      const readable = await page.evaluate(
        "document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })",
      );
      assert.doesNotMatch(String(readable), /eyJ|access|refresh/);
      const answers: string[] = [];
      page.on("response", (response) => {
        void response.text().then(
          (text) => answers.push(text),
          () => undefined,
        );
      });
      await page.evaluate(() =>
        fetch("/v1/session", { method: "PUT", headers: { "x-session": "cookie" } }).then((one) => one.text()),
      );
      await page.reload();
      await heading(page, "Tasks").waitFor();
      assert.ok(answers.length > 0);
      for (const answer of answers) assert.doesNotMatch(answer, /"eyJ/);
      person.assertNoComplaints();
    });

    it("goes on in two tabs after its access has expired, and after a reload in the middle of its renewal", async () => {
      const { page } = await newUser();
      const second = await person.open();
      await heading(second, "Tasks").waitFor();
      let startedAnew = 0;
      for (const tab of [page, second])
        tab.on("request", (request) => {
          if (request.url().endsWith("/v1/account")) startedAnew++;
        });
      await expireAccess(page);
      await Promise.all([addTask(page, "from the first"), addTask(second, "from the second")]);
      assert.equal(startedAnew, 0, "a tab took the other's renewal for another session");

      await expireAccess(page);
      const renewal = page.waitForRequest((request) => request.url().endsWith("/v1/session"));
      void page.reload();
      await renewal;
      await page.reload();
      await item(page, "from the second").waitFor();
      await expireAccess(page);
      await second.reload();
      await item(second, "from the first").waitFor();
      person.assertNoComplaints(401);
    });

    it("that ends in one tab ends in the others", async () => {
      const { page } = await newUser();
      const second = await person.open();
      await heading(second, "Tasks").waitFor();
      await button(page, "Sign out").click();
      await heading(second, "Sign in").waitFor();
      const login = await signUp(page);
      await second.getByText(login).waitFor();
      person.assertNoComplaints();
    });

    it("that was ended elsewhere is told, and the address is kept", async () => {
      const { page, login } = await newUser();
      await go(page, "Activity");
      await person.context.clearCookies();
      await page.getByRole("link", { name: "Tasks", exact: true }).last().click();
      await page.getByText("Your session has ended. Sign in again.").waitFor();
      await signIn(page, login);
      await heading(page, "Tasks").waitFor();
      person.assertNoComplaints(401);
    });
  });

  describe("trouble", () => {
    const unavailable = {
      status: 503,
      headers: { "content-type": "application/problem+json", "retry-after": "1" },
      body: JSON.stringify({
        status: 503,
        code: "database_unavailable",
        detail: "The database does not answer.",
      }),
    };

    it("of a while passes unnoticed", async () => {
      const { page } = await newUser();
      let refused = 0;
      await page.route("**/v1/tasks", async (route) => {
        if (refused++ === 0) await route.fulfill(unavailable);
        else await route.continue();
      });
      await addTask(page, "in spite of it");
      assert.equal(refused, 2);
      person.assertNoComplaints(503);
    });

    it("is told, and the list comes by itself when it is over", async () => {
      const { page } = await newUser();
      await addTask(page, "still there");
      await page.route("**/v1/tasks*", (route) => route.fulfill(unavailable));
      await page.reload();
      const alert = page.getByRole("alert").filter({ hasText: "The database does not answer." });
      await alert.waitFor();
      await page.getByText(/Trying again in \d+ seconds?\./).waitFor();
      await assertUsable(page, "a list that cannot be loaded");
      await page.unroute("**/v1/tasks*");
      await item(page, "still there").waitFor();
      person.assertNoComplaints(503);
    });

    it("of the connection is told, and what was typed is kept", async () => {
      const { page } = await newUser();
      await person.context.setOffline(true);
      await page.getByText("You are offline.").waitFor();
      await page.getByLabel("New task").fill("typed offline");
      await page.getByLabel("New task").press("Enter");
      await page.getByText("This device is offline.").waitFor();
      assert.equal(await page.getByLabel("New task").inputValue(), "typed offline");
      await assertUsable(page, "offline");
      await person.context.setOffline(false);
      await page.getByLabel("New task").press("Enter");
      await item(page, "typed offline").waitFor();
      assert.equal(await page.getByText("You are offline.").count(), 0);
      person.assertNoComplaints("ERR_INTERNET_DISCONNECTED");
    });
  });

  describe("an administrator's day", () => {
    it("sees the hosts, changes their number, and sees who did", async () => {
      const page = await administrator();
      await go(page, "Fleet");
      await page.getByText("2 of 2 hosts in service; ").first().waitFor();
      const hosts = page.getByRole("list", { name: "Hosts" }).getByRole("listitem");
      assert.equal(await hosts.count(), 2);
      assert.match(await hosts.first().innerText(), /^i-[0-9a-f]+\s+us-east-1[a-z]\s+InService\s+Healthy$/);
      await assertUsable(page, "fleet");
      const size = page.getByRole("spinbutton", { name: "Desired size" });
      await size.fill("99");
      await button(page, "Apply").click();
      await page.getByText(/The fleet may have \d+ to \d+ hosts, not 99\./).waitFor();
      await size.fill("3");
      await button(page, "Apply").click();
      await page.getByText("of 3 hosts in service").first().waitFor();
      await page.getByText("3 of 3 hosts in service").first().waitFor({ timeout: 300_000 });
      const changes = page.getByRole("list", { name: "Changes of the desired size" });
      const change = changes.getByRole("listitem").first();
      await change.waitFor();
      assert.match(await change.innerText(), /2 → 3[\s\S]*by\s+you/);
      await page.getByRole("list", { name: "What the group did" }).getByRole("listitem").first().waitFor();
      await size.fill("2");
      await button(page, "Apply").click();
      await button(page.getByRole("dialog"), "Shrink").click();
      await page.getByText("2 of 2 hosts in service").first().waitFor({ timeout: 300_000 });
      // A host that is about to end belongs to no group any more.
      person.assertNoComplaints(422, 503);
    });

    it("finds an account, locks and unlocks it, and ends its sessions", async () => {
      const { page: user, login } = await newUser();
      const friend = person;
      const page = await administrator();
      await go(page, "Accounts");
      const account = page.getByRole("list", { name: "Accounts" }).getByRole("listitem");
      await account.first().waitFor();
      await page.getByLabel("Logins that begin with").fill(login);
      await account.filter({ hasNotText: login }).first().waitFor({ state: "detached" });
      assert.equal(await account.filter({ hasText: login }).count(), 1);
      await assertUsable(page, "accounts");

      await button(page, `Lock ${login}`).click();
      await button(page.getByRole("dialog"), "Lock").click();
      await account.getByText("Locked").waitFor();
      await expireAccess(user);
      await user.reload();
      await heading(user, "Sign in").waitFor();
      await signIn(user, login);
      await user.getByText("An administrator has locked this account.").waitFor();
      await button(page, `Unlock ${login}`).click();
      await account.getByText("Locked").waitFor({ state: "detached" });
      await signIn(user, login);
      await heading(user, "Tasks").waitFor();
      await button(page, `End sessions of ${login}`).click();
      await page.getByText(`${login}: sessions ended.`).waitFor({ state: "attached" });
      await expireAccess(user);
      await user.reload();
      await heading(user, "Sign in").waitFor();
      friend.assertNoComplaints(401, 403);
      await friend.context.close();
      person.assertNoComplaints();
    });

    it("sees everyone's activity", async () => {
      const page = await administrator();
      await go(page, "Activity");
      await page.getByLabel("Of everyone").check();
      await page.getByRole("list", { name: "Activity" }).getByText("Signed up").first().waitFor();
      await assertUsable(page, "everyone's activity");
      person.assertNoComplaints();
    });

    it("is for administrators", async () => {
      const { page } = await newUser();
      for (const view of ["fleet", "accounts"]) {
        await page.goto(`${target().url}/#/${view}`);
        await heading(page, "Not found").waitFor();
        assert.equal(await page.getByRole("navigation").getByRole("link", { name: "Fleet" }).count(), 0);
        await page.goto(`${target().url}/#/tasks`);
        await heading(page, "Tasks").waitFor();
      }
      person.assertNoComplaints();
    });
  });
}
