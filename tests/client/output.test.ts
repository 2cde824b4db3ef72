import assert from "node:assert/strict";
import { describe, it } from "node:test";
import stringWidth from "string-width";
import { type Cell, Output, type Stream } from "../../client/output";

function printed(stream: Partial<Stream>, print: (output: Output) => void, isJson = false): string {
  let text = "";
  print(new Output({ ...stream, write: (chunk) => (text += chunk) }, isJson));
  return text;
}

const head = ["ID", "TITLE"];
const rows: Cell[][] = [
  ["1", { text: "Water them all, every single day of the year", style: "faint" }],
  ["22", "給水給水給水給水給水給水給水給水給水"],
];
const list = (output: Output) => output.list(head, rows, "None.");
const escape = "\u001b";

describe("a table", () => {
  it("is whole and plain where no terminal is", () => {
    const lines = printed({ columns: 10, hasColors: () => true }, list).split("\n");
    assert.deepEqual(lines, [
      "ID  TITLE",
      "1   Water them all, every single day of the year",
      "22  給水給水給水給水給水給水給水給水給水",
      "",
    ]);
  });

  it("is as wide as the terminal at most, whatever the letters' width", () => {
    const lines = printed({ isTTY: true, columns: 24, hasColors: () => false }, list).split("\n");
    assert.deepEqual(
      lines.map((line) => stringWidth(line) <= 24),
      [true, true, true, true],
    );
    assert.match(lines[1]!, /^1 {3}Water them all, ev\S*…$/);
  });

  it("has colours on a terminal that has them, and nowhere else", () => {
    assert.ok(printed({ isTTY: true, hasColors: () => true }, list).includes(escape));
    for (const stream of [
      { isTTY: true, hasColors: () => false },
      { isTTY: false, hasColors: () => true },
    ])
      assert.ok(!printed(stream, list).includes(escape));
  });

  it("never has a raw control character of a cell", () => {
    const text = printed({ isTTY: true, hasColors: () => false }, (output) => {
      output.list(["A"], [[`${escape}[2J`], ["\u009b\n"]], "None.");
      output.facts({ name: `${escape}c` });
      output.line(`${escape}c`);
    });
    assert.ok(!text.includes(escape));
    assert.match(text, /\\u009b\\u000a/);
  });

  it("is a sentence if it is empty", () => {
    assert.equal(
      printed({}, (output) => output.list(head, [], "None.")),
      "None.\n",
    );
  });
});

describe("a result", () => {
  it("is for people or for programs, never for both", () => {
    const show = (output: Output) => output.show({ id: 1 }, () => output.line("One."));
    assert.equal(printed({}, show), "One.\n");
    assert.equal(printed({}, show, true), '{\n  "id": 1\n}\n');
  });
});
