/** Commands for tasks. */
import { randomUUID } from "node:crypto";
import { type Command, Option } from "commander";
import { type Answered, answerTo, collect, type Service } from "./api";
import { action, noteCut } from "./context";
import { Failure } from "./failure";
import { limitOption } from "./options";
import { localTime } from "./text";

type Task = Answered<"Task">;

const wholeId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
// Fewer would too often mean another task than the one that was meant.
const partOfId = /^[0-9a-f][0-9a-f-]{3,35}$/;
const shortest = 8;

/** The length to which ids can be cut and still differ. */
export function abbreviation(ids: readonly string[]): number {
  for (let length = shortest; ; length++)
    if (new Set(ids.map((id) => id.slice(0, length))).size === new Set(ids).size) return length;
}

/** The one task whose id begins so. */
async function taskOf({ own }: Service, given: string): Promise<Task> {
  const id = given.toLowerCase();
  if (wholeId.test(id)) {
    const asked = await own.GET("/v1/tasks/{id}", { params: { path: { id } } });
    if (asked.response.status === 404) throw new Failure("missing", `No task of yours has the id ${given}.`);
    return answerTo(Promise.resolve(asked));
  }
  if (!partOfId.test(id))
    throw new Failure(
      "invalid",
      `"${given}" is no task's id: give the first four characters of one, or more.`,
    );
  const { results } = await collect((limit, cursor) =>
    answerTo(own.GET("/v1/tasks", { params: { query: { limit, cursor } } })),
  );
  const [found, ...others] = results.filter((task) => task.id.startsWith(id));
  if (!found) throw new Failure("missing", `No task's id begins with ${given}.`);
  if (others.length > 0) {
    const list = [found, ...others].map((task) => `  ${task.id}  ${task.title}`);
    throw new Failure("invalid", [`These ids begin with ${given}; give more of one:`, ...list].join("\n"));
  }
  return found;
}

/** Has the service refuse if the task is not as it was seen. */
const unchanged = ({ version }: Task) => ({ "If-Match": `"${version}"` });

async function change(service: Service, task: Task, body: { title?: string; done?: boolean }): Promise<Task> {
  return answerTo(
    service.own.PATCH("/v1/tasks/{id}", { params: { path: task, header: unchanged(task) }, body }),
  );
}

const described = ({ id, title, done }: Task) => `${id}  ${title}${done ? "  (done)" : ""}`;

interface ListOptions {
  readonly done?: boolean;
  readonly open?: boolean;
  readonly search?: string;
  readonly order?: "created" | "-created" | "title" | "-title";
  readonly limit: number;
}

interface EditOptions {
  readonly title?: string;
  readonly done?: boolean;
  readonly open?: boolean;
}

/** What `--done` and `--open` say together, of which one at most is there. */
const state = ({ done, open }: { done?: boolean; open?: boolean }) => done ?? (open ? false : undefined);

const doneOption = (meaning: string) => new Option("--done", meaning).conflicts("open");

/** Adds the commands. */
export function addTaskCommands(program: Command): void {
  const tasks = program
    .command("tasks")
    .description("one's tasks; a command takes a task's id or its beginning");

  tasks
    .command("add <title>")
    .description("add a task")
    .action(
      action(async ({ output, service: find }, _options, title: string) => {
        const { own } = await find();
        // By its key the service knows a request that is sent once more.
        const params = { header: { "Idempotency-Key": randomUUID() } };
        const task = await answerTo(own.POST("/v1/tasks", { params, body: { title } }));
        output.show(task, () => output.line(`Added ${described(task)}`));
      }),
    );

  tasks
    .command("list")
    .description("list the tasks, the newest first")
    .addOption(doneOption("only those that are done"))
    .option("--open", "only those that are not")
    .option("--search <text>", "only those with this text in their title")
    .addOption(
      new Option("--order <by>", "another order").choices(["created", "-created", "title", "-title"]),
    )
    .addOption(limitOption())
    .action(
      action(async ({ output, service: find }, options: ListOptions) => {
        const { own } = await find();
        const filter = { done: state(options), q: options.search, order: options.order };
        const { results, isCut } = await collect(
          (limit, cursor) =>
            answerTo(own.GET("/v1/tasks", { params: { query: { ...filter, limit, cursor } } })),
          options.limit,
        );
        const length = abbreviation(results.map(({ id }) => id));
        output.show(results, () =>
          output.list(
            ["ID", "DONE", "CREATED", "TITLE"],
            results.map(({ id, done, title, created_at }) => [
              { text: id.slice(0, length), style: "faint" },
              done ? { text: "yes", style: "good" } : "no",
              localTime(created_at),
              { text: title, style: done ? "faint" : "none" },
            ]),
            "No tasks.",
          ),
        );
        if (isCut) noteCut(options.limit);
      }),
    );

  tasks
    .command("done <id>")
    .description("mark a task as done")
    .action(
      action(async ({ output, service: find }, _options, id: string) => {
        const service = await find();
        const task = await change(service, await taskOf(service, id), { done: true });
        output.show(task, () => output.line(described(task)));
      }),
    );

  tasks
    .command("edit <id>")
    .description("change a task")
    .option("--title <text>", "what it is called")
    .addOption(doneOption("it is done"))
    .option("--open", "it is not done")
    .action(
      action(async ({ output, service: find }, options: EditOptions, id: string) => {
        const body = { title: options.title, done: state(options) };
        if (body.title === undefined && body.done === undefined)
          throw new Failure("invalid", "Nothing to change: give --title, --done or --open.");
        const service = await find();
        const task = await change(service, await taskOf(service, id), body);
        output.show(task, () => output.line(described(task)));
      }),
    );

  tasks
    .command("rm <id>")
    .description("delete a task")
    .action(
      action(async ({ output, service: find }, _options, id: string) => {
        const service = await find();
        const task = await taskOf(service, id);
        await answerTo(
          service.own.DELETE("/v1/tasks/{id}", { params: { path: task, header: unchanged(task) } }),
        );
        output.show(task, () => output.line(`Deleted ${described(task)}`));
      }),
    );
}
