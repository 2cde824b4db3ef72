import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import * as path from "node:path";
import type { BarsChart, RunRecord } from "../report/record";
import { runInSandbox } from "../tests/support/sandbox";
import { record } from "./records";

const root = path.join(__dirname, "..");

/** The commit whose service is "today's" in the goals: the one before its server was measured. */
const firstCut = "93a88e5";
const firstCutFolder = ".local/first-cut";

/** What `bench/server.py` answers of a candidate, on its last line. */
interface Result {
  readonly name: string;
  /** By the number of connections: requests a second, milliseconds, milliseconds of the processor for each request. */
  readonly loads: Readonly<
    Record<string, { readonly rate: number; readonly p99: number; readonly processor: number }>
  >;
  /** MiB after all loads, and at most while passwords were guessed. */
  readonly memory: number;
  readonly most?: number;
  readonly attacks?: Readonly<
    Record<string, Readonly<Record<"livez" | "api", { readonly polls: number; readonly answered: number }>>>
  >;
}

type Goals = RunRecord["goals"];

/** Of which connections the goals speak. */
const busy = "16";

function goalsOf(results: readonly Result[]): Goals {
  const service = results.find(({ name }) => name === "service");
  const at = service?.loads[busy];
  if (!service || !at) return [];
  const goals: Goals = [];
  const first = results.find(({ name }) => name === "first cut")?.loads[busy];
  if (first) {
    const [rate, p99] = [at.rate / first.rate, at.p99 / first.p99];
    goals.push(
      {
        what: `requests/s at ${busy} connections, by the first cut's`,
        wanted: "at least 1.60 x",
        measured: `${rate.toFixed(2)} x (${at.rate.toFixed(0)} and ${first.rate.toFixed(0)})`,
        isHeld: rate >= 1.6,
      },
      {
        what: `p99 at ${busy} connections, by the first cut's`,
        wanted: "at most 0.50 x",
        measured: `${p99.toFixed(2)} x (${at.p99.toFixed(0)} and ${first.p99.toFixed(0)} ms)`,
        isHeld: p99 <= 0.5,
      },
    );
  }
  const others = results.filter((one) => one !== service && one.name !== "first cut");
  const [next] = others.toSorted((a, b) => (b.loads[busy]?.rate ?? 0) - (a.loads[busy]?.rate ?? 0));
  const nextRate = next?.loads[busy]?.rate;
  if (next && nextRate !== undefined)
    goals.push({
      what: `requests/s at ${busy} connections, beside every alternative's`,
      wanted: "more than any",
      measured: `${at.rate.toFixed(0)}; next is ${next.name}, ${nextRate.toFixed(0)}`,
      isHeld: at.rate > nextRate,
    });
  if (service.most !== undefined)
    goals.push({
      what: "memory while 24 clients guess passwords",
      wanted: "less than 300 MiB",
      measured: `${service.most.toFixed(0)} MiB`,
      isHeld: service.most < 300,
    });
  if (service.attacks) {
    const polls = Object.values(service.attacks).map(({ livez }) => livez);
    const sum = (of: "polls" | "answered") => polls.reduce((total, poll) => total + poll[of], 0);
    goals.push({
      what: "polls of /livez that are answered within 2 s under the attacks",
      wanted: "all",
      measured: `${sum("answered")} of ${sum("polls")}`,
      isHeld: sum("answered") === sum("polls"),
    });
  }
  return goals;
}

