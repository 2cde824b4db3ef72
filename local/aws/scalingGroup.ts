import { setTimeout as sleep } from "node:timers/promises";
import type { LifecycleState } from "../api/apiFront";
import { abandonment, causes, type Ending, ScalingActivities } from "./scalingActivities";

/** How often a group compares what it should have with what it has, in milliseconds. */
const lookInterval = 1000;
/** How long a group waits after a launch that failed, in milliseconds: twice as long after each further one in a row. */
const shortestPause = 1000;
const longestPause = 60_000;
/** How long a group starts no host in a zone that had no room for one, in milliseconds. */
const zonePause = 30_000;

/** What the program says of a group's members. */
export interface GroupSettings {
  /** Name for people. */
  readonly label: string;
  readonly templateId: string;
  /** Version of the launch template, from 1. */
  readonly templateVersion: number;
  /** In place of the template's, if the group names types of its own. */
  readonly instanceType: string | undefined;
  readonly subnetIds: readonly string[];
  readonly targetGroupArns: readonly string[];
  /** Whether the balancers' verdict on a host counts. */
  readonly checksBalancer: boolean;
  /** Seconds, from when a host is in service, in which that verdict does not count. */
  readonly gracePeriod: number;
  /** What new hosts answer to before they are in service; undefined: they are as soon as they run. */
  readonly launchHook: LaunchHook | undefined;
  /** Seconds from when a host is in service until its load counts. */
  readonly warmup: number;
  /** Seconds after which a host is replaced, however well it is; undefined: never. */
  readonly maxLifetime: number | undefined;
}

/** A hook for launches: what does not answer in time is replaced. */
export interface LaunchHook {
  readonly name: string;
  /** In seconds. */
  readonly timeout: number;
}

/** Where it is recorded which instances a group should have. */
export interface GroupRecord {
  /** Ids of the instances that the group should have. */
  wanted(): Promise<readonly string[]>;
  /** Takes an instance out of the group, so that another is wanted in its place. */
  replace(id: string): Promise<void>;
}

/** No host can be started in a zone for the time being. */
export class CapacityError extends Error {
  constructor(zone: string) {
    super(
      `We currently do not have sufficient capacity in the Availability Zone you requested (${zone}). Launching EC2 instance failed.`,
    );
    this.name = "CapacityError";
  }
}

/** What a group does with hosts. */
export interface MemberHosts {
  /** Starts a member's host. Aborting the signal cancels what of that has not begun. */
  launch(id: string, subnetId: string, settings: GroupSettings, signal: AbortSignal): Promise<void>;
  /** Has a host's balancers know it. */
  admit(id: string, settings: GroupSettings): void;
  /** Whether hosts can be started in a subnet's zone at all. */
  hasRoom(subnetId: string): boolean;
  /** Whether the host runs, or will again in a moment. */
  isUp(id: string): boolean;
  /** Whether a balancer finds the host unhealthy. */
  isUnhealthy(id: string, settings: GroupSettings): boolean;
  /** Takes a host from its balancers and ends it; safe to call when it is gone, or was never made. */
  end(id: string, settings: GroupSettings): Promise<void>;
}

interface Member {
  readonly subnetId: string;
  readonly cancel: AbortController;
  /** Ends when the host runs, or cannot be started. */
  launch: Promise<void>;
  state: LifecycleState;
  /** When it ran, and when it was in service, in milliseconds. */
  ranAt: number | undefined;
  servedAt: number | undefined;
  /** What it told the hook for launches. */
  answer: LaunchResult | undefined;
  /** Tells how its launch has ended; only the first word counts. */
  endLaunch(ending: Ending): void;
  /** Why it is replaced, once it is. */
  fault: string | undefined;
  /** Why it goes although nothing is wrong with it: not before its successor serves. */
  retirement: string | undefined;
  /** Its end, once that has begun. */
  end: Promise<void> | undefined;
}

