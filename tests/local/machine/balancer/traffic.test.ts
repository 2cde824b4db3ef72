import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { Traffic } from "../../../../local/machine/balancer/traffic";

describe("the traffic of a balancer", () => {
  let clock = 0;
  let traffic: Traffic;
  beforeEach(() => {
    clock = 0;
    traffic = new Traffic(() => clock);
  });

  it("is none at first", () =>
    assert.deepEqual(traffic.summary(), { rate: 0, failed: 0, latency: undefined }));

  it("is the requests of the last ten seconds", () => {
    traffic.take("5 200\n".repeat(10));
    clock = 9_000;
    traffic.take("5 200\n".repeat(20));
    assert.equal(traffic.summary().rate, 3);
    clock = 10_000;
    assert.equal(traffic.summary().rate, 2);
    clock = 19_000;
    assert.equal(traffic.summary().rate, 0);
    assert.equal(traffic.total, 30, "all that there were are counted");
  });

  it("has percentiles of what targets answered, and the share of 5xx of all", () => {
    traffic.take(Array.from({ length: 100 }, (_, at) => `${100 - at} 200\n`).join(""));
    assert.deepEqual(traffic.summary().latency, { p50: 50, p90: 90, p99: 99 });
    traffic.take("-1 503\n".repeat(25));
    const { failed, latency } = traffic.summary();
    assert.equal(failed, 0.2);
    assert.deepEqual(latency, { p50: 50, p90: 90, p99: 99 });
  });

  it("takes lines in parts, and leaves HAProxy's own words alone", () => {
    for (const part of ["1", "2 2", "00\n[WARNING] (1) : Server targets/target1 is UP.\n7 ", "500\n"])
      traffic.take(part);
    assert.deepEqual(traffic.summary(), { rate: 0.2, failed: 0.5, latency: { p50: 7, p90: 12, p99: 12 } });
    assert.equal(traffic.total, 2);
  });
});
