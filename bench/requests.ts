import { readFileSync } from "node:fs";
import { join } from "node:path";
import { namespaceOf, onHost } from "../local/faults/onHost";
import { processorSeconds } from "../local/machine/controlGroups";
import { run } from "../local/machine/exec";
import { newUser, type User } from "./client";
import type { BenchRegion } from "./region";
import type { Report } from "./report";
import { type Figures, type Load, wrk } from "./wrk";

/** Connections to the balancer: more than a host has threads, fewer than it refuses. */
const connections = 16;
const seconds = 4;
/** Accounts that sign in: two sign-ins of one at once would wait for each other. */
const accounts = 2 * connections;
const readGoal = 5;

const distances = ["0 ms", "12 ms"] as const;
const kinds = ["sign-in", "task read", "task write"] as const;
type Kind = (typeof kinds)[number];

/** gunicorn is what the tests compare, too, with the hashes of its packages. */
const requirements = join(__dirname, "..", "tests", "app", "requirements.txt");
const pinned = ["gunicorn", "packaging"].map((name) => {
  const text = readFileSync(requirements, "utf8");
  return new RegExp(`^${name}==[^#]*?(?=^ *#|^\\S+==)`, "m").exec(text)?.[0] ?? "";
});

/** The same application under other servers, which know no /livez of their own, and have a database connection for each request. */
const servers: Readonly<Record<string, string | undefined>> = {
  "this service": undefined,
  gunicorn: "-m gunicorn --bind 0.0.0.0:8001 --workers 5 bench_wsgi:application",
  runserver: "manage.py runserver --noreload 0.0.0.0:8001",
};

/** What a host needs for the other servers. */
const prepare = `set -e
mkdir -p /opt/bench
cat >/opt/bench/requirements.txt <<'END'
${pinned.join("")}
END
/opt/app/venv/bin/pip install -q --disable-pip-version-check --no-deps --require-hashes --only-binary :all: --target /opt/bench -r /opt/bench/requirements.txt
cat >/opt/bench/bench_wsgi.py <<'END'
from service.asgi import django

def application(environ, start_response):
    if environ["PATH_INFO"] == "/livez":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"alive"]
    return django(environ, start_response)
END
cat >/opt/bench/bench_settings.py <<'END'
from service.settings import *

WSGI_APPLICATION = "bench_wsgi.application"
END
chmod -R a+rX /opt/bench`;

/** Starts another server in the service's own unit, beside it. */
const start = (command: string) => `set -e
{
  sed -e 's|^ExecStart=.*|ExecStart=/opt/app/venv/bin/python ${command}|' -e 's/^Type=notify/Type=exec/' \\
    -e '/^\\(ExecReload\\|NotifyAccess\\)=/d' /etc/systemd/system/app.service
  echo 'Environment=PYTHONPATH=/opt/bench DJANGO_SETTINGS_MODULE=bench_settings'
} >/run/systemd/system/bench.service
systemctl daemon-reload
systemctl start bench
until curl -sf -m 2 -o /dev/null http://127.0.0.1:8001/livez; do sleep 0.1; done`;
const startService = `systemctl start app
until curl -sf -m 2 -o /dev/null http://127.0.0.1:8000/livez; do sleep 0.1; done`;

const redirect =
  "table ip bench { chain prerouting { type nat hook prerouting priority -100; tcp dport 8000 redirect to :8001; }; }";

/** Changes rules of a host's network from outside, as hosts have no nftables. */
const nft = (id: string, input: string) =>
  run("ip", ["netns", "exec", namespaceOf(id), "nft", "-f", "-"], { input: `${input}\n` });

/** Has the balancer's connections to a host go to another server on it. The service ends, and with it the connections that it has. */
async function turnTo(id: string, command: string): Promise<void> {
  await onHost(id, start(command));
  await nft(id, redirect);
  await onHost(id, "systemctl stop app");
}

async function turnBack(id: string): Promise<void> {
  await onHost(id, startService);
  await nft(id, "delete table ip bench");
  await onHost(id, "systemctl stop bench");
}

/** Figures, and how much of a processor a request took, in milliseconds. */
interface Costs extends Figures {
  readonly host: number;
  readonly database: number;
}

type Measured = Readonly<Record<Kind, Costs>>;

/** Sign-in, reading and writing tasks through the balancer: this service, and the same application as it is served elsewhere. */
export async function benchRequests(region: BenchRegion): Promise<Report> {
  const hosts = region.healthy;
  await Promise.all(hosts.map((id) => onHost(id, prepare)));
  const reader = await newUser(region.url, `reader-${Date.now()}`, 5);
  const users: User[] = [];
  while (users.length < accounts)
    users.push(await newUser(region.url, `user-${users.length}-${Date.now()}`, 0));
  const results = new Map<string, Measured>();
  for (const [server, command] of Object.entries(servers)) {
    if (command !== undefined) await Promise.all(hosts.map((id) => turnTo(id, command)));
    try {
      for (const distance of distances) {
        const undo = distance === "12 ms" ? await region.fault("slow-peering") : undefined;
        region.say(`${server}, ${distance} to the database`);
        try {
          results.set(`${server}, ${distance}`, await measure(region, hosts, reader, users));
        } finally {
          await undo?.();
        }
      }
    } finally {
      if (command !== undefined) await Promise.all(hosts.map(turnBack));
    }
  }
  return report(results);
}

