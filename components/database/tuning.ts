/** Connections of one web host: the server's workers times the pool of each (`app/service`). */
export const connectionsPerWebHost = 8;

/** What is left for a release, an operator, monitoring and the three that PostgreSQL reserves for superusers. */
const otherConnections = 16;

/** PostgreSQL's memory settings, as variables of its boot script. */
export interface PostgresTuning {
  readonly MAX_CONNECTIONS: number;
  readonly SHARED_BUFFERS_MIB: number;
  readonly EFFECTIVE_CACHE_MIB: number;
  readonly MAINTENANCE_WORK_MEM_MIB: number;
  readonly WORK_MEM_KIB: number;
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
 * pgtune's formulas for a web application (https://github.com/le0pard/pgtune): a quarter of the memory for shared buffers,
 * three quarters as the planner's idea of the cache, a sixteenth (8 GiB at most) for maintenance, and the rest shared out
 * over three sorts for each connection and each of eight workers, of at least 4 MiB.
 */
export function tunePostgres(memoryMiB: number, connections = connectionsThatFit(memoryMiB)): PostgresTuning {
  const sharedBuffersMiB = Math.floor(memoryMiB / 4);
  const restKiB = (memoryMiB - sharedBuffersMiB) * 1024;
  return {
    MAX_CONNECTIONS: connections,
    SHARED_BUFFERS_MIB: sharedBuffersMiB,
    EFFECTIVE_CACHE_MIB: Math.floor((memoryMiB * 3) / 4),
    MAINTENANCE_WORK_MEM_MIB: Math.min(Math.floor(memoryMiB / 16), 8192),
    WORK_MEM_KIB: Math.max(Math.floor(restKiB / ((connections + 8) * 3)), 4096),
  };
}
