import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { arn, autoName, physicalName, resourceId } from "../../../local/aws/naming";
import { request } from "../support";

describe("names", () => {
  it("are the logical name and seven hexadecimal digits", () => {
    assert.match(autoName("local-web"), /^local-web-[0-9a-f]{7}$/);
    assert.notEqual(autoName("x"), autoName("x"));
  });

  it("are refused over the service's limit, as the provider does", () => {
    assert.equal(autoName("a".repeat(24), 32).length, 32);
    assert.throws(() => autoName("a".repeat(25), 32), /33 long, over the limit of 32/);
  });

  it("follow what the program says", () => {
    assert.equal(physicalName(request("t", "n", { name: "mine" })), "mine");
    assert.match(physicalName(request("t", "n", { namePrefix: "mine-" })), /^mine-[0-9a-f]{16}$/);
    assert.equal(physicalName(request("t", "n", { bucket: "b" }), 63, "bucket"), "b");
    assert.match(physicalName(request("t", "n", {})), /^n-[0-9a-f]{7}$/);
  });

  it("of EC2 look like EC2's", () => {
    assert.match(resourceId("vpc"), /^vpc-[0-9a-f]{17}$/);
    assert.equal(
      arn("lambda", "us-east-1", "function:f"),
      "arn:aws:lambda:us-east-1:123456789012:function:f",
    );
  });
});
