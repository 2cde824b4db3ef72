/** A page of runs that needs nothing but itself: no script, no font, no picture from elsewhere. */
import { bars, escape, legend, lines, shown } from "./charts";
import type { RunRecord } from "./record";

/** Colours that people with any kind of sight tell apart (Okabe and Ito); darker on white, for paper. */
const style = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --soft: #59636e; --rule: #d5dae0;
  --s0: #0072b2; --s1: #d55e00; --s2: #00805f; --s3: #b0568c; --s4: #8a6d00; --s5: #3f7ea6; --held: #00693e; --missed: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e8ebee; --soft: #9aa4af; --rule: #343b44;
  --s0: #56b4e9; --s1: #ff9d5c; --s2: #3ecf9f; --s3: #e5a0cb; --s4: #e6c84b; --s5: #9ccbe8; --held: #59d499; --missed: #ff8a80; } }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --rule: #bbb;
  --s0: #0072b2; --s1: #d55e00; --s2: #00805f; --s3: #b0568c; --s4: #8a6d00; --s5: #3f7ea6; --held: #00693e; --missed: #b3261e; }
  figure, table { break-inside: avoid; } section + section { break-before: page; } }
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 800px; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 0.5rem; } p.when, dl { color: var(--soft); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; font-size: 0.9rem; } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; } th, td { border-bottom: 1px solid var(--rule); padding: 0.3rem 0.5rem; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } .held { color: var(--held); } .missed { color: var(--missed); font-weight: 600; }
figure { margin: 0; } svg { width: 100%; height: auto; } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; } svg .value { fill: var(--ink); font-size: 11px; }
.grid { stroke: var(--rule); stroke-width: 1; } .mark { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 3; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
${[0, 1, 2, 3, 4, 5].map((index) => `.line.series-${index} { stroke: var(--s${index}); } .bar.series-${index} { fill: var(--s${index}); } .legend .series-${index}::before { background: var(--s${index}); }`).join("\n")}
.line.series-1 { stroke-dasharray: 7 4; } .line.series-2 { stroke-dasharray: 2 3; } .line.series-3 { stroke-dasharray: 10 3 2 3; }
.legend { display: flex; flex-wrap: wrap; gap: 0 1.2rem; list-style: none; margin: 0; padding: 0; font-size: 0.85rem; }
.legend li::before { content: ""; display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.4em; print-color-adjust: exact; }
ol.marks { font-size: 0.85rem; color: var(--soft); columns: 2; } details { font-size: 0.9rem; }
`;

const cells = (values: readonly string[], tag = "td") =>
  values.map((value) => `<${tag}>${value}</${tag}>`).join("");

function goals(run: RunRecord): string {
  if (run.goals.length === 0) return "";
  const rows = run.goals.map(
    ({ what, wanted, measured, isHeld }) =>
      `<tr>${cells([what, wanted, measured].map(escape))}<td class="${isHeld ? "held" : "missed"}">${isHeld ? "held" : "missed"}</td></tr>`,
  );
  return `<h2>Goals</h2><table><thead><tr>${cells(["goal", "wanted", "measured", ""], "th")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

/** The figures as they are, for whoever sees no chart or wants to count. */
function figures(head: readonly string[], rows: readonly (readonly [string, ...number[]])[]): string {
  const body = rows.map(
    ([label, ...values]) =>
      `<tr><td>${escape(label)}</td>${values.map((value) => `<td class="number">${shown(value)}</td>`).join("")}</tr>`,
  );
  return `<table><thead><tr>${cells(head.map(escape), "th")}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}

function chart(one: RunRecord["charts"][number]): string {
  const title = `<h2>${escape(one.title)}</h2>`;
  if (one.kind === "bars") {
    const table = figures(
      ["", ...one.series],
      one.rows.map(({ label, values }) => [label, ...values]),
    );
    return `${title}<figure>${bars(one)}${legend(one.series)}</figure><details><summary>The figures</summary>${table}</details>`;
  }
  const marks = one.marks.map(({ x, label }) => `<li>${escape(`${shown(x)} ${one.x}: ${label}`)}</li>`);
  return [
    `${title}<figure>${lines(one)}${legend(one.series.map(({ name }) => name))}</figure>`,
    marks.length > 0 ? `<ol class="marks">${marks.join("")}</ol>` : "",
  ].join("");
}

function section(run: RunRecord): string {
  const facts = Object.entries(run.circumstances).map(
    ([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`,
  );
  return [
    `<section><h1>${escape(run.title)}</h1>`,
    `<p class="when">${escape(run.startedAt.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC"))}</p>`,
    `<p>${escape(run.summary)}</p>`,
    facts.length > 0 ? `<dl>${facts.join("")}</dl>` : "",
    goals(run),
    ...run.charts.map(chart),
    "</section>",
  ].join("\n");
}

/** The page of some runs. */
export function page(runs: readonly RunRecord[]): string {
  const title = runs.length === 1 ? (runs[0]?.title ?? "") : `${runs.length} runs`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(title)}</title>
<style>${style}</style>
${runs.map(section).join("\n")}
</html>
`;
}
