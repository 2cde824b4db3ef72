import { cpus, totalmem } from "node:os";
import type { RunRecord } from "../../report/record";
import type { Decision, FaultStatus, RegionStatus, TrafficStatus } from "../terminal/status";

type Point = [number, number];

/** What is kept of one look. */
interface Look {
  readonly second: number;
  readonly healthy: number;
  readonly others: number;
  readonly traffic: TrafficStatus;
}

/** What became of a region while it was looked at, for a report. */
export class Timeline {
  private readonly looks: Look[] = [];
  private decisions: readonly Decision[] = [];
  private faults: readonly FaultStatus[] = [];

  constructor(private readonly startedAt: Date) {}

  take({ hosts, traffic, decisions, faults }: RegionStatus, at: Date): void {
    const asked = hosts.filter(({ health }) => health !== undefined);
    const healthy = asked.filter(({ health }) => health === "healthy").length;
    this.looks.push({ second: this.secondOf(at), healthy, others: asked.length - healthy, traffic });
    this.decisions = decisions;
    this.faults = faults;
  }

  private secondOf(at: Date): number {
    return (at.getTime() - this.startedAt.getTime()) / 1000;
  }

  record(): RunRecord {
    const line = (name: string, of: (look: Look) => number | undefined) => ({
      name,
      points: this.looks.flatMap((look): Point[] => {
        const value = of(look);
        return value === undefined ? [] : [[look.second, value]];
      }),
    });
    // What was decided before anybody looked belongs to the deployment.
    const marks = [
      ...this.decisions.map(({ at, what, why }) => ({ at, label: `${what} (${why})` })),
      ...this.faults.map(({ at, what }) => ({ at, label: `fault: ${what}` })),
      ...this.faults.flatMap(({ endedAt, what }) =>
        endedAt ? [{ at: endedAt, label: `fault ended: ${what}` }] : [],
      ),
    ]
      .filter(({ at }) => at >= this.startedAt)
      .sort((one, other) => one.at.getTime() - other.at.getTime())
      .map(({ at, label }) => ({ x: this.secondOf(at), label }));
    const chart = (title: string, y: string, series: ReturnType<typeof line>[]) => ({
      ...{ kind: "lines" as const, title, x: "seconds", y, series, marks },
    });
    return {
      title: "A local region",
      summary:
        "What became of the hosts and of the requests, looked at once a second; the numbers are what the group did, and what was done to it.",
      startedAt: this.startedAt.toISOString(),
      circumstances: {
        machine: `${cpus().length} processors, ${Math.round(totalmem() / 2 ** 30)} GiB of memory`,
        "Node.js": process.version,
      },
      goals: [],
      charts: [
        chart("Hosts, as the balancer sees them", "hosts", [
          line("healthy", ({ healthy }) => healthy),
          line("not healthy", ({ others }) => others),
        ]),
        chart("Requests", "requests/s", [
          line("all", ({ traffic }) => traffic.rate),
          line("answered 5xx", ({ traffic }) => traffic.rate * traffic.failed),
        ]),
        chart("Time until an answer", "ms", [
          line("p50", ({ traffic }) => traffic.latency?.p50),
          line("p99", ({ traffic }) => traffic.latency?.p99),
        ]),
      ],
    };
  }
}
