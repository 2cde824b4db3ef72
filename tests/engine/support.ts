/** What several tests of the engine say of an outcome. */
import assert from "node:assert/strict";
import { inWords, type Outcome } from "./deployment";

/** That the command did what it should; with the engine's own words otherwise. */
export function assertSucceeded(outcome: Outcome): void {
  assert.ok(outcome.succeeded, outcome.errors.join("\n") || outcome.output);
}

/** That every call that matches the first comes before every call that matches the second, and that there are both. */
export function assertOrder(outcome: Outcome, first: RegExp, second: RegExp): void {
  const words = inWords(outcome.calls);
  const last = words.findLastIndex((call) => first.test(call));
  const next = words.findIndex((call) => second.test(call));
  assert.ok(last >= 0, `no call matches ${first}: ${words.join(", ")}`);
  assert.ok(next >= 0, `no call matches ${second}: ${words.join(", ")}`);
  assert.ok(last < next, `${words[last]} comes after ${words[next]}`);
}

/** That these calls are made, each once, in this order, whatever there is between them. */
export function assertSequence({ calls }: Outcome, sequence: readonly string[]): void {
  assert.deepEqual(
    inWords(calls).filter((call) => sequence.includes(call)),
    sequence,
  );
}

/** The engine's steps, for comparing a preview with what then happened. */
export function stepNames({ steps }: Outcome): string[] {
  return steps.map(({ op, urn }) => `${op} ${urn}`).sort();
}
