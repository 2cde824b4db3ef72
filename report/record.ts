/** What a run of a bench or of a fault leaves behind: figures that `npm run report` makes a page of. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import * as z from "zod/mini";

const figure = z.number();
const line = z.strictObject({ name: z.string(), points: z.array(z.tuple([figure, figure])) });
const mark = z.strictObject({ x: figure, label: z.string() });

/** Values over time, or over anything else that is a number. */
const linesChart = z.strictObject({
  kind: z.literal("lines"),
  title: z.string(),
  /** What is on the axes, with the unit: `seconds`, `requests/s`. */
  x: z.string(),
  y: z.string(),
  series: z.array(line),
  /** What happened when. */
  marks: z.array(mark),
});

/** Values side by side: for each row one of each series. */
const barsChart = z.strictObject({
  kind: z.literal("bars"),
  title: z.string(),
  y: z.string(),
  series: z.array(z.string()),
  rows: z.array(z.strictObject({ label: z.string(), values: z.array(figure) })),
});

/** What was to be reached, and whether it was. */
const goal = z.strictObject({
  what: z.string(),
  wanted: z.string(),
  measured: z.string(),
  isHeld: z.boolean(),
});

const record = z.strictObject({
  title: z.string(),
  /** What was done, in a sentence or two. */
  summary: z.string(),
  /** When it began, as ISO 8601 has it. */
  startedAt: z.string(),
  /** Where, and with what: whatever the figures depend on. */
  circumstances: z.record(z.string(), z.string()),
  goals: z.array(goal),
  charts: z.array(z.discriminatedUnion("kind", [linesChart, barsChart])),
});

export type LinesChart = z.output<typeof linesChart>;
export type BarsChart = z.output<typeof barsChart>;
/** A run. */
export type RunRecord = z.output<typeof record>;

/** Reads a record, or throws one error that says what is wrong with it. */
export function readRecord(text: string, name: string): RunRecord {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new Error(`${name} is no JSON: ${(error as Error).message}`, { cause: error });
  }
  const { data, error } = record.safeParse(content);
  if (data) {
    const uneven = data.charts.find(
      (chart) =>
        chart.kind === "bars" && chart.rows.some(({ values }) => values.length !== chart.series.length),
    );
    if (!uneven) return data;
    throw new Error(
      `${name} is no record of a run: the chart "${uneven.title}" has rows without a value for each series`,
    );
  }
  const [issue] = error.issues;
  throw new Error(`${name} is no record of a run: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`);
}

/** Writes a record where a file is named. */
export function writeRecord(run: RunRecord, file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(run, undefined, 2)}\n`);
}
