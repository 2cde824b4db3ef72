import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  changes,
  type HostStatus,
  type RegionStatus,
  renderStatus,
  trafficLine,
} from "../../../local/terminal/status";

const host = (id: string, change: Partial<HostStatus> = {}): HostStatus => ({
  ...{ id, label: "web", zone: "us-east-1a", address: "10.0.0.1", state: "running", health: "healthy" },
  lifecycle: "InService",
  ...change,
});
const quiet = { rate: 0, failed: 0, latency: undefined };
const status = (change: Partial<RegionStatus> = {}): RegionStatus => ({
  ...{ hosts: [], traffic: quiet, decisions: [], faults: [] },
  ...change,
});
const decision = (id: string, ended = "Successful") => ({
  ...{
    id,
    at: new Date("2026-01-02T03:04:05Z"),
    what: `Launching ${id}`,
    why: "it was wanted",
    status: ended,
  },
});
const fault = (id: string, endedAt?: Date) => ({
  ...{ id, what: `hang ${id}`, at: new Date("2026-01-02T03:04:05Z"), endedAt },
});
const busy = { rate: 12.34, failed: 0.015, latency: { p50: 4.4, p90: 9, p99: 120.6 } };
const paint = (colour: string, text: string) =>
  colour === "bold" || colour === "dim" ? text : `<${colour} ${text}>`;
const lines = (of: RegionStatus, columns = 100, rows = 30) => renderStatus(of, columns, rows, paint);

describe("the region on a terminal", () => {
  it("has its hosts by zone, each zone named once, the database's among them", () => {
    const hosts = [
      host("i-3", { zone: "us-east-2a", label: "local-db", lifecycle: undefined, health: undefined }),
      host("i-2", { zone: "us-east-1b", health: "unhealthy" }),
      host("i-12", { lifecycle: "Pending:Wait", health: undefined, address: "10.0.0.12" }),
      host("i-1"),
    ];
    assert.deepEqual(lines(status({ hosts })), [
      "",
      "Hosts",
      "  us-east-1a  web       i-1   10.0.0.1   <green running, healthy>",
      "              web       i-12  10.0.0.12  <yellow running, Pending:Wait>",
      "  us-east-1b  web       i-2   10.0.0.1   <red running, unhealthy>",
      "  us-east-2a  local-db  i-3   10.0.0.1   <green running>",
      "Load   no requests",
    ]);
  });

  it("has the load, and what the group did and why, the newest first", () => {
    const decisions = [decision("i-9", "Failed"), decision("i-8")];
    assert.deepEqual(lines(status({ traffic: busy, decisions })).slice(2), [
      "Load   12.3 requests/s   1.5 % answered 5xx   p50 4 ms   p90 9 ms   p99 121 ms",
      "What the group did",
      "<red   03:04:05  Launching i-9  Failed>",
      "            it was wanted",
      "  03:04:05  Launching i-8  Successful",
      "            it was wanted",
    ]);
  });

  it("has the last faults, the newest first, and whether they last", () => {
    const ended = new Date("2026-01-02T03:05:06Z");
    const faults = [fault("i-4"), fault("i-3", ended), fault("i-2", ended), fault("i-1", ended)];
    assert.deepEqual(lines(status({ faults })).slice(3), [
      "Faults",
      "<red   03:04:05  hang i-4  lasts>",
      "  03:04:05  hang i-3  until 03:05:06",
      "  03:04:05  hang i-2  until 03:05:06",
    ]);
  });

  it("fits any terminal, and counts the hosts that do not", () => {
    const hosts = Array.from({ length: 30 }, (_, at) => host(`i-${at}`));
    const decisions = Array.from({ length: 9 }, (_, at) => decision(`i-${at}`));
    const faults = Array.from({ length: 9 }, (_, at) => fault(`i-${at}`));
    for (const rows of [20, 24, 50])
      for (const columns of [40, 80, 200]) {
        const shown = renderStatus(
          { hosts, traffic: busy, decisions, faults },
          columns,
          rows,
          (_colour, text) => text,
        );
        assert.ok(shown.length < rows, `${shown.length} lines of ${rows}`);
        for (const line of shown) assert.ok(line.length < columns, line);
      }
    assert.ok(lines(status({ hosts }), 80, 17).includes("  and 21 more hosts"));
  });
});

describe("a line for each change", () => {
  it("is every host at first, and then those that are otherwise, new or gone", () => {
    const first = status({ hosts: [host("i-1"), host("i-2")] });
    assert.deepEqual(changes(undefined, first), [
      "us-east-1a web i-1: running, healthy",
      "us-east-1a web i-2: running, healthy",
    ]);
    const next = status({
      hosts: [host("i-1", { health: "unhealthy" }), host("i-3", { state: "starting", health: "initial" })],
    });
    assert.deepEqual(changes(first, next), [
      "us-east-1a web i-1: running, unhealthy",
      "us-east-1a web i-3: starting, initial",
      "us-east-1a web i-2: gone",
    ]);
  });

  it("is none while nothing changes, however many requests there are", () => {
    const one = status({ hosts: [host("i-1")], traffic: busy, decisions: [decision("i-1")] });
    assert.deepEqual(changes(one, { ...one, traffic: { ...busy, rate: 99 } }), []);
  });

  it("is each decision once when it begins and once when it ends, the oldest first", () => {
    const begun = status({ decisions: [decision("i-2", "InProgress"), decision("i-1")] });
    assert.deepEqual(changes(undefined, begun), [
      "Launching i-1 Successful: it was wanted",
      "Launching i-2 InProgress: it was wanted",
    ]);
    assert.deepEqual(changes(begun, status({ decisions: [decision("i-2"), decision("i-1")] })), [
      "Launching i-2 Successful: it was wanted",
    ]);
  });

  it("is a fault when it begins and when it ends, also when that was between two looks", () => {
    const ended = new Date();
    const lasting = status({ faults: [fault("i-1")] });
    assert.deepEqual(changes(status(), lasting), ["fault: hang i-1"]);
    assert.deepEqual(changes(lasting, lasting), []);
    assert.deepEqual(changes(lasting, status({ faults: [fault("i-2", ended), fault("i-1", ended)] })), [
      "fault ended: hang i-1",
      "fault: hang i-2",
      "fault ended: hang i-2",
    ]);
  });

  it("is when requests begin, begin to fail, and end", () => {
    const [well, failing] = [status({ traffic: { ...busy, failed: 0 } }), status({ traffic: busy })];
    assert.deepEqual(changes(status(), well), [`requests: ${trafficLine(well.traffic)}`]);
    assert.deepEqual(changes(well, failing), [`requests fail: ${trafficLine(busy)}`]);
    assert.deepEqual(changes(failing, status()), ["requests: none for ten seconds"]);
  });
});
