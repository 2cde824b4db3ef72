/** What a bench found, for its table and for the record that `npm run report` makes a page of. */
import type { RunRecord } from "../report/record";
import { record } from "./records";

export interface Report extends Pick<RunRecord, "title" | "summary" | "goals" | "charts"> {
  /** The bench's. */
  readonly name: string;
}

/** Prints a bench's figures and its goals, and writes the record. */
export function tell({ name, ...run }: Report): void {
  const lines = [`\n${run.title}`, run.summary, ""];
  for (const chart of run.charts)
    if (chart.kind === "bars") {
      lines.push(`| ${chart.title} (${chart.y}) | ${chart.series.join(" | ")} |`);
      lines.push(`|---|${chart.series.map(() => "---:|").join("")}`);
      for (const { label, values } of chart.rows)
        lines.push(`| ${label} | ${values.map((value) => Number(value.toPrecision(3))).join(" | ")} |`);
      lines.push("");
    }
  console.log(lines.join("\n"));
  console.log(goalTable([{ name, ...run }]));
  record(name, run);
}

/** Every goal of some benches, with what was measured. */
export function goalTable(reports: readonly Report[]): string {
  const rows = reports.flatMap(({ name, goals }) =>
    goals.map(({ what, wanted, measured, isHeld }) => [
      name,
      what,
      wanted,
      measured,
      isHeld ? "held" : "missed",
    ]),
  );
  return [["bench", "goal", "wanted", "measured", ""], ["---", "---", "---", "---", "---"], ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}
