import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { exitStatus } from "../../client/failure";
import { FakeService } from "./fakeService";
import { bin, password, start, User } from "./support";

const root = join(__dirname, "..", "..");
const parsed = (text: string) => JSON.parse(text) as unknown;

describe("the commands of a user", () => {
  let service: FakeService;
  let user: User;
  before(async () => {
    service = await new FakeService().start();
    user = await User.at(service);
    service.add("ada", password);
    await user.signIn("ada");
  });
  after(async () => {
    await service.stop();
    await user.remove();
  });
  beforeEach(() => {
    service.accounts.get("ada")!.tasks = [];
    service.asked.length = 0;
  });
  const ada = () => service.accounts.get("ada")!;

  it("sign up, and in with it; the password is a line of standard input", async (t) => {
    const { user: other, service: its } = await start(t);
    for (const end of ["\n", "\r\n", ""]) {
      const run = await other.spawn(["signup", "bob"], { input: password + end });
      assert.deepEqual(run, { status: 0, stdout: `Signed in to ${its.url} as bob.\n`, stderr: "" });
    }
    const { stdout } = await other.run(["whoami", "--json"]);
    assert.equal((parsed(stdout) as { login: string }).login, "bob");
    assert.match((await other.run(["whoami"])).stdout, /^login {4}bob\nrole {5}user\n/);
  });

  it("want as many lines as they have questions", async () => {
    for (const [args, input, wanted] of [
      [["signin", "ada"], "", "one line: password"],
      [["signin", "ada"], "a\nb\n", "one line: password"],
      [["signup", "eve"], "\n", "one line: new password"],
      [["passwd"], "a\n", "2 lines: present password, new password"],
    ] as const) {
      const { status, stderr } = await user.run(args, { input });
      assert.equal(status, 2);
      assert.equal(stderr, `Standard input must be ${wanted}.\n`);
    }
    assert.equal(service.asked.length, 0);
  });

  it("take no password as an argument", async () => {
    for (const args of [
      ["signin", "ada", password],
      ["signin", "ada", "--password", password],
    ])
      assert.equal((await user.run(args, { input: password })).status, 2);
    assert.equal(service.asked.length, 0);
  });

  it("add a task once, even if the answer is lost", async () => {
    service.faults.push({ on: "POST /v1/tasks", fault: "cut after" });
    const { status, stdout } = await user.run(["tasks", "add", "Water them", "--json"]);
    assert.equal(status, 0);
    assert.deepEqual(ada().tasks, [parsed(stdout)]);
    const keys = service.requests("POST", "/v1/tasks").map(({ headers }) => headers["idempotency-key"]);
    assert.equal(keys.length, 2);
    assert.equal(new Set(keys).size, 1);
  });

  it("list tasks for people and for programs", async () => {
    const id = "01890a5d-ac96-774b-bcce-b302099a8057";
    service.addTask(ada(), "Water \u001b[2J them", id);
    const { stdout } = await user.run(["tasks", "list"]);
    assert.equal(
      stdout,
      "ID        DONE  CREATED           TITLE\n01890a5d  no    " +
        `${ada().tasks[0]!.created_at.slice(0, 16).replace("T", " ")}  Water \\u001b[2J them\n`,
    );
    assert.deepEqual(parsed((await user.run(["tasks", "list", "--json"])).stdout), ada().tasks);
  });

  it("show as much of an id as tells tasks apart", async () => {
    service.addTask(ada(), "First", "01890a5d-ac96-774b-bcce-b302099a8057");
    service.addTask(ada(), "Second", "01890a5d-ac97-774b-bcce-b302099a8057");
    const { stdout } = await user.run(["tasks", "list"]);
    assert.match(stdout, /^01890a5d-ac97 .* Second\n01890a5d-ac96 .* First\n$/m);
  });

  it("list a part of the tasks, over several pages if need be, and say that there are more", async () => {
    for (let count = 0; count < 130; count++) service.addTask(ada(), `Task ${count}`);
    const { stdout, stderr } = await user.run(["tasks", "list", "--json", "--limit", "120"]);
    assert.deepEqual(parsed(stdout), ada().tasks.slice(0, 120));
    assert.match(stderr, /more than 120/);
    assert.deepEqual(
      service.requests("GET", "/v1/tasks").map(({ url }) => url.searchParams.get("limit")),
      ["100", "20"],
    );
    const all = await user.run(["tasks", "list", "--json", "--limit", "130"]);
    assert.equal((parsed(all.stdout) as unknown[]).length, 130);
    assert.equal(all.stderr, "");
  });

  it("have the service filter and order", async () => {
    await user.run(["tasks", "list", "--done", "--search", "a b", "--order", "-title"]);
    await user.run(["tasks", "list", "--open"]);
    assert.deepEqual(
      service.requests("GET", "/v1/tasks").map(({ url }) => Object.fromEntries(url.searchParams)),
      [
        { done: "true", q: "a b", order: "-title", limit: "50" },
        { done: "false", limit: "50" },
      ],
    );
    assert.equal((await user.run(["tasks", "list", "--done", "--open"])).status, 2);
  });

  for (const given of ["the whole id", "its beginning"])
    it(`finish, change and remove a task by ${given}, if nobody else has changed it`, async () => {
      const task = service.addTask(ada(), "Water them");
      service.addTask(ada(), "Another", `${task.id.startsWith("0") ? "1" : "0"}${task.id.slice(1)}`);
      const id = given === "the whole id" ? task.id.toUpperCase() : task.id.slice(0, 4);
      const path = `/v1/tasks/${task.id}`;
      assert.equal((await user.run(["tasks", "done", id])).stdout, `${task.id}  Water them  (done)\n`);
      const edited = await user.run(["tasks", "edit", id, "--title", "Feed them", "--open"]);
      assert.equal(edited.stdout, `${task.id}  Feed them\n`);
      assert.deepEqual(
        service.requests("PATCH", path).map(({ body, headers }) => [body, headers["if-match"]]),
        [
          [{ done: true }, '"1"'],
          [{ title: "Feed them", done: false }, '"2"'],
        ],
      );
      assert.equal((await user.run(["tasks", "rm", id])).stdout, `Deleted ${task.id}  Feed them\n`);
      assert.equal(service.requests("DELETE", path)[0]!.headers["if-match"], '"3"');
      assert.equal(ada().tasks.length, 1);
    });

  it("change nothing that has changed meanwhile, or that is not there", async () => {
    const task = service.addTask(ada(), "Water them");
    const fault = { status: 412, body: { detail: "The task has changed." } };
    for (const [method, ...args] of [
      ["PATCH", "done", task.id],
      ["DELETE", "rm", task.id],
    ]) {
      service.faults.push({ on: `${method} /v1/tasks/${task.id}`, fault });
      assert.deepEqual(await user.run(["tasks", ...args]), {
        status: 6,
        stdout: "",
        stderr: "The task has changed.\n",
      });
    }
    const unknown = await user.run(["tasks", "done", "00000000-0000-4000-8000-000000000000"]);
    assert.equal(unknown.status, 5);
    assert.equal(unknown.stderr, "No task of yours has the id 00000000-0000-4000-8000-000000000000.\n");
    assert.equal((await user.run(["tasks", "done", task.id.startsWith("0000") ? "1111" : "0000"])).status, 5);
  });

  it("do not guess which task is meant", async () => {
    service.addTask(ada(), "First", "01890a5d-ac96-774b-bcce-b302099a8057");
    service.addTask(ada(), "Second", "01890a5d-ac97-774b-bcce-b302099a8057");
    const { status, stderr } = await user.run(["tasks", "rm", "01890a5d"]);
    assert.equal(status, 2);
    assert.match(stderr, /begin with 01890a5d; give more of one:\n.*ac97\S+ {2}Second\n.*ac96\S+ {2}First\n/);
    for (const id of ["018", "Water", "../x", "01890a5d-ac96-774b-bcce-b302099a8057-1"]) {
      const run = await user.run(["tasks", "rm", id]);
      assert.equal(run.status, 2);
      assert.ok(run.stderr.startsWith(`"${id}" is no task's id: give the first four`), run.stderr);
    }
    assert.equal((await user.run(["tasks", "edit", "01890a5d"])).status, 2);
    assert.equal(ada().tasks.length, 2);
  });

  it("show what has happened", async () => {
    service.events = [
      {
        ...{ id: "1", at: "2026-01-31T12:00:00Z", event: "fleet.resized", account: "a1", object: "web" },
        ...{ client: "192.0.2.1", request: "r", host: "i-1", details: { from: 2, to: 3, by: "a\u001b1" } },
      },
    ];
    assert.equal(
      (await user.run(["activity"])).stdout,
      [
        "WHEN              EVENT          ACCOUNT  OBJECT  CLIENT     DETAILS",
        "2026-01-31 12:00  fleet.resized  a1       web     192.0.2.1  from=2 to=3 by=a\\u001b1",
        "",
      ].join("\n"),
    );
    const filter = {
      event: "x.y",
      object: "o",
      since: "2026-01-01T00:00:00Z",
      until: "2026-02-01T00:00:00Z",
    };
    await user.run([
      "activity",
      "--everyone",
      ...Object.entries({ ...filter, account: "a2" }).flatMap(([name, value]) => [`--${name}`, value]),
    ]);
    assert.deepEqual(Object.fromEntries(service.requests("GET", "/v1/activity")[1]!.url.searchParams), {
      ...{ ...filter, account: "a2" },
      everyone: "true",
      limit: "50",
    });
  });
});

