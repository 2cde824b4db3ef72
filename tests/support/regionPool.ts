import { regionNumber } from "../../client/localRegion";

/** The numbers of the local regions that a run of the tests has: from that of this process on, which the environment sets. */
export class RegionPool {
  private readonly free: number[];
  private readonly waiting: ((number: number) => void)[] = [];

  /** `count` regions may be there at once. */
  constructor(count: number) {
    this.free = Array.from({ length: count }, (_, index) => regionNumber() + index);
  }

  /** A number beside those. */
  readonly spare = regionNumber() + 9;

  /** Does something with a region of its own; who comes first is served first. */
  async use<T>(action: (number: number) => Promise<T>): Promise<T> {
    const number = this.free.shift() ?? (await new Promise<number>((resolve) => this.waiting.push(resolve)));
    try {
      return await action(number);
    } finally {
      const next = this.waiting.shift();
      if (next) next(number);
      else this.free.push(number);
    }
  }
}
