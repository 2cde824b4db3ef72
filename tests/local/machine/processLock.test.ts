import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { releaseLock, takeLock } from "../../../local/machine/processLock";
import { processRecord } from "../../../local/machine/processRecord";
import { temporaryFolder } from "../support";

describe("a lock of processes", () => {
  it("is one process's until that gives it back, or ends", async (t) => {
    const folder = await temporaryFolder();
    t.after(() => folder.remove());
    const file = join(folder.path, "lock");
    assert.equal(takeLock(file), undefined);
    assert.equal(takeLock(file)?.pid, process.pid);
    releaseLock(file);
    assert.equal(existsSync(file), false);

    const holder = spawn("sleep", ["infinity"]);
    await once(holder, "spawn");
    writeFileSync(file, JSON.stringify(processRecord(holder.pid!, "sleep")));
    assert.equal(takeLock(file)?.pid, holder.pid);
    holder.kill("SIGKILL");
    await once(holder, "close");
    assert.equal(takeLock(file), undefined);
    assert.equal(takeLock(file)?.pid, process.pid);
    releaseLock(file);
    assert.deepEqual(readdirSync(folder.path), []);
  });
});