describe("the commands of an operator", () => {
  it("show and set the fleet's size", async (t) => {
    const { service, user } = await start(t);
    service.add("admin", password, "admin");
    await user.signIn("admin");
    assert.match((await user.run(["fleet", "show"])).stdout, /^desired {2}2\nlimits {3}2 to 4\n[^]*i-1/m);
    service.faults.push({ on: "PUT /v1/fleet", fault: "cut" });
    const { stdout } = await user.run(["fleet", "set", "3", "--json"]);
    assert.deepEqual(parsed(stdout), service.fleet);
    assert.equal(service.fleet.desired, 3);
    for (const size of ["-1", "many", "1.5", "9"])
      assert.equal((await user.run(["fleet", "set", size])).status, 2);
  });

  it("list, lock and unlock accounts by login", async (t) => {
    const { service, user } = await start(t);
    service.add("admin", password, "admin");
    for (const login of ["ada", "adam", "bob"]) service.add(login, password);
    await user.signIn("admin");
    const logins = (text: string) => text.split("\n").map((line) => line.split(" ")[0]);
    assert.deepEqual(logins((await user.run(["accounts", "list"])).stdout).slice(1, -1), [
      ...["ada", "adam", "admin", "bob"],
    ]);
    assert.deepEqual(logins((await user.run(["accounts", "list", "ad"])).stdout).slice(1, -1), [
      ...["ada", "adam", "admin"],
    ]);
    const { stdout } = await user.run(["accounts", "lock", "Ada"]);
    assert.equal(stdout, `Locked ada (${service.accounts.get("ada")!.id}).\n`);
    assert.deepEqual(
      [...service.accounts.values()].filter(({ locked }) => locked).map(({ login }) => login),
      ["ada"],
    );
    await user.run(["accounts", "unlock", "ada"]);
    assert.equal(service.accounts.get("ada")!.locked, false);
    // Not what merely begins so, and not an id, which could be another's login.
    for (const login of ["adamant", "bo", service.accounts.get("bob")!.id])
      assert.equal((await user.run(["accounts", "lock", login])).status, 5);
    assert.equal((await user.run(["accounts", "lock", "admin"])).status, 6);
  });

  it("tell the service's health, to whoever is not signed in as well", async (t) => {
    const { service, user } = await start(t);
    assert.deepEqual(await user.run(["health"]), {
      status: 0,
      stdout: "CHECK     STATE  REASON\naccounts  ok\ndatabase  ok\n",
      stderr: "",
    });
    service.ready = false;
    const { status, stdout } = await user.run(["health"]);
    assert.equal(status, 7);
    assert.match(stdout, /database {2}failed {2}OperationalError/);
    service.faults.push({ on: "GET /readyz", fault: { status: 503, body: "<html>No server</html>" } });
    assert.equal((await user.run(["health"])).status, 7);
  });
});

