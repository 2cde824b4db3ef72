import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { cached } from "../../../local/machine/cache";
import { releaseLock, takeLock } from "../../../local/machine/processLock";
import { eventually } from "../../support/eventually";
import { Gate, temporaryFolder } from "../support";

describe("what is cached", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let place: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
    place = join(folder.path, "cache", "thing");
  });
  afterEach(() => folder.remove());
  const files = async () => (await readdir(join(place, ".."))).sort();
  const fill = async (draft: string) => {
    await mkdir(draft);
    await writeFile(join(draft, "content"), "whole");
  };

  it("is made once, however many want it: the others wait, and say for whom", async () => {
    const gate = new Gate();
    let made = 0;
    const make = async (draft: string) => {
      made++;
      await gate.pass();
      await fill(draft);
    };
    const told: string[] = [];
    const first = cached(place, { make });
    await eventually("the first", async () => gate.arrivals === 1);
    const second = cached(place, { make, report: (what) => told.push(what) });
    await eventually("the second", async () => told.length > 0);
    gate.open();
    assert.deepEqual(await Promise.all([first, second]), [place, place]);
    assert.equal(made, 1);
    assert.deepEqual([...new Set(told)], [`waiting for process ${process.pid}, which is at it`]);
    await cached(place, { make });
    assert.equal(made, 1);
    assert.deepEqual(await files(), ["thing"]);
  });

  it("leaves nothing of it, and hinders nobody, when it cannot be made", async () => {
    const make = async (draft: string) => {
      await fill(draft);
      throw new Error("no more electricity");
    };
    await assert.rejects(cached(place, { make }), /no more electricity/);
    assert.deepEqual(await files(), []);
    assert.equal(readFileSync(join(await cached(place, { make: fill }), "content"), "utf8"), "whole");
  });

  it("is not waited for any longer than is wanted", async () => {
    await mkdir(join(place, ".."));
    const lock = `${place}.lock`;
    takeLock(lock);
    const end = new AbortController();
    const waiting = cached(place, { make: fill, signal: end.signal, report: () => end.abort() });
    await assert.rejects(waiting, { name: "AbortError" });
    releaseLock(lock);
  });

  it("takes with it what a killed process left half-made, and not what another is making", async () => {
    const gone = "2147483646"; // above the kernel's greatest process id
    for (const pid of [gone, "1"]) await mkdir(join(place, "..", `other.draft-${pid}`), { recursive: true });
    await cached(place, { make: fill });
    assert.deepEqual(await files(), ["other.draft-1", "thing"]);
  });
});
