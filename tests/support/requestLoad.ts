/** A request that was not answered well. */
export interface FailedRequest {
  /** Counts from 1, in the order of sending. */
  readonly number: number;
  readonly why: string;
}

/** How requests are sent. */
export interface LoadOptions {
  /** Sent with each. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * How many may be under way: a service that refuses what is too much for it, and says so, has then nothing to refuse on the
   * slowest machine. @default any number: whether those before are answered or not
   */
  readonly atOnce?: number;
}

/** Requests at a steady pace, and those that failed. */
export class RequestLoad {
  private readonly underWay = new Map<number, AbortController>();
  private readonly asked: Promise<void>[] = [];
  private readonly failed: FailedRequest[] = [];
  private readonly timer: NodeJS.Timeout;

  /** `pace` is the time between two requests, in milliseconds. */
  constructor(
    private readonly url: string,
    pace = 50,
    private readonly options: LoadOptions = {},
  ) {
    this.timer = setInterval(() => this.send(), pace);
  }

  /** How many requests were sent. */
  get sent(): number {
    return this.asked.length;
  }

  private send(): void {
    if (this.underWay.size >= (this.options.atOnce ?? Infinity)) return;
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
      const response = await fetch(this.url, {
        headers: { connection: "close", ...this.options.headers },
        signal,
      });
      const body = await response.text();
      return response.status === 200 ? undefined : `answered ${response.status}: ${body.slice(0, 300)}`;
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
