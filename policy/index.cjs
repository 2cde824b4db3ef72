// What Pulumi starts. The rules are TypeScript, which the project's own loader translates.
require("../tools/typescript.cjs");
require("./pack.ts");
