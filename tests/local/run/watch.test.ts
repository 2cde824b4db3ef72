import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { watch } from "../../../local/run/watch";
import { Progress } from "../../../local/terminal/progress";
import type { RegionStatus } from "../../../local/terminal/status";

const status = (health: string): RegionStatus => ({
  hosts: [
    {
      ...{ id: "i-1", label: "web", zone: "us-east-1a", address: "10.0.0.1", state: "running", health },
      lifecycle: "InService",
    },
  ],
  traffic: { rate: 0, failed: 0, latency: undefined },
  decisions: [],
  faults: [],
});

describe("watching a region", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setInterval"] }));
  afterEach(() => mock.timers.reset());

  const start = (isTTY: boolean) => {
    let written = "";
    const screen = { write: (text: string) => (written += text), isTTY, columns: 80, rows: 24 };
    const progress = new Progress({ screen, env: { NO_COLOR: "1" } });
    const end = new AbortController();
    let health = "initial";
    const watched = watch(() => status(health), progress, end.signal);
    return {
      become: (next: string) => {
        health = next;
        written = "";
        mock.timers.tick(1000);
        return written;
      },
      first: () => written,
      stop: async () => {
        written = "";
        end.abort();
        await watched;
        return written;
      },
    };
  };

  it("says a line for each change where there is no terminal, and nothing else", async () => {
    const region = start(false);
    assert.match(region.first(), /^\d\d:\d\d:\d\d {2}us-east-1a web i-1: running, initial\n$/);
    assert.equal(region.become("initial"), "");
    assert.match(region.become("healthy"), /^\S+ {2}us-east-1a web i-1: running, healthy\n$/);
    assert.equal(await region.stop(), "");
    assert.equal(region.become("unhealthy"), "", "it looks on");
  });

  it("redraws the same lines on a terminal, and takes them away", async () => {
    const region = start(true);
    const height = region.first().split("\n").length - 1;
    const redrawn = region.become("healthy");
    assert.ok(redrawn.startsWith(`\x1b[${height}A`));
    assert.match(redrawn, /running, healthy/);
    assert.equal(await region.stop(), `\x1b[${height}A\x1b[J`);
  });
});
