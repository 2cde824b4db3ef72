/** How a region is doing, as people look at it. */

/** One host. */
export interface HostStatus {
  readonly id: string;
  /** Of a host that is no member of a group: what it is. */
  readonly label: string;
  readonly zone: string;
  readonly address: string;
  readonly state: "starting" | "running" | "stopped" | "failed";
  /** Where it stands in its group, such as `Pending:Wait`; undefined for a host that no group has. */
  readonly lifecycle: string | undefined;
  /** What the balancer thinks of it; undefined if none asks. */
  readonly health: string | undefined;
}

/** Something that a group did, and why. */
export interface Decision {
  readonly id: string;
  readonly at: Date;
  readonly what: string;
  readonly why: string;
  readonly status: string;
}

/** Something that somebody has had go wrong. */
export interface FaultStatus {
  readonly id: string;
  readonly what: string;
  readonly at: Date;
  /** Undefined while it lasts. */
  readonly endedAt: Date | undefined;
}

/** The requests of the last seconds. */
export interface TrafficStatus {
  /** Requests a second. */
  readonly rate: number;
  /** Share of answers 5xx, from 0 to 1. */
  readonly failed: number;
  /** In milliseconds. */
  readonly latency: { readonly p50: number; readonly p90: number; readonly p99: number } | undefined;
}

/** A region at one time. */
export interface RegionStatus {
  readonly hosts: readonly HostStatus[];
  readonly traffic: TrafficStatus;
  /** The newest first. */
  readonly decisions: readonly Decision[];
  /** The newest first. */
  readonly faults: readonly FaultStatus[];
}

type Paint = (colour: "red" | "green" | "yellow" | "dim" | "bold", text: string) => string;

/** How many decisions are shown on a terminal. */
const shownDecisions = 4;
/** How many faults are. */
const shownFaults = 3;

const clock = (at: Date) => at.toISOString().slice(11, 19);
const milliseconds = (value: number) => `${Math.round(value)} ms`;

/** What makes a line of a host's state. Of its place in its group only what is not the usual one. */
function stateOf({ state, lifecycle, health }: HostStatus): string {
  const place = lifecycle === "InService" ? undefined : lifecycle;
  return [state, place, health].filter((part) => part !== undefined).join(", ");
}

function colourOf({ state, lifecycle = "InService", health = "healthy" }: HostStatus): Parameters<Paint>[0] {
  if (state === "failed" || health === "unhealthy") return "red";
  if (state === "stopped") return "dim";
  return state === "running" && lifecycle === "InService" && health === "healthy" ? "green" : "yellow";
}

/** The requests in a line. */
export function trafficLine({ rate, failed, latency }: TrafficStatus): string {
  if (rate === 0) return "no requests";
  const parts = [
    `${rate.toFixed(1)} requests/s`,
    `${(100 * failed).toFixed(1)} % answered 5xx`,
    ...(latency
      ? [
          `p50 ${milliseconds(latency.p50)}`,
          `p90 ${milliseconds(latency.p90)}`,
          `p99 ${milliseconds(latency.p99)}`,
        ]
      : []),
  ];
  return parts.join("   ");
}

const byZone = (one: HostStatus, other: HostStatus) =>
  `${one.zone} ${one.label} ${one.id}` < `${other.zone} ${other.label} ${other.id}` ? -1 : 1;

/** Cuts a line to a width; one column stays free, as some terminals wrap a line that fills the last one. */
const cut = (text: string, columns: number) =>
  text.length < columns ? text : `${text.slice(0, columns - 2)}…`;

