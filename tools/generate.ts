/** The files that are written, wholly or in part, from the program: each as it stands, and as it should. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { format, resolveConfig } from "prettier";
import { parseDocument } from "yaml";
import * as z from "zod/mini";
import { fields, meanings } from "../settings/schema";
import { type Graph, recordGraph } from "../local/engine/recorder";
import { alarmTable } from "./alarms";
import { benchmarkTables } from "./benchmarks";
import { controlsPage } from "./controls";
import { lostReplies } from "./creates";
import { costsByComponent, costTable, dollars, monthlyCosts, priceSource, totalOf } from "./costs";
import { draw } from "./drawing";
import { limitTables } from "./limits";
import { table } from "./markdown";
import { actionsOf, policiesOf } from "./permissions";
import { updatesTable } from "./updates";

export const root = path.join(__dirname, "..");

/** A generated file, before and after. */
export interface Generated {
  readonly current: string;
  readonly written: string;
}

/** All generated files by their path in the repository. */
export async function generatedFiles(): Promise<Map<string, Generated>> {
  const graphs = await recordStacks();
  const types = await apiTypes();
  const write = async (file: string, change: (current: string) => string) => {
    const full = path.join(root, file);
    const current = readFileSync(full, "utf8");
    const options = { ...(await resolveConfig(full)), filepath: full };
    const changed = change(current);
    // A picture stays as it was drawn.
    const written = file.endsWith(".svg") ? changed : await format(changed, options);
    return [file, { current, written }] as const;
  };
  const picture = await draw(graphs.prod.registrations, "prod");
  return new Map([
    await write("Pulumi.yaml", withConfig),
    await write("docs/settings.md", (page) => withSection(page, "settings", settingsTable())),
    await write("docs/outputs.md", (page) => withSection(page, "outputs", outputsTable())),
    await write("docs/costs.md", (page) => withSection(page, "costs", costTables(graphs))),
    await write("docs/controls.md", (page) => withSection(page, "controls", controlTables(graphs))),
    await write("docs/operations.md", (page) =>
      withSection(page, "creates", lostReplies(Object.values<Graph>({ ...graphs }))),
    ),
    await write("docs/updates.md", (page) => withSection(page, "updates", updatesTable())),
    await write("docs/alarms.md", (page) => withSection(page, "alarms", alarmTable(graphs.prod))),
    await write("docs/benchmarks.md", (page) => withSection(page, "benchmarks", benchmarkTables())),
    await write("docs/limits.md", (page) => withSection(page, "limits", limitTables(graphs))),
    await write("docs/images/graph-prod.svg", () => picture),
    await write("docs/deployment.md", (page) => withSection(page, "permissions", permissions(graphs))),
    await write(apiTypesFile, () => types),
  ]);
}

/** The types that the client knows the API by. */
const apiTypesFile = "client/schema.d.ts";

/** They are written from the service's own description; what only one side sends is marked, and what has a default may lack. */
async function apiTypes(): Promise<string> {
  const { default: openapiTS, astToString } = await import("openapi-typescript");
  const description = readFileSync(path.join(root, "app/service/openapi.json"), "utf8");
  const types = astToString(
    await openapiTS(description, { readWriteMarkers: true, defaultNonNullable: false }),
  );
  return `// Written by npm run docs from app/service/openapi.json.\n${types}`;
}

/** The stacks that the pages speak of; the last has what the others leave out. */
export interface Graphs {
  readonly dev: Graph;
  readonly prod: Graph;
  readonly local: Graph;
  readonly withOptions: Graph;
}

/** Settings that add resources which no stack's file asks for. */
export const optionSettings = {
  sshPublicKey: `ssh-ed25519 ${"A".repeat(68)}`,
  sshCidrs: '["192.0.2.0/24"]',
  alarmEmail: "ops@acme.co",
  webFirewall: "true",
  webSchedules: '{"day":"0 7 * * * 2 4"}',
};

/** Records them. */
export async function recordStacks(): Promise<Graphs> {
  return {
    dev: await recordGraph("dev", false),
    prod: await recordGraph("prod", false),
    local: await recordGraph("local", false),
    withOptions: await recordGraph("dev", false, optionSettings),
  };
}

/** A setting as Pulumi.yaml declares it. */
export interface Declaration {
  readonly type: string;
  readonly items?: { readonly type: string };
  readonly description: string;
  readonly default: unknown;
}

