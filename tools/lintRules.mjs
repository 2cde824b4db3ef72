// Lint rules of this repository's own.
import { imports } from "./layers.mjs";

const rule = (create) => ({ meta: { type: "problem", schema: [] }, create });

const camelCase = /^(_|_?[a-z][a-zA-Z0-9]*)$/;
const pascalCase = /^[A-Z][a-zA-Z0-9]*$/;

/** Names in the cases that TypeScript's own library has. What is taken from an object keeps its name. */
const names = rule((context) => {
  const check = (node, what, ...cases) => {
    if (node?.type !== "Identifier" || cases.some((wanted) => wanted.test(node.name))) return;
    context.report({
      node,
      message: `${what} ${node.name}: write it in ${cases[0] === camelCase ? "camelCase" : "PascalCase"}.`,
    });
  };
  const parameters = ({ params }) => {
    for (const parameter of params) {
      const node = parameter.type === "TSParameterProperty" ? parameter.parameter : parameter;
      // What goes to the AWS API by its own name is in PascalCase.
      check(node.type === "AssignmentPattern" ? node.left : node, "parameter", camelCase, pascalCase);
    }
  };
  const type = ({ id }) => check(id, "type", pascalCase);
  return {
    VariableDeclarator: ({ id }) => check(id, "variable", camelCase, pascalCase),
    FunctionDeclaration(node) {
      check(node.id, "function", camelCase);
      parameters(node);
    },
    FunctionExpression: parameters,
    ArrowFunctionExpression: parameters,
    ClassDeclaration: type,
    TSInterfaceDeclaration: type,
    TSTypeAliasDeclaration: type,
    TSEnumDeclaration: type,
    TSTypeParameter: ({ name }) => check(name, "type", pascalCase),
  };
});

/** `...(value && { key: value })` where a plain property does the same. */
const plainProperties = rule((context) => ({
  SpreadElement(node) {
    if (node.parent.type !== "ObjectExpression" || node.argument.type !== "LogicalExpression") return;
    if (node.argument.operator !== "&&") return;
    const message =
      "Write the property plainly: undefined counts as absent. Where it does not, add it in a statement.";
    context.report({ node, message });
  },
}));

export default {
  meta: { name: "house" },
  rules: { layers: imports, names, "plain-properties": plainProperties },
};
