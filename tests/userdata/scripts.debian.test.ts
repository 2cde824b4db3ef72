import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { assemble, scripts } from "./assembled";

for (const script of scripts)
  describe(`${script}.sh`, () => {
    it("satisfies shellcheck, and reads no variable that it is not given", () => {
      const found = spawnSync("shellcheck", ["--norc", "--enable=check-unassigned-uppercase", "-"], {
        input: assemble(script).text,
        encoding: "utf8",
      });
      assert.equal(found.error, undefined, "install shellcheck");
      assert.equal(found.stdout, "");
    });
  });
