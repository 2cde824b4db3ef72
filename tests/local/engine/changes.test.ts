import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ChangeTable, differences } from "../../../local/engine/changes";

const table: ChangeTable = {
  "aws:x:Host": {
    source: "a test",
    properties: {
      image: "replace",
      disk: "update",
      "disk.encrypted": "replace",
      rules: "update",
      peer: "replaceIfSetOrUnset",
      script: { replaceIf: "replaceOnScript" },
      replaceOnScript: "update",
    },
  },
};
const diff = (olds: object, news: object) => differences(table, "aws:x:Host", { ...olds }, { ...news });

describe("what a change does to a resource", () => {
  it("is nothing when nothing differs, whatever the order of keys", () => {
    const inputs = { disk: { size: 8, encrypted: true }, image: "a" };
    assert.deepEqual(diff(inputs, { image: "a", disk: { encrypted: true, size: 8 } }), []);
    assert.deepEqual(diff({ image: "a", peer: null }, { image: "a" }), []);
  });

  it("is told by the longest row of the path", () => {
    assert.deepEqual(diff({ disk: { size: 8, encrypted: true } }, { disk: { size: 9, encrypted: false } }), [
      { path: "disk.size", kind: "update", replaces: false },
      { path: "disk.encrypted", kind: "update", replaces: true },
    ]);
  });

  it("names items of a list, added and taken away ones too", () => {
    assert.deepEqual(diff({ rules: [{ id: "a" }, { id: "b" }] }, { rules: [{ id: "c" }] }), [
      { path: "rules[0].id", kind: "update", replaces: false },
      { path: "rules[1].id", kind: "delete", replaces: false },
    ]);
  });

  it("is told row by row when the whole of something comes or goes", () => {
    assert.deepEqual(diff({}, { disk: { size: 8, encrypted: true } }), [
      { path: "disk.size", kind: "add", replaces: false },
      { path: "disk.encrypted", kind: "add", replaces: true },
    ]);
    assert.deepEqual(diff({ disk: {} }, {}), [{ path: "disk", kind: "delete", replaces: false }]);
  });

  it("may depend on another property, or on whether a value was there before", () => {
    assert.equal(diff({ script: "a" }, { script: "b" })[0]?.replaces, false);
    const replaceOnScript = true;
    assert.equal(diff({ script: "a", replaceOnScript }, { script: "b", replaceOnScript })[0]?.replaces, true);
    assert.equal(diff({ peer: "a" }, { peer: "b" })[0]?.replaces, false);
    assert.equal(diff({ peer: "a" }, {})[0]?.replaces, true);
    assert.equal(diff({}, { peer: "a" })[0]?.replaces, true);
  });

  it("leaves out the provider's own notes, such as which inputs it made up", () => {
    assert.deepEqual(diff({ image: "a", __defaults: ["image"] }, { image: "a", __defaults: [] }), []);
  });

  it("takes an asset for one value", () => {
    const asset = (hash: string) => ({ "4dabf18193072939515e22adb298388d": "signature", hash });
    assert.deepEqual(diff({ disk: asset("a") }, { disk: asset("b") }), [
      { path: "disk", kind: "update", replaces: false },
    ]);
  });

  it("is never guessed", () => {
    assert.throws(
      () => diff({ colour: "red" }, { colour: "blue" }),
      /no row colour of aws:x:Host: look it up/,
    );
    assert.throws(() => diff({ colours: ["red"] }, { colours: [] }), /no row colours of/);
    assert.throws(() => differences(table, "aws:x:Other", {}, {}), /no type aws:x:Other: look it up/);
  });
});
