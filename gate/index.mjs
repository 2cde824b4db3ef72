// @ts-check
/**
 * The gate: waits until hosts are what the rest of a deployment relies on, and throws their own reason otherwise.
 *
 * A failed invocation leaves nothing in the deployment's state, so that every further `pulumi up` asks again.
 */
import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  UpdateAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import {
  DescribeInstancesCommand,
  EC2Client,
  RebootInstancesCommand,
  StartInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  DescribeTargetHealthCommand,
  ElasticLoadBalancingV2Client,
} from "@aws-sdk/client-elastic-load-balancing-v2";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";

/**
 * What a boot script writes when it ends. A web host tells as well what its /readyz said then: `ready`, and why not.
 * @typedef {{ instanceId: string, script: string, succeeded: boolean, step: string, message: string, logTail: string, bootId: string, finishedAt: string, ready?: boolean | null, readiness?: string }} BootReport
 *
 * Waits for an instance's boot report. `bucket` is in the function's region, the instance in `region`.
 * @typedef {{ kind: "boot", label: string, bucket: string, instanceId: string, region: string, timeoutSeconds: number }} BootEvent
 *
 * Gives a new group the size of the one that serves and waits until its hosts are healthy.
 * `tier` is the value of the tag that the service's groups share; `bucket` holds the boot reports.
 * @typedef {{ kind: "cutOver", label: string, bucket: string, groupName: string, tier: string, targetGroupArn: string, minSize: number, maxSize: number, timeoutSeconds: number }} CutOverEvent
 *
 * @typedef {{ now: () => number, sleep: (millis: number) => Promise<void> }} Clock
 * @typedef {{ getRemainingTimeInMillis?: () => number }} Context
 * @typedef {import("@aws-sdk/client-auto-scaling").AutoScalingGroup} Group
 * @typedef {{ id: string, lifecycle: string, state: string, reason: string }} Host
 */

/** The tag that the auto scaling groups of one service share. */
export const TIER_TAG = "django-on-ec2:tier";

/** Time between two looks. */
export const POLL_MILLIS = Number(process.env.GATE_POLL_MILLIS ?? 2000);

/** Kept from Lambda's own limit, so that the gate can still clean up and say what it was waiting for. */
export const RESERVE_MILLIS = 20_000;

/** A wait of minutes must not end with one hiccup of the network. */
const patient = { maxAttempts: 6 };

/** The reason for which a deployment must not go on. Has no stack: its message is for the operator. */
export class GateError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "GateError";
    this.stack = "";
  }
}

/**
 * A host's own account of why its boot script failed.
 * @param {BootReport} report
 * @param {number} lines of the log to add
 */
export function describeFailure(report, lines = 25) {
  const tail = report.logTail.split("\n").slice(-lines).join("\n");
  const reason = `${report.script}.sh failed at "${report.step}": ${report.message}`;
  return tail.trim() === "" ? reason : `${reason}\nEnd of the host's log:\n${tail}`;
}

/**
 * What to do about a host that has not reported yet.
 * @param {string | undefined} state of the instance; undefined while EC2 does not know it yet
 * @param {boolean} mustReboot because its last boot failed
 * @returns {"give up" | "start" | "reboot" | "wait"}
 */
export function nextAction(state, mustReboot) {
  if (state === "terminated" || state === "shutting-down") return "give up";
  if (state === "stopped") return "start";
  return state === "running" && mustReboot ? "reboot" : "wait";
}

/**
 * The size for the new group: what serves now, within the limits. A deployment never resets what the operator or
 * the scaling policies chose.
 * @param {{ minSize: number, maxSize: number, serving: readonly number[] }} sizes
 */
export function chooseSize({ minSize, maxSize, serving }) {
  return Math.min(maxSize, Math.max(minSize, ...serving));
}

/**
 * May a failed roll-out be scaled to zero? Not when the group is the only one and has hosts that serve or once did.
 * @param {{ servedBefore: boolean, othersServing: boolean }} before
 */
export function mayScaleToZero({ servedBefore, othersServing }) {
  return othersServing || !servedBefore;
}

/**
 * What a host's report has against it as a member of a new fleet: its boot failed, or it was alive but not ready, which the
 * balancer does not ask.
 * @param {BootReport | undefined} report
 * @returns {string | undefined}
 */
export function objection(report) {
  if (report === undefined) return undefined;
  if (!report.succeeded) return describeFailure(report, 15);
  return report.ready === false ? `alive, but not ready: ${report.readiness}` : undefined;
}

/**
 * Are the failures a property of the image rather than bad luck with one host?
 * @param {{ failedHosts: number, size: number }} seen
 */
export function isHopeless({ failedHosts, size }) {
  return failedHosts > size;
}

