/** Tasks: add, do, edit, delete; filter, search and order by the address. */
import { Problem, request, withQuery } from "../api.js";
import { announce, button, dismissNotice, fill, h, heading, newId, notify } from "../dom.js";
import { field, searchField } from "../forms.js";
import { address, replace } from "../router.js";
import { empty, explain, failureNote, pagedList } from "../states.js";

/** @typedef {import("../api.js").Task} Task */

const maxTitle = 200;
const orders = { "-created": "Newest first", created: "Oldest first", title: "A to Z", "-title": "Z to A" };
/** @type {[string, string][]} the parameter's value and its label */
const filters = [
  ["", "All"],
  ["false", "Open"],
  ["true", "Done"],
];

/** The same key with a request that is sent again makes no second task. */
const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");

/** @param {Task} task */
const path = (task) => `/v1/tasks/${task.id}`;
/** @param {Task} task */
const ifMatch = (task) => ({ "If-Match": `"${task.version}"` });
/** @param {unknown} error @param {number} status */
const isStatus = (error, status) => error instanceof Problem && error.status === status;

/**
 * @param {Task} task
 * @returns {Promise<Task>}
 */
const newest = (task) => request("GET", path(task));

/**
 * Changes a task if nobody else has. When it has been changed, tells what it is now.
 * @param {Task} task
 * @param {Partial<Task>} change
 * @returns {Promise<{ task: Task, isMine: boolean }>}
 */
async function changed(task, change) {
  try {
    const options = { body: change, headers: ifMatch(task), repeatable: true };
    return { task: await request("PATCH", path(task), options), isMine: true };
  } catch (error) {
    if (!isStatus(error, 412)) throw error;
    const newer = await newest(task);
    // It was this very change, whose answer was lost.
    const isMine = Object.entries(change).every(
      ([name, value]) => newer[/** @type {keyof Task} */ (name)] === value,
    );
    return { task: newer, isMine };
  }
}

/** @param {Task} task */
const described = (task) => `“${task.title}”, ${task.done ? "done" : "open"}`;

/**
 * @param {import("../main.js").SignedIn} context
 * @returns {import("../main.js").View}
 */