/** What a host tells the hook for launches. */
export type LaunchResult = "CONTINUE" | "ABANDON";

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
  /** Launches that failed since one succeeded, and when the next may begin. */
  private failedLaunches = 0;
  private nextLaunchAt = 0;
  /** Until when no host is started in a subnet. */
  private readonly avoided = new Map<string, number>();
  /** Why the size will change next, if it is not the operator who changes it. */
  private announced: string | undefined;
  readonly activities = new ScalingActivities();

  constructor(
    private readonly record: GroupRecord,
    private readonly hosts: MemberHosts,
    public settings: GroupSettings,
    /** Told of what goes wrong while nobody waits for it. */
    private readonly onFault: (error: Error) => void,
    private readonly now: () => number = Date.now,
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
    const areServing = [...wanted].every((id) => this.members.get(id)?.state === "InService");
    for (const [id, member] of this.members) {
      const isKept = member.retirement !== undefined && !areServing && this.hosts.isUp(id);
      if (!wanted.has(id) && !isKept)
        this.takeOut(id, member, resize).catch((error: unknown) => this.fault(error));
    }
    if (this.now() >= this.nextLaunchAt)
      for (const id of wanted) if (!this.members.has(id)) this.start(id, wanted, resize);
    for (const [id, member] of this.members) {
      if (!wanted.has(id)) continue;
      member.fault = this.faultOf(id, member);
      if (member.fault === undefined) continue;
      if (member.servedAt === undefined) this.pause();
      await this.record.replace(id);
      if (this.isClosing()) return;
      this.takeOut(id, member, resize).catch((error: unknown) => this.fault(error));
    }
    if (areServing && this.members.size === wanted.size) await this.retire();
  }

  /** Has a host go, when all are well, that is too old or in too full a zone; the next one when its successor serves. */
  private async retire(): Promise<void> {
    const old = [...this.members].find(
      ([, { servedAt = Infinity }]) =>
        this.now() - servedAt >= (this.settings.maxLifetime ?? Infinity) * 1000,
    );
    const [id, member] = old ?? this.oldestToMove() ?? [];
    if (id === undefined || !member || member.fault !== undefined) return;
    member.retirement = old ? causes.old : causes.balance(member.subnetId);
    await this.record.replace(id);
  }

  /** The oldest host of the fullest zone, if another has room for two fewer. */
  private oldestToMove(): [string, Member] | undefined {
    const open = this.settings.subnetIds.filter((subnetId) => this.hosts.hasRoom(subnetId));
    const counts = new Map(this.settings.subnetIds.map((subnetId) => [subnetId, this.countIn(subnetId)]));
    const least = Math.min(...open.map((subnetId) => counts.get(subnetId) ?? 0));
    const most = Math.max(...counts.values());
    if (most - least < 2) return undefined;
    return [...this.members].find(([, { subnetId }]) => counts.get(subnetId) === most);
  }

  private countIn(subnetId: string): number {
    return [...this.members.values()].filter((member) => member.subnetId === subnetId).length;
  }

  /** Subnets in which hosts are started: all, when there is room in none. */
  private openSubnets(): readonly string[] {
    const { subnetIds } = this.settings;
    const open = subnetIds.filter((subnetId) => (this.avoided.get(subnetId) ?? 0) <= this.now());
    return open.length > 0 ? open : subnetIds;
  }

  /** Tells why the size will change next. */
  announce(cause: string): void {
    this.announced = cause;
  }

  /** Ids of the hosts that serve and have done so for a while, in seconds. */
  warm(warmup: number): string[] {
    return [...this.members].flatMap(([id, { state, servedAt = Infinity }]) =>
      state === "InService" && this.now() - servedAt >= warmup * 1000 ? [id] : [],
    );
  }

  /** Whether hosts are being started, warm up or leave. */
  isChanging(warmup: number): boolean {
    return (
      this.size === undefined || this.warm(warmup).length !== this.size || this.members.size !== this.size
    );
  }

  /** Who goes when there are to be fewer: the oldest of the fullest zone, again and again. */
  leaving(count: number): string[] {
    const staying = new Map(
      [...this.members].filter(([, { end, retirement }]) => !end && retirement === undefined),
    );
    const zoneSize = ({ subnetId }: Member) =>
      [...staying.values()].filter((other) => other.subnetId === subnetId).length;
    const gone: string[] = [];
    while (gone.length < count && staying.size > 0) {
      const most = Math.max(...[...staying.values()].map(zoneSize));
      const [id = ""] = [...staying].find(([, member]) => zoneSize(member) === most) ?? [];
      staying.delete(id);
      gone.push(id);
    }
    return gone;
  }

  /** What the group was told since the last look, if it was another size. */
  private noteSize(to: number): Resize | undefined {
    const from = this.size;
    this.size = to;
    if (from === to) return undefined;
    if (from === undefined) return { from: 0, to, cause: causes.created(to) };
    const cause = this.announced ?? causes.resized(from, to);
    this.announced = undefined;
    return { from, to, cause };
  }

  private start(id: string, wanted: ReadonlySet<string>, resize: Resize | undefined): void {
    const cancel = new AbortController();
    const signal = AbortSignal.any([cancel.signal, this.closing.signal]);
    let endLaunch: Member["endLaunch"] = () => undefined;
    const ended = new Promise<Ending>((resolve) => (endLaunch = resolve));
    const member: Member = {
      subnetId: this.nextSubnet(wanted),
      cancel,
      launch: Promise.resolve(),
      state: "Pending",
      ranAt: undefined,
      servedAt: undefined,
      answer: undefined,
      endLaunch,
      fault: undefined,
      retirement: undefined,
      end: undefined,
    };
    member.launch = this.launch(id, member, signal);
    this.activities.record(
      `Launching a new EC2 instance: ${id}`,
      resize && resize.to > resize.from
        ? [resize.cause, causes.grow(resize.from, resize.to)]
        : [this.isMoving() ? causes.balancing : causes.replacement],
      ended,
    );
    this.members.set(id, member);
  }

  /** Whether a host waits for its successor. */
  private isMoving(): boolean {
    return [...this.members.values()].some(({ retirement, end }) => retirement !== undefined && !end);
  }

  private async launch(id: string, member: Member, signal: AbortSignal): Promise<void> {
    try {
      await this.hosts.launch(id, member.subnetId, this.settings, signal);
      member.state = "Pending:Wait";
      if (!this.settings.launchHook || member.answer === "CONTINUE") this.join(id, member);
    } catch (error) {
      // Without its host the next look has it replaced.
      if (!signal.aborted) {
        if (error instanceof CapacityError) this.avoided.set(member.subnetId, this.now() + zonePause);
        else this.fault(error);
        member.endLaunch({ status: "Failed", message: (error as Error).message });
      }
    }
    member.ranAt = this.now();
  }

  /** Has a host be in service. */
  private join(id: string, member: Member): void {
    if (member.end || this.isClosing() || !this.hosts.isUp(id)) return;
    this.hosts.admit(id, this.settings);
    member.state = "InService";
    member.servedAt = this.now();
    this.failedLaunches = 0;
    member.endLaunch({ status: "Successful" });
  }

  /** Takes a host's answer to the hook for launches; false when nobody waits for it. */
  completeLaunch(id: string, hook: string, result: LaunchResult): boolean {
    const member = this.members.get(id);
    const isAwaited = member?.state.startsWith("Pending") && !member.end && member.answer === undefined;
    if (!member || !isAwaited || hook !== this.settings.launchHook?.name) return false;
    member.answer = result;
    if (result === "CONTINUE" && member.state === "Pending:Wait") this.join(id, member);
    return true;
  }

  /** What the group would say of an instance; undefined for one that it does not have. */
  stateOf(id: string): { readonly lifecycle: LifecycleState; readonly isHealthy: boolean } | undefined {
    const member = this.members.get(id);
    return member && { lifecycle: member.state, isHealthy: member.fault === undefined };
  }

  /** A launch has failed: the next ones wait for a while. */
  private pause(): void {
    const pause = Math.min(longestPause, shortestPause * 2 ** this.failedLaunches++);
    this.nextLaunchAt = this.now() + pause;
  }

  /** The subnet with the fewest of the hosts that stay, those included that are being launched. */
  private nextSubnet(wanted: ReadonlySet<string>): string {
    const staying = [...this.members].filter(([id]) => wanted.has(id)).map(([, { subnetId }]) => subnetId);
    const count = (subnetId: string) => staying.filter((other) => other === subnetId).length;
    return this.openSubnets().reduce((best, subnetId) => (count(subnetId) < count(best) ? subnetId : best));
  }

  /** Why a member must be replaced, if it must. */
  private faultOf(id: string, member: Member): string | undefined {
    if (member.ranAt === undefined || member.end) return undefined;
    // A host that does not run is replaced even in its grace period, as EC2 Auto Scaling does.
    if (!this.hosts.isUp(id)) return causes.dead;
    const { gracePeriod, checksBalancer } = this.settings;
    if (member.servedAt === undefined) return this.abandonmentOf(member, member.ranAt);
    const isInGrace = this.now() - member.servedAt < gracePeriod * 1000;
    return checksBalancer && !isInGrace && this.hosts.isUnhealthy(id, this.settings)
      ? causes.unhealthy
      : undefined;
  }

  /** Whether a launch is given up, by the host itself or for want of an answer. */
  private abandonmentOf(member: Member, ranAt: number): string | undefined {
    const isLate = this.now() - ranAt >= (this.settings.launchHook?.timeout ?? 0) * 1000;
    if (member.answer !== "ABANDON" && !isLate) return undefined;
    const reason = isLate ? "Heartbeat Timeout" : "Lifecycle Action Completed with ABANDON Result";
    member.endLaunch({ status: "Cancelled", message: abandonment(reason) });
    return causes.abandoned;
  }

  /** Ends a member that the group should not have any more. */
  private async takeOut(id: string, member: Member, resize: Resize | undefined): Promise<void> {
    if (member.end) return; // told by who began it
    const isFewer = (member.fault ?? member.retirement) === undefined && resize && resize.to < resize.from;
    const end = this.end(id, member);
    this.activities.record(
      `Terminating EC2 instance: ${id}`,
      isFewer
        ? [resize.cause, causes.shrink(resize.from, resize.to)]
        : [member.fault ?? member.retirement ?? causes.dead],
      end.then(() => ({ status: "Successful" })),
    );
    await end;
  }

  /** Ends a member once; an end that failed can be tried again. */
  private end(id: string, member: Member): Promise<void> {
    const end = async () => {
      member.cancel.abort();
      await member.launch;
      member.state = "Terminating";
      member.endLaunch({ status: "Cancelled" });
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
