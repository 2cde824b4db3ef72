import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instanceType } from "../../../local/aws/instanceTypes";

// Sizes as in EC2's list of instance types.
const types: [string, number, number, "x86_64" | "arm64"][] = [
  ["t3.nano", 2, 512, "x86_64"],
  ["t3.micro", 2, 1024, "x86_64"],
  ["t4g.small", 2, 2048, "arm64"],
  ["t3.large", 2, 8192, "x86_64"],
  ["t3.xlarge", 4, 16_384, "x86_64"],
  ["t3a.2xlarge", 8, 32_768, "x86_64"],
  ["m7g.medium", 1, 4096, "arm64"],
  ["m7i.large", 2, 8192, "x86_64"],
  ["m7i-flex.xlarge", 4, 16_384, "x86_64"],
  ["c7i.large", 2, 4096, "x86_64"],
  ["c6gn.4xlarge", 16, 32_768, "arm64"],
  ["r7i.xlarge", 4, 32_768, "x86_64"],
  ["m7i.12xlarge", 48, 196_608, "x86_64"],
];

describe("instance types", () => {
  for (const [name, vcpus, memoryMiB, architecture] of types)
    it(`${name} has ${vcpus} processors, ${memoryMiB} MiB and is ${architecture}`, () => {
      assert.deepEqual(instanceType(name), { vcpus, memoryMiB, architecture });
    });

  for (const name of ["t3", "t3.huge", "p5.48xlarge", "m7i.metal", ""])
    it(`"${name}" is not known`, () => assert.equal(instanceType(name), undefined));
});
