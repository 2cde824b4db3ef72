import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Polls a condition until it holds; a bound in tries, not a measurement. */
export async function eventually(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await condition()) return;
    await sleep(300);
  }
  assert.fail(`${what}: not so after 300 looks`);
}
