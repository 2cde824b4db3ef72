// A lint rule: a folder imports only folders that stand in a line above its own, so that imports run one way.
import { dirname, relative, resolve, sep } from "node:path";

/** From the lowest layer up; folders of one line do not import each other. A folder that is not listed is refused. */
const layers = [
  ["package.json"],
  ["gate"],
  ["components/iam", "components/stack"],
  ["components/network", "components/observability", "components/storage"],
  ["components/host"],
  ["components/accounts", "components/database", "components/gate"],
  ["components/release"],
  ["components/web"],
  ["settings"],
  ["index.ts"],
  ["client", "report"],
  ["local/machine", "local/terminal"],
  ["local/api", "local/engine"],
  ["local/aws", "local/faults"],
  ["local/run"],
  ["policy"],
  ["tools"],
  ["tests"],
  ["bench"],
];

/** The program, which nothing but itself is part of. */
const program = /^(gate|components|settings|index\.ts)/;

function folderOf(root, file) {
  const [first, second] = relative(root, file).split(sep);
  return ["components", "local"].includes(first) ? `${first}/${second}` : first;
}

const layerOf = (folder) =>
  layers.findIndex((names) => names.includes(folder.replace(/^index$/, "index.ts")));

/** Why one folder may not import another; nothing if it may. */
function objection(from, to) {
  if (from === to) return undefined;
  const [own, other] = [layerOf(from), layerOf(to)];
  if (own < 0 || other < 0)
    return `${own < 0 ? from : to} has no place among the layers of tools/layers.mjs; give it one.`;
  if (other < own) return undefined;
  const reason =
    other === own
      ? "stands beside it"
      : program.test(from) && !program.test(to)
        ? "is not part of the program"
        : "stands above it";
  return `${from} must not import ${to}, which ${reason} (tools/layers.mjs).`;
}

export const imports = {
  meta: { type: "problem", schema: [] },
  create(context) {
    const check = (node) => {
      const source = node.source?.value;
      if (typeof source !== "string" || !source.startsWith(".")) return;
      const target = resolve(dirname(context.filename), source);
      const message = objection(folderOf(context.cwd, context.filename), folderOf(context.cwd, target));
      if (message) context.report({ node, message });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
    };
  },
};
