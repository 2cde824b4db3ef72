import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { it } from "node:test";
import * as fc from "fast-check";
import {
  connectionsPerWebHost,
  connectionsThatFit,
  neededConnections,
  tunePostgres,
} from "../../../components/database/tuning";

/** What pgtune answers for a web application with 100 connections. */
const oracle = [
  { memoryMiB: 2048, shared: 512, cache: 1536, maintenance: 128, workMiB: 4.7 },
  { memoryMiB: 4096, shared: 1024, cache: 3072, maintenance: 256, workMiB: 9.5 },
  { memoryMiB: 8192, shared: 2048, cache: 6144, maintenance: 512, workMiB: 19 },
];

for (const { memoryMiB, shared, cache, maintenance, workMiB } of oracle) {
  it(`${memoryMiB} MiB are shared out as pgtune does`, () => {
    const tuning = tunePostgres(memoryMiB, 100);
    assert.equal(tuning.SHARED_BUFFERS_MIB, shared);
    assert.equal(tuning.EFFECTIVE_CACHE_MIB, cache);
    assert.equal(tuning.MAINTENANCE_WORK_MEM_MIB, maintenance);
    assert.ok(Math.abs(tuning.WORK_MEM_KIB / 1024 - workMiB) < 0.06);
  });
}

it("settings are whole, and have their bounds", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 512, max: 1_000_000 }),
      fc.integer({ min: 20, max: 500 }),
      (memory, connections) => {
        const tuning = tunePostgres(memory, connections);
        for (const value of Object.values(tuning)) assert.ok(Number.isInteger(value) && value > 0);
        assert.ok(tuning.WORK_MEM_KIB >= 4096);
        assert.ok(tuning.MAINTENANCE_WORK_MEM_MIB <= 8192);
        assert.ok(tuning.SHARED_BUFFERS_MIB <= memory / 4);
      },
    ),
  );
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

it("two fleets fit side by side", () => assert.ok(neededConnections(4) >= 2 * 4 * connectionsPerWebHost));
