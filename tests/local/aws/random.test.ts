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

describe("RandomBytes and RandomId", () => {
  const create = async (type: string, inputs: object) => {
    const handler = randomHandlers()[type];
    assert.ok(handler);
    return handler.create(request(type, "r", inputs as Record<string, unknown>));
  };

  it("give the same bytes in each form", async () => {
    const { outputs } = await create("random:index/randomBytes:RandomBytes", { length: 32 });
    const bytes = Buffer.from(String(outputs["base64"]), "base64");
    assert.equal(bytes.length, 32);
    assert.equal(bytes.toString("hex"), outputs["hex"]);
  });

  it("give an identifier with its prefix", async () => {
    const { id, outputs } = await create("random:index/randomId:RandomId", { byteLength: 4, prefix: "p-" });
    const bytes = Buffer.from(id, "base64url");
    assert.equal(outputs["hex"], `p-${bytes.toString("hex")}`);
    assert.equal(outputs["dec"], `p-${bytes.readUInt32BE()}`);
  });
});
