import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { cacheDirectory } from "../../local/cache";
import { checkDisk, checkNetwork, missingPackages, PreflightError } from "../../local/preflight";

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

  it("tells why the mirror can't be reached", async (t) => {
    const statuses: Record<string, number> = {
      "/good/dists/stable/Release": 200,
      "/bad/dists/stable/Release": 503,
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