/** The region on a terminal of so many columns and rows. What does not fit is counted. */
export function renderStatus(status: RegionStatus, columns: number, rows: number, paint: Paint): string[] {
  const hosts = [...status.hosts].sort(byZone);
  const width = (of: (host: HostStatus) => string) => Math.max(0, ...hosts.map((host) => of(host).length));
  const [zones, labels, ids, addresses] = [
    width(({ zone }) => zone),
    width(({ label }) => label),
    width(({ id }) => id),
    width(({ address }) => address),
  ];
  const decisions = status.decisions
    .slice(0, shownDecisions)
    .flatMap(({ at, what, why, status: ended }) => [
      paint(ended === "Failed" ? "red" : "bold", cut(`  ${clock(at)}  ${what}  ${ended}`, columns)),
      paint("dim", cut(`            ${why}`, columns)),
    ]);
  const faults = status.faults.slice(0, shownFaults).map(({ at, endedAt, what }) => {
    const text = cut(`  ${clock(at)}  ${what}  ${endedAt ? `until ${clock(endedAt)}` : "lasts"}`, columns);
    return endedAt ? text : paint("red", text);
  });
  // The hosts give way: a fleet may have more than a terminal has lines.
  const room = Math.max(1, rows - decisions.length - faults.length - 7);
  let zone = "";
  const lines = hosts.slice(0, hosts.length > room ? room - 1 : room).map((host) => {
    const place = host.zone === zone ? "" : host.zone;
    zone = host.zone;
    const text = [
      place.padEnd(zones),
      host.label.padEnd(labels),
      host.id.padEnd(ids),
      host.address.padEnd(addresses),
    ].join("  ");
    return `${cut(`  ${text}`, columns - stateOf(host).length - 2)}  ${paint(colourOf(host), stateOf(host))}`;
  });
  if (hosts.length > room) lines.push(paint("dim", `  and ${hosts.length - lines.length} more hosts`));
  return [
    "",
    paint("bold", "Hosts"),
    ...lines,
    `${paint("bold", "Load")}   ${cut(trafficLine(status.traffic), columns - 7)}`,
    ...(decisions.length > 0 ? [paint("bold", "What the group did")] : []),
    ...decisions,
    ...(faults.length > 0 ? [paint("bold", "Faults")] : []),
    ...faults,
  ];
}

/** What has changed between two looks, a line each: for where there is no terminal. */
export function changes(before: RegionStatus | undefined, after: RegionStatus): string[] {
  const old = new Map(before?.hosts.map((host) => [host.id, host]));
  const now = new Set(after.hosts.map(({ id }) => id));
  const known = new Set(before?.decisions.map(({ id, status }) => `${id} ${status}`));
  const hosts = [...after.hosts].sort(byZone).flatMap((host) => {
    const was = old.get(host.id);
    return was && stateOf(was) === stateOf(host)
      ? []
      : [`${host.zone} ${host.label} ${host.id}: ${stateOf(host)}`];
  });
  const gone = [...old.values()].flatMap(({ id, zone, label }) =>
    now.has(id) ? [] : [`${zone} ${label} ${id}: gone`],
  );
  const decided = after.decisions
    .filter(({ id, status }) => !known.has(`${id} ${status}`))
    .reverse()
    .map(({ what, why, status }) => `${what} ${status}: ${why}`);
  const lasting = new Map(before?.faults.map((fault) => [fault.id, fault]));
  const faults = [...after.faults].reverse().flatMap(({ id, what, endedAt }) => {
    const was = lasting.get(id);
    return [
      ...(was ? [] : [`fault: ${what}`]),
      ...(endedAt && !was?.endedAt ? [`fault ended: ${what}`] : []),
    ];
  });
  const began = isBusy(after) && !isBusy(before) ? [`requests: ${trafficLine(after.traffic)}`] : [];
  const failing =
    isFailing(after) && !isFailing(before) ? [`requests fail: ${trafficLine(after.traffic)}`] : [];
  const ended = isBusy(before) && !isBusy(after) ? ["requests: none for ten seconds"] : [];
  return [...faults, ...hosts, ...gone, ...decided, ...began, ...failing, ...ended];
}

const isBusy = (status: RegionStatus | undefined) => (status?.traffic.rate ?? 0) > 0;
const isFailing = (status: RegionStatus | undefined) => (status?.traffic.failed ?? 0) > 0;
