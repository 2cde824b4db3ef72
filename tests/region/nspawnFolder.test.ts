import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { root } from "../support/regionProcess";

/** Regions that come and go, and after each whether the folder has its tmpfs. */
const script = `
const { readFileSync } = require("node:fs");
const { prepareNspawnFolder, releaseNspawnFolder } = require("./local/machine/host/nspawn");
const mounts = () =>
  readFileSync("/proc/self/mounts", "utf8").split("\\n").filter((line) => line.startsWith("django-on-ec2-nspawn ")).length;
const steps = [[1, prepareNspawnFolder], [2, prepareNspawnFolder], [1, releaseNspawnFolder],
  [1, releaseNspawnFolder], [1, prepareNspawnFolder], [2, releaseNspawnFolder], [1, releaseNspawnFolder]];
(async () => {
  const found = [];
  for (const [number, step] of steps) {
    process.env.LOCAL_REGION = String(number);
    await step();
    found.push(mounts());
  }
  console.log(JSON.stringify(found));
})();
`;

describe("systemd-nspawn's folder", () => {
  it("has its tmpfs from the first region that needs it to the last", async (t) => {
    const disk = mkdtempSync(join(tmpdir(), "nspawn-"));
    t.after(() => rmSync(disk, { recursive: true, force: true }));
    // In a mount namespace of its own, where the folder is not on a tmpfs, and that regions of the machine do not see.
    const command = `umount -q /run/systemd/nspawn; mkdir -p /run/systemd/nspawn && mount --bind "$0" /run/systemd/nspawn && exec "$@"`;
    const { stdout } = await promisify(execFile)(
      "unshare",
      [
        ...["--mount", "--propagation=private", "sh", "-c", command, disk],
        ...[process.execPath, "--require", "./tools/typescript.cjs", "--eval", script],
      ],
      { cwd: root },
    );
    assert.deepEqual(JSON.parse(stdout), [1, 1, 1, 1, 1, 1, 0]);
  });
});
