import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { spawnService } from "../../../local/machine/service";
import type { Service } from "../../../local/machine/service";
import { temporaryFolder } from "../support";

describe("a service", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const state = {
    folder: (...names: string[]) => {
      const path = join(folder.path, ...names);
      mkdirSync(path, { recursive: true });
      return path;
    },
  };
  const started: Service[] = [];
  const shell = async (script: string, isReady: (service: Service) => boolean) => {
    const service = await spawnService(state, "shell", "sh", ["-c", script], { isReady });
    started.push(service);
    return service;
  };
  const records = () => readdirSync(state.folder("processes"));

  before(async () => {
    folder = await temporaryFolder();
  });
  after(() => folder.remove());
  // Of a test that failed, too: this process would not end before they do.
  afterEach(() => Promise.all(started.splice(0).map((service) => service.stop())));

  it("is answered when it is ready, is on record while it runs, and may be stopped twice", async () => {
    const service = await shell("sleep 0.1; echo begun; exec sleep 1000", (begun) => begun.output() !== "");
    assert.equal(service.output(), "begun\n");
    assert.deepEqual(records(), ["shell.json"]);
    await service.stop();
    await service.stop();
    assert.equal(await service.ended, "signal SIGTERM");
    assert.deepEqual(records(), []);
  });

  it("that ends before it is ready is an error with its last words, and leaves nothing", async () => {
    await assert.rejects(
      shell("echo no such port; exit 3", () => false),
      /^Error: shell ended with exit status 3: no such port$/,
    );
    assert.deepEqual(records(), []);
  });

  it("that never gets ready is an error, and is ended", async (t) => {
    t.mock.timers.enable({ apis: ["Date"] });
    let pid = 0;
    const hanging = shell("echo still looking; exec sleep 1000", (service) => {
      pid = service.pid;
      if (service.output() !== "") t.mock.timers.tick(121_000);
      return false;
    });
    await assert.rejects(hanging, /^Error: shell was not ready after 120 s: still looking$/);
    assert.equal(existsSync(`/proc/${pid}`), false);
    assert.deepEqual(records(), []);
  });

  it("that cannot be started is an error that names it", async () => {
    await assert.rejects(spawnService(state, "none", "/no/such/program", []), /\/no\/such\/program/);
    assert.deepEqual(records(), []);
  });
});
