import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { regionFolder, regionNumber } from "../../../client/localRegion";
import { lockFile, namePrefix, statePath } from "../../../local/machine/state";

describe("the local regions of a machine", () => {
  it("are numbered, the first one unless another is named", () => {
    assert.equal(regionNumber({}), 0);
    assert.equal(regionNumber({ LOCAL_REGION: "" }), 0);
    assert.equal(regionNumber({ LOCAL_REGION: "42" }), 42);
    for (const wrong of ["-1", "100", "1.5", "one", " 1"])
      assert.throws(() => regionNumber({ LOCAL_REGION: wrong }), {
        message: `LOCAL_REGION is "${wrong}". Give the number of a local region, 0 to 99, or leave it unset for 0.`,
      });
  });

  it("have names of which none begins another's", () => {
    const numbers = Array.from({ length: 100 }, (_, number) => number);
    for (const name of [
      namePrefix,
      lockFile,
      (number: number) => `${statePath(number)}/`,
      (number: number) => `${regionFolder(number)}/outputs.json`,
    ])
      for (const one of numbers)
        assert.deepEqual(
          numbers.filter((other) => name(other).startsWith(name(one))),
          [one],
        );
  });
});