/** @param {unknown} error */
function message(error) {
  if (error instanceof GateError) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** @param {number} millis */
const seconds = (millis) => `${Math.round(millis / 1000)} s`;

/**
 * @param {Clock} clock
 * @param {number} timeoutSeconds
 * @param {Context | undefined} context
 */
function timer(clock, timeoutSeconds, context) {
  const start = clock.now();
  const limit = Math.max(0, (context?.getRemainingTimeInMillis?.() ?? Infinity) - RESERVE_MILLIS);
  const end = start + Math.min(timeoutSeconds * 1000, limit);
  return {
    expired: () => clock.now() >= end,
    waited: () =>
      seconds(clock.now() - start) +
      (limit < timeoutSeconds * 1000
        ? ` (the function's own limit; ${timeoutSeconds} s were asked for)`
        : ""),
  };
}

/**
 * The newest boot report of an instance, if it has one.
 * @param {S3Client} s3
 * @param {string} bucket
 * @param {string} instanceId
 * @returns {Promise<BootReport | undefined>}
 */
async function readReport(s3, bucket, instanceId) {
  try {
    const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: `boot/${instanceId}.json` }));
    return JSON.parse((await object.Body?.transformToString()) ?? "");
  } catch (error) {
    if (error instanceof Error && error.name === "NoSuchKey") return undefined;
    throw error;
  }
}

/**
 * @param {BootEvent} event
 * @param {Context | undefined} context
 * @param {Clock} clock
 */
async function waitForBoot(event, context, clock) {
  const { label, bucket, instanceId, region } = event;
  const s3 = new S3Client({ ...patient, forcePathStyle: true });
  const ec2 = new EC2Client({ ...patient, region });
  const time = timer(clock, event.timeoutSeconds, context);
  const host = `${label} (${instanceId})`;
  const ids = { InstanceIds: [instanceId] };

  const instanceState = async () => {
    try {
      const found = await ec2.send(new DescribeInstancesCommand(ids));
      return found.Reservations?.[0]?.Instances?.[0]?.State?.Name;
    } catch (error) {
      if (error instanceof Error && error.name === "InvalidInstanceID.NotFound") return undefined;
      throw error;
    }
  };

  const old = await readReport(s3, bucket, instanceId);
  const failed = old?.succeeded === false ? old : undefined;
  const before = failed === undefined ? "" : `\nThe boot before: ${describeFailure(failed)}`;
  let mustReboot = failed !== undefined;
  for (;;) {
    const report = await readReport(s3, bucket, instanceId);
    if (report !== undefined && report.bootId !== failed?.bootId) {
      if (!report.succeeded) throw new GateError(`${host}: ${describeFailure(report)}`);
      return { instanceId, script: report.script, finishedAt: report.finishedAt };
    }
    const state = await instanceState();
    const action = nextAction(state, mustReboot);
    if (action === "give up")
      throw new GateError(
        `${host} is ${state} and cannot report any more: have it replaced with "pulumi up --refresh"${before}`,
      );
    if (action === "start") await ec2.send(new StartInstancesCommand(ids));
    if (action === "reboot") await ec2.send(new RebootInstancesCommand(ids));
    if (action !== "wait") mustReboot = false;
    if (time.expired())
      throw new GateError(
        `${host}: no ${failed === undefined ? "" : "new "}boot report after ${time.waited()}; the instance is ` +
          `${state ?? "unknown to EC2"}. Its console output and /var/log/cloud-init-output.log tell how far it came${before}`,
      );
    await clock.sleep(POLL_MILLIS);
  }
}

/**
 * @param {CutOverEvent} event
 * @param {Context | undefined} context
 * @param {Clock} clock
 */
