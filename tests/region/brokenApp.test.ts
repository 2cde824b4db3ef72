/** Roll-outs of an application that is broken, under Pulumi's engine on real hosts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DescribeAutoScalingGroupsCommand } from "@aws-sdk/client-auto-scaling";
import { needsCli } from "../engine/deployment";
import { useHeldStack } from "../support/heldStack";
import type { Deployed } from "../support/pulumiCommands";
import { root } from "../support/regionProcess";

describe("a roll-out of an application that is broken", needsCli, () => {
  const stack = useHeldStack();
  before(() => stack.succeeds("up"));

  /** Files of the application that run on web hosts only: what starts it, and what answers first. */
  const [start, edge] = ["app/service/__main__.py", "app/service/edge.py"];
  const original = (file: string) => readFileSync(join(root, file), "utf8");
  const wholeApp = () => [start, edge].forEach((file) => stack.edit(file, () => original(file)));
  /** Has the application run a line of its own wherever it answers. */
  function answerBy(line: string): void {
    const place = '        path = scope["path"]\n';
    assert.ok(original(edge).includes(place));
    stack.edit(edge, (text) => text.replace(place, `${place}        ${line}\n`));
  }

  const groups = async () => {
    const { AutoScalingGroups = [] } = await stack.inRegion("us-east-1", ({ autoScaling }) =>
      autoScaling.send(new DescribeAutoScalingGroupsCommand({})),
    );
    return AutoScalingGroups;
  };
  /** That one more `up` fails for this reason, and takes nothing away. */
  async function fails(reasons: readonly RegExp[], attempt: string): Promise<Deployed> {
    const outcome = await stack.deploy("up");
    assert.notEqual(outcome.status, 0, attempt);
    for (const reason of reasons) assert.match(outcome.errors, reason, attempt);
    const gone = outcome.steps.filter((step) => step.startsWith("delete"));
    assert.deepEqual(gone, [], attempt);
    return outcome;
  }
  /** Of the image and what it is made on. */
  const baked = ({ steps }: Deployed) => steps.filter((step) => / local-image/.test(step));

  for (const [kind, breakApp, reasons] of [
    [
      "does not boot",
      () => stack.edit(start, (text) => `raise RuntimeError("this application does not boot")\n${text}`),
      [/app\.service does not start/, /this application does not boot/],
    ],
    [
      "answers 500",
      () => answerBy("return await self._send(send, _json(500, b'{}'))"),
      [/the service answers 500 at \/livez/],
    ],
  ] as const) {
    it(`keeps the old fleet while the new one ${kind}, and says why each time`, async () => {
      wholeApp();
      breakApp();
      await stack.underLoad(async () => {
        await fails(reasons, "first");
        assert.deepEqual(baked(await fails(reasons, "second")), []);
      });
    });
  }

  it("keeps the old fleet while the new one boots but is not ready, after Ctrl-C as well", async () => {
    const refusal = `_json(503, b'{"database": {"ok": false, "reason": "NoSuchTable"}}')`;
    wholeApp();
    answerBy(`if path == READINESS_PATH: return await self._send(send, ${refusal})`);
    await stack.underLoad(async () => {
      const before = new Set((await groups()).map((group) => group.AutoScalingGroupName));
      const controlC = new AbortController();
      const interrupted = stack.deploy("up", { controlC: controlC.signal });
      // It is the gate that gives a new group its size.
      const isAsked = async () =>
        (await groups()).some(
          ({ AutoScalingGroupName, DesiredCapacity }) =>
            !before.has(AutoScalingGroupName) && DesiredCapacity !== 0,
        );
      while (!(await isAsked())) await sleep(500);
      controlC.abort();
      const { status, errors } = await interrupted;
      assert.notEqual(status, 0);
      assert.doesNotMatch(errors, /NoSuchTable/);

      // Until then a gate waits for as long as it does on AWS; no longer than these hosts need to boot, from here on.
      stack.edit("gate/contract.cjs", (text) => text.replace(/^(exports\.functionSeconds = )\d+/m, "$175"));
      for (const attempt of ["second", "third"]) {
        const reasons = [/0 of \d hosts healthy and ready/, /is healthy, but not ready: .*NoSuchTable/];
        assert.deepEqual(baked(await fails(reasons, attempt)), [], attempt);
      }
      stack.edit("gate/contract.cjs", () => original("gate/contract.cjs"));
    });
  });

  it("goes back to the good one, and leaves nothing of the others", async () => {
    wholeApp();
    await stack.underLoad(() => stack.succeeds("up"));
    assert.deepEqual(
      (await groups()).map((group) => group.AutoScalingGroupName),
      [await stack.output("webGroupName")],
    );
    assert.deepEqual((await stack.succeeds("preview")).steps, []);
  });
});
