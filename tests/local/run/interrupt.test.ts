import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { Interrupt } from "../../../local/run/interrupt";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

describe("an interrupted run", () => {
  let now: number;
  let repeats: number;
  let interrupt: Interrupt;
  /** What the interrupt has this process listen with. */
  let added: { signal: NodeJS.Signals; listener: NodeJS.SignalsListener }[];

  const listeners = (signal: NodeJS.Signals) => process.listeners(signal);
  /** As if the process got a signal. */
  const receive = (signal: NodeJS.Signals) => {
    for (const each of added) if (each.signal === signal) each.listener(signal);
  };

  beforeEach(() => {
    now = repeats = 0;
    mock.method(performance, "now", () => now);
    const others = new Set(signals.flatMap(listeners));
    interrupt = new Interrupt(() => repeats++);
    added = signals.flatMap((signal) =>
      listeners(signal).flatMap((listener) => (others.has(listener) ? [] : [{ signal, listener }])),
    );
  });
  afterEach(() => {
    for (const { signal, listener } of added) process.off(signal, listener);
    mock.restoreAll();
  });

  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)
    it(`ends with the status of ${signal}, and takes the echo of npm for no second wish`, async () => {
      const ended = interrupt.wait();
      assert.equal(interrupt.exitStatus, undefined);
      receive(signal);
      await ended;
      assert.match(String(interrupt.signal.reason), new RegExp(`stopped by ${signal}`));
      now = 500;
      receive(signal);
      assert.equal(repeats, 0);
      now = 501;
      receive("SIGINT");
      assert.equal(repeats, 1);
      assert.equal(interrupt.exitStatus, status);
      assert.equal(interrupt.fault, undefined);
      await interrupt.wait();
    });

  it("by a fault has no status of a signal, even if one comes later", () => {
    const [first, second] = [new Error("a bug"), new Error("what came of it")];
    interrupt.fail(first);
    interrupt.fail(second);
    now = 1000;
    receive("SIGINT");
    assert.equal(repeats, 1);
    assert.equal(interrupt.exitStatus, undefined);
    assert.equal(interrupt.fault, first);
    assert.equal(interrupt.signal.reason, first);
  });
});
