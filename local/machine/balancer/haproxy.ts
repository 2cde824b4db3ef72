import { connect } from "node:net";
import { requestLog } from "./traffic";

/** What the program asked of a target group. Times in seconds. */
export interface TargetGroupSettings {
  readonly port: number;
  readonly deregistrationDelay: number;
  readonly healthCheck: {
    readonly path: string;
    readonly port: number;
    /** Status codes of a healthy answer, such as `200` or `200-299`. */
    readonly matcher: string;
    readonly interval: number;
    readonly timeout: number;
    readonly healthyThreshold: number;
    readonly unhealthyThreshold: number;
  };
}

/** Where a listener is. Times in seconds. */
export interface ListenerOptions {
  readonly name: string;
  /** Address and port on the machine. */
  readonly address: string;
  readonly port: number;
  /** The balancer's own network namespace, from which it reaches its targets. */
  readonly namespace: string;
  readonly idleTimeout: number;
}

/** Servers that HAProxy is told of at start; targets take and leave these places while it runs. */
export const slots = 64;
const backend = "targets";

/** HAProxy's configuration for one listener that forwards to one target group, whose targets may have their places already. */
export function renderBalancer(
  listener: ListenerOptions,
  group: TargetGroupSettings,
  socket: string,
  targets: ReadonlyMap<number, string> = new Map(),
): string {
  const check = group.healthCheck;
  return [
    "global",
    "  maxconn 4096",
    `  stats socket ${socket} mode 600 level admin`,
    // After 10 s it would hang up on a machine that is too busy to go on asking.
    "  stats timeout 60s",
    "defaults",
    "  mode http",
    "  option forwardfor",
    // The real balancer does not ask a second target either: a retry here would hide a failure there.
    "  retries 0",
    "  timeout connect 5s",
    `  timeout client ${listener.idleTimeout}s`,
    `  timeout server ${listener.idleTimeout}s`,
    "frontend listener",
    "  log stdout format raw local0 info",
    `  log-format "${requestLog}"`,
    `  bind ${listener.address}:${listener.port}`,
    "  http-request set-header X-Forwarded-Proto http",
    `  http-request set-header X-Forwarded-Port ${listener.port}`,
    // As the real balancer does: a client's root is kept, and what it says of the balancer's own part is not.
    "  unique-id-format 1-%[date,hex,bytes(8,8),lower]-%[uuid,regsub(-,,g),bytes(0,24)]",
    "  acl traced req.fhdr(X-Amzn-Trace-Id) -m sub Root=",
    "  http-request replace-header X-Amzn-Trace-Id (.*?)Self=[^;]*;?(.*) \\1\\2 if traced",
    "  http-request replace-header X-Amzn-Trace-Id (.*) Self=%[unique-id];\\1 if traced",
    "  http-request set-header X-Amzn-Trace-Id Root=%[unique-id] unless traced",
    `  default_backend ${backend}`,
    `backend ${backend}`,
    "  balance roundrobin",
    "  option httpchk",
    `  http-check send meth GET uri ${check.path} ver HTTP/1.1 hdr Host localhost hdr User-Agent ELB-HealthChecker/2.0`,
    `  http-check expect status ${check.matcher}`,
    `  timeout check ${check.timeout}s`,
    `  default-server inter ${check.interval}s fall ${check.unhealthyThreshold} rise ${check.healthyThreshold}`,
    // One line each: HAProxy gives the namespace of a server-template to its first server only, and the others would
    // connect from the machine's own network.
    ...Array.from({ length: slots }, (_, index) => {
      const address = targets.get(index + 1);
      const state = address === undefined ? " disabled" : "";
      return `  server target${index + 1} ${address ?? "0.0.0.0"}:${group.port} port ${check.port} check${state} namespace ${listener.namespace}`;
    }),
    "",
  ].join("\n");
}

/** Name of a server's place, as HAProxy's commands take it. */
export const serverName = (slot: number) => `${backend}/target${slot}`;

/** Asks HAProxy over its admin socket. */
export function ask(socket: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const link = connect(socket, () => link.end(`${command}\n`));
    link
      .setEncoding("utf8")
      .on("data", (chunk: string) => (text += chunk))
      .on("end", () => resolve(text.trim()))
      .on("error", reject);
  });
}

/** The rows of HAProxy's `show stat` by server name (management guide, 9.1). */
export function parseStatistics(csv: string): Map<
  string,
  {
    readonly status: string;
    readonly check: string;
    readonly code: string;
    readonly sessions: number;
  }
> {
  const [header = "", ...lines] = csv.split("\n");
  const columns = header.replace(/^# /, "").split(",");
  const column = (cells: string[], name: string) => cells[columns.indexOf(name)] ?? "";
  return new Map(
    lines.map((line) => {
      const cells = line.split(",");
      return [
        column(cells, "svname"),
        {
          status: column(cells, "status"),
          check: column(cells, "check_status"),
          code: column(cells, "check_code"),
          sessions: Number(column(cells, "scur")),
        },
      ];
    }),
  );
}
