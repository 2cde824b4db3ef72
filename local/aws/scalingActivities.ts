import { randomUUID } from "node:crypto";
import type { ScalingActivity } from "../api/apiFront";

/** How many are remembered; AWS forgets them after six weeks. */
const most = 500;

/** How something that a group did has ended. */
export type Ending = Pick<ScalingActivity, "status" | "message">;

/** What a group did, and why. */
export class ScalingActivities {
  private readonly activities: ScalingActivity[] = [];

  /** The newest first. */
  list(): readonly ScalingActivity[] {
    return [...this.activities].reverse();
  }

  /** Notes the begin of one, and its end when that comes. */
  record(description: string, causes: readonly string[], end: Promise<Ending>): void {
    const startedAt = new Date();
    // AWS tells times without fractions here, and separates sentences by two spaces.
    const at = `${startedAt.toISOString().slice(0, 19)}Z`;
    const cause = causes.map((text) => `At ${at} ${text}.`).join("  ");
    const begun = { id: randomUUID(), description, cause, startedAt } as const;
    const note = (activity: ScalingActivity) => {
      const index = this.activities.findIndex(({ id }) => id === activity.id);
      if (index < 0) this.activities.push(activity);
      else this.activities[index] = activity;
      if (this.activities.length > most) this.activities.shift();
    };
    note({ ...begun, status: "InProgress" });
    end.then(
      (ending) => note({ ...begun, ...ending, endedAt: new Date() }),
      (error: unknown) =>
        note({ ...begun, status: "Failed", endedAt: new Date(), message: (error as Error).message }),
    );
  }
}

/** The causes in Auto Scaling's words. */
export const causes = {
  created: (size: number) =>
    `a user request created an AutoScalingGroup changing the desired capacity from 0 to ${size}`,
  resized: (from: number, to: number) =>
    `a user request explicitly set group desired capacity changing the desired capacity from ${from} to ${to}`,
  grow: (from: number, to: number) =>
    `an instance was started in response to a difference between desired and actual capacity, increasing the capacity from ${from} to ${to}`,
  shrink: (from: number, to: number) =>
    `an instance was taken out of service in response to a difference between desired and actual capacity, shrinking the capacity from ${from} to ${to}`,
  replacement: "an instance was launched in response to an unhealthy instance needing to be replaced",
  dead: "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped",
  unhealthy: "an instance was taken out of service in response to an ELB system health check failure",
  old: "an instance was taken out of service in response to reaching the maximum instance lifetime",
  balancing:
    "an instance was launched to aid in balancing the group's zones, or in place of one that is to go",
  balance: (zone: string) =>
    `instances were launched to balance instances in zones ${zone} with other zones resulting in more than desired number of instances in the group`,
  scheduled: (limits: { readonly min: number; readonly max: number }, from: number, to: number) =>
    `a scheduled action update of AutoScalingGroup constraints to min: ${limits.min}, max: ${limits.max}, desired: ${to} changing the desired capacity from ${from} to ${to}`,
  abandoned: "an instance was taken out of service as its launch was abandoned",
} as const;

/** Why a launch was cancelled, in Auto Scaling's words. */
export const abandonment = (reason: string): string =>
  `Instance failed to complete user's Lifecycle Action: Lifecycle Action with token ${randomUUID()} was abandoned: ${reason}`;