/** Every setting as Pulumi.yaml declares it, from the schema. */
export function declarations(): Record<string, Declaration> {
  const { properties = {} } = z.toJSONSchema(z.object(fields), { metadata: meanings });
  return Object.fromEntries(
    Object.entries(properties).map(([name, property]) => {
      if (typeof property === "boolean") throw new Error(`${name} has no type.`);
      const { type, description, default: standard } = property;
      if (typeof type !== "string" || description === undefined)
        throw new Error(`${name} has no type or no description.`);
      const items = type === "array" ? { items: { type: "string" } } : {};
      return [name, { type, ...items, description, default: standard }];
    }),
  );
}

function withConfig(file: string): string {
  const document = parseDocument(file);
  document.set("config", document.createNode(declarations()));
  return document.toString({ lineWidth: 0 });
}

/** Replaces what is between a section's two marks. */
export function withSection(page: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name}: written by npm run docs -->`, `<!-- ${name}: end -->`];
  const [from, to] = [page.indexOf(start), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`The page has no section between "${start}" and "${end}".`);
  return `${page.slice(0, from + start.length)}\n\n${content}\n\n${page.slice(to)}`;
}

function settingsTable(): string {
  const shown = (value: unknown) => {
    if (Array.isArray(value)) return value.length > 0 ? `\`[${value.join(", ")}]\`` : "";
    if (typeof value === "object" || value === "") return "";
    return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
  };
  const kinds: Readonly<Record<string, string>> = { array: "list", object: "map", string: "text" };
  return table(
    ["setting", "type", "default", "meaning"],
    ...Object.entries(declarations()).map(([name, { type, default: standard, description }]) => [
      `\`${name}\``,
      kinds[type] ?? type,
      shown(standard),
      description,
    ]),
  );
}

/** The outputs with their meaning, from the doc comments of index.ts. */
function outputsTable(): string {
  const program = readFileSync(path.join(root, "index.ts"), "utf8");
  const outputs = [...program.matchAll(/^(?:\/\*\* (.+) \*\/\n)?export const (\w+) =/gm)];
  return table(
    ["output", "what it is"],
    ...outputs.map(([, meaning, name = ""]) => {
      if (meaning === undefined)
        throw new Error(`index.ts has no doc comment for its output ${name}: add one.`);
      return [`\`${name}\``, meaning];
    }),
  );
}

function costTables({ dev, prod }: Graphs): string {
  const [devLines, prodLines] = [dev, prod].map(({ registrations }) => monthlyCosts(registrations));
  if (!devLines || !prodLines) throw new Error("There are two stacks.");
  const [inDev, inProd] = [
    costsByComponent(dev.registrations, devLines),
    costsByComponent(prod.registrations, prodLines),
  ];
  const components = [...new Set([...inDev.keys(), ...inProd.keys()])].sort();
  return [
    `dev costs **${dollars(totalOf(devLines))}** and prod **${dollars(totalOf(prodLines))}** a month at rest. Prices: ${priceSource}.`,
    costTable("dev, a month at rest", devLines),
    costTable("prod, a month at rest", prodLines),
    "The same by component, each with all that is in it, and all of its kind together:",
    table(
      ["component", "dev", "prod"],
      ...components.map((type) => [
        `\`${type}\``,
        dollars(inDev.get(type) ?? 0),
        dollars(inProd.get(type) ?? 0),
      ]),
    ),
  ].join("\n\n");
}

function controlTables({ dev, prod, local }: Graphs): string {
  return controlsPage({
    dev: dev.registrations,
    prod: prod.registrations,
    local: local.registrations,
  });
}

/** The resource types that a program registers, and the data sources that it asks. */
export function usesOf(graphs: readonly Graph[]): { types: string[]; lookups: string[] } {
  const custom = graphs.flatMap(({ registrations }) => registrations.filter((resource) => resource.custom));
  return {
    types: [...new Set(custom.map(({ type }) => type))].sort(),
    lookups: [...new Set(graphs.flatMap(({ lookups }) => lookups))].sort(),
  };
}

function permissions(graphs: Graphs): string {
  const { types, lookups } = usesOf(Object.values<Graph>({ ...graphs }));
  const policies = Object.entries(policiesOf(actionsOf(types, lookups)));
  return policies
    .map(
      ([name, policy]) =>
        `<details><summary>${name}</summary>\n\n\`\`\`json\n${JSON.stringify(policy, null, 2)}\n\`\`\`\n\n</details>`,
    )
    .join("\n\n");
}
