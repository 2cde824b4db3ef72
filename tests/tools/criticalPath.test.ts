import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import * as fc from "fast-check";
import { type Graph, recordGraph } from "../../local/engine/recorder";
import {
  appChange,
  criticalPath,
  duration,
  durationOf,
  firstUp,
  replacedByAppChange,
  schedule,
  type Step,
  type Timed,
} from "../../tools/criticalPath";
import { durations, waits } from "../../tools/durations";
import { recordStacks, usesOf } from "../../tools/generate";

const needsOf = (needs: Readonly<Record<string, readonly string[]>>) =>
  new Map(Object.entries(needs).map(([node, needed]) => [node, new Set(needed)]));
const secondsOf = (seconds: Readonly<Record<string, number>>) => new Map(Object.entries(seconds));

describe("a schedule", () => {
  const table = [
    { it: "of nothing takes no time", needs: {}, seconds: {}, path: [], takes: 0 },
    {
      it: "of a chain takes the sum",
      needs: { a: [], b: ["a"] },
      seconds: { a: 2, b: 3 },
      path: ["a", "b"],
      takes: 5,
    },
    {
      it: "of two that need nothing takes the longer",
      needs: { a: [], b: [] },
      seconds: { a: 2, b: 3 },
      path: ["b"],
      takes: 3,
    },
    {
      it: "of what needs two goes on after the later",
      needs: { start: [], a: ["start"], b: ["start"], end: ["b", "a"] },
      seconds: { start: 1, a: 5, b: 2, end: 1 },
      path: ["start", "a", "end"],
      takes: 7,
    },
    {
      it: "passes through what takes no time, which is not on the path",
      needs: { a: [], group: ["a"], b: ["group"] },
      seconds: { a: 4, b: 1 },
      path: ["a", "b"],
      takes: 5,
    },
  ] as const;
  for (const row of table)
    it(row.it, () => {
      const steps = schedule(needsOf(row.needs), secondsOf(row.seconds));
      assert.deepEqual(criticalPath(steps), row.path);
      assert.equal(duration(steps), row.takes);
    });

  const graphs = fc
    .array(fc.record({ seconds: fc.nat(50), needs: fc.array(fc.nat(14), { maxLength: 4 }) }), {
      minLength: 1,
      maxLength: 15,
    })
    .map((rows) => ({
      needs: needsOf(
        Object.fromEntries(
          rows.map(({ needs }, node) => [node, needs.filter((needed) => needed < node).map(String)] as const),
        ),
      ),
      seconds: secondsOf(Object.fromEntries(rows.map(({ seconds }, node) => [node, seconds]))),
    }));

  it("begins each piece with the end of the last that it needs, and takes as long as its path", () => {
    fc.assert(
      fc.property(graphs, ({ needs, seconds }) => {
        const steps = schedule(needs, seconds);
        for (const [piece, { start, end }] of steps) {
          const ends = [...(needs.get(piece) ?? [])].map((needed) => steps.get(needed)!.end);
          assert.equal(start, Math.max(0, ...ends));
          assert.equal(end - start, seconds.get(piece));
        }
        const path = criticalPath(steps);
        assert.equal(
          path.reduce((sum, piece) => sum + seconds.get(piece)!, 0),
          duration(steps),
        );
        path
          .slice(1)
          .forEach((piece, index) => assert.equal(steps.get(piece)!.start, steps.get(path[index]!)!.end));
      }),
    );
  });
});

describe("what AWS takes", () => {
  it("is known for every type in use, and for no other", async () => {
    const { types } = usesOf(Object.values({ ...(await recordStacks()) }));
    const known = [...Object.keys(durations), "aws:lambda/invocation:Invocation"];
    assert.deepEqual(known.sort(), types);
  });
  it("has a source, or says that it is estimated and why", () => {
    for (const [of, { basis }] of [...Object.entries(durations), ...Object.entries(waits)])
      assert.match(basis, /^https:\/\/|^Estimated: .+|^[A-Z][^.]+\./, of);
  });
  it("is asked for by name where it is missing", () => {
    const timed = { name: "dev-x", urn: "u", custom: true, inputs: {}, dependencies: [] };
    assert.throws(
      () => durationOf({ ...timed, type: "aws:sqs/queue:Queue" }),
      /no row for aws:sqs\/queue:Queue \(dev-x\)/,
    );
    const inputs = { input: '{"label":"cache"}' };
    assert.throws(
      () => durationOf({ ...timed, type: "aws:lambda/invocation:Invocation", inputs }),
      /no row for the wait "cache"/,
    );
  });
});

