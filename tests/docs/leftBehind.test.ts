/** The command by which operators find what a lost reply left behind. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { it } from "node:test";

const page = readFileSync(path.join(__dirname, "..", "..", "docs", "operations.md"), "utf8");

it("docs/operations.md: what carries the stack's tags and is not in its state is named, in both regions", () => {
  const [, command = ""] = /```sh\n(pulumi stack export [^]*?)```/.exec(page) ?? [];
  const folder = mkdtempSync(path.join(tmpdir(), "left-behind-"));
  const script = (name: string, ...lines: readonly string[]) =>
    writeFileSync(path.join(folder, name), ["#!/bin/sh", ...lines, ""].join("\n"), { mode: 0o755 });
  try {
    script("pulumi", `echo '{"id": "vpc-1", "arn": "arn:aws:s3:::prod-logs-1", "name": "prod-web-1"}'`);
    script(
      "aws",
      'case "$*" in',
      '"resourcegroupstaggingapi get-resources --region us-east-1 --tag-filters Key=stack,Values=prod "*)',
      "  printf '%s\\n' arn:aws:ec2:us-east-1:1:vpc/vpc-1 arn:aws:ec2:us-east-1:1:vpc/vpc-2 ;;",
      '"resourcegroupstaggingapi get-resources --region us-east-2 --tag-filters Key=stack,Values=prod "*)',
      "  printf '%s\\n' arn:aws:s3:::prod-logs-1 arn:aws:secretsmanager:us-east-2:1:secret:prod-x-AbCdEf ;;",
      '"autoscaling describe-auto-scaling-groups --region us-east-1 --filters Name=tag:stack,Values=prod "*)',
      "  printf '%s\\n' prod-web-1 prod-web-2 ;;",
      '"autoscaling describe-auto-scaling-groups --region us-east-2 "*) ;;',
      '*) echo "unknown: $*" >&2; exit 1 ;;',
      "esac",
    );
    const named = execFileSync("sh", ["-euc", command], {
      cwd: folder,
      env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}` },
      encoding: "utf8",
    });
    assert.deepEqual(named.trim().split("\n").sort(), [
      "arn:aws:ec2:us-east-1:1:vpc/vpc-2",
      "arn:aws:secretsmanager:us-east-2:1:secret:prod-x-AbCdEf",
      "prod-web-2",
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
