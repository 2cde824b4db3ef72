/** A fault that somebody has had happen, from outside. */
export interface NotedFault {
  readonly id: string;
  /** Its name, and what it was done to. */
  readonly what: string;
  readonly at: Date;
  /** Undefined while it lasts. */
  readonly endedAt: Date | undefined;
}

/** How many are remembered. */
const most = 50;

/** The faults of a region, as those tell who begin and take them back. */
export class FaultLog {
  private readonly faults = new Map<string, NotedFault>();

  /** The newest first. */
  list(): readonly NotedFault[] {
    return [...this.faults.values()].reverse();
  }

  begin(id: string, what: string): void {
    this.faults.set(id, { id, what, at: new Date(), endedAt: undefined });
    const [oldest] = this.faults.keys();
    if (this.faults.size > most && oldest !== undefined) this.faults.delete(oldest);
  }

  end(id: string): void {
    const fault = this.faults.get(id);
    if (fault) this.faults.set(id, { ...fault, endedAt: new Date() });
  }
}
