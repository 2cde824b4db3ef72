import { setTimeout as sleep } from "node:timers/promises";
import { causes, ScalingActivities } from "./scalingActivities";

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
  /** Why it is replaced, once it is. */
  fault: string | undefined;
  /** Its end, once that has begun. */
  end: Promise<void> | undefined;
}

/** Another size that a group is to have. */
interface Resize {
  readonly from: number;
  readonly to: number;
  readonly cause: string;
}

/**
 * Keeps the hosts of an auto scaling group as its record says, and has dead and unhealthy ones replaced. Everything that it
 * begins belongs to a member, from its launch to its end, so that closing the group waits for all of it.
 */
export class ScalingGroup {
  private readonly members = new Map<string, Member>();
  private readonly closing = new AbortController();
  private following: Promise<void> | undefined;
  /** The size at the last look; undefined before the first. */
  private size: number | undefined;
  readonly activities = new ScalingActivities();

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
    const resize = this.noteSize(wanted.size);
    for (const [id, member] of this.members)
      if (!wanted.has(id)) this.takeOut(id, member, resize).catch((error: unknown) => this.fault(error));
    for (const id of wanted) if (!this.members.has(id)) this.start(id, wanted, resize);
    for (const [id, member] of this.members) {
      if (!wanted.has(id)) continue;
      member.fault = this.faultOf(id, member);
      if (member.fault === undefined) continue;
      await this.record.replace(id);
      if (this.isClosing()) return;
    }
  }

  /** What the group was told since the last look, if it was another size. */
  private noteSize(to: number): Resize | undefined {
    const from = this.size;
    this.size = to;
    if (from === to) return undefined;
    return from === undefined
      ? { from: 0, to, cause: causes.created(to) }
      : { from, to, cause: causes.resized(from, to) };
  }

  private start(id: string, wanted: ReadonlySet<string>, resize: Resize | undefined): void {
    const cancel = new AbortController();
    const signal = AbortSignal.any([cancel.signal, this.closing.signal]);
    const subnetId = this.nextSubnet(wanted);
    const launch = this.hosts.launch(id, subnetId, this.settings, signal);
    this.activities.record(
      `Launching a new EC2 instance: ${id}`,
      resize && resize.to > resize.from
        ? [resize.cause, causes.grow(resize.from, resize.to)]
        : [causes.replacement],
      launch.then(
        () => "Successful",
        (error: unknown) => {
          if (signal.aborted) return "Cancelled";
          throw error;
        },
      ),
    );
    const member: Member = {
      subnetId,
      startedAt: Date.now(),
      cancel,
      isLaunched: false,
      fault: undefined,
      end: undefined,
      launch: launch
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

  /** Why a member must be replaced, if it must. */
  private faultOf(id: string, member: Member): string | undefined {
    if (!member.isLaunched || member.end) return undefined;
    // A host that does not run is replaced even in its grace period, as EC2 Auto Scaling does.
    if (!this.hosts.isUp(id)) return causes.dead;
    const isInGrace = Date.now() - member.startedAt < this.settings.gracePeriod * 1000;
    const isUnhealthy =
      this.settings.checksBalancer && !isInGrace && this.hosts.isUnhealthy(id, this.settings);
    return isUnhealthy ? causes.unhealthy : undefined;
  }

  /** Ends a member that the group should not have any more. */
  private async takeOut(id: string, member: Member, resize: Resize | undefined): Promise<void> {
    if (member.end) return; // told by who began it
    const isFewer = member.fault === undefined && resize && resize.to < resize.from;
    const end = this.end(id, member);
    this.activities.record(
      `Terminating EC2 instance: ${id}`,
      isFewer ? [resize.cause, causes.shrink(resize.from, resize.to)] : [member.fault ?? causes.dead],
      end.then(() => "Successful"),
    );
    await end;
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
