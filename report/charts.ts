/** Charts as SVG that needs nothing else: colours come from the page, dashes tell lines apart where there are none. */
import type { BarsChart, LinesChart } from "./record";

const width = 760;
const height = 280;
const left = 64;
const right = 16;
const top = 28;
const bottom = 44;

export function escape(text: string): string {
  const names: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (sign) => names[sign] ?? sign);
}

/** Round numbers from nought, of which the last is not below the highest value. */
export function ticks(highest: number, most = 5): number[] {
  if (!(highest > 0)) return [0, 1];
  const rough = highest / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10) * power;
  const count = Math.ceil(highest / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, at) => Number((at * step).toPrecision(12)));
}

/** As people read it: no more digits than are looked at. */
export function shown(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 3, useGrouping: true });
}

/** With one digit after the point at most: a page is for eyes. */
const at = (value: number) => String(Math.round(value * 10) / 10);

const text = (x: number, y: number, anchor: "start" | "middle" | "end", content: string, more = "") =>
  `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}"${more}>${escape(content)}</text>`;

/** The horizontal lines behind a chart, with their values. */
function grid(values: readonly number[], y: (value: number) => number, label: string): string[] {
  return [
    ...values.flatMap((value) => [
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${at(y(value))}" y2="${at(y(value))}"/>`,
      text(left - 8, y(value) + 4, "end", shown(value)),
    ]),
    text(left, top - 12, "start", label),
  ];
}

function svg(title: string, parts: readonly string[], tall = height): string {
  return `<svg viewBox="0 0 ${width} ${tall}" role="img" aria-label="${escape(title)}">${parts.join("")}</svg>`;
}

/** Names of the series, in the colours of the chart. */
export function legend(names: readonly string[]): string {
  if (names.length < 2) return "";
  const items = names.map((name, index) => `<li class="series-${index % 6}">${escape(name)}</li>`);
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** Lines, with what happened as upright ones. */
export function lines({ title, x: along, y: up, series, marks }: LinesChart): string {
  const points = series.flatMap((each) => each.points);
  const xs = [...points.map(([x]) => x), ...marks.map(({ x }) => x)];
  const [first, last] = [Math.min(0, ...xs), Math.max(1, ...xs)];
  const values = ticks(Math.max(0, ...points.map(([, y]) => y)));
  const highest = values.at(-1) ?? 1;
  const x = (value: number) => left + ((value - first) / (last - first)) * (width - left - right);
  const y = (value: number) => height - bottom - (value / highest) * (height - top - bottom);
  return svg(title, [
    ...grid(values, y, up),
    ...ticks(last).flatMap((value) =>
      value > last ? [] : [text(x(value), height - bottom + 18, "middle", shown(value))],
    ),
    text(width - right, height - 6, "end", along),
    ...marks.flatMap(({ x: when, label }, index) => [
      `<line class="mark" x1="${at(x(when))}" x2="${at(x(when))}" y1="${top}" y2="${height - bottom}"><title>${escape(label)}</title></line>`,
      text(x(when) + 3, top + 10, "start", String(index + 1)),
    ]),
    ...series.map(
      (each, index) =>
        `<polyline class="line series-${index % 6}" points="${each.points.map(([px, py]) => `${at(x(px))},${at(y(py))}`).join(" ")}"/>`,
    ),
  ]);
}

/** Upright bars in groups, each with its value above it. */
export function bars({ title, y: up, series, rows }: BarsChart): string {
  const values = ticks(Math.max(0, ...rows.flatMap((row) => row.values)));
  const highest = values.at(-1) ?? 1;
  const y = (value: number) => height - bottom - (value / highest) * (height - top - bottom);
  const group = (width - left - right) / Math.max(1, rows.length);
  const bar = Math.min(56, (group * 0.8) / Math.max(1, series.length));
  return svg(title, [
    ...grid(values, y, up),
    ...rows.flatMap(({ label, values: own }, row) => {
      const middle = left + group * (row + 0.5);
      const start = middle - (bar * own.length) / 2;
      return [
        ...own.flatMap((value, index) => [
          `<rect class="bar series-${index % 6}" x="${at(start + index * bar + 1)}" y="${at(y(value))}" width="${at(bar - 2)}" height="${at(Math.max(0, height - bottom - y(value)))}"/>`,
          text(start + (index + 0.5) * bar, y(value) - 4, "middle", shown(value), ' class="value"'),
        ]),
        text(middle, height - bottom + 18, "middle", label),
      ];
    }),
  ]);
}
