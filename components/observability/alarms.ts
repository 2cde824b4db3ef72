/**
 * The alarms of a stack, as pure functions of what they watch: each takes no more of a part than its names in CloudWatch. What
 * has no alarm, and why, stands in docs/alarms.md.
 */
import type * as pulumi from "@pulumi/pulumi";
import type { Alarm, Figure } from "./alarm";
import { figuresNamespace } from "./telemetry";

/** The names of a load balancer and of its target group in CloudWatch. */
export interface WatchedBalancer {
  readonly balancer: pulumi.Input<string>;
  readonly targetGroup: pulumi.Input<string>;
}

/** A fleet behind a load balancer. */
export interface WatchedFleet extends WatchedBalancer {
  readonly groupName: pulumi.Input<string>;
  /** What its scaling policies aim at: requests a minute of one host. */
  readonly requestsPerTarget: number;
  /** What they aim at: mean processor load in percent. */
  readonly cpuPercent: number;
}

/** A figure that a load balancer has of itself. */
export function balancerFigure({ balancer }: WatchedBalancer, metric: string, statistic: string): Figure {
  return { namespace: "AWS/ApplicationELB", metric, dimensions: { LoadBalancer: balancer }, statistic };
}

/** A figure that a load balancer has of a target group. */
export function targetFigure(watched: WatchedBalancer, metric: string, statistic: string): Figure {
  const { dimensions, ...figure } = balancerFigure(watched, metric, statistic);
  return { ...figure, dimensions: { ...dimensions, TargetGroup: watched.targetGroup } };
}

/** A figure of an auto scaling group about itself, as opposed to its hosts. */
export function groupFigure(groupName: pulumi.Input<string>, metric: string): Figure {
  return {
    namespace: "AWS/AutoScaling",
    metric,
    dimensions: { AutoScalingGroupName: groupName },
    statistic: "Maximum",
  };
}

/** The mean processor load of a group's hosts, in percent. */
export function fleetLoad(groupName: pulumi.Input<string>): Figure {
  const dimensions = { AutoScalingGroupName: groupName };
  return { namespace: "AWS/EC2", metric: "CPUUtilization", dimensions, statistic: "Average" };
}

/** A figure of one instance. */
export function instanceFigure(instanceId: pulumi.Input<string>, metric: string, statistic: string): Figure {
  return { namespace: "AWS/EC2", metric, dimensions: { InstanceId: instanceId }, statistic };
}

/** A figure of a health check of Route 53; kept in us-east-1, wherever it asks. */
export function outsideFigure(healthCheckId: pulumi.Input<string>): Figure {
  const dimensions = { HealthCheckId: healthCheckId };
  return { namespace: "AWS/Route53", metric: "HealthCheckStatus", dimensions, statistic: "Minimum" };
}

/** How often a function ended with an error. */
export function functionErrors(functionName: pulumi.Input<string>): Figure {
  return {
    namespace: "AWS/Lambda",
    metric: "Errors",
    dimensions: { FunctionName: functionName },
    statistic: "Sum",
  };
}

/** The share of failed requests in percent; below twenty requests a minute, one more or less says nothing. */
export const errorShare =
  "IF(FILL(requests, 0) + FILL(refused, 0) >= 20, 100 * (FILL(refused, 0) + FILL(failed, 0)) / (FILL(requests, 0) + FILL(refused, 0)), 0)";

/** The figures of {@link errorShare}: the balancer counts a request only when it has found a host for it. */
export function errorFigures(
  balancer: WatchedBalancer,
): Readonly<Record<"requests" | "refused" | "failed", Figure>> {
  return {
    requests: balancerFigure(balancer, "RequestCount", "Sum"),
    refused: balancerFigure(balancer, "HTTPCode_ELB_5XX_Count", "Sum"),
    failed: targetFigure(balancer, "HTTPCode_Target_5XX_Count", "Sum"),
  };
}

