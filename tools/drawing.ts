/** A stack's components as a picture: boxes that list their resources, by region, and arrows between boxes. */
import { instance } from "@viz-js/viz";
import type { Registration } from "../local/engine/program";
import { reduced } from "./dag";

/** What of a resource is drawn. */
export type Drawn = Pick<
  Registration,
  "type" | "name" | "urn" | "parent" | "custom" | "region" | "dependencies"
>;

/** A component that the program itself makes, with all that is below it. */
export interface Box {
  readonly urn: string;
  /** `PostgresHost`, say. */
  readonly kind: string;
  readonly name: string;
  /** Regions of what is below it; what the gate keeps for others is in the gate's. */
  readonly regions: readonly string[];
  /** How many resources of each type, by the type's short name, each with their names. */
  readonly resources: ReadonlyMap<string, readonly string[]>;
}

/** Boxes, and for each the boxes that it needs: directly, or by nothing that it needs. */
export interface Diagram {
  readonly boxes: readonly Box[];
  readonly needs: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The component that stands before everything in a deletion: arrows to it would hide the others. */
const guard = "TearDownGuard";

/** Types that are in the gate's region, whatever they are for. */
const ofGate = ["aws:lambda/invocation:Invocation", "aws:s3/bucketObjectv2:BucketObjectv2"];

const shortType = (type: string) => type.split(":").at(-1) ?? type;
const byName = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);

/** What there is to draw of a stack. */
export function diagramOf(resources: readonly Drawn[]): Diagram {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const isStack = (urn: string) => byUrn.get(urn)?.type === "pulumi:pulumi:Stack";
  const topOf = (urn: string): string | undefined => {
    let at = byUrn.get(urn);
    while (at && !isStack(at.parent)) at = byUrn.get(at.parent);
    return at && !at.custom && shortType(at.type) !== guard ? at.urn : undefined;
  };
  const members = new Map<string, Drawn[]>();
  const needs = new Map<string, Set<string>>();
  for (const resource of resources) {
    const top = topOf(resource.urn);
    if (top === undefined) continue;
    if (resource.custom) members.set(top, [...(members.get(top) ?? []), resource]);
    const needed = resource.dependencies.flatMap((urn) => topOf(urn) ?? []).filter((other) => other !== top);
    needs.set(top, new Set([...(needs.get(top) ?? []), ...needed]));
  }
  const boxes = [...needs.keys()].flatMap((urn) => {
    const component = byUrn.get(urn);
    return component ? [boxOf(component, members.get(urn) ?? [])] : [];
  });
  return { boxes: boxes.sort((one, other) => byName(one.urn, other.urn)), needs: reduced(needs) };
}

function boxOf({ urn, type, name }: Drawn, members: readonly Drawn[]): Box {
  const own = members.filter((member) => !ofGate.includes(member.type));
  const regions = new Set(own.map(({ region }) => region).filter((region) => region !== ""));
  const kinds = [...new Set(members.map((member) => shortType(member.type)))].sort(byName);
  return {
    urn,
    kind: shortType(type),
    name,
    regions: [...regions].sort(byName),
    resources: new Map(
      kinds.map((kind) => [
        kind,
        members
          .filter((member) => shortType(member.type) === kind)
          // Without what its component's name says already, and without a hash, which changes with each change of the app.
          .map((member) => member.name.replace(name, "").replace(/^-|-[0-9a-f]{8}$/g, ""))
          .sort(byName),
      ]),
    ),
  };
}

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** Colours of the heads of boxes, by region in order; the last is of what is in several. */
const colours = ["#dbe9f6", "#e2f0d9", "#f3e6d3"];

/** The empty cells leave room for a wider font than the one that Graphviz reckons with. */
function label(box: Box, colour: string): string {
  const rows = [...box.resources].map(([kind, names]) => {
    const [only = ""] = names;
    const right = names.length > 1 ? String(names.length) : only;
    return `<tr><td align="left">${escaped(kind)}</td><td width="24"></td><td align="right">${right && `<font color="#666666">${escaped(right)}</font>`}</td><td width="14"></td></tr>`;
  });
  return [
    '<<table border="1" cellborder="0" cellspacing="0" cellpadding="3" color="#888888" bgcolor="white">',
    `<tr><td colspan="4" bgcolor="${colour}" cellpadding="6"><b>${escaped(box.kind)}</b><br/><font point-size="10" color="#444444">${escaped(box.name)}</font></td></tr>`,
    ...rows,
    "</table>>",
  ].join("");
}

/** The picture in Graphviz's language. */
export function dotOf({ boxes, needs }: Diagram, stack: string): string {
  const regions = [...new Set(boxes.flatMap((box) => box.regions))].sort(byName);
  const id = (urn: string) => `box${boxes.findIndex((box) => box.urn === urn)}`;
  const node = (box: Box) => {
    const colour = box.regions.length > 1 ? colours.at(-1) : colours[regions.indexOf(box.regions[0] ?? "")];
    return `${id(box.urn)} [label=${label(box, colour ?? "white")}];`;
  };
  const inOne = (region: string) =>
    boxes.filter((box) => box.regions.length === 1 && box.regions[0] === region);
  const count = boxes.reduce((sum, box) => sum + [...box.resources.values()].flat().length, 0);
  return [
    "digraph {",
    'graph [rankdir=TB, bgcolor=white, nodesep=0.35, ranksep=0.55, pad=0.2, fontname="Helvetica", fontsize=14, labelloc=t,',
    `label="The stack ${stack}: ${count} resources in ${boxes.length} components. An arrow leads from a component to one that needs it."];`,
    'node [shape=plain, fontname="Helvetica", fontsize=11];',
    'edge [color="#555555", arrowsize=0.8];',
    ...regions.flatMap((region, index) => [
      `subgraph cluster_${index} {`,
      `label=<<b>${escaped(region)}</b>>; style=rounded; color="#999999"; bgcolor="#fafafa"; margin=16;`,
      ...inOne(region).map(node),
      "}",
    ]),
    ...boxes.filter((box) => box.regions.length !== 1).map(node),
    ...boxes.flatMap((box) =>
      [...(needs.get(box.urn) ?? [])].sort(byName).map((needed) => `${id(needed)} -> ${id(box.urn)};`),
    ),
    "}",
  ].join("\n");
}

/** The picture of a stack, as SVG. */
export async function draw(resources: readonly Drawn[], stack: string): Promise<string> {
  const graphviz = await instance();
  const { output, errors } = graphviz.render(dotOf(diagramOf(resources), stack), { format: "svg" });
  const [error] = errors;
  if (output === undefined || error) throw new Error(`Graphviz: ${error?.message ?? "no picture"}`);
  return output;
}
