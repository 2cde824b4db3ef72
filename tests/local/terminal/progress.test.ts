import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { duration, Progress, shortType } from "../../../local/terminal/progress";

const escapeCode = "\x1b";
const controlType = new RegExp(`${escapeCode}\\[(\\d*)([AKJm])|(\\n)|([^${escapeCode}\\n]+)`, "g");
const redCross = `${escapeCode}[31m✗${escapeCode}[0m one`;

/** A terminal as far as progress uses one: cursor up, carriage return, erase. */
class Terminal {
  readonly isTTY = true;
  readonly rows = 24;
  columns = 60;
  written = "";
  private lines: string[] = [""];
  private row = 0;

  write(text: string): boolean {
    this.written += text;
    for (const [, escape, count, newline, rest] of text.matchAll(controlType)) {
      if (newline) {
        this.row++;
        this.lines[this.row] ??= "";
      } else if (count === "A") {
        this.row -= Number(escape || 1);
        assert.ok(this.row >= 0, "the cursor left the screen");
      } else if (count === "J") {
        this.lines.length = this.row + 1;
        this.lines[this.row] = "";
      } else if (rest !== undefined) {
        const line = rest.replace(/\r/g, "");
        this.lines[this.row] = rest.startsWith("\r") ? line : (this.lines[this.row] ?? "") + line;
      }
    }
    return true;
  }

  get screen(): string[] {
    return this.lines.filter((line, index) => line !== "" || index < this.lines.length - 1);
  }
}

describe("progress", () => {
  let clock = 0;
  const pass = (seconds: number) => {
    for (let tenths = Math.round(seconds * 10); tenths > 0; tenths--) {
      clock += 100;
      mock.timers.tick(100);
    }
  };
  beforeEach(() => {
    clock = 0;
    mock.timers.enable({ apis: ["setInterval"] });
  });
  afterEach(() => mock.timers.reset());

  describe("without a terminal", () => {
    const start = () => {
      let written = "";
      const screen = { write: (text: string) => (written += text) };
      return {
        progress: new Progress({ screen, env: {}, now: () => clock }),
        lines: () => written.split("\n").slice(0, -1),
      };
    };

    it("is a line a step, and no control characters", () => {
      const { progress, lines } = start();
      const step = progress.begin("local-db", "ec2.Instance", "creating");
      pass(0.4);
      step.done("created");
      progress.begin("quick").done();
      progress.close();
      assert.deepEqual(lines(), ["✓ local-db  ec2.Instance  created  0.4 s", "✓ quick  0.0 s"]);
    });

    it("tells what failed from what was stopped because of it", async () => {
      const { progress, lines } = start();
      const stop = new AbortController();
      const stopped = progress.during("other", () => Promise.reject(new Error("aborted")), stop.signal);
      stop.abort();
      await assert.rejects(stopped);
      await assert.rejects(progress.during("one", () => Promise.reject(new Error("bad")), undefined));
      progress.close();
      assert.deepEqual(lines(), ["– other  stopped  0.0 s", "✗ one  failed  0.0 s", "    bad"]);
    });

    it("tells of long steps now and then", () => {
      const { progress, lines } = start();
      const step = progress.begin("local-gate", "lambda.Invocation", "creating");
      pass(70);
      step.update("waiting for the host");
      pass(22);
      step.failed(new Error("first line\nsecond line"));
      progress.close();
      assert.deepEqual(lines(), [
        "… local-gate  lambda.Invocation  creating",
        "… local-gate  lambda.Invocation  creating  31 s",
        "… local-gate  lambda.Invocation  creating  1 min 1 s",
        "… local-gate  lambda.Invocation  waiting for the host  1 min 31 s",
        "✗ local-gate  lambda.Invocation  failed  1 min 32 s",
        "    first line",
      ]);
    });
  });

  describe("on a terminal", () => {
    const start = (env: NodeJS.ProcessEnv = { NO_COLOR: "1" }) => {
      const terminal = new Terminal();
      return { terminal, progress: new Progress({ screen: terminal, env, now: () => clock }) };
    };

    it("keeps what has ended above what is under way", () => {
      const { terminal, progress } = start();
      const first = progress.begin("one", "", "creating");
      const second = progress.begin("two", "", "creating");
      pass(2);
      assert.deepEqual(
        terminal.screen.map((line) => line.slice(2)),
        ["one  creating  2.0 s", "two  creating  2.0 s"],
      );
      first.done("created");
      progress.print("a note");
      pass(1);
      assert.deepEqual(
        terminal.screen.map((line) => line.replace(/^[⠁-⣿] /, "")),
        ["✓ one  created  2.0 s", "a note", "two  creating  3.0 s"],
      );
      second.done("created");
      progress.close();
      assert.deepEqual(terminal.screen, ["✓ one  created  2.0 s", "a note", "✓ two  created  3.0 s"]);
    });

    it("fits the width, whatever the names", () => {
      const { terminal, progress } = start();
      progress.begin("x".repeat(200), "some.Type", "creating");
      for (const columns of [60, 20, 10]) {
        terminal.columns = columns;
        pass(0.2);
        for (const line of terminal.screen) assert.ok(line.length < columns, `${line.length} in ${columns}`);
      }
      progress.close();
    });

    it("shows a bounded number of running steps", () => {
      const { terminal, progress } = start();
      for (let index = 0; index < 40; index++) progress.begin(`step ${index}`);
      pass(0.1);
      assert.equal(terminal.screen.length, 12);
      assert.match(terminal.screen[11] ?? "", /and 29 more/);
      progress.close();
      assert.deepEqual(terminal.screen, []);
    });

    it("keeps others' output out of its lines", () => {
      const { terminal, progress } = start();
      const other = { write: (text: string) => terminal.write(text) };
      const undo = progress.share(other);
      progress.begin("one", "", "creating");
      pass(0.2);
      other.write("warning: something\n");
      pass(0.2);
      undo();
      assert.equal(terminal.screen[0], "warning: something");
      assert.match(terminal.screen[1] ?? "", /one {2}creating/);
      progress.close();
    });

    it("has colours unless NO_COLOR is set, and no live lines in CI or on a dumb terminal", () => {
      const coloured = start({});
      coloured.progress.begin("one").failed(new Error("x"));
      assert.ok(coloured.terminal.written.includes(redCross));
      const plain = start();
      plain.progress.begin("one").failed(new Error("x"));
      assert.doesNotMatch(plain.terminal.written, /\[\d+m/);
      for (const env of [{ CI: "true" }, { TERM: "dumb" }]) {
        const quiet = start(env);
        quiet.progress.begin("one");
        pass(0.5);
        assert.equal(quiet.terminal.written, "");
        quiet.progress.close();
      }
      coloured.progress.close();
      plain.progress.close();
    });
  });

  it("reads durations and types as people do", () => {
    assert.deepEqual([0.04, 9.9, 9.97, 59.4, 59.6, 200].map(duration), [
      "0.0 s",
      "9.9 s",
      "10 s",
      "59 s",
      "1 min 0 s",
      "3 min 20 s",
    ]);
    assert.equal(shortType("aws:ec2/vpc:Vpc"), "ec2.Vpc");
    assert.equal(shortType("random:index/randomId:RandomId"), "RandomId");
  });
});
