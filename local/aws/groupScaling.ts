import { setTimeout as sleep } from "node:timers/promises";
import {
  DescribeAutoScalingGroupsCommand,
  SetDesiredCapacityCommand,
  UpdateAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import { isDue, type Schedule } from "../../components/web/schedule";
import type { RegionClients } from "../api/clients";
import { causes } from "./scalingActivities";
import type { ScalingGroup } from "./scalingGroup";
import { TargetTracking } from "./targetTracking";

/** What a group's scaling is made with. */
export interface GroupScalingOptions {
  readonly groupName: string;
  readonly group: Pick<ScalingGroup, "warm" | "isChanging" | "announce">;
  readonly clients: Pick<RegionClients, "autoScaling">;
  /** How long a minute lasts for alarms, in milliseconds. */
  readonly minute: number;
  /** Seconds, as the group counts them, after which a host's load counts. */
  readonly warmup: () => number;
  /** Told of what goes wrong while nobody waits for it. */
  readonly onFault: (error: Error) => void;
}

/** Changes a group's size as its policies and schedules say. */
export class GroupScaling {
  readonly tracking: TargetTracking;
  readonly schedules = new Map<string, Schedule>();
  private readonly closing = new AbortController();
  private following: Promise<unknown> | undefined;
  /** The minute of the clock that schedules were last looked at for. */
  private lookedAt: number | undefined;

  constructor(private readonly options: GroupScalingOptions) {
    this.tracking = new TargetTracking(options.groupName);
  }

  follow(): void {
    this.following = Promise.all([
      this.every(this.options.minute, () => this.track()),
      this.every(1000, () => this.keepSchedules(new Date())),
    ]);
  }

  private async every(millis: number, action: () => Promise<void>): Promise<void> {
    const { signal } = this.closing;
    for (;;) {
      await sleep(millis, undefined, { signal }).catch(() => undefined); // closed: nothing to wait for
      if (signal.aborted) return;
      await action().catch((error: unknown) => {
        if (!signal.aborted) this.options.onFault(error as Error);
      });
    }
  }

  private async size() {
    const { AutoScalingGroups } = await this.options.clients.autoScaling.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [this.options.groupName] }),
    );
    const { MinSize: min = 0, MaxSize: max = 0, DesiredCapacity: desired = 0 } = AutoScalingGroups?.[0] ?? {};
    return { min, max, desired };
  }

  /** Looks at the policies' figures of another minute. */
  async track(): Promise<void> {
    const { groupName, group, clients } = this.options;
    const warmup = this.options.warmup();
    const capacity = { ...(await this.size()), warm: group.warm(warmup).length };
    const decision = await this.tracking.decide({ ...capacity, isChanging: group.isChanging(warmup) });
    if (!decision || this.closing.signal.aborted) return;
    group.announce(decision.cause);
    await clients.autoScaling.send(
      new SetDesiredCapacityCommand({ AutoScalingGroupName: groupName, DesiredCapacity: decision.desired }),
    );
  }

  /** Sets the limits of the schedules that are due in this minute of the clock. */
  async keepSchedules(now: Date): Promise<void> {
    const minute = Math.floor(now.getTime() / 60_000);
    if (minute === this.lookedAt) return;
    this.lookedAt = minute;
    for (const schedule of this.schedules.values()) if (isDue(schedule, now)) await this.limit(schedule);
  }

  private async limit({ min, max }: Schedule): Promise<void> {
    const { groupName, group, clients } = this.options;
    const { desired } = await this.size();
    const wanted = Math.min(max, Math.max(min, desired));
    if (wanted !== desired) group.announce(causes.scheduled({ min, max }, desired, wanted));
    await clients.autoScaling.send(
      new UpdateAutoScalingGroupCommand({
        AutoScalingGroupName: groupName,
        MinSize: min,
        MaxSize: max,
        DesiredCapacity: wanted,
      }),
    );
  }

  /** Decides nothing any more. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.following;
  }
}
