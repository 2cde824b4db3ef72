import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import type { BootReport } from "../../gate/contract.cjs";
import { awsClients } from "../../local/api/clients";
import { copyOfCheckout, leftovers, RegionProcess } from "../support/regionProcess";

/** Longer than systemd's own patience with a unit, in seconds, let alone that of a host that boots from a warm disk. */
const startSeconds = 95;

describe("a fleet whose first host fails to boot, and whose others are slow", () => {
  let copy: Awaited<ReturnType<typeof copyOfCheckout>>;
  before(async () => {
    assert.deepEqual(await leftovers(), []);
    copy = await copyOfCheckout();
    change("userdata/django.sh", /^ExecStart=/m, `ExecStartPre=/bin/sleep ${startSeconds}\n$&`);
    change(
      "userdata/web.sh",
      /^SCRIPT=web$/m,
      `$&
if ! s3_get "$REPORT_BUCKET" tried "$WORK/tried"; then
  s3_put "$REPORT_BUCKET" tried /etc/hostname text/plain
  fail "the first one fails"
fi`,
    );
  });
  after(() => copy.remove());

  function change(name: string, what: RegExp, replacement: string): void {
    const file = path.join(copy.path, name);
    const text = readFileSync(file, "utf8");
    assert.match(text, what);
    writeFileSync(file, text.replace(what, replacement));
  }

  it("is waited for, and the failed host is replaced", async () => {
    const region = new RegionProcess(copy.path);
    try {
      const [, endpoint] = await region.prints(/AWS_ENDPOINT_URL=(\S+)/);
      await region.prints(/Ctrl-C destroys everything/);
      const reports = await bootReports(endpoint!, region.outputs()["bootReportBucket"]!);
      const web = reports.filter(({ script }) => script === "web");
      const failed = web.filter(({ succeeded }) => !succeeded);
      assert.ok(failed.length === 1 || failed.length === 2, "both may have been the first");
      for (const { message } of failed) assert.equal(message, "the first one fails");
      const serving = web.filter(({ succeeded }) => succeeded);
      assert.deepEqual(
        serving.map(({ ready }) => ready),
        [true, true],
      );
    } finally {
      region.kill("SIGTERM");
    }
    assert.equal(await region.ended, 0, region.output);
    assert.deepEqual(await leftovers(), [], region.output);
  });

  async function bootReports(endpoint: string, Bucket: string): Promise<BootReport[]> {
    const clients = awsClients(endpoint);
    try {
      const { s3 } = clients.in("us-east-1");
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "boot/" }));
      return await Promise.all(
        Contents.map(async ({ Key }) => {
          const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: Key! }));
          return JSON.parse(await Body!.transformToString()) as BootReport;
        }),
      );
    } finally {
      clients.destroy();
    }
  }
});
