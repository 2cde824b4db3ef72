/** What HAProxy is to say of each request: until when the target began to answer, in milliseconds, and the status. */
export const requestLog = "%Tr %ST";

/** How long a request counts, in milliseconds. */
const span = 10_000;

/** The requests of the last ten seconds. */
export interface TrafficSummary {
  /** Requests a second. */
  readonly rate: number;
  /** The share of them that was answered 5xx, from 0 to 1. */
  readonly failed: number;
  /** Milliseconds until the fastest 50, 90 and 99 of a hundred were answered; undefined while none was. */
  readonly latency: { readonly p50: number; readonly p90: number; readonly p99: number } | undefined;
}

interface Request {
  readonly at: number;
  /** Negative for one that no target answered. */
  readonly milliseconds: number;
  readonly status: number;
}

/** Keeps count of requests by the log of HAProxy. */
export class Traffic {
  private requests: Request[] = [];
  private rest = "";
  /** How many requests there were. */
  total = 0;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Takes what HAProxy prints: lines of {@link requestLog}, of which the last may come in parts, and warnings of its own. */
  take(chunk: string): void {
    const lines = (this.rest + chunk).split("\n");
    this.rest = lines.pop() ?? "";
    this.forget();
    const at = this.now();
    for (const line of lines) {
      const [, milliseconds, status] = /^(-?\d+) (-?\d+)$/.exec(line) ?? [];
      if (status === undefined) continue;
      this.requests.push({ at, milliseconds: Number(milliseconds), status: Number(status) });
      this.total++;
    }
  }

  summary(): TrafficSummary {
    this.forget();
    const { requests } = this;
    const answered = requests
      .map(({ milliseconds }) => milliseconds)
      .filter((milliseconds) => milliseconds >= 0)
      .sort((one, other) => one - other);
    const rank = (share: number) => answered[Math.ceil(share * answered.length) - 1] ?? 0;
    return {
      rate: requests.length / (span / 1000),
      failed:
        requests.length === 0 ? 0 : requests.filter(({ status }) => status >= 500).length / requests.length,
      latency: answered.length === 0 ? undefined : { p50: rank(0.5), p90: rank(0.9), p99: rank(0.99) },
    };
  }

  private forget(): void {
    const since = this.now() - span;
    const first = this.requests.findIndex(({ at }) => at > since);
    this.requests = first < 0 ? [] : this.requests.slice(first);
  }
}