describe("the exit status", () => {
  const problem = (status: number) => ({ status, body: { detail: `As ${status} says.` } });
  for (const [status, expected] of [
    [400, "invalid"],
    [401, "signedOut"],
    [403, "refused"],
    [404, "missing"],
    [409, "conflict"],
    [412, "conflict"],
    [413, "invalid"],
    [422, "invalid"],
    [429, "tooMany"],
    [500, "fault"],
    [503, "unavailable"],
  ] as const)
    it(`is ${exitStatus[expected]} when the service answers ${status}`, async (t) => {
      const { service, user } = await start(t);
      service.faults.push({ on: "POST /v1/signin", fault: problem(status) });
      const run = await user.run(["signin", "ada"], { input: password });
      assert.deepEqual(run, { status: exitStatus[expected], stdout: "", stderr: `As ${status} says.\n` });
    });

  it("comes with every reason of the service, and no character of it that steers", async (t) => {
    const { service, user } = await start(t);
    const body = {
      detail: "Not valid.\u001b[2J",
      errors: [{ field: "password", code: "password_length", detail: "Too short." }],
    };
    service.faults.push({ on: "POST /v1/signup", fault: { status: 400, body } });
    const { stderr } = await user.run(["signup", "ada"], { input: password });
    assert.equal(stderr, "Not valid.\\u001b[2J\n  password: Too short.\n");
  });

  it("comes with the time after which to try again", async (t) => {
    const { service, user } = await start(t);
    const fault = { ...problem(429), headers: { "retry-after": "30" } };
    service.faults.push({ on: "POST /v1/signin", fault });
    const { stderr } = await user.run(["signin", "ada"], { input: password });
    assert.equal(stderr, "As 429 says.\nTry again in 30 s.\n");
  });

  it("is 7 when nobody is there, and the message says who was asked", async (t) => {
    const { service, user } = await start(t);
    await service.stop();
    const { status, stderr } = await user.spawn(["signin", "ada"], { input: password });
    assert.equal(status, 7);
    assert.match(stderr, new RegExp(`^The service at ${service.url} is away: connect ECONNREFUSED.*\\n$`));
  });

  it("is 1 when what answers is not the service, and 2 when the service is elsewhere", async (t) => {
    const { service, user } = await start(t);
    const headers = { "content-type": "text/html" };
    service.faults.push({ on: "POST /v1/signin", fault: { status: 200, headers, body: "<html></html>" } });
    const { status, stderr } = await user.run(["signin", "ada"], { input: password });
    assert.equal(status, 1);
    assert.match(stderr, /not of this API/);
    const moved = { status: 301, headers: { location: "https://tasks.invalid/v1/signin" } };
    service.faults.push({ on: "POST /v1/signin", fault: moved });
    const run = await user.run(["signin", "ada"], { input: password });
    assert.equal(run.status, 2);
    assert.equal(run.stderr, "The service is elsewhere: --url https://tasks.invalid\n");
    assert.equal(service.asked.length, 2);
  });

  it("is 2 for a command line that is not valid, and 0 for help", async (t) => {
    const { user } = await start(t);
    for (const args of [[], ["taks"], ["tasks"], ["tasks", "add"], ["tasks", "list", "--all"]])
      assert.equal((await user.run(args)).status, 2, args.join(" "));
    for (const limit of ["0", "-1", "x"])
      assert.equal((await user.run(["tasks", "list", "--limit", limit])).status, 2);
    const { status, stdout } = await user.run(["tasks", "list", "--help"]);
    assert.equal(status, 0);
    assert.match(stdout, /--order <by>[^]*--url <url>[^]*--json/);
  });

  it("is 0 for the version, which is the package's", async (t) => {
    const { user } = await start(t);
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    assert.deepEqual(await user.run(["--version"]), { status: 0, stdout: `${version}\n`, stderr: "" });
  });

  it("is told by docs/client.md", () => {
    const page = readFileSync(join(root, "docs/client.md"), "utf8");
    const told = [...page.matchAll(/^\| +(\d+) +\|/gm)].map(([, status]) => Number(status));
    assert.deepEqual(told, [0, ...Object.values(exitStatus)]);
  });
});

