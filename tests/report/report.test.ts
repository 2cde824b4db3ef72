import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { after, describe, it } from "node:test";
import * as fc from "fast-check";
import { ticks } from "../../report/charts";
import { page } from "../../report/page";
import { readRecord, type RunRecord, writeRecord } from "../../report/record";

const root = path.join(__dirname, "..", "..");
const folder = mkdtempSync(path.join(tmpdir(), "report-"));
after(() => rmSync(folder, { recursive: true }));

const run: RunRecord = {
  title: "A <killed> host",
  summary: "One of two hosts was killed & replaced.",
  startedAt: "2026-01-02T03:04:05.678Z",
  circumstances: { machine: "2 processors" },
  goals: [
    { what: "out of rotation", wanted: "10 s", measured: "4 s", isHeld: true },
    { what: "whole again", wanted: "20 s", measured: "31 s", isHeld: false },
  ],
  charts: [
    {
      kind: "lines",
      title: "Hosts",
      x: "seconds",
      y: "hosts",
      series: [
        {
          name: "healthy",
          points: [
            [0, 2],
            [10, 1],
            [20, 2],
          ],
        },
        {
          name: "unhealthy",
          points: [
            [0, 0],
            [10, 1],
            [20, 0],
          ],
        },
      ],
      marks: [{ x: 8, label: "killed" }],
    },
    {
      kind: "bars",
      title: "Throughput",
      y: "requests/s",
      series: ["ours", "runserver"],
      rows: [{ label: "read", values: [1234, 98.76] }],
    },
  ],
};

describe("the page of a run", () => {
  const html = page([run]);

  it("needs nothing but itself", () => {
    assert.doesNotMatch(html, /<script|<link|<img|src=|href=|url\(|@import/);
  });

  it("has what was done, where, and each goal with its verdict", () => {
    assert.match(html, /<h1>A &lt;killed&gt; host<\/h1>/);
    assert.match(html, /killed &amp; replaced/);
    assert.match(html, /2026-01-02 03:04:05 UTC/);
    assert.match(html, /<dt>machine<\/dt><dd>2 processors<\/dd>/);
    assert.match(html, /<td>10 s<\/td><td>4 s<\/td><td class="held">held<\/td>/);
    assert.match(html, /<td>20 s<\/td><td>31 s<\/td><td class="missed">missed<\/td>/);
  });

  it("has colours for light, for dark, and for paper, where dashes tell lines apart", () => {
    assert.match(html, /@media \(prefers-color-scheme: dark\)/);
    assert.match(html, /@media print \{ :root \{ color-scheme: light/);
    assert.match(html, /\.line\.series-1 \{ stroke-dasharray/);
  });

  it("has a line for each series, and what happened when", () => {
    const drawn = [...html.matchAll(/<polyline class="line series-(\d)" points="([^"]+)"/g)];
    assert.deepEqual(
      drawn.map(([, series, points]) => [series, points?.split(" ").length]),
      [
        ["0", 3],
        ["1", 3],
      ],
    );
    // The highest value is on top, nought below, and time goes to the right.
    const [first, second, third] = (drawn[0]?.[2] ?? "")
      .split(" ")
      .map((point) => point.split(",").map(Number));
    assert.ok(first![0]! < second![0]! && second![0]! < third![0]!);
    assert.ok(second![1]! > first![1]!);
    assert.match(html, /<li>8 seconds: killed<\/li>/);
  });

  it("has a bar for each value, as high as it is, and the value beside it", () => {
    const heights = [...html.matchAll(/<rect class="bar [^>]* height="([\d.]+)"/g)].map(([, height]) =>
      Number(height),
    );
    assert.ok(Math.abs(heights[1]! / heights[0]! - 98.76 / 1234) < 0.01);
    assert.match(html, />1,230<\/text>/);
    assert.match(html, /<td class="number">98\.8<\/td>/);
  });
});

describe("the marks of an axis", () => {
  it("are round, even, from nought, few, and reach the highest value", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (highest) => {
        const marks = ticks(highest);
        const [zero, step = NaN] = marks;
        const last = marks.at(-1) ?? NaN;
        assert.equal(zero, 0);
        assert.ok(last >= highest * (1 - 1e-9) && last - step < highest * (1 + 1e-9));
        assert.ok(marks.length <= 6);
        assert.match(step.toExponential(), /^[125](\.0+)?e/);
      }),
    );
    assert.deepEqual(ticks(0), [0, 1]);
  });
});

describe("a record", () => {
  it("is read as it was written", () => {
    const file = path.join(folder, "sub", "run.json");
    writeRecord(run, file);
    assert.deepEqual(readRecord(readFileSync(file, "utf8"), file), run);
  });

  it("that is none is refused, with what is wrong", () => {
    const broken = (change: object) => JSON.stringify({ ...run, ...change });
    assert.throws(() => readRecord("{", "a.json"), /^Error: a\.json is no JSON: /);
    assert.throws(() => readRecord(broken({ goals: 1 }), "a.json"), /a\.json is no record of a run: goals: /);
    const uneven = { ...run.charts[1], rows: [{ label: "read", values: [1] }] };
    assert.throws(
      () => readRecord(broken({ charts: [uneven] }), "a.json"),
      /the chart "Throughput" has rows without/,
    );
  });
});

describe("npm run report", () => {
  const report = (...args: string[]) =>
    spawnSync(
      process.execPath,
      [path.join(root, "tools", "start.mjs"), path.join("report", "main.ts"), ...args],
      {
        cwd: root,
        encoding: "utf8",
      },
    );

  it("makes one page of several records", () => {
    const [file, output] = [path.join(folder, "run.json"), path.join(folder, "page.html")];
    writeFileSync(file, JSON.stringify(run));
    const { status, stdout } = report(file, file, "--output", output);
    assert.deepEqual([status, stdout], [0, `${output}\n`]);
    assert.equal(readFileSync(output, "utf8"), page([run, run]));
  });

  it("says what it needs", () => {
    const { status, stderr } = report();
    assert.equal(status, 1);
    assert.match(stderr, /^name the records of some runs\n\nMakes a page/);
  });
});
