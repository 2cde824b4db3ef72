import { setTimeout as sleep } from "node:timers/promises";

/** How often a group compares what it should have with what it has, in milliseconds. */
const lookInterval = 1000;

/** What the program says of a group's members. */
export interface GroupSettings {
  /** Name for people. */
  readonly label: string;
  readonly templateId: string;
  /** Version of the launch template, from 1. */
  readonly templateVersion: number;
  readonly subnetIds: readonly string[];
  readonly targetGroupArns: readonly string[];
  /** Whether the balancers' verdict on a host counts. */
  readonly checksBalancer: boolean;
  /** Seconds after its start in which that verdict does not count. */
  readonly gracePeriod: number;
}

/** Where it is recorded which instances a group should have. */
export interface GroupRecord {
  /** Ids of the instances that the group should have. */
  wanted(): Promise<readonly string[]>;
  /** Takes an instance out of the group, so that another is wanted in its place. */
  replace(id: string): Promise<void>;
}

/** What a group does with hosts. */
export interface MemberHosts {
  /** Starts a member's host and has its balancers know it. Aborting the signal cancels what of that has not begun. */
  launch(id: string, subnetId: string, settings: GroupSettings, signal: AbortSignal): Promise<void>;
  /** Whether the host runs, or will again in a moment. */
  isUp(id: string): boolean;
  /** Whether a balancer finds the host unhealthy. */
  isUnhealthy(id: string, settings: GroupSettings): boolean;
  /** Takes a host from its balancers and ends it; safe to call when it is gone, or was never made. */
  end(id: string, settings: GroupSettings): Promise<void>;
}

interface Member {
  readonly subnetId: string;
  readonly startedAt: number;
  readonly launch: Promise<void>;
  readonly cancel: AbortController;
  isLaunched: boolean;
  /** Its end, once that has begun. */
  end: Promise<void> | undefined;
}

/**
 * Keeps the hosts of an auto scaling group as its record says, and has dead and unhealthy ones replaced. Everything that it
 * begins belongs to a member, from its launch to its end, so that closing the group waits for all of it.
 */
export class ScalingGroup {
  private readonly members = new Map<string, Member>();
  private readonly closing = new AbortController();
  private following: Promise<void> | undefined;

  constructor(
    private readonly record: GroupRecord,
    private readonly hosts: MemberHosts,
    public settings: GroupSettings,
    /** Told of what goes wrong while nobody waits for it. */
    private readonly onFault: (error: Error) => void,
  ) {}

  /** Follows the record until the group is closed. */
  follow(): void {
    this.following = this.keepLooking();
  }

  private async keepLooking(): Promise<void> {
    const { signal } = this.closing;
    while (!this.isClosing()) {
      await this.look().catch((error: unknown) => this.fault(error));
      await sleep(lookInterval, undefined, { signal }).catch(() => undefined); // closed: nothing to wait for
    }
  }

  /** Asked anew after each wait: it may be closed meanwhile. */
  private isClosing(): boolean {
    return this.closing.signal.aborted;
  }

  private fault(error: unknown): void {
    if (!this.isClosing()) this.onFault(error as Error);
  }

  /** Compares once, and begins what is missing. */
  async look(): Promise<void> {
    const wanted = new Set(await this.record.wanted());
    if (this.isClosing()) return;
    for (const [id, member] of this.members)
      if (!wanted.has(id)) this.end(id, member).catch((error: unknown) => this.fault(error));
    for (const id of wanted) if (!this.members.has(id)) this.start(id, wanted);
    for (const [id, member] of this.members) {
      if (!wanted.has(id) || !this.mustReplace(id, member)) continue;
      await this.record.replace(id);
      if (this.isClosing()) return;
    }
  }

  private start(id: string, wanted: ReadonlySet<string>): void {
    const cancel = new AbortController();
    const signal = AbortSignal.any([cancel.signal, this.closing.signal]);
    const subnetId = this.nextSubnet(wanted);
    const member: Member = {
      subnetId,
      startedAt: Date.now(),
      cancel,
      isLaunched: false,
      end: undefined,
      launch: this.hosts
        .launch(id, subnetId, this.settings, signal)
        .catch((error: unknown) => {
          // Without its host the next look has it replaced.
          if (!signal.aborted) this.fault(error);
        })
        .finally(() => (member.isLaunched = true)),
    };
    this.members.set(id, member);
  }

  /** The subnet with the fewest of the hosts that stay, those included that are being launched. */
  private nextSubnet(wanted: ReadonlySet<string>): string {
    const staying = [...this.members].filter(([id]) => wanted.has(id)).map(([, { subnetId }]) => subnetId);
    const count = (subnetId: string) => staying.filter((other) => other === subnetId).length;
    return this.settings.subnetIds.reduce((best, subnetId) =>
      count(subnetId) < count(best) ? subnetId : best,
    );
  }

  private mustReplace(id: string, member: Member): boolean {
    if (!member.isLaunched || member.end) return false;
    // A host that does not run is replaced even in its grace period, as EC2 Auto Scaling does.
    if (!this.hosts.isUp(id)) return true;
    const isInGrace = Date.now() - member.startedAt < this.settings.gracePeriod * 1000;
    return this.settings.checksBalancer && !isInGrace && this.hosts.isUnhealthy(id, this.settings);
  }

  /** Ends a member once; an end that failed can be tried again. */
  private end(id: string, member: Member): Promise<void> {
    const end = async () => {
      member.cancel.abort();
      await member.launch;
      await this.hosts.end(id, this.settings);
      this.members.delete(id);
    };
    member.end ??= end().catch((error: unknown) => {
      member.end = undefined;
      throw error;
    });
    return member.end;
  }

  /** Begins nothing any more, cancels launches, and ends all hosts of the group; what fails can be tried again. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.following;
    await Promise.allSettled([...this.members.values()].flatMap(({ end }) => end ?? []));
    const ends = await Promise.allSettled([...this.members].map(([id, member]) => this.end(id, member)));
    const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as Error] : []));
    if (failures.length > 0)
      throw new Error(failures.map((error) => error.message).join("\n"), { cause: failures[0] });
  }
}
