import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { it } from "node:test";
import * as fc from "fast-check";
import {
  connectionsPerWebHost,
  connectionsThatFit,
  neededConnections,
  tunable,
  tunePostgres,
} from "../../../components/database/tuning";

interface Sizes {
  readonly memoryMiB: number;
  readonly vcpus: number;
  readonly connections: number;
  readonly kb: readonly number[];
  readonly workers: readonly number[];
  readonly autovacuum?: number;
}

/**
 * What pgtune's own code answers (https://github.com/le0pard/pgtune, commit 7caef27c, run with PostgreSQL 17, Linux, web
 * application, SSD): memory in kB, and how many workers. The memory of a worker of autovacuum is maintenance_work_mem unless said.
 */
const oracle: readonly Sizes[] = [
  { memoryMiB: 1024, vcpus: 2, connections: 96, kb: [262144, 786432, 65536, 4096], workers: [] },
  { memoryMiB: 2048, vcpus: 2, connections: 192, kb: [524288, 1572864, 131072, 4096], workers: [] },
  { memoryMiB: 4096, vcpus: 2, connections: 384, kb: [1048576, 3145728, 262144, 4096], workers: [] },
  { memoryMiB: 8192, vcpus: 2, connections: 500, kb: [2097152, 6291456, 524288, 4128], workers: [] },
  { memoryMiB: 8192, vcpus: 2, connections: 100, kb: [2097152, 6291456, 524288, 19418], workers: [] },
  {
    ...{ memoryMiB: 16_384, vcpus: 4, connections: 500 },
    ...{ kb: [4194304, 12582912, 1048576, 8322], workers: [4, 4, 2, 2] },
  },
  {
    ...{ memoryMiB: 32_768, vcpus: 8, connections: 500 },
    ...{ kb: [8388608, 25165824, 2097152, 16513], workers: [8, 8, 4, 4] },
  },
  {
    ...{ memoryMiB: 65_536, vcpus: 16, connections: 500 },
    ...{ kb: [16777216, 50331648, 4194304, 32513], workers: [16, 16, 4, 4], autovacuum: 2097152 },
  },
  {
    ...{ memoryMiB: 262_144, vcpus: 64, connections: 500 },
    ...{ kb: [67108864, 201326592, 8388608, 118987], workers: [64, 64, 4, 4], autovacuum: 2097152 },
  },
];

const kilobytes = (value: string | undefined) => {
  const [, amount, unit] = /^(\d+)(kB|MB)$/.exec(value ?? "") ?? [];
  assert.ok(amount && unit, value);
  return Number(amount) * (unit === "MB" ? 1024 : 1);
};

for (const { memoryMiB, vcpus, connections, kb, workers, autovacuum } of oracle)
  it(`${memoryMiB} MiB and ${vcpus} processors are shared out as pgtune does`, () => {
    const tuned = tunePostgres({ memoryMiB, vcpus }, connections);
    const memory = ["shared_buffers", "effective_cache_size", "maintenance_work_mem", "work_mem"];
    assert.deepEqual(
      memory.map((name) => kilobytes(tuned[name])),
      kb,
    );
    assert.equal(kilobytes(tuned["autovacuum_work_mem"]), autovacuum ?? kb[2]);
    const parallel = [
      ...["max_worker_processes", "max_parallel_workers"],
      ...["max_parallel_workers_per_gather", "max_parallel_maintenance_workers"],
    ];
    assert.deepEqual(
      parallel.flatMap((name) => tuned[name] ?? []),
      workers.map(String),
    );
    assert.equal(tuned["max_connections"], String(connections));
  });

it("every value is one that an operator could set, too", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 512, max: 1_000_000 }),
      fc.integer({ min: 1, max: 192 }),
      fc.integer({ min: 20, max: 500 }),
      (memoryMiB, vcpus, connections) => {
        for (const [name, value] of Object.entries(tunePostgres({ memoryMiB, vcpus }, connections)))
          assert.match(value, tunable.get(name)?.pattern ?? /^never$/, name);
      },
    ),
  );
});

it("no operator sets what keeps data or the door", () => {
  for (const name of [
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "hba_file",
    "listen_addresses",
    "ssl",
  ])
    assert.equal(tunable.has(name), false, name);
});

it("a host's connections are those of the application's own configuration", () => {
  const constants = (file: string) => {
    const text = readFileSync(path.join(__dirname, "../../../app", file), "utf8");
    return new Map([...text.matchAll(/^(\w+) = (\d+)/gm)].map(([, name, value]) => [name, Number(value)]));
  };
  const workers = constants("service/__main__.py").get("WORKERS");
  const each = constants("service/capacity.py").get("DATABASE_CONNECTIONS");
  assert.equal(workers! * each!, connectionsPerWebHost);
});

it("a small host has memory for few connections", () => {
  assert.equal(connectionsThatFit(2048), 192);
  assert.ok(connectionsThatFit(1024) < neededConnections(8));
});

it("the largest fleet that the settings allow fits on a large host", () => {
  assert.ok(connectionsThatFit(65_536) >= neededConnections(30));
});

it("two fleets fit side by side, a release, and what is reserved", () => {
  const script = readFileSync(path.join(__dirname, "../../../userdata/postgres.sh"), "utf8");
  const reserved = Number(/^reserved_connections = (\d+)$/m.exec(script)?.[1]);
  const superusers = 3;
  for (const hosts of [1, 4, 30])
    assert.ok(neededConnections(hosts) >= 2 * hosts * connectionsPerWebHost + 1 + reserved + superusers);
});
