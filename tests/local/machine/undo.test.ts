import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Undo } from "../../../local/machine/undo";

describe("taking back what was begun", () => {
  it("goes backwards, whatever fails on the way, and tries again only what failed", async () => {
    const undo = new Undo();
    const done: string[] = [];
    let isBusy = true;
    undo.add(() => done.push("first"));
    undo.add(() => {
      if (isBusy) throw new Error("second is busy");
      done.push("second");
    });
    undo.add(() => done.push("third"));
    await assert.rejects(undo.run(), { message: "second is busy" });
    assert.deepEqual(done, ["third", "first"]);
    isBusy = false;
    await undo.run();
    await undo.run();
    assert.deepEqual(done, ["third", "first", "second"]);
  });

  it("happens when what was begun fails, and tells both when that fails, too", async () => {
    const undo = new Undo();
    let isBusy = true;
    undo.add(() => isBusy && Promise.reject(new Error("busy")));
    const begin = () => undo.ifFails(() => Promise.reject(new Error("no room")));
    await assert.rejects(begin(), { message: "no room\nbusy" });
    isBusy = false;
    await assert.rejects(begin(), { message: "no room" });
    assert.equal(await undo.ifFails(() => Promise.resolve(1)), 1);
  });
});
