import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import * as fc from "fast-check";
import { type Graph, recordGraph } from "../../local/engine/recorder";
import { inOrder, reduced } from "../../tools/dag";
import { type Diagram, diagramOf, dotOf, draw } from "../../tools/drawing";

const needsOf = (needs: Readonly<Record<string, readonly string[]>>) =>
  new Map(Object.entries(needs).map(([node, needed]) => [node, new Set(needed)]));

/** Graphs whose nodes need nodes of lower numbers. */
const graphs = fc
  .array(fc.array(fc.nat(9), { maxLength: 5 }), { minLength: 1, maxLength: 10 })
  .map((lists) =>
    needsOf(
      Object.fromEntries(
        lists.map((list, node) => [node, list.filter((needed) => needed < node).map(String)] as const),
      ),
    ),
  );

function allNeeded(needs: ReadonlyMap<string, ReadonlySet<string>>, node: string): Set<string> {
  const direct = [...(needs.get(node) ?? [])];
  return new Set(direct.flatMap((needed) => [needed, ...allNeeded(needs, needed)]));
}

describe("a graph without circles", () => {
  it("is told in an order in which each comes after what it needs", () => {
    fc.assert(
      fc.property(graphs, (needs) => {
        const order = inOrder(needs);
        assert.deepEqual([...order].sort(), [...needs.keys()].sort());
        for (const [node, needed] of needs)
          for (const each of needed) assert.ok(order.indexOf(each) < order.indexOf(node));
      }),
    );
  });
  it("loses by reduction what is implied, and nothing else", () => {
    fc.assert(
      fc.property(graphs, (needs) => {
        const less = reduced(needs);
        for (const node of needs.keys()) {
          assert.deepEqual([...allNeeded(less, node)].sort(), [...allNeeded(needs, node)].sort());
          for (const needed of less.get(node) ?? []) {
            const others = [...(less.get(node) ?? [])].filter((other) => other !== needed);
            assert.ok(!others.some((other) => allNeeded(less, other).has(needed)), `${node} → ${needed}`);
          }
        }
      }),
    );
  });
  it("refuses a circle, and names it", () =>
    assert.throws(() => inOrder(needsOf({ a: ["b"], b: ["c"], c: ["b"] })), /^Error: b needs c needs b$/));
});

describe("the picture of prod", () => {
  let graph: Graph;
  let diagram: Diagram;
  before(async () => {
    graph = await recordGraph("prod", false);
    diagram = diagramOf(graph.registrations);
  });

  it("has an arrow for each need that no other implies", () => {
    const named = new Map(
      diagram.boxes.map(({ urn, kind, name }) => [urn, `${kind} ${name.replace("prod-", "")}`]),
    );
    const needs = Object.fromEntries<(string | undefined)[]>(
      [...diagram.needs].map(([urn, needed]) => [
        named.get(urn)!,
        [...needed].map((each) => named.get(each)).sort(),
      ]),
    );
    assert.deepEqual(needs, {
      "RegionNetwork web-network": [],
      "RegionNetwork db-network": [],
      "DeployGate gate": [],
      "AccountStore accounts": [],
      "RegionPeering peering": ["RegionNetwork db-network", "RegionNetwork web-network"],
      "HostTelemetry web-hosts": [],
      "HostTelemetry db-hosts": [],
      "BackupRepository backups": [],
      "PostgresHost db": [
        "BackupRepository backups",
        "DeployGate gate",
        "HostTelemetry db-hosts",
        "RegionNetwork db-network",
        "RegionNetwork web-network",
      ],
      "DjangoImage image": ["DeployGate gate", "RegionNetwork web-network"],
      "ReleaseTask release": [
        "AccountStore accounts",
        "DjangoImage image",
        "PostgresHost db",
        "RegionPeering peering",
      ],
      "WebEntrance web": ["RegionNetwork web-network"],
      "ScalingWebTier web": ["HostTelemetry web-hosts", "ReleaseTask release", "WebEntrance web"],
      "OutsideCheck outside": [],
      "RegionAlarms web-alarms": ["OutsideCheck outside", "ScalingWebTier web"],
      "RegionAlarms db-alarms": ["PostgresHost db"],
      "Dashboard dashboard": ["RegionAlarms db-alarms", "RegionAlarms web-alarms"],
    });
  });

  it("has every resource in one box, and every box where its resources are", () => {
    const drawn = diagram.boxes.flatMap(({ resources }) => [...resources.values()].flat());
    const made = graph.registrations.filter(({ custom, type }) => custom && !type.startsWith("pulumi:"));
    assert.equal(drawn.length, made.length);
    for (const { kind, name, regions } of diagram.boxes) {
      const expected =
        kind === "RegionPeering"
          ? ["us-east-1", "us-east-2"]
          : [/-db/.test(name) ? "us-east-2" : "us-east-1"];
      assert.deepEqual(regions, expected, name);
    }
  });

  it("has its arrows lead from what is needed to what needs it", () => {
    const dot = dotOf(diagram, "prod");
    const id = (kind: string) => `box${diagram.boxes.findIndex((box) => box.kind === kind)}`;
    assert.ok(dot.includes(`${id("ReleaseTask")} -> ${id("ScalingWebTier")};`));
    assert.ok(!dot.includes(`${id("ScalingWebTier")} -> ${id("ReleaseTask")};`));
  });

  it("is the same whatever the order in which resources were registered", async () => {
    const reversed = await draw([...graph.registrations].reverse(), "prod");
    assert.equal(reversed, await draw(graph.registrations, "prod"));
  });
});
