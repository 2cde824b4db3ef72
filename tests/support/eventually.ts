import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Polls a condition until it holds. The bound is for what never comes: no machine is so slow that it needs it. */
export async function eventually(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1000; tries++) {
    if (await condition()) return;
    await sleep(300);
  }
  assert.fail(`${what}: not so after 1000 looks`);
}