describe("a first up of prod", () => {
  let graph: Graph;
  let steps: Map<string, Step>;
  const stepOf = (of: ReadonlyMap<string, Step>, type: string, name: string) =>
    of.get(
      graph.registrations.find((each) => each.type.endsWith(`:${type}`) && each.name === `prod-${name}`)!.urn,
    )!;
  const namesOf = (of: ReadonlyMap<string, Step>) => {
    const byUrn = new Map(graph.registrations.map((each) => [each.urn, each]));
    return criticalPath(of).map((urn) => {
      const { type, name } = byUrn.get(urn)!;
      return `${type.split(":").at(-1)} ${name.replace("prod-", "")}`;
    });
  };
  before(async () => {
    graph = await recordGraph("prod", false);
    steps = firstUp(graph.registrations);
  });

  it("goes on when the later of the two regions is there, not after their sum", () => {
    const [database, image] = [
      stepOf(steps, "Invocation", "db-gate"),
      stepOf(steps, "AmiFromInstance", "image"),
    ];
    assert.equal(stepOf(steps, "Instance", "release-host").start, Math.max(database.end, image.end));
    assert.ok(database.start > 0 && database.end < image.end);
  });
  it("takes no longer when the region that is there first takes longer, up to the other", () => {
    const slack = stepOf(steps, "AmiFromInstance", "image").end - stepOf(steps, "Invocation", "db-gate").end;
    const seconds = (more: number) =>
      new Map(
        graph.registrations
          .filter(({ custom }) => custom)
          .map((each) => [each.urn, durationOf(each).create + (each.name === "prod-db-gate" ? more : 0)]),
      );
    const needs = new Map(graph.registrations.map(({ urn, dependencies }) => [urn, new Set(dependencies)]));
    assert.equal(duration(schedule(needs, seconds(slack))), duration(steps));
    assert.equal(duration(schedule(needs, seconds(slack + 7))), duration(steps) + 7);
  });
  it("is as long as building the image, releasing it and rolling the fleet", () => {
    const path = namesOf(steps);
    const byBuilder = path.slice(path.indexOf("Instance image-builder"));
    assert.deepEqual(byBuilder.slice(0, -1), [
      "Instance image-builder",
      "Invocation image-builder-gate",
      "InstanceState image-builder-stopped",
      "AmiFromInstance image",
      "Instance release-host",
      "Invocation release-host-gate",
      "InstanceState release-host-stopped",
      "Group web",
      "Invocation web-gate",
      "MetricAlarm web-alarms-no-capacity",
    ]);
    assert.ok(path.every((name) => !name.includes(" db")));
  });
  it("takes less than half of what one call after another takes", () => {
    const all = graph.registrations.filter(({ custom }) => custom);
    assert.ok(duration(steps) < all.reduce((sum, each: Timed) => sum + durationOf(each).create, 0) / 2);
  });

  it("and a change of the app replaces what there is, with the new fleet before the old one goes", () => {
    const { made, gone } = appChange(graph.registrations, "prod");
    const there = graph.registrations.map(
      ({ type, name }) => `${type.split(":").at(-1)} ${name.replace("prod-", "")}`,
    );
    assert.deepEqual(
      replacedByAppChange.filter((words) => !there.includes(words)),
      [],
    );
    assert.match(namesOf(made)[0]!, /^BucketObjectv2 image-app-/);
    assert.equal(stepOf(made, "Vpc", "web-network").end, 0);
    assert.ok(stepOf(gone, "Group", "web").end <= stepOf(gone, "Instance", "release-host").start);
    assert.ok(stepOf(gone, "Instance", "release-host").end <= stepOf(gone, "AmiFromInstance", "image").start);
    assert.ok(duration(made) < duration(steps));
  });
});
