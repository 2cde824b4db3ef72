import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { limitsOf } from "../../tools/limits";

describe("the limits of a stack", () => {
  const sizes = { name: "x", webType: "t3.micro", hosts: 4, perHost: 3000, databaseType: "t3.small" };
  const rates = (kind: Parameters<typeof limitsOf>[0], change: object = {}) =>
    new Map(limitsOf(kind, { ...sizes, ...change }).map(({ what, rate }) => [what, Math.round(rate)]));

  it("have the one that is met first at their head", () => {
    for (const kind of ["task read", "task write", "sign-in"] as const) {
      const all = limitsOf(kind, sizes).map(({ rate }) => rate);
      assert.deepEqual(
        all,
        [...all].sort((one, other) => one - other),
      );
    }
  });

  it("grow with the number of hosts where hosts are the limit, and nowhere else", () => {
    const [few, many] = [rates("task write"), rates("task write", { hosts: 8 })];
    assert.deepEqual(
      [few, many].map((each) => each.get("the largest fleet at its target")),
      [200, 400],
    );
    assert.deepEqual(
      [few, many].map((each) => each.get("connections to the database")),
      [2667, 5333],
    );
    assert.deepEqual(
      [few, many].map((each) => each.get("writes of the database's volume")),
      [3000, 3000],
    );
  });

  it("of sign-ins are the bucket's, not the database's", () => {
    const all = rates("sign-in");
    assert.equal(all.get("reads of one partition of the bucket"), 1375);
    assert.equal(all.get("writes of one partition of the bucket"), 1750);
    assert.equal(all.has("connections to the database"), false);
  });

  it("want to be told of an instance type that they do not know", () =>
    assert.throws(() => limitsOf("sign-in", { ...sizes, webType: "m7i.large" }), /add it to network in/));
});
