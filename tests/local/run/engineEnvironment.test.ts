import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { engineEnvironment, parseEnvironment, renderEnvironment } from "../../../local/run/engineEnvironment";

describe("what a shell must know of a region", () => {
  const environment: Record<string, string> = {
    ...engineEnvironment({ providers: "aws:1,random:2", apiEndpoint: "http://127.0.0.1:3" }),
    ODD: `it's a "$HOME" \\ \`path\``,
  };

  it("is read back as it was, by a shell and by this program", () => {
    assert.deepEqual(parseEnvironment(renderEnvironment(environment)), environment);
    const script = `${renderEnvironment(environment)}exec env -0`;
    const own = { PATH: process.env["PATH"], AWS_PROFILE: "mine", AWS_SESSION_TOKEN: "mine" };
    const shown = execFileSync("sh", ["-c", script], { encoding: "utf8", env: own }).split("\0");
    for (const [name, value] of Object.entries(environment))
      assert.ok(shown.includes(`${name}=${value}`), name);
    // Nothing of the user's own account is left.
    assert.deepEqual(
      shown.filter((line) => line.startsWith("AWS_PROFILE") || line.startsWith("AWS_SESSION_TOKEN")),
      [],
    );
  });

  it("leads to the region and nowhere else", () => {
    assert.equal(environment["PULUMI_DEBUG_PROVIDERS"], "aws:1,random:2");
    assert.equal(environment["AWS_ENDPOINT_URL"], "http://127.0.0.1:3");
    assert.match(environment["PULUMI_BACKEND_URL"] ?? "", /^file:\/\/\/.*\/\.local\/state$/);
    assert.equal(environment["AWS_SHARED_CREDENTIALS_FILE"], "/dev/null");
  });
});
