/** A count that only grows, and now and then begins anew. */
export type Counter = () => Promise<number | undefined> | number | undefined;

/** By how much a counter grew from one question to the next, a second. */
export class Rate {
  private last: { readonly count: number; readonly at: number } | undefined;

  constructor(
    private readonly counter: Counter,
    private readonly now: () => number = Date.now,
  ) {}

  /** Undefined when it is asked for the first time, and when the counter began anew. */
  async perSecond(): Promise<number | undefined> {
    const count = await this.counter();
    const { last } = this;
    const at = this.now();
    this.last = count === undefined ? undefined : { count, at };
    if (count === undefined || last === undefined || count < last.count || at <= last.at) return undefined;
    return ((count - last.count) * 1000) / (at - last.at);
  }
}
