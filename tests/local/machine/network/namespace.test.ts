import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { uniqueName } from "../../../../local/machine/network/namespace";

describe("names of network interfaces", () => {
  it("are unique, fit Linux and are never an abbreviation of a word of ip(8)", () => {
    const names = Array.from({ length: 5000 }, () => uniqueName("h"));
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^h\d{1,14}$/);
  });
});
