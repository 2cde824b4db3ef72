/** What a group has, and what is to become of it. */
export interface Capacity {
  readonly desired: number;
  readonly min: number;
  readonly max: number;
  /** Hosts whose load counts: in service, and warm. */
  readonly warm: number;
  /** Whether hosts are being started, warm up or leave. */
  readonly isChanging: boolean;
}

/** A policy that keeps a figure of a group near a target. */
export interface TrackingPolicy {
  readonly name: string;
  readonly target: number;
  readonly scalesIn: boolean;
  /** The figure now; undefined while there is none. */
  measure(): Promise<number | undefined>;
}

/** Another size, and the alarm and policy that ask for it. */
export interface Decision {
  readonly desired: number;
  readonly cause: string;
}

/** AWS's alarms: above the target in three minutes of three, or well below it in 15 of 15. */
const minutesHigh = 3;
const minutesLow = 15;
const lowShare = 0.9;

/**
 * Decides as the target tracking policies of EC2 Auto Scaling are documented to: one that wants more decides for all, in proportion
 * to how much is missing; fewer it must be by all, one at a time, and not while hosts warm up.
 */
export class TargetTracking {
  private readonly policies = new Map<TrackingPolicy, number[]>();

  constructor(private readonly groupName: string) {}

  add(policy: TrackingPolicy): void {
    this.policies.set(policy, []);
  }

  remove(policy: TrackingPolicy): void {
    this.policies.delete(policy);
  }

  /** Takes the figures of another minute, and answers what to do, if anything is. */
  async decide(capacity: Capacity): Promise<Decision | undefined> {
    for (const [policy, figures] of this.policies) {
      const figure = await policy.measure();
      // A gap in the figures starts the count anew: an alarm without data is in no state.
      if (figure === undefined) figures.length = 0;
      else figures.push(figure);
      if (figures.length > minutesLow) figures.shift();
    }
    return this.grow(capacity) ?? this.shrink(capacity);
  }

  private grow({ desired, max, warm }: Capacity): Decision | undefined {
    const wishes = [...this.policies].flatMap(([policy, figures]) => {
      const recent = figures.slice(-minutesHigh);
      const isHigh = recent.length === minutesHigh && recent.every((figure) => figure > policy.target);
      return isHigh ? [{ policy, size: neededFor(policy, figures, warm) }] : [];
    });
    const [largest] = wishes.sort((a, b) => b.size - a.size);
    if (!largest) return undefined;
    const size = Math.min(max, largest.size);
    return size > desired ? this.decision("AlarmHigh", largest.policy, desired, size) : undefined;
  }

  private shrink({ desired, min, warm, isChanging }: Capacity): Decision | undefined {
    if (isChanging || this.policies.size === 0 || desired <= min) return undefined;
    const all = [...this.policies];
    const isLow = all.every(
      ([policy, figures]) =>
        policy.scalesIn &&
        figures.length === minutesLow &&
        figures.every((figure) => figure < policy.target * lowShare),
    );
    if (!isLow) return undefined;
    const sizes = all.map(([policy, figures]) => ({ policy, size: neededFor(policy, figures, warm) }));
    const [largest] = sizes.sort((a, b) => b.size - a.size);
    return largest && largest.size < desired
      ? this.decision("AlarmLow", largest.policy, desired, desired - 1)
      : undefined;
  }

  private decision(alarm: string, { name }: TrackingPolicy, from: number, to: number): Decision {
    const cause =
      `a monitor alarm TargetTracking-${this.groupName}-${alarm} in state ALARM triggered policy ${name} ` +
      `changing the desired capacity from ${from} to ${to}`;
    return { desired: to, cause };
  }
}

/** How many hosts would have the target's load each, going by the newest figure. */
function neededFor({ target }: TrackingPolicy, figures: readonly number[], warm: number): number {
  return Math.ceil((warm * (figures.at(-1) ?? 0)) / target);
}
