import { Semaphore } from "async-mutex";
import { regionNumber } from "../../client/localRegion";

/** The numbers of the local regions that a run of the tests has: from that of this process on, which the environment sets. */
export class RegionPool {
  private readonly free: number[];
  private readonly places: Semaphore;

  /** `count` regions may be there at once. */
  constructor(count: number) {
    this.free = Array.from({ length: count }, (_, index) => regionNumber() + index);
    this.places = new Semaphore(count);
  }

  /** A number beside those. */
  readonly spare = regionNumber() + 9;

  /** Does something with a region of its own; who comes first is served first. */
  use<T>(action: (number: number) => Promise<T>): Promise<T> {
    return this.places.runExclusive(async () => {
      const number = this.free.shift()!; // there are as many as places
      try {
        return await action(number);
      } finally {
        this.free.push(number);
      }
    });
  }
}
