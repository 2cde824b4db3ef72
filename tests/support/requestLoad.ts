/** A request that was not answered well. */
export interface FailedRequest {
  /** Counts from 1, in the order of sending. */
  readonly number: number;
  readonly why: string;
}

/** Requests at a steady pace, whether those before are answered or not, and those that failed. */
export class RequestLoad {
  private readonly underWay = new Map<number, AbortController>();
  private readonly asked: Promise<void>[] = [];
  private readonly failed: FailedRequest[] = [];
  private readonly timer: NodeJS.Timeout;

  /** `pace` is the time between two requests, in milliseconds; `headers` are sent with each. */
  constructor(
    private readonly url: string,
    pace = 50,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {
    this.timer = setInterval(() => this.send(), pace);
  }

  /** How many requests were sent. */
  get sent(): number {
    return this.asked.length;
  }

  private send(): void {
    const number = this.sent + 1;
    const cancel = new AbortController();
    this.underWay.set(number, cancel);
    const asked = this.ask(cancel.signal).then((why) => {
      this.underWay.delete(number);
      if (why !== undefined) this.failed.push({ number, why });
    });
    this.asked.push(asked);
  }

  /** What is wrong with the answer, if anything is. */
  private async ask(signal: AbortSignal): Promise<string | undefined> {
    try {
      // A connection of its own: the balancer chooses a host for each request.
      const response = await fetch(this.url, { headers: { connection: "close", ...this.headers }, signal });
      await response.arrayBuffer();
      return response.status === 200 ? undefined : `answered ${response.status}`;
    } catch (error) {
      return String((error as Error).cause ?? error);
    }
  }

  /** Sends no more, and answers what failed. Of what is under way, the first so many requests are given up, the others waited for. */
  async stop(givenUp = Infinity): Promise<readonly FailedRequest[]> {
    clearInterval(this.timer);
    for (const [number, cancel] of this.underWay) if (number <= givenUp) cancel.abort();
    await Promise.all(this.asked);
    return this.failed;
  }
}
