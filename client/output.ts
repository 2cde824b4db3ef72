/** What the client prints: tables and sentences for people, JSON for programs. */
import Table from "cli-table3";
import { createColors } from "picocolors";
import stringWidth from "string-width";
import { printable, printableJson } from "./text";

/** How something is marked on a terminal. */
export type Style = "good" | "bad" | "faint" | "none";

/** One field of a table; a text alone is not marked. */
export type Cell = string | { readonly text: string; readonly style: Style };

/** A terminal, or what stands in for one. */
export interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  hasColors?(): boolean;
  write(text: string): unknown;
}

// What a column is never narrower than, for its text.
const narrowest = 8;
// Between two columns.
const gap = 2;

const bare = Object.fromEntries(
  [
    ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"],
    ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"],
  ].map((name) => [name, ""]),
);

const widest = (texts: readonly string[]) => Math.max(0, ...texts.map((text) => stringWidth(text)));

/** Prints to one place; colours and widths are that place's. */
export class Output {
  private readonly colours;

  constructor(
    private readonly stream: Stream,
    /** Whether programs read it. */
    readonly isJson: boolean,
  ) {
    // Node.js looks at NO_COLOR and TERM.
    this.colours = createColors(stream.isTTY === true && stream.hasColors?.() === true);
  }

  /** One result: a document for programs, and what people are shown instead. */
  show(value: unknown, forPeople: () => void): void {
    if (this.isJson) this.stream.write(`${printableJson(value)}\n`);
    else forPeople();
  }

  line(text: string): void {
    this.stream.write(`${printable(text)}\n`);
  }

  /** Rows under a head, or a sentence if there are none. */
  list(head: readonly string[], rows: readonly (readonly Cell[])[], none: string): void {
    if (rows.length > 0) this.table(head, rows);
    else this.line(none);
  }

  /** Cut to the terminal's width, and never cut where nobody looks at it. */
  private table(head: readonly string[], rows: readonly (readonly Cell[])[]): void {
    const texts = rows.map((row) =>
      row.map((cell) => printable(typeof cell === "string" ? cell : cell.text)),
    );
    const widths = this.fitted(
      head.map((title, column) => widest([title, ...texts.map((row) => row[column] ?? "")])),
    );
    const table = new Table({
      chars: bare,
      colWidths: widths.map((width, column) => width + (column < head.length - 1 ? gap : 0)),
      style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    });
    table.push(head.map((title) => this.colours.bold(title)));
    for (const [index, row] of texts.entries())
      table.push(row.map((text, column) => this.painted(text, rows[index]?.[column])));
    this.stream.write(`${table.toString().replace(/ +$/gm, "")}\n`);
  }

  /** Names and values below each other. */
  facts(facts: Readonly<Record<string, Cell>>): void {
    const width = widest(Object.keys(facts)) + gap;
    for (const [name, cell] of Object.entries(facts)) {
      const text = printable(typeof cell === "string" ? cell : cell.text);
      this.stream.write(`${this.colours.bold(name.padEnd(width))}${this.painted(text, cell)}\n`);
    }
  }

  private painted(text: string, cell: Cell | undefined): string {
    const style = typeof cell === "object" ? cell.style : "none";
    const { green, red, dim } = this.colours;
    return { good: green, bad: red, faint: dim, none: String }[style](text);
  }

  /** Widths of columns that fit the terminal: the widest gives way first. */
  private fitted(natural: readonly number[]): number[] {
    const widths = [...natural];
    const available = (this.stream.isTTY ? this.stream.columns : undefined) ?? Infinity;
    const excess = () => widths.reduce((sum, width) => sum + width + gap, -gap) - available;
    while (excess() > 0) {
      const most = Math.max(...widths);
      if (most <= narrowest) break;
      widths[widths.indexOf(most)] = most - 1;
    }
    return widths;
  }
}
