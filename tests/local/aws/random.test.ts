import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { randomHandlers, randomPassword } from "../../../local/aws/random";
import { request } from "../support";

const count = (value: string, characters: RegExp) => (value.match(characters) ?? []).length;

describe("RandomPassword", () => {
  it("honours length, kinds and minimums", () => {
    const minimum = fc.nat({ max: 5 });
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 64 }),
        minimum,
        minimum,
        minimum,
        fc.boolean(),
        (length, minLower, minUpper, minNumeric, special) => {
          const value = randomPassword({
            length,
            minLower,
            minUpper,
            minNumeric,
            special,
            overrideSpecial: "-_",
          });
          assert.equal(value.length, length);
          assert.ok(count(value, /[a-z]/g) >= minLower);
          assert.ok(count(value, /[A-Z]/g) >= minUpper);
          assert.ok(count(value, /[0-9]/g) >= minNumeric);
          assert.match(value, special ? /^[A-Za-z0-9_-]+$/ : /^[A-Za-z0-9]+$/);
        },
      ),
    );
  });

  it("draws minimums of a kind that is off otherwise, as the provider does", () => {
    const value = randomPassword({ length: 6, lower: false, upper: false, special: false, minUpper: 2 });
    assert.equal(count(value, /[A-Z]/g), 2);
    assert.equal(count(value, /[0-9]/g), 4);
  });

  it("refuses what can't be", () => {
    assert.throws(() => randomPassword({ length: 3, minLower: 4 }), /sum of minimums/);
    assert.throws(
      () => randomPassword({ length: 3, lower: false, upper: false, numeric: false, special: false }),
      /one kind/,
    );
  });
});

describe("the handler of RandomPassword", () => {
  it("tells the password in its result, and nothing by its id", async () => {
    const handler = randomHandlers()["random:index/randomPassword:RandomPassword"];
    const inputs = { length: 43, special: false };
    const { id, outputs } = await handler!.create(
      request("random:index/randomPassword:RandomPassword", "r", inputs),
    );
    assert.equal(id, "none");
    assert.match(String(outputs["result"]), /^[A-Za-z0-9]{43}$/);
  });
});