/** What users notice of a fleet, and what they will notice soon. */
export function fleetAlarms(fleet: WatchedFleet): readonly Alarm[] {
  const { groupName, cpuPercent, requestsPerTarget } = fleet;
  return [
    {
      name: "errors",
      meaning: "More than 1 % of the requests have failed for three minutes.",
      firstStep:
        "open /readyz: it names what is away. If nothing is, see on the dashboard whether the balancer or the hosts answer 5xx, and read the hosts' log.",
      figures: errorFigures(fleet),
      expression: errorShare,
      ...{ comparison: "above", threshold: 1, periods: 3, silence: "good" },
    },
    {
      name: "no-host",
      meaning: "No host is healthy: every request is answered 503.",
      firstStep:
        "read the newest boot reports and the group's activities: they say why hosts do not start. If it began with a deployment, deploy the commit before.",
      figures: { healthy: targetFigure(fleet, "HealthyHostCount", "Maximum") },
      // Without any target the balancer says nothing.
      ...{ comparison: "below", threshold: 1, periods: 2, silence: "bad" },
    },
    {
      name: "unhealthy-host",
      meaning: "A host has been unhealthy for ten minutes, and the group did not replace it.",
      firstStep: "read the group's activities: they say what keeps it from starting another.",
      figures: { unhealthy: targetFigure(fleet, "UnHealthyHostCount", "Maximum") },
      ...{ comparison: "atLeast", threshold: 1, periods: 10, silence: "good" },
    },
    {
      name: "latency",
      meaning: "One request in a hundred has taken longer than 2 s for five minutes.",
      firstStep:
        "see on the dashboard whether the hosts' load or the database's is high; the fleet grows by itself until its maximum.",
      figures: { slowest: targetFigure(fleet, "TargetResponseTime", "p99") },
      ...{ comparison: "above", threshold: 2, periods: 5, silence: "good" },
    },
    {
      name: "no-capacity",
      meaning: "The fleet has had its largest size for ten minutes, and is still busier than it is to be.",
      firstStep: "raise webMaxSize and deploy; the preview refuses what the database has no connections for.",
      figures: {
        desired: groupFigure(groupName, "GroupDesiredCapacity"),
        largest: groupFigure(groupName, "GroupMaxSize"),
        cpu: fleetLoad(groupName),
        requests: targetFigure(fleet, "RequestCountPerTarget", "Sum"),
      },
      expression: `IF(desired >= largest AND (cpu > ${cpuPercent} OR FILL(requests, 0) > ${requestsPerTarget}), 1, 0)`,
      ...{ comparison: "atLeast", threshold: 1, periods: 10, silence: "good" },
    },
  ];
}

/** What is seen from outside, over the internet. */
export function outsideAlarm(healthCheckId: pulumi.Input<string>): Alarm {
  return {
    name: "not-ready",
    meaning: "Seen from outside, the service is not ready: /readyz does not answer 200.",
    firstStep:
      "open /readyz: it names what is away, the database, the bucket or migrations. If it does not answer, see no-host.",
    figures: { ready: outsideFigure(healthCheckId) },
    ...{ comparison: "below", threshold: 1, periods: 2, silence: "unknown" },
  };
}

/** A certificate of ACM, which renews it by itself two months before it ends. */
export function certificateAlarm(certificateArn: pulumi.Input<string>): Alarm {
  const dimensions = { CertificateArn: certificateArn };
  return {
    name: "certificate",
    meaning: "The certificate of the service ends within 30 days, and was not renewed.",
    firstStep:
      "see in ACM what its renewal waits for: as a rule the record that proves the name is gone from its zone.",
    figures: {
      days: { namespace: "AWS/CertificateManager", metric: "DaysToExpiry", dimensions, statistic: "Minimum" },
    },
    ...{ comparison: "below", threshold: 30, periodSeconds: 86_400, periods: 1, silence: "unknown" },
  };
}

/** The gate of deployments. */
export function gateAlarm(functionName: pulumi.Input<string>): Alarm {
  return {
    name: "gate",
    meaning: "A deployment was stopped by its gate; what served before still does.",
    firstStep:
      "read the gate's log: it names the host or the fleet that did not become ready, and the reason.",
    figures: { errors: functionErrors(functionName) },
    ...{ comparison: "atLeast", threshold: 1, periods: 1, silence: "good" },
  };
}

/** What only the hosts of a role know of themselves, by its agent: of the worst of them. The disk is the root disk. */
export function hostFigure(role: string, metric: "disk" | "mem"): Figure {
  const dimensions: Figure["dimensions"] = metric === "disk" ? { role, path: "/" } : { role };
  return { namespace: figuresNamespace, metric: `${metric}_used_percent`, dimensions, statistic: "Maximum" };
}

/** The hosts of a role. */
export function hostAlarms(role: string): readonly Alarm[] {
  return [
    {
      name: "memory",
      meaning: `A host of ${role} has used more than 90 % of its memory for ten minutes.`,
      firstStep:
        "see in a session on the host which process grows; restart it, or set a larger instance type.",
      figures: { memory: hostFigure(role, "mem") },
      ...{ comparison: "above", threshold: 90, periods: 10, silence: "unknown" },
    },
    {
      name: "disk-root",
      meaning: `The root disk of a host of ${role} is more than 80 % full.`,
      firstStep:
        "see in a session on the host what grows, and delete it; a log that grows tells why. A host of the fleet may be terminated: the group replaces it.",
      figures: { disk: hostFigure(role, "disk") },
      ...{ comparison: "above", threshold: 80, periods: 5, silence: "unknown" },
    },
  ];
}

/** The host of the database. */
export function databaseHostAlarms(instanceId: pulumi.Input<string>): readonly Alarm[] {
  return [
    {
      name: "host",
      meaning:
        "The database host fails one of EC2's checks: of its hardware, its system or its volumes. Tasks are refused, sign-in goes on.",
      firstStep:
        "wait ten minutes: EC2 moves the host away from failed hardware by itself. Then replace it, with its data and its name: pulumi up --refresh -c databaseHostVersion=N, with the next number.",
      figures: { failed: instanceFigure(instanceId, "StatusCheckFailed", "Maximum") },
      ...{ comparison: "atLeast", threshold: 1, periods: 2, silence: "unknown" },
    },
    {
      name: "cpu",
      meaning: "The database host has been busier than 90 % for fifteen minutes.",
      firstStep:
        "see in pg_stat_activity what runs long; if it is the load, set a larger databaseInstanceType.",
      figures: { cpu: instanceFigure(instanceId, "CPUUtilization", "Average") },
      ...{ comparison: "above", threshold: 90, periodSeconds: 300, periods: 3, silence: "good" },
    },
  ];
}