function chartsOf(results: readonly Result[]): BarsChart[] {
  const connections = Object.keys(results[0]?.loads ?? {});
  const by = (title: string, y: string, figure: "rate" | "p99" | "processor"): BarsChart => ({
    kind: "bars",
    title,
    y,
    series: connections.map((count) => `${count} connections`),
    rows: results.map(({ name, loads }) => ({
      label: name,
      values: connections.map((count) => loads[count]?.[figure] ?? NaN),
    })),
  });
  const attacked = results.filter(({ most }) => most !== undefined);
  return [
    by("Throughput", "requests/s", "rate"),
    by("Latency, 99th percentile", "milliseconds", "p99"),
    by("Time of the processor for each request", "milliseconds", "processor"),
    ...(attacked.length === 0
      ? []
      : [
          {
            kind: "bars" as const,
            title: "Memory",
            y: "MiB",
            series: ["after all loads", "at most while passwords are guessed"],
            rows: attacked.map(({ name, memory, most = NaN }) => ({ label: name, values: [memory, most] })),
          },
          {
            kind: "bars" as const,
            title: "Polls that are answered within 2 s, under the worst of the attacks",
            y: "percent",
            series: ["/livez", "the API"],
            rows: attacked.map(({ name, attacks = {} }) => ({
              label: name,
              values: (["livez", "api"] as const).map((what) =>
                Math.min(
                  ...Object.values(attacks).map((one) => (100 * one[what].answered) / one[what].polls),
                ),
              ),
            })),
          },
        ]),
  ];
}

/** The results as a table of Markdown. */
function tableOf(results: readonly Result[]): string {
  const connections = Object.keys(results[0]?.loads ?? {});
  const header = [
    "server",
    ...connections.map((count) => `${count}: requests/s, p99 ms`),
    "MiB",
    "MiB under guessing",
    "worst attack: /livez, API",
  ];
  const rows = results.map(({ name, loads, memory, most, attacks = {} }) => [
    name,
    ...connections.map(
      (count) => `${(loads[count]?.rate ?? NaN).toFixed(0)}, ${(loads[count]?.p99 ?? NaN).toFixed(0)}`,
    ),
    memory.toFixed(0),
    most?.toFixed(0) ?? "",
    (["livez", "api"] as const)
      .map((what) =>
        Math.min(...Object.values(attacks).map((one) => (100 * one[what].answered) / one[what].polls)),
      )
      .map((percent) => (Number.isFinite(percent) ? `${percent.toFixed(0)} %` : ""))
      .join(", "),
  ]);
  return [header, header.map((_, index) => (index ? "---:" : "---")), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

/** Puts the service's first cut where the sandbox finds it; answers why not where the checkout does not have it. */
function fetchFirstCut(): string | undefined {
  const folder = path.join(root, firstCutFolder);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    const archive = execFileSync("git", ["archive", firstCut, "app"], {
      cwd: root,
      maxBuffer: 2 ** 26,
      stdio: ["ignore", "pipe", "pipe"],
    });
    execFileSync("tar", ["--extract", "--no-same-owner"], { cwd: folder, input: archive });
    return undefined;
  } catch (error) {
    return (error as Error).message.trim();
  }
}

/**
 * Compares the servers that could run the service, on the Debian release of its hosts: `bench/server.py --help` says with
 * which options, which come after the bench's name. Takes about five minutes; prints a table and whether the goals are held.
 */
export async function benchServer(options: readonly string[]): Promise<void> {
  const missing = fetchFirstCut();
  if (missing !== undefined)
    console.log(
      `without the first cut, which this checkout does not have (git fetch --unshallow): ${missing}`,
    );
  const first = missing === undefined ? ["--first-cut", `/src/${firstCutFolder}/app`] : [];
  let output = "";
  let shown = 0;
  await runInSandbox(["/opt/venv/bin/python", "/src/bench/server.py", ...first, ...options], (chunk) => {
    output += chunk;
    // Whole lines, without the last one, which is for programs.
    for (let end; (end = output.indexOf("\n", shown)) >= 0; shown = end + 1)
      if (!output.startsWith("[{", shown)) process.stdout.write(output.slice(shown, end + 1));
  });
  rmSync(path.join(root, firstCutFolder), { recursive: true, force: true });
  const last = output.split("\n").findLast((line) => line.startsWith("[{"));
  if (last === undefined) return; // Only help was asked for.
  const results = JSON.parse(last) as Result[];
  const goals = goalsOf(results);
  console.log(`\n${tableOf(results)}\n`);
  for (const { what, wanted, measured, isHeld } of goals)
    console.log(`goal, ${what}: ${wanted}; measured ${measured}: ${isHeld ? "held" : "missed"}`);
  record("server", {
    title: "The server",
    summary:
      "Ways to serve the same application, and the service's first cut: a list of five tasks, asked with 1 to 64 connections; then attacks.",
    goals,
    charts: chartsOf(results),
  });
}
