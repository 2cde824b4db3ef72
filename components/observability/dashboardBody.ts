/** What a dashboard shows, as CloudWatch's "dashboard body" has it: widgets on a grid 24 wide. */
import type * as pulumi from "@pulumi/pulumi";
import type { Figure } from "./alarm";
import * as figures from "./alarms";

/** The part of a stack in one region that is watched, and its alarms. */
interface RegionPart {
  readonly region: string;
  /** ARNs of its alarms. */
  readonly alarms: readonly pulumi.Input<string>[];
}

/** What the dashboard of a stack shows. */
export interface DashboardParts {
  readonly web: RegionPart & {
    readonly fleet: figures.WatchedFleet;
    readonly gateFunction: pulumi.Input<string>;
    /** Undefined if nothing asks from outside. */
    readonly healthCheckId: pulumi.Input<string> | undefined;
    /** Role of the hosts; undefined without the agent. */
    readonly hosts: string | undefined;
  };
  readonly database: RegionPart & {
    readonly instanceId: pulumi.Input<string>;
    /** Its name, under which it tells of PostgreSQL. */
    readonly hostName: string;
    readonly hosts: string | undefined;
  };
}

/** A widget without its place. */
interface Widget {
  readonly type: "alarm" | "metric";
  readonly properties: Readonly<Record<string, unknown>>;
}

/** A line of a graph, in the order of its legend; on the right, if it is counted otherwise than the others. */
type Line = readonly [label: string, figure: Figure, axis?: "right"];

/** A line across a graph, which the others are not to cross. */
type Limit = readonly [label: string, value: number];

function graph(
  title: string,
  region: string,
  lines: readonly Line[],
  { limits = [], unit }: { readonly limits?: readonly Limit[]; readonly unit?: string } = {},
): Widget {
  return {
    type: "metric",
    properties: {
      title,
      region,
      view: "timeSeries",
      period: 60,
      metrics: lines.map(([label, { namespace, metric, dimensions, statistic }, yAxis]) => [
        namespace,
        metric,
        ...Object.entries(dimensions).flat(),
        { label, stat: statistic, yAxis },
      ]),
      yAxis: {
        left: { min: 0, showUnits: false, label: unit },
        right: { min: 0, showUnits: false },
      },
      annotations: { horizontal: limits.map(([label, value]) => ({ label, value })) },
    },
  };
}

/** Is it well? Every alarm of a region as a light. */
function lights(title: string, { alarms }: RegionPart): Widget {
  return { type: "alarm", properties: { title, alarms } };
}

/** What the agent of hosts says of the fullest of them. */
function fullness(role: string | undefined): readonly Line[] {
  if (role === undefined) return [];
  return [
    ["memory", figures.hostFigure(role, "mem")],
    ["root disk", figures.hostFigure(role, "disk")],
  ];
}

/** A row of widgets of one height, side by side from the left. */
interface Row {
  readonly height: number;
  readonly widgets: readonly (readonly [width: number, widget: Widget])[];
}

function place(rows: readonly Row[]) {
  let y = 0;
  return rows.flatMap(({ height, widgets }) => {
    let x = 0;
    const placed = widgets.map(([width, widget]) => {
      const at = { x, y, width, height, ...widget };
      x += width;
      return at;
    });
    y += height;
    return placed;
  });
}

/**
 * The body of a stack's dashboard, which answers on one screen whether it is well, and if not, what: the first row has the lights,
 * the second what users notice and what the fleet does about it, the third what is behind it.
 */
export function dashboardBody({ web, database }: DashboardParts) {
  const { fleet, gateFunction, healthCheckId } = web;
  const { groupName, cpuPercent, requestsPerTarget } = fleet;
  const { requests, refused, failed } = figures.errorFigures(fleet);
  const share = figures.targetFigure(fleet, "RequestCountPerTarget", "Sum");
  return {
    start: "-PT3H",
    widgets: place([
      {
        height: 4,
        widgets: [
          [16, lights("Is it well? The service", web)],
          [8, lights("Is it well? The database", database)],
        ],
      },
      {
        height: 6,
        widgets: [
          [
            6,
            graph("Requests a minute, and failed ones", web.region, [
              ["requests", requests],
              ["5xx of the balancer", refused, "right"],
              ["5xx of the hosts", failed, "right"],
            ]),
          ],
          [
            6,
            graph(
              "Time until an answer",
              web.region,
              (["p50", "p90", "p99"] as const).map((percentile): Line => [
                percentile,
                figures.targetFigure(fleet, "TargetResponseTime", percentile),
              ]),
              { unit: "seconds" },
            ),
          ],
          [
            6,
            graph("Hosts", web.region, [
              ["wanted", figures.groupFigure(groupName, "GroupDesiredCapacity")],
              ["healthy", figures.targetFigure(fleet, "HealthyHostCount", "Maximum")],
              ["unhealthy", figures.targetFigure(fleet, "UnHealthyHostCount", "Maximum")],
              ["at most", figures.groupFigure(groupName, "GroupMaxSize")],
            ]),
          ],
          [
            6,
            graph(
              "Load of the hosts",
              web.region,
              [["processors", figures.fleetLoad(groupName)], ...fullness(web.hosts)],
              {
                unit: "percent",
                limits: [["more hosts", cpuPercent]],
              },
            ),
          ],
        ],
      },
      {
        height: 6,
        widgets: [
          [
            6,
            graph("Requests a minute of one host", web.region, [["requests", share]], {
              limits: [["more hosts", requestsPerTarget]],
            }),
          ],
          [
            6,
            graph("Ready, and deployments stopped by the gate", web.region, [
              ...(healthCheckId === undefined
                ? []
                : [["ready, from outside", figures.outsideFigure(healthCheckId)] as const]),
              ["stopped by the gate", figures.functionErrors(gateFunction)],
            ]),
          ],
          [
            6,
            graph(
              "Load of the database",
              database.region,
              [
                ["processors", figures.instanceFigure(database.instanceId, "CPUUtilization", "Average")],
                ["volume", figures.databaseFigure(database.hostName, "disk_used")],
                ["connections", figures.databaseFigure(database.hostName, "connections_used")],
                ...fullness(database.hosts),
              ],
              { unit: "percent" },
            ),
          ],
          [
            6,
            graph("Checks of the database host that fail", database.region, [
              [
                "hardware",
                figures.instanceFigure(database.instanceId, "StatusCheckFailed_System", "Maximum"),
              ],
              [
                "system",
                figures.instanceFigure(database.instanceId, "StatusCheckFailed_Instance", "Maximum"),
              ],
              [
                "volumes",
                figures.instanceFigure(database.instanceId, "StatusCheckFailed_AttachedEBS", "Maximum"),
              ],
            ]),
          ],
        ],
      },
    ]),
  };
}