/** What only the host of the database knows, and tells every five minutes (`run_figures` in `userdata/lib/backup.sh`). */
export function databaseFigure(hostName: string, metric: string, statistic = "Maximum"): Figure {
  return {
    namespace: figuresNamespace,
    metric: `database_${metric}`,
    dimensions: { database: hostName },
    statistic,
  };
}

/** PostgreSQL, as its host sees it (`userdata/lib/watch.sh`). */
export function databaseAlarms(hostName: string): readonly Alarm[] {
  return [
    {
      name: "disk-data",
      meaning:
        "The database's volume is more than 80 % full, or nobody looks after it; from 95 % on nothing is written any more.",
      firstStep:
        "set a larger databaseVolumeGiB, and deploy: it grows while the database runs. If nobody looks, see the host's journal of watch-database.",
      figures: { disk: databaseFigure(hostName, "disk_used") },
      ...{ comparison: "above", threshold: 80, periodSeconds: 300, periods: 2, silence: "bad" },
    },
    {
      name: "connections",
      meaning:
        "More than 80 % of the database's connections are in use, or it does not answer the monitor, for whom some are reserved.",
      firstStep:
        "see in the host's journal of watch-database which it is, and in pg_stat_activity whose the connections are; a database that does not start says why at the end of its log.",
      figures: { connections: databaseFigure(hostName, "connections_used") },
      ...{ comparison: "above", threshold: 80, periodSeconds: 300, periods: 2, silence: "bad" },
    },
    {
      name: "transaction",
      meaning: "A transaction has been open for more than ten minutes: dead rows stay, and locks may.",
      firstStep: "find it in pg_stat_activity by xact_start, and end it with pg_terminate_backend.",
      figures: { oldest: databaseFigure(hostName, "oldest_transaction") },
      ...{ comparison: "above", threshold: 600, periodSeconds: 300, periods: 1, silence: "unknown" },
    },
    {
      name: "database-certificate",
      meaning:
        "The database's certificate, which the host renews three years before its end, or that of its authority ends within two years.",
      firstStep:
        "see in the host's journal of follow-roles why it is not renewed. If the authority itself ends, raise databaseCaVersion by one and deploy, twice.",
      figures: { left: databaseFigure(hostName, "certificate_left", "Minimum") },
      ...{
        comparison: "below",
        threshold: 2 * 365 * 86_400,
        periodSeconds: 3600,
        periods: 1,
        silence: "unknown",
      },
    },
  ];
}

/** The backups of the database. Silence is as bad as an old backup. */
export function backupAlarms(hostName: string, volumeGiB: number): readonly Alarm[] {
  const figure = (metric: string) => databaseFigure(hostName, metric);
  const hour = { comparison: "above", periodSeconds: 3600, silence: "bad" } as const;
  return [
    {
      name: "backup",
      meaning: "The newest backup of the database is older than two days, or nobody tells of it.",
      firstStep:
        "read records/backup.json in bootReportBucket and the host's journal of database-backup; then start that unit.",
      figures: { age: figure("backup_age") },
      ...{ ...hour, threshold: 2 * 86_400, periods: 2 },
    },
    {
      name: "drill",
      meaning: "No restore of a backup has been proved for eight days, or nobody tells of it.",
      firstStep:
        "read records/drill.json in bootReportBucket: it has the reason. Start a full backup if the repository is damaged; then start database-drill.",
      figures: { age: figure("drill_age") },
      ...{ ...hour, threshold: 8 * 86_400, periods: 2 },
    },
    {
      name: "archive-delay",
      meaning:
        "The database's log has waited for more than five minutes to be archived: so much would be lost.",
      firstStep:
        "read PostgreSQL's log on the host: archive-push says why. As a rule the bucket cannot be reached or written.",
      figures: { delay: figure("wal_delay") },
      ...{ comparison: "above", threshold: 300, periodSeconds: 300, periods: 2, silence: "bad" },
    },
    {
      name: "archive-queue",
      meaning:
        "What waits to be archived fills a sixteenth of the database's volume; at a quarter it is dropped, and times after that cannot be restored until the next backup.",
      firstStep:
        "read PostgreSQL's log on the host for what keeps archive-push. Once it runs again, start database-backup.",
      figures: { waiting: figure("wal_waiting") },
      ...{
        comparison: "above",
        threshold: (volumeGiB * 2 ** 30) / 16,
        periodSeconds: 300,
        periods: 1,
        silence: "unknown",
      },
    },
  ];
}
