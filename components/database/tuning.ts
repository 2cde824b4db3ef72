/** Connections of one web host: the server's workers times the pool of each (`app/service`). */
export const connectionsPerWebHost = 8;

/** For a release, and what clients cannot have: three for the watch and the backup (`userdata/postgres.sh`), three for superusers. */
const otherConnections = 16;

/** Parameters of PostgreSQL, by its own names, with values as they stand in `postgresql.conf`. */
export type PostgresParameters = Readonly<Record<string, string>>;

/** What of a host decides its parameters. */
export interface HostSize {
  readonly memoryMiB: number;
  readonly vcpus: number;
}

/** Enough for a roll-out, in which two fleets of the largest size stand side by side. */
export function neededConnections(webMaxSize: number): number {
  return 2 * webMaxSize * connectionsPerWebHost + otherConnections;
}

/** Private memory that PostgreSQL takes for each busy connection, as a rule. */
const memoryPerConnectionMiB = 8;

/** More than the largest fleet needs. */
const mostConnections = 500;

/**
 * How many connections there is memory for beside the shared buffers, up to 500. It does not follow the fleet's size: a larger
 * fleet must not replace the database host.
 */
export function connectionsThatFit(memoryMiB: number): number {
  return Math.min(Math.floor((memoryMiB * 3) / 4 / memoryPerConnectionMiB), mostConnections);
}

/**
 * pgtune's formulas for a web application on SSDs (https://github.com/le0pard/pgtune, `configurationSlice.js`):
 *
 * - a quarter of the memory for shared buffers, three quarters as the planner's idea of the cache;
 * - a sixteenth, 8 GiB at most, for maintenance; of it 2 GiB at most for each autovacuum worker;
 * - the rest shared out over three sorts for each connection and each worker, of at least 4 MiB;
 * - from four processors on a worker for each of them, half of them, four at most, for one query or index.
 *
 * Not taken: a `max_wal_size` of 4 GB, which is a fifth of the smallest disk here.
 */
export function tunePostgres({ memoryMiB, vcpus }: HostSize, connections: number): PostgresParameters {
  const sharedMiB = Math.floor(memoryMiB / 4);
  const maintenanceMiB = Math.min(Math.floor(memoryMiB / 16), 8192);
  const parallel = parallelParameters(vcpus);
  const workers = Number(parallel["max_worker_processes"] ?? 8);
  const workMemKiB = Math.floor(((memoryMiB - sharedMiB) * 1024) / ((connections + workers) * 3));
  return {
    max_connections: String(connections),
    shared_buffers: `${sharedMiB}MB`,
    effective_cache_size: `${Math.floor((memoryMiB * 3) / 4)}MB`,
    maintenance_work_mem: `${maintenanceMiB}MB`,
    autovacuum_work_mem: `${Math.min(maintenanceMiB, 2048)}MB`,
    work_mem: `${Math.max(workMemKiB, 4096)}kB`,
    ...parallel,
  };
}

/** On fewer than four processors PostgreSQL's defaults, which are eight workers. */
function parallelParameters(vcpus: number): PostgresParameters {
  if (vcpus < 4) return {};
  const together = String(Math.min(Math.ceil(vcpus / 2), 4));
  return {
    max_worker_processes: String(vcpus),
    max_parallel_workers: String(vcpus),
    max_parallel_workers_per_gather: together,
    max_parallel_maintenance_workers: together,
  };
}

/** A kind of value. */
export interface ValueKind {
  readonly pattern: RegExp;
  readonly example: string;
}

const memory: ValueKind = { pattern: /^\d{1,9}(kB|MB|GB)$/, example: "64MB" };
const whole: ValueKind = { pattern: /^\d{1,6}$/, example: "4" };
const decimal: ValueKind = { pattern: /^\d{1,3}(\.\d{1,3})?$/, example: "1.1" };
const time: ValueKind = { pattern: /^\d{1,6}(ms|s|min)$/, example: "250ms" };

/** Parameters that an operator may set. None of them is about how data are kept, or who is let in. */
export const tunable: ReadonlyMap<string, ValueKind> = new Map([
  ["max_connections", whole],
  ["shared_buffers", memory],
  ["effective_cache_size", memory],
  ["maintenance_work_mem", memory],
  ["autovacuum_work_mem", memory],
  ["work_mem", memory],
  ["max_worker_processes", whole],
  ["max_parallel_workers", whole],
  ["max_parallel_workers_per_gather", whole],
  ["max_parallel_maintenance_workers", whole],
  ["min_wal_size", memory],
  ["max_wal_size", memory],
  ["checkpoint_timeout", time],
  ["random_page_cost", decimal],
  ["effective_io_concurrency", whole],
  ["autovacuum_max_workers", whole],
  ["autovacuum_vacuum_scale_factor", decimal],
  ["autovacuum_analyze_scale_factor", decimal],
  ["log_min_duration_statement", time],
]);
