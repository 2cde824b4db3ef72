// @ts-check
/**
 * The gate: waits until hosts are what the rest of a deployment relies on, and throws their own reason otherwise.
 *
 * A failed invocation leaves nothing in the deployment's state, so that every further `pulumi up` asks again.
 */
import {
  AutoScalingClient,
  DescribeAutoScalingGroupsCommand,
  TerminateInstanceInAutoScalingGroupCommand,
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
import { bootReportKey, reserveSeconds, tierTag, userIdOf } from "./contract.cjs";

/**
 * @typedef {import("./contract.cjs").BootEvent} BootEvent
 * @typedef {import("./contract.cjs").CutOverEvent} CutOverEvent
 * @typedef {import("./contract.cjs").BootReport} BootReport
 * @typedef {{ now: () => number, sleep: (millis: number) => Promise<void> }} Clock
 * @typedef {{ getRemainingTimeInMillis: () => number }} Context
 * @typedef {import("@aws-sdk/client-auto-scaling").AutoScalingGroup} Group
 * @typedef {{ id: string, lifecycle: string, state: string, reason: string }} Host
 */

/** Time between two looks. */
const pollMillis = 2000;

/** How long a host may go on failing to apply something before it counts: it tries again by itself. */
const applySeconds = 60;

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
 * Are the failures a property of the image rather than bad luck with single hosts? As many as the fleet has are replaced, and
 * two of a fleet of one.
 * @param {{ failed: number, size: number }} seen
 */
export function isHopeless({ failed, size }) {
  return failed > Math.max(2, size);
}

/** @param {unknown} error */
function message(error) {
  if (error instanceof GateError) return error.message;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/**
 * @param {Clock} clock
 * @param {Context} context
 */
function timer(clock, context) {
  const start = clock.now();
  return {
    expired: () => context.getRemainingTimeInMillis() <= reserveSeconds * 1000,
    waited: () => `${Math.round((clock.now() - start) / 1000)} s`,
  };
}

/**
 * The newest boot report of an instance, if it has one.
 * @param {S3Client} s3
 * @param {{ bucket: string, roleId: string }} event
 * @param {string} instanceId
 * @returns {Promise<BootReport | undefined>}
 */
async function readReport(s3, { bucket, roleId }, instanceId) {
  const key = bootReportKey(userIdOf(roleId, instanceId));
  try {
    const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return JSON.parse((await object.Body?.transformToString()) ?? "");
  } catch (error) {
    if (error instanceof Error && error.name === "NoSuchKey") return undefined;
    throw error;
  }
}

/**
 * @param {BootEvent} event
 * @param {Context} context
 * @param {Clock} clock
 */
async function waitForBoot(event, context, clock) {
  const { label, instanceId, region, applied } = event;
  const s3 = new S3Client({ ...patient, forcePathStyle: true });
  const ec2 = new EC2Client({ ...patient, region });
  const time = timer(clock, context);
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

  const old = await readReport(s3, event, instanceId);
  const failed = old?.succeeded === false ? old : undefined;
  const before = failed === undefined ? "" : `\nThe boot before: ${describeFailure(failed)}`;
  let mustReboot = failed !== undefined;
  /** @type {number | undefined} */
  let refusedSince;
  for (;;) {
    const report = await readReport(s3, event, instanceId);
    const booted = report !== undefined && report.bootId !== failed?.bootId ? report : undefined;
    if (booted?.succeeded === false) throw new GateError(`${host}: ${describeFailure(booted)}`);
    if (booted !== undefined && (applied === undefined || booted.applied === applied))
      return { instanceId, script: booted.script, finishedAt: booted.finishedAt };
    const error = booted?.applyError;
    const refused = error !== undefined && error.version === applied ? error : undefined;
    refusedSince = refused && (refusedSince ?? clock.now());
    if (refused && refusedSince !== undefined && clock.now() - refusedSince >= applySeconds * 1000)
      throw new GateError(`${host} cannot apply version ${refused.version}: ${refused.message}`);
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
        booted === undefined
          ? `${host}: no ${failed === undefined ? "" : "new "}boot report after ${time.waited()}; the instance is ` +
              `${state ?? "unknown to EC2"}. Its console output and /var/log/cloud-init-output.log tell how far it came${before}`
          : `${host} has not applied version ${applied} after ${time.waited()}, but ${booted.applied ?? "none"}; the ` +
              `instance is ${state ?? "unknown to EC2"}. Its journal tells more`,
      );
    await clock.sleep(pollMillis);
  }
}

/** @param {BootReport | undefined} report */
const isReady = (report) => report?.succeeded === true && report.ready === true;

/**
 * What keeps a host from taking over.
 * @param {Host} host
 * @param {BootReport | undefined} report
 */
function describeHost({ id, lifecycle, state, reason }, report) {
  const unready = report?.ready === false ? `, but not ready: ${report.readiness}` : "";
  return `${id} (${lifecycle}) is ${state}${reason && `: ${reason}`}${unready}`;
}

/**
 * Who must show what, before the group may take over:
 * - In a roll-out, or a first deployment, each host must be healthy for the balancer and ready by its newest report, which it
 *   rewrites whenever that changes. The balancer asks for neither the database nor the bucket.
 * - When the group itself is what serves (only its limits have changed, or it is asked again), health is all. The template has
 *   passed before, and its hosts serve whatever is said here: that the database is away is no reason to refuse other limits.
 *   Hosts that the change brings are what the scaling policies could bring at any time, with nobody asking for more.
 *
 * A host whose boot has failed for good (its newest report says so, and it did not serve when the gate was asked) tells its group,
 * which makes another; one that cannot is taken out. Either happens as often as {@link isHopeless} allows. A host that has not
 * reported yet is waited for.
 *
 * @param {CutOverEvent} event
 * @param {Context} context
 * @param {Clock} clock
 */
async function cutOver(event, context, clock) {
  const { label, groupName, tier, targetGroupArn, minSize, maxSize } = event;
  const s3 = new S3Client({ ...patient, forcePathStyle: true });
  const autoScaling = new AutoScalingClient(patient);
  const balancer = new ElasticLoadBalancingV2Client(patient);
  const time = timer(clock, context);

  const listGroups = async () => {
    /** @type {Group[]} */
    const groups = [];
    /** @type {string | undefined} */
    let token;
    do {
      const page = await autoScaling.send(
        new DescribeAutoScalingGroupsCommand({
          Filters: [{ Name: `tag:${tierTag}`, Values: [tier] }],
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
  /** Hosts that go may be left over from an earlier attempt. @param {Host} host */
  const isStaying = (host) => !host.lifecycle.startsWith("Terminating");
  const countHealthy = async (name = groupName) => (await look(name)).filter(isHealthy).length;
  /** @param {readonly Host[]} hosts */
  const readReports = async (hosts) =>
    new Map(
      await Promise.all(
        hosts.map(async ({ id }) => /** @type {const} */ ([id, await readReport(s3, event, id)])),
      ),
    );

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
  const ownBefore = (await look()).filter(isStaying);
  const reportsBefore = [...(await readReports(ownBefore)).values()];
  const before = {
    servedBefore: ownBefore.some(isHealthy) || reportsBefore.some((report) => report?.ready === true),
    othersServing: othersHealthy.some((count) => count > 0),
  };
  const isWhatServes = before.servedBefore && !before.othersServing;
  const veterans = new Set(isWhatServes ? ownBefore.filter(isHealthy).map(({ id }) => id) : []);
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
  /**
   * Has the group replace a host. False when it cannot now: the next look shows what has come of it.
   * @param {string} id
   */
  const takeOut = async (id) => {
    try {
      await autoScaling.send(
        new TerminateInstanceInAutoScalingGroupCommand({
          InstanceId: id,
          ShouldDecrementDesiredCapacity: false,
        }),
      );
      return true;
    } catch (error) {
      const isBusy = error instanceof Error && error.name === "ScalingActivityInProgressFault";
      // The group was faster.
      const isGone =
        error instanceof Error && error.name === "ValidationError" && /not found/i.test(error.message);
      if (isBusy || isGone) return false;
      throw error;
    }
  };

  /** Hosts that were taken out, or went by themselves, and why. @type {Map<string, string>} */
  const replaced = new Map();
  /** Hosts that were there at some look. @type {Map<string, Host>} */
  const seen = new Map();
  try {
    await resize(minSize, desired);
    for (;;) {
      const hosts = (await look()).filter(isStaying);
      for (const host of hosts) seen.set(host.id, host);
      const reports = await readReports([...seen.values()]);
      for (const [id, report] of reports)
        if (report?.succeeded === false && !veterans.has(id) && !hosts.some((host) => host.id === id))
          replaced.set(id, replaced.get(id) ?? describeFailure(report, 15));
      const canTakeOver = hosts.filter(
        (host) => isHealthy(host) && (isWhatServes || isReady(reports.get(host.id))),
      );
      if (canTakeOver.length >= desired) {
        const now = await listGroups();
        const grown = sizeFor(now.filter((group) => group.Status === undefined));
        if (grown <= desired)
          return { groupName, desired, replaced: others.map((group) => group.AutoScalingGroupName) };
        // The old group has grown meanwhile: the new one must carry what it carries.
        desired = grown;
        await resize(minSize, desired);
      }
      const waiting = hosts.filter((host) => !canTakeOver.includes(host) && !replaced.has(host.id));
      const failed = waiting.flatMap(({ id }) => {
        const report = reports.get(id);
        return report?.succeeded === false && !veterans.has(id)
          ? [{ id, reason: describeFailure(report, 15) }]
          : [];
      });
      const failures = replaced.size + failed.length;
      const hopeless = isHopeless({ failed: failures, size: desired });
      if (hopeless || time.expired())
        throw new GateError(
          [
            `${label} (${groupName}): ${canTakeOver.length} of ${desired} hosts healthy` +
              `${isWhatServes ? "" : " and ready"} after ${time.waited()}` +
              (failures > 0 ? `; ${failures} failed to boot` : ""),
            ...waiting.map((host) => describeHost(host, reports.get(host.id))),
            ...[...replaced].map(([id, reason]) => `${id}, which was replaced: ${reason}`),
            ...failed.map(({ id, reason }) => `${id}: ${reason}`),
          ].join("\n"),
        );
      for (const { id, reason } of failed) if (await takeOut(id)) replaced.set(id, reason);
      await clock.sleep(pollMillis);
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
 * @param {Context} context
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
 * @param {Context} context
 */
export const handler = (event, context) =>
  run(event, context, {
    now: Date.now,
    sleep: (millis) => new Promise((resolve) => setTimeout(resolve, millis)),
  });
