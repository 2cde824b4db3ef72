import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { bin, password, start, type User } from "./support";

/** Runs a command at a terminal of util-linux's making, where somebody types an answer to each thing that is shown. */
async function atTerminal(
  { folder, env }: User,
  command: string,
  answers: readonly (readonly [question: RegExp, typed: string])[],
  more: NodeJS.ProcessEnv = {},
): Promise<{ status: number | null; seen: string }> {
  const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    cwd: folder,
    env: { ...env, TERM: "xterm-256color", SHELL: "/bin/sh", ...more },
    stdio: ["pipe", "pipe", "inherit"],
    // What is never shown is not waited for.
    timeout: 60_000,
  });
  const waiting = [...answers];
  let seen = "";
  let unanswered = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    seen += chunk;
    unanswered += chunk;
    const [question, typed] = waiting[0] ?? [];
    if (!question?.test(unanswered)) return;
    waiting.shift();
    unanswered = "";
    child.stdin.write(typed ?? "");
  });
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
  child.stdin.destroy();
  assert.deepEqual(waiting, [], `not asked for: ${seen}`);
  return { status, seen };
}

const escape = "\u001b";
const client = `'${process.execPath}' '${bin}'`;

describe("at a terminal", () => {
  it("passwords are asked for, and not shown", async (t) => {
    const { service, user } = await start(t);
    const { status, seen } = await atTerminal(user, `${client} signup ada`, [
      [/New password/, `${password}\r`],
      [/The same again/, `${password}\r`],
    ]);
    assert.equal(status, 0, seen);
    assert.match(seen, /Signed in to/);
    for (let length = 3; length <= password.length; length++)
      assert.ok(!seen.includes(password.slice(0, length)), seen);
    assert.equal(service.accounts.get("ada")!.password, password);
  });

  it("a new password that was typed in two ways changes nothing", async (t) => {
    const { service, user } = await start(t);
    const { status, seen } = await atTerminal(user, `${client} signup ada`, [
      [/New password/, `${password}\r`],
      [/The same again/, `${password}s\r`],
    ]);
    assert.equal(status, 2);
    assert.match(seen, /passwords differ/);
    assert.equal(service.asked.length, 0);
  });

  it("the old and the new password are asked for", async (t) => {
    const { service, user } = await start(t);
    service.add("ada", password);
    await user.signIn("ada");
    const { status, seen } = await atTerminal(user, `${client} passwd`, [
      [/Present password/, `${password}\r`],
      [/New password/, "sixty-six tulips\r"],
      [/The same again/, "sixty-six tulips\r"],
    ]);
    assert.equal(status, 0, seen);
    assert.equal(service.accounts.get("ada")!.password, "sixty-six tulips");
  });

  it("Ctrl-C at a question ends the client as shells count it", async (t) => {
    const { service, user } = await start(t);
    const { status, seen } = await atTerminal(user, `${client} signin ada`, [[/Password/, "\u0003"]]);
    assert.equal(status, 130);
    assert.doesNotMatch(seen, /Error/);
    assert.equal(service.asked.length, 0);
  });

  it("there are colours, unless NO_COLOR is set", async (t) => {
    const { user } = await start(t);
    assert.ok((await atTerminal(user, `${client} health`, [])).seen.includes(escape));
    assert.ok(!(await atTerminal(user, `${client} health`, [], { NO_COLOR: "1" })).seen.includes(escape));
  });
});

describe("completion", () => {
  // Bash lists what could follow at the second tabulator only.
  for (const [shell, load, tabs] of [
    ["bash --norc", ". /usr/share/bash-completion/bash_completion; . <(django-on-ec2 complete bash)", "\t\t"],
    ["zsh --no-rcs", "autoload -U compinit; compinit -u -D; . <(django-on-ec2 complete zsh)", "\t"],
  ] as const)
    it(`by ${shell} is asked of the client`, async (t) => {
      const { user } = await start(t);
      symlinkSync(bin, join(user.folder, "django-on-ec2"));
      const leave = "\u0015exit\r";
      await atTerminal(
        user,
        shell,
        [
          [/ready> /, `${load}\r`],
          [/ready> /, `django-on-ec2 tasks ${tabs}`],
          [/add[^]*list[^]*rm/, leave],
        ],
        { PATH: `${user.folder}:${process.env["PATH"]}`, PS1: "ready> " },
      );
    });

  it("by fish is asked of the client", async (t) => {
    const { user } = await start(t);
    symlinkSync(bin, join(user.folder, "django-on-ec2"));
    const script = 'django-on-ec2 complete fish | source; complete --do-complete "django-on-ec2 tasks "';
    const env = { ...user.env, PATH: `${user.folder}:${process.env["PATH"]}` };
    const { stdout } = await promisify(execFile)("fish", ["--no-config", "--command", script], { env });
    assert.match(stdout, /^add\tadd a task\n[^]*^list\t[^]*^rm\t/m);
  });
});
