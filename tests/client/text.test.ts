import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { localTime, printable, printableJson } from "../../client/text";

// What a terminal obeys, and what turns the direction of a line.
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const steering = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u2028\u2029]/;

const anyText = fc.string({ unit: "binary" });

describe("text of the service on a terminal", () => {
  it("steers nothing, whatever it is", () => {
    fc.assert(fc.property(anyText, (text) => !steering.test(printable(text))));
    assert.equal(printable("a\u001b[2Jb\u009b1m\u202ec\r\n"), "a\\u001b[2Jb\\u009b1m\\u202ec\\u000d\\u000a");
  });

  it("is left as it is where it is only text", () => {
    for (const text of ["Blumen gießen", "給水", "ملاحظة", "👩‍🌾 waters"]) assert.equal(printable(text), text);
  });

  it("steers nothing as JSON either, and means the same", () => {
    fc.assert(
      fc.property(fc.dictionary(anyText, anyText), (value) => {
        const json = printableJson(value);
        assert.ok(!json.split("\n").some((line) => steering.test(line)));
        // Objects that JSON.parse makes have a prototype, those of the generator need not.
        assert.equal(JSON.stringify(JSON.parse(json)), JSON.stringify(value));
      }),
    );
  });

  it("says times in the reader's zone, and others as they are", () => {
    assert.match(localTime("2026-01-31T12:00:00Z"), /^2026-0[12]-\d\d \d\d:00$/);
    assert.equal(localTime("soon"), "soon");
  });
});