async function measure(
  region: BenchRegion,
  hosts: readonly string[],
  reader: User,
  users: readonly User[],
): Promise<Measured> {
  const { url, outputs } = region;
  const loads: Readonly<Record<Kind, Omit<Load, "connections" | "seconds">>> = {
    "sign-in": {
      url: `${url}/v1/signin`,
      method: "POST",
      bodies: users.map(({ login, password }) => ({ login, password })),
    },
    "task read": { url: `${url}/v1/tasks`, method: "GET", token: reader.token },
    "task write": {
      url: `${url}/v1/tasks`,
      method: "POST",
      token: users[0]?.token ?? "",
      bodies: [{ title: "Water them" }],
    },
  };
  // What is asked for the first time is loaded first, by each worker.
  const asked = { url: loads["task read"].url, headers: { authorization: `Bearer ${reader.token}` } };
  const isAnswered = async () => (await fetch(asked.url, asked).catch(() => undefined))?.status === 200;
  await Promise.all(Array.from({ length: 4 * connections }, () => region.until("an answer", isAnswered)));
  const used = (ids: readonly string[]) => ids.reduce((sum, id) => sum + (processorSeconds(id) ?? 0), 0);
  const database = [outputs["databaseInstanceId"] ?? ""];
  const figures: [Kind, Costs][] = [];
  for (const kind of kinds) {
    const before = [used(hosts), used(database)] as const;
    const measured = await wrk({ ...loads[kind], connections, seconds });
    const each = (time: number) => (time * 1000) / measured.answered;
    figures.push([
      kind,
      { ...measured, host: each(used(hosts) - before[0]), database: each(used(database) - before[1]) },
    ]);
  }
  return Object.fromEntries(figures) as unknown as Measured;
}

function report(results: ReadonlyMap<string, Measured>): Report {
  const of = (server: string, distance: string, kind: Kind): Costs => {
    const figures = results.get(`${server}, ${distance}`)?.[kind];
    if (!figures) throw new Error(`${server} was not measured at ${distance}`);
    return figures;
  };
  const [ours = "", ...others] = Object.keys(servers);
  const every = distances.flatMap((distance) => kinds.map((kind) => ({ distance, kind })));
  const goals = every.flatMap(({ distance, kind }) =>
    others.map((other) => {
      const [own, others] = [of(ours, distance, kind), of(other, distance, kind)];
      const ratio = own.rate / others.rate;
      const isRead = kind === "task read" && distance === "12 ms";
      return {
        what: `${kind} at ${distance}: requests a second, by those of ${other}`,
        wanted: isRead ? `at least ${readGoal} x` : "more",
        measured: `${ratio.toFixed(1)} x (${own.rate.toFixed(0)} and ${others.rate.toFixed(0)})`,
        isHeld: isRead ? ratio >= readGoal : ratio > 1,
      };
    }),
  );
  const latencies = every.flatMap(({ distance, kind }) =>
    (["p50", "p99"] as const).map((rank) => {
      const own = of(ours, distance, kind)[rank];
      const best = Math.min(...others.map((other) => of(other, distance, kind)[rank]));
      return {
        what: `${kind} at ${distance}: ${rank}, by the better of the others`,
        wanted: "less",
        measured: `${(own / best).toFixed(2)} x (${own.toFixed(0)} ms and ${best.toFixed(0)} ms)`,
        isHeld: own < best,
      };
    }),
  );
  const failed = [...results].reduce(
    (sum, [name, measured]) =>
      name.startsWith(ours) ? sum + kinds.reduce((all, kind) => all + measured[kind].failed, 0) : sum,
    0,
  );
  const chart = (title: string, y: string, value: (figures: Costs) => number, distance: string) => ({
    kind: "bars" as const,
    title: `${title}, ${distance} to the database`,
    y,
    series: Object.keys(servers),
    rows: kinds.map((kind) => ({
      label: kind,
      values: Object.keys(servers).map((server) => value(of(server, distance, kind))),
    })),
  });
  return {
    name: "requests",
    title: "Requests through the balancer",
    summary:
      `Two hosts, ${connections} connections, ${seconds} s each: this service, and the same application in the same unit on the same ` +
      "hosts and data under gunicorn (five workers) and under Django's runserver, with a database connection for each request.",
    goals: [
      ...goals,
      ...latencies,
      {
        what: "requests that this service does not answer well",
        wanted: "none",
        measured: String(failed),
        isHeld: failed === 0,
      },
    ],
    charts: distances.flatMap((distance) => [
      chart("Requests a second", "requests/s", ({ rate }) => rate, distance),
      chart("Median", "ms", ({ p50 }) => p50, distance),
      chart("99th percentile", "ms", ({ p99 }) => p99, distance),
      chart("Processor of the hosts for a request", "ms", ({ host }) => host, distance),
      chart("Processor of the database for a request", "ms", ({ database }) => database, distance),
      chart("Length of an answer", "bytes", ({ bytes }) => bytes, distance),
    ]),
  };
}
