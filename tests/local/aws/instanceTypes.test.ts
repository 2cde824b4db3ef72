import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instanceType } from "../../../local/aws/instanceTypes";

// Sizes as in EC2's list of instance types.
const types: [string, number, "x86_64" | "arm64"][] = [
  ["t3.nano", 512, "x86_64"],
  ["t3.micro", 1024, "x86_64"],
  ["t4g.small", 2048, "arm64"],
  ["t3a.2xlarge", 32_768, "x86_64"],
  ["m7g.medium", 4096, "arm64"],
  ["m7i.large", 8192, "x86_64"],
  ["m7i-flex.xlarge", 16_384, "x86_64"],
  ["c7i.large", 4096, "x86_64"],
  ["c6gn.4xlarge", 32_768, "arm64"],
  ["r7i.xlarge", 32_768, "x86_64"],
  ["m7i.12xlarge", 196_608, "x86_64"],
];

describe("instance types", () => {
  for (const [name, memoryMiB, architecture] of types)
    it(`${name} has ${memoryMiB} MiB and is ${architecture}`, () => {
      assert.deepEqual(instanceType(name), { memoryMiB, architecture });
    });

  for (const name of ["t3", "t3.huge", "p5.48xlarge", "m7i.metal", ""])
    it(`"${name}" is not known`, () => assert.equal(instanceType(name), undefined));
});
