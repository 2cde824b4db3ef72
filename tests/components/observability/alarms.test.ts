import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import { runInNewContext } from "node:vm";
import { type Alarm, describe as textOf, queriesOf } from "../../../components/observability/alarm";
import * as alarms from "../../../components/observability/alarms";

const fleet = {
  ...{ balancer: "app/web/1", targetGroup: "targetgroup/web/2", groupName: "web-1" },
  ...{ requestsPerTarget: 3000, cpuPercent: 60 },
};
const all: readonly Alarm[] = [
  ...alarms.fleetAlarms(fleet),
  alarms.outsideAlarm("check-1"),
  alarms.certificateAlarm("arn:certificate"),
  alarms.gateAlarm("gate-1"),
  ...alarms.databaseHostAlarms("i-1"),
  ...alarms.backupAlarms("postgres.test.internal", 20),
  ...alarms.databaseAlarms("postgres.test.internal"),
  ...alarms.hostAlarms("hosts"),
];
const find = (name: string) => {
  const found = all.find((alarm) => alarm.name === name);
  assert.ok(found, name);
  return found;
};

/** The value of an expression of CloudWatch's metric math, of which the alarms use arithmetic, IF, FILL, AND and OR. */
function evaluate(expression: string, values: Readonly<Record<string, number | undefined>>): number {
  const script = expression
    .replace(/\bIF\(/g, "choose(")
    .replace(/\bFILL\(/g, "fill(")
    .replace(/\bAND\b/g, "&&")
    .replace(/\bOR\b/g, "||");
  const choose = (condition: boolean, yes: number, no: number) => (condition ? yes : no);
  const fill = (value: number | undefined, instead: number) => value ?? instead;
  return runInNewContext(script, { choose, fill, ...values }) as number;
}

describe("an alarm", () => {
  it("says what is wrong and what to do first, in a mail's length", () => {
    for (const alarm of all) {
      assert.match(alarm.meaning, /^[A-Z].*\.$/, alarm.name);
      assert.match(alarm.firstStep, /^[a-z].*\.$/, alarm.name);
      // CloudWatch's limit.
      assert.ok(textOf(alarm).length <= 1024, alarm.name);
    }
  });

  it("of the database host names the settings that replace it and grow its volume", () => {
    assert.match(find("host").firstStep, /pulumi up --refresh -c databaseHostVersion=N/);
    assert.match(find("disk-data").firstStep, /set a larger databaseVolumeGiB, and deploy/);
    assert.match(find("database-certificate").firstStep, /raise databaseCaVersion by one/);
  });

  it("gives CloudWatch one value to compare, of figures that all count", () => {
    for (const alarm of all) {
      const queries = queriesOf(alarm);
      assert.equal(queries.filter(({ returnData }) => returnData === true).length, 1, alarm.name);
      for (const name of Object.keys(alarm.figures)) {
        assert.match(name, /^[a-z]\w*$/);
        if (alarm.expression !== undefined)
          assert.match(alarm.expression, new RegExp(`\\b${name}\\b`), alarm.name);
      }
    }
  });

  it("asks for less than a day's worth of periods, or for one of a day", () => {
    for (const { name, periodSeconds = 60, periods } of all) {
      assert.equal(periodSeconds % 60, 0, name);
      assert.ok(periodSeconds * periods <= 86_400, name);
    }
  });

  it("begins when its meaning says so", () => {
    const day = 86_400;
    for (const [name, comparison, threshold, minutes] of [
      ["errors", "above", 1, 3],
      ["no-host", "below", 1, 2],
      ["unhealthy-host", "atLeast", 1, 10],
      ["latency", "above", 2, 5],
      ["no-capacity", "atLeast", 1, 10],
      ["not-ready", "below", 1, 2],
      ["certificate", "below", 30, day / 60],
      ["gate", "atLeast", 1, 1],
      ["memory", "above", 90, 10],
      ["disk-root", "above", 80, 5],
      ["disk-data", "above", 80, 10],
      ["connections", "above", 80, 10],
      ["transaction", "above", 600, 5],
      ["database-certificate", "below", 2 * 365 * day, 60],
      ["host", "atLeast", 1, 2],
      ["cpu", "above", 90, 15],
      ["backup", "above", 2 * day, 120],
      ["drill", "above", 8 * day, 120],
      ["archive-delay", "above", 300, 10],
      ["archive-queue", "above", (20 * 2 ** 30) / 16, 5],
    ] as const) {
      const alarm = find(name);
      const lasts = ((alarm.periodSeconds ?? 60) * alarm.periods) / 60;
      assert.deepEqual([alarm.comparison, alarm.threshold, lasts], [comparison, threshold, minutes], name);
    }
    assert.equal(all.length, 20, "each alarm is here");
  });

  it("has each name once in its region", () => {
    const names = all.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
  });

  it("of the fleet looks at this balancer, target group and group, and at no other", () => {
    for (const { name, figures } of alarms.fleetAlarms(fleet))
      for (const { namespace, dimensions } of Object.values(figures)) {
        const expected: Readonly<Record<string, readonly object[]>> = {
          "AWS/ApplicationELB": [
            { LoadBalancer: fleet.balancer },
            { LoadBalancer: fleet.balancer, TargetGroup: fleet.targetGroup },
          ],
          "AWS/AutoScaling": [{ AutoScalingGroupName: fleet.groupName }],
          "AWS/EC2": [{ AutoScalingGroupName: fleet.groupName }],
        };
        assert.ok(
          expected[namespace]?.some((each) => JSON.stringify(each) === JSON.stringify(dimensions)),
          `${name}: ${namespace} ${JSON.stringify(dimensions)}`,
        );
      }
  });
});

describe("the alarm of errors", () => {
  const share = (requests?: number, refused?: number, failed?: number) =>
    evaluate(alarms.errorShare, { requests, refused, failed });

  it("counts what the balancer and what the hosts answered, in percent of all", () => {
    assert.equal(share(200, undefined, 3), 1.5);
    assert.equal(share(180, 20, 0), 10);
    assert.equal(share(180, 20, 20), 20);
  });
  it("is 100 % when no host took a request", () => assert.equal(share(undefined, 500, undefined), 100));
  it("says nothing of a handful of requests, or of none", () => {
    assert.equal(share(19, 0, 19), 0);
    assert.equal(share(), 0);
  });
  it("needs more than one in a hundred, for three minutes", () => {
    const { comparison, threshold, periods } = find("errors");
    assert.deepEqual([comparison, threshold, periods], ["above", 1, 3]);
  });
});

describe("the alarm of missing capacity", () => {
  const isOn = (values: { desired: number; largest: number; cpu: number; requests?: number }) =>
    evaluate(find("no-capacity").expression ?? "", { requests: undefined, ...values }) === 1;

  it("needs the largest size and more load than the scaling policies want", () => {
    assert.ok(isOn({ desired: 4, largest: 4, cpu: 61 }));
    assert.ok(isOn({ desired: 4, largest: 4, cpu: 5, requests: 3001 }));
  });
  it("is off while the fleet may grow, or has no need to", () => {
    assert.ok(!isOn({ desired: 3, largest: 4, cpu: 99, requests: 9000 }));
    assert.ok(!isOn({ desired: 4, largest: 4, cpu: 60, requests: 3000 }));
  });
});

describe("the alarms of hosts", () => {
  it("look at the memory and at the root disk, of the worst host", () => {
    const figures = alarms.hostAlarms("hosts").map((alarm) => [
      alarm.name,
      ...Object.values(alarm.figures).map(({ metric, dimensions, statistic }) => ({
        metric,
        dimensions,
        statistic,
      })),
    ]);
    assert.deepEqual(figures, [
      ["memory", { metric: "mem_used_percent", dimensions: { role: "hosts" }, statistic: "Maximum" }],
      [
        "disk-root",
        { metric: "disk_used_percent", dimensions: { role: "hosts", path: "/" }, statistic: "Maximum" },
      ],
    ]);
  });
});

describe("the alarms of PostgreSQL", () => {
  it("begin when there is still time to act", () => {
    const limits = [...alarms.databaseAlarms("db"), ...alarms.backupAlarms("db", 16)].map((alarm) => {
      const [figure] = Object.values(alarm.figures);
      const { name, comparison, threshold, periodSeconds, periods } = alarm;
      return [name, figure!.metric, figure!.statistic, comparison, threshold, periodSeconds! * periods];
    });
    assert.deepEqual(limits, [
      ["disk-data", "database_disk_used", "Maximum", "above", 80, 600],
      ["connections", "database_connections_used", "Maximum", "above", 80, 600],
      ["transaction", "database_oldest_transaction", "Maximum", "above", 600, 300],
      ["database-certificate", "database_certificate_left", "Minimum", "below", 63_072_000, 3600],
      ["backup", "database_backup_age", "Maximum", "above", 172_800, 7200],
      ["drill", "database_drill_age", "Maximum", "above", 691_200, 7200],
      ["archive-delay", "database_wal_delay", "Maximum", "above", 300, 600],
      ["archive-queue", "database_wal_waiting", "Maximum", "above", 2 ** 30, 300],
    ]);
  });
  it("ask for figures that the host sends", () => {
    const sent = ["watch", "backup"]
      .map((part) => readFileSync(path.join(__dirname, `../../../userdata/lib/${part}.sh`), "utf8"))
      .join("");
    for (const alarm of [...alarms.databaseAlarms("db"), ...alarms.backupAlarms("db", 20)])
      for (const { metric, dimensions } of Object.values(alarm.figures)) {
        assert.match(sent, new RegExp(`\\b${metric}\\b`));
        assert.deepEqual(dimensions, { database: "db" });
      }
  });
});

describe("silence", () => {
  it("of the database's host is as bad as anything it could say", () => {
    for (const name of ["disk-data", "connections", "backup", "drill", "archive-delay"])
      assert.equal(find(name).silence, "bad");
  });
  it("of the balancer about healthy hosts is as bad as none", () =>
    assert.equal(find("no-host").silence, "bad"));
  it("of what is asked from elsewhere is not known to be good", () => {
    for (const name of ["not-ready", "certificate", "host"]) assert.equal(find(name).silence, "unknown");
  });
});
