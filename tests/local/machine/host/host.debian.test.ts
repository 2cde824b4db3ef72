import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { reportsErrors } from "../../../../local/machine/host/host";

describe("cloud-init's result on a host's disk", () => {
  const folder = mkdtempSync(join(tmpdir(), "host-"));
  after(() => rmSync(folder, { recursive: true }));
  const result = (name: string, errors: readonly string[]) => {
    writeFileSync(join(folder, name), JSON.stringify({ v1: { errors } }));
    return reportsErrors(join(folder, name));
  };

  it("tells whether the boot failed", () => {
    assert.equal(result("well", []), false);
    assert.equal(result("failed", ["scripts-user"]), true);
  });

  it("says nothing while there is none, also where the image's own was deleted", () => {
    assert.equal(reportsErrors(join(folder, "none")), false);
    // As an overlay marks a deleted file.
    execFileSync("mknod", [join(folder, "deleted"), "c", "0", "0"]);
    assert.equal(reportsErrors(join(folder, "deleted")), false);
  });
});
