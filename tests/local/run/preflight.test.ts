import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { cacheDirectory } from "../../../local/machine/cache";
import { suite } from "../../../local/machine/host/baseImage";
import {
  checkDisk,
  checkNetwork,
  checkPrivilege,
  diskNeeds,
  missingPackages,
  PreflightError,
} from "../../../local/run/preflight";
import { temporaryFolder } from "../support";

describe("preflight", () => {
  it("finds the packages that are missing", async () => {
    assert.deepEqual(await missingPackages(["dpkg", "no-such-package"]), ["no-such-package"]);
  });

  it("adds up what is needed on one disk", () => {
    const folder = join(tmpdir(), "not", "there", "yet");
    checkDisk(new Map([[folder, 0.001]]));
    assert.throws(
      () => {
        checkDisk(
          new Map([
            [folder, 1e6],
            [tmpdir(), 1e6],
          ]),
        );
      },
      (error: PreflightError) => {
        assert.ok(error instanceof PreflightError);
        assert.match(
          error.message,
          /not\/there\/yet and .* GiB free; the local region needs 2000000 GiB\.\n/,
        );
        assert.match(error.remedy, /XDG_CACHE_HOME/);
        return true;
      },
    );
  });

  it("wants room for the cache until both parts of it are there", async (t) => {
    const folder = await temporaryFolder();
    t.after(() => folder.remove());
    const cache = folder.path;
    const isWanted = () => diskNeeds(cache).has(cache);
    for (const name of ["base-0123456789abcdef", "moto-0123456789abcdef.draft-1"])
      await mkdir(join(cache, name));
    assert.equal(isWanted(), true);
    await mkdir(join(cache, "moto-0123456789abcdef"));
    assert.equal(isWanted(), false);
    assert.equal(diskNeeds(join(cache, "not", "there")).size, 2);
  });

  it("names the privilege that root lacks", async () => {
    const remedy = "Start it privileged.";
    await checkPrivilege([{ script: "true", problem: "none", remedy }]);
    await assert.rejects(
      checkPrivilege([{ script: "echo not permitted >&2; exit 1", problem: "No mounts.", remedy }]),
      new PreflightError("No mounts. (not permitted)", remedy),
    );
  });

  it("tells why the mirror can't be reached", async (t) => {
    const statuses: Record<string, number> = {
      [`/good/dists/${suite}/Release`]: 200,
      [`/bad/dists/${suite}/Release`]: 503,
      "/old/dists/stable/Release": 200,
    };
    const server = createServer((request, response) => {
      response.statusCode = statuses[request.url ?? ""] ?? 404;
      response.end();
    }).listen(0, "127.0.0.1");
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    await new Promise((resolve) => server.once("listening", resolve));
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await checkNetwork(`${base}/good/`);
    await assert.rejects(checkNetwork(`${base}/bad`), /HTTP 503/);
    await assert.rejects(checkNetwork(`${base}/old`), /HTTP 404/);
    await checkNetwork("file:/srv/debian"); // nothing that can be asked
    await assert.rejects(
      checkNetwork("http://127.0.0.1:9/debian"),
      /no way to Debian's mirror, .*(ECONNREFUSED|bad port)/,
    );
    await assert.rejects(checkNetwork("http://mirror.invalid/debian"), /ENOTFOUND|EAI_AGAIN/);
    await assert.rejects(checkNetwork(`${base}/good`, AbortSignal.abort(new Error("stopped"))), /stopped/);
  });

  it("finds the cache where the XDG specification puts it", () => {
    assert.equal(cacheDirectory({ XDG_CACHE_HOME: "/x" }), "/x/django-on-ec2");
    assert.match(cacheDirectory({}), /^\/.*\/\.cache\/django-on-ec2$/);
    assert.equal(cacheDirectory({ XDG_CACHE_HOME: "relative" }), cacheDirectory({}));
  });
});