export function tasksView({ signal, parameters }) {
  let query = parameters;
  const filter = () => ({
    done: query.get("done") ?? "",
    q: query.get("q") ?? "",
    order: query.get("order") ?? "",
  });

  const tasks = pagedList({
    signal,
    label: "Tasks",
    noun: "task",
    load: (cursor, own) => request("GET", withQuery("/v1/tasks", { ...filter(), cursor }), { signal: own }),
    entry: (/** @type {Task} */ task) => entry(task),
    none: () =>
      filter().done || filter().q
        ? empty("No task matches.", h("a", { href: address("tasks") }, "Show all tasks"))
        : empty("No tasks yet. Add the first one above."),
  });

  /**
   * One task, which the item keeps up to date.
   * @param {Task} task
   */
  function entry(task) {
    const item = h("li", { class: "task" });
    showTask(item, task);
    return item;
  }

  /**
   * @param {HTMLLIElement} item
   * @param {Task} task
   * @param {string} [note]
   */
  function showTask(item, task, note) {
    const id = newId();
    const box = h("input", {
      type: "checkbox",
      id,
      checked: task.done,
      onchange: () => void toggle(item, task, box),
    });
    const about = { "aria-describedby": `${id}-title` };
    item.classList.toggle("done", task.done);
    fill(
      item,
      h("div", { class: "line" }, box, h("label", { for: id, id: `${id}-title` }, task.title)),
      h(
        "div",
        { class: "actions" },
        button("Edit", () => edit(item, task), "quiet", about),
        button("Delete", () => void remove(item, task), "quiet", about),
      ),
      note ? h("p", { class: "warning", role: "alert" }, note) : null,
    );
    return box;
  }

  /**
   * @param {HTMLLIElement} item
   * @param {Task} task
   * @param {HTMLInputElement} box
   */
  async function toggle(item, task, box) {
    const done = box.checked;
    try {
      const { task: now, isMine } = await changed(task, { done });
      const note = isMine ? "" : `Changed elsewhere in the meantime: it is now ${described(now)}.`;
      showTask(item, now, note).focus();
      if (isMine) announce(`${now.title}: ${done ? "done" : "open again"}.`);
    } catch (error) {
      if (signal.aborted) return;
      box.checked = !done;
      complain(item, task, error);
    }
  }

  /**
   * @param {HTMLLIElement} item
   * @param {Task} task
   * @param {unknown} error
   */
  function complain(item, task, error) {
    if (isStatus(error, 404)) {
      away(item, `${described(task)} was deleted elsewhere.`);
      return;
    }
    item.querySelector(".error")?.remove();
    item.append(failureNote(error));
  }

  /**
   * Takes an item away, and moves the focus to the one in its place.
   * @param {HTMLLIElement} item
   * @param {string} text
   * @param {{ action: string, run: () => void }} [offer]
   */
  function away(item, text, offer) {
    const neighbour = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    if (!neighbour) tasks.arrange();
    /** @type {HTMLElement | null | undefined} */
    const next = neighbour?.querySelector("input");
    (next ?? added.input).focus();
    notify(text, offer);
  }

  /**
   * @param {HTMLLIElement} item
   * @param {Task} task
   */
  async function remove(item, task) {
    try {
      await request("DELETE", path(task), { headers: ifMatch(task) });
    } catch (error) {
      if (isStatus(error, 412)) {
        const now = await newest(task);
        showTask(item, now, `Not deleted: it was changed elsewhere, and is now ${described(now)}.`);
        return;
      }
      // The answer to an earlier attempt was lost.
      if (!isStatus(error, 404)) {
        if (!signal.aborted) complain(item, task, error);
        return;
      }
    }
    away(item, `Deleted ${described(task)}.`, { action: "Undo", run: () => void restore(task) });
  }

  /** @param {Task} task */
  async function restore(task) {
    const { title, done } = task;
    try {
      insert(await request("PUT", path(task), { body: { title, done } }));
    } catch (error) {
      notify(`${described(task)} is not back. ${explain(error)}`, {
        action: "Try again",
        run: () => void restore(task),
      });
    }
  }

  /**
   * Shows a task on top, whatever the order: it is what was just worked on.
   * @param {Task} task
   */
  function insert(task) {
    tasks.add(task);
    announce(`Added ${task.title}.`);
  }

  /**
   * @param {HTMLLIElement} item
   * @param {Task} task
   */
  function edit(item, task) {
    const text = field({
      name: "title",
      label: "Title",
      hideLabel: true,
      input: { value: task.title, maxlength: maxTitle, required: true },
    });
    const news = h("div");
    let base = task;
    const back = () => showTask(item, base).parentElement?.parentElement?.querySelector("button")?.focus();
    const save = h("button", { type: "submit", class: "primary" }, "Save");
    const element = h(
      "form",
      {
        class: "edit",
        onkeydown: (/** @type {KeyboardEvent} */ event) => {
          if (event.key === "Escape") back();
        },
        onsubmit: async (/** @type {SubmitEvent} */ event) => {
          event.preventDefault();
          const title = text.input.value.trim();
          if (!title) {
            text.complain("A task has a title.");
            return;
          }
          if (title === base.title) return back();
          try {
            const { task: now, isMine } = await changed(base, { title });
            base = now;
            if (isMine) {
              back();
              announce("Saved.");
              return;
            }
            save.textContent = "Save mine";
            fill(
              news,
              h(
                "p",
                { class: "warning", role: "alert" },
                `Changed elsewhere in the meantime: it is now ${described(now)}. Save yours over it, or cancel to keep that.`,
              ),
            );
          } catch (error) {
            if (signal.aborted) return;
            if (isStatus(error, 404)) complain(item, base, error);
            else
              text.complain(
                error instanceof Problem && error.errors[0] ? error.errors[0].detail : explain(error),
              );
          }
        },
      },
      text.element,
      h("div", { class: "actions" }, save, button("Cancel", back)),
      news,
    );
    fill(item, element);
    text.input.focus();
    text.input.select();
  }

  const added = field({
    name: "title",
    label: "New task",
    hideLabel: true,
    input: { placeholder: "What is to be done?", maxlength: maxTitle, autocomplete: "off" },
  });
  // Kept until the task is there: pressing the button again after a failure must not make two.
  let key = newKey();
  added.input.addEventListener("input", () => (key = newKey()));
  const add = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const title = added.input.value.trim();
    if (!title) {
      added.input.focus();
      return;
    }
    try {
      const options = { body: { title }, headers: { "Idempotency-Key": key }, repeatable: true };
      insert(await request("POST", "/v1/tasks", options));
      added.input.value = "";
      key = newKey();
      dismissNotice();
    } catch (error) {
      if (signal.aborted) return;
      added.complain(error instanceof Problem && error.errors[0] ? error.errors[0].detail : explain(error));
    }
  };

  const choices = filters.map(([value, label]) => ({ value, link: h("a", {}, label) }));
  const go = (/** @type {Record<string, string>} */ change) => replace("tasks", { ...filter(), ...change });
  const search = searchField({ signal, label: "Search", found: (q) => go({ q }) });
  const order = h(
    "select",
    { "aria-label": "Order" },
    Object.entries(orders).map(([value, label]) => h("option", { value }, label)),
  );
  order.addEventListener("change", () => go({ order: order.value === "-created" ? "" : order.value }));

  function showFilter() {
    const { done, q, order: by } = filter();
    for (const { value, link } of choices) {
      link.href = address("tasks", { ...filter(), done: value });
      if (value === done) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    order.value = by || "-created";
    if (document.activeElement !== search) search.value = q;
  }

  showFilter();
  void tasks.reload();
  return {
    elements: [
      heading("Tasks"),
      h(
        "form",
        { class: "add", onsubmit: add, "aria-label": "Add a task" },
        added.element,
        h("button", { type: "submit", class: "primary" }, "Add"),
      ),
      h(
        "div",
        { class: "filter", role: "search", "aria-label": "Tasks" },
        h(
          "ul",
          { class: "choices", "aria-label": "Filter" },
          choices.map(({ link }) => h("li", {}, link)),
        ),
        search,
        order,
      ),
      tasks.element,
    ],
    update: (parameters) => {
      query = parameters;
      showFilter();
      void tasks.reload();
    },
  };
}