async function cutOver(event, context, clock) {
  const { label, bucket, groupName, tier, targetGroupArn, minSize, maxSize } = event;
  const s3 = new S3Client({ ...patient, forcePathStyle: true });
  const autoScaling = new AutoScalingClient(patient);
  const balancer = new ElasticLoadBalancingV2Client(patient);
  const time = timer(clock, event.timeoutSeconds, context);

  const listGroups = async () => {
    /** @type {Group[]} */
    const groups = [];
    /** @type {string | undefined} */
    let token;
    do {
      const page = await autoScaling.send(
        new DescribeAutoScalingGroupsCommand({
          Filters: [{ Name: `tag:${TIER_TAG}`, Values: [tier] }],
          NextToken: token,
        }),
      );
      groups.push(...(page.AutoScalingGroups ?? []));
      token = page.NextToken;
    } while (token !== undefined);
    return groups;
  };

  /** A group's hosts with the balancer's view of each. */
  const look = async (name = groupName) => {
    const found = await autoScaling.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
    );
    const health = await balancer.send(new DescribeTargetHealthCommand({ TargetGroupArn: targetGroupArn }));
    const targets = new Map(
      (health.TargetHealthDescriptions ?? []).map((each) => [each.Target?.Id, each.TargetHealth]),
    );
    return (found.AutoScalingGroups?.[0]?.Instances ?? []).map((instance) => {
      const target = targets.get(instance.InstanceId);
      return {
        id: instance.InstanceId ?? "",
        lifecycle: instance.LifecycleState ?? "unknown",
        state: target?.State ?? "not registered",
        reason: [target?.Reason, target?.Description].filter(Boolean).join(", "),
      };
    });
  };
  /** @param {Host} host */
  const isHealthy = (host) => host.state === "healthy" && host.lifecycle === "InService";
  const countHealthy = async (name = groupName) => (await look(name)).filter(isHealthy).length;

  const groups = (await listGroups()).filter((group) => group.Status === undefined);
  const others = groups.filter(
    (group) => group.AutoScalingGroupName !== groupName && (group.DesiredCapacity ?? 0) > 0,
  );
  const own = groups.filter((group) => group.AutoScalingGroupName === groupName);
  /** @param {Group[]} serving */
  const sizeFor = (serving) =>
    chooseSize({ minSize, maxSize, serving: serving.map((group) => group.DesiredCapacity ?? 0) });
  let desired = sizeFor([...others, ...own]);
  const othersHealthy = await Promise.all(others.map((group) => countHealthy(group.AutoScalingGroupName)));
  const ownBefore = await look();
  const reportsBefore = await Promise.all(ownBefore.map(({ id }) => readReport(s3, bucket, id)));
  const before = {
    servedBefore: ownBefore.some(isHealthy) || reportsBefore.some((report) => report?.ready === true),
    othersServing: othersHealthy.some((count) => count > 0),
  };
  /** @param {number} min @param {number} size */
  const resize = (min, size) =>
    autoScaling.send(
      new UpdateAutoScalingGroupCommand({
        AutoScalingGroupName: groupName,
        MinSize: min,
        MaxSize: maxSize,
        DesiredCapacity: size,
      }),
    );

  /** @type {Map<string, string>} */
  const failures = new Map();
  /** @type {Set<string>} */
  const ready = new Set();
  try {
    await resize(minSize, desired);
    for (;;) {
      const hosts = await look();
      // A host that goes may be left over from an earlier attempt.
      for (const { id } of hosts.filter((host) => !host.lifecycle.startsWith("Terminating"))) {
        if (failures.has(id) || ready.has(id)) continue;
        const report = await readReport(s3, bucket, id);
        const against = objection(report);
        if (against !== undefined) failures.set(id, against);
        else if (report?.ready === true) ready.add(id);
      }
      const unhealthy = hosts.filter((host) => !isHealthy(host) || !ready.has(host.id));
      const healthy = hosts.length - unhealthy.length;
      if (healthy >= desired) {
        const now = await listGroups();
        const grown = sizeFor(now.filter((group) => group.Status === undefined));
        if (grown <= desired)
          return { groupName, desired, replaced: others.map((group) => group.AutoScalingGroupName) };
        // The old group has grown meanwhile: the new one must carry what it carries.
        desired = grown;
        await resize(minSize, desired);
      }
      const hopeless = isHopeless({ failedHosts: failures.size, size: desired });
      if (hopeless || time.expired())
        throw new GateError(
          [
            `${label} (${groupName}): ${healthy} of ${desired} hosts healthy and ready after ${time.waited()}` +
              (hopeless ? `; ${failures.size} failed` : ""),
            ...unhealthy.map(
              (host) => `${host.id} (${host.lifecycle}) is ${host.state}${host.reason && `: ${host.reason}`}`,
            ),
            ...[...failures].map(([id, against]) => `${id}: ${against}`),
          ].join("\n"),
        );
      await clock.sleep(POLL_MILLIS);
    }
  } catch (error) {
    if (!mayScaleToZero(before)) throw error;
    const outcome = await resize(0, 0).then(
      () => "The new group is scaled to zero; what served before still does.",
      (failure) => `The new group could not be scaled to zero: ${message(failure)}`,
    );
    throw new GateError(`${error instanceof GateError ? "" : `${label}: `}${message(error)}\n${outcome}`);
  }
}

/**
 * The function's body, with the clock as an argument for tests.
 * @param {BootEvent | CutOverEvent} event
 * @param {Context | undefined} context
 * @param {Clock} clock
 */
export async function run(event, context, clock) {
  try {
    if (event.kind === "boot") return await waitForBoot(event, context, clock);
    if (event.kind === "cutOver") return await cutOver(event, context, clock);
  } catch (error) {
    if (error instanceof GateError) throw error;
    throw new GateError(`${event.label}: the gate itself failed: ${message(error)}`);
  }
  throw new GateError(`unknown kind of event: ${JSON.stringify(event)}`);
}

/**
 * What Lambda calls.
 * @param {BootEvent | CutOverEvent} event
 * @param {Context} [context]
 */
export const handler = (event, context) =>
  run(event, context, {
    now: Date.now,
    sleep: (millis) => new Promise((resolve) => setTimeout(resolve, millis)),
  });