describe("the package's command", () => {
  it("runs by its link, as npm makes it, and ends quietly when its reader does", async (t) => {
    const { service, user } = await start(t);
    const ada = service.add("ada", password);
    for (let count = 0; count < 500; count++) service.addTask(ada, "x".repeat(200));
    await user.signIn("ada");
    const link = join(user.folder, "django-on-ec2");
    symlinkSync(bin, link);
    const command = `set -o pipefail; "${link}" tasks list --json --limit 500 | head -c 20`;
    const child = spawn("bash", ["-c", command], { cwd: user.folder, env: user.env });
    let printed = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => (printed += chunk));
    await new Promise((resolve) => child.once("close", resolve));
    assert.match(printed, /^\[\n {2}\{\n {4}"id": "\w*$/);
  });

  it("has colours on no pipe", async (t) => {
    const { user } = await start(t);
    const { stdout } = await user.spawn(["health"], { env: { CI: "true", TERM: "xterm-256color" } });
    assert.ok(!stdout.includes("\u001b"));
  });

  it("completes commands, options and their values", async (t) => {
    const { user } = await start(t);
    const completed = async (...words: string[]) =>
      (await user.run(["complete", "--", ...words])).stdout.split("\n").map((line) => line.split("\t")[0]);
    assert.ok((await completed("ta")).includes("tasks"));
    assert.deepEqual((await completed("tasks", "")).slice(0, 5), ["add", "list", "done", "edit", "rm"]);
    assert.ok((await completed("tasks", "list", "--")).includes("--order"));
    assert.deepEqual((await completed("tasks", "list", "--order", "")).slice(0, 2), ["created", "-created"]);
    for (const shell of ["bash", "zsh", "fish"])
      assert.match((await user.run(["complete", shell])).stdout, /django-on-ec2/);
  });
});
