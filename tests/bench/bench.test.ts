/* oxlint-disable house/layers -- benches stand above the tests, parts of which they use; here they are what is tested */
import assert from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, it } from "node:test";
import { installAtBoot } from "../../bench/replaced";
import { goalTable } from "../../bench/report";
import { readSteps } from "../../bench/start";
import { readFigures } from "../../bench/wrk";
import { assembleScript, renderUserData } from "../../components/host/userData";

describe("a bench", () => {
  it("reads what wrk measured, without the requests that were not answered well", () => {
    const told = "Running 1s test\nfigures 1050 2000000 4500 120700 50 210000\nRequests/sec: 525.1\n";
    assert.deepEqual(readFigures(told), {
      ...{ rate: 500, p50: 4.5, p99: 120.7, answered: 1050, bytes: 200, failed: 50 },
    });
    assert.throws(() => readFigures("figures 0 2000000 0 0 16 0"), /no request answered/);
    assert.throws(() => readFigures("unable to connect"), /no request answered: unable to connect/);
  });

  it("reads where npm start's time went", () => {
    const told = `Where the time went
  1 min 2 s  local-image-gate  lambda.Invocation
      9.5 s  base image
  1 min 30 s in all; steps ran side by side

Outputs
  12 s no step
`;
    assert.deepEqual(readSteps(told), [
      { name: "local-image-gate  lambda.Invocation", seconds: 62 },
      { name: "base image", seconds: 9.5 },
      { name: "in all; steps ran side by side", seconds: 90 },
    ]);
    assert.deepEqual(readSteps("it failed"), []);
  });

  it("tells each goal, and whether it is held", () => {
    const goal = { what: "soon", wanted: "1 s", measured: "2 s", isHeld: false };
    const report = { name: "launch", title: "", summary: "", charts: [] };
    assert.equal(
      goalTable([
        { ...report, goals: [goal] },
        { ...report, name: "growth", goals: [{ ...goal, isHeld: true }] },
      ]),
      `| bench | goal | wanted | measured |  |
| --- | --- | --- | --- | --- |
| launch | soon | 1 s | 2 s | missed |
| growth | soon | 1 s | 2 s | held |`,
    );
  });
});

describe("a host that installs at boot", () => {
  const userData = (script: "django" | "web", mark: string) =>
    renderUserData("#cloud-config", assembleScript(script).given, { MARK: mark });
  const whole = gunzipSync(
    Buffer.from(installAtBoot(userData("django", "builder"), userData("web", "host")), "base64"),
  ).toString();

  it("does what the builder does, and then what a host does until it serves", () => {
    const order = [
      "#cloud-config",
      "MARK='builder'",
      "packages python3-venv",
      "bash /run/install.sh",
      "MARK='host'",
      "systemctl restart app.service",
    ].map((part) => whole.indexOf(part));
    assert.ok(!order.includes(-1));
    assert.deepEqual(
      order,
      [...order].sort((a, b) => a - b),
    );
    assert.match(whole, /^--==django-on-ec2==--$/m);
  });

  it("does not join a group that it is not of", () =>
    assert.doesNotMatch(whole, /complete_launch CONTINUE$/m));

  it("is refused when the host's script is not as the bench knows it", () => {
    const other = gzipSync("#!/bin/bash\necho another\n--==").toString("base64");
    assert.throws(() => installAtBoot(userData("django", ""), other), /waits for \/livez no more/);
  });
});
