import js from "@eslint/js";
import pulumi from "@pulumi/eslint-plugin";
import tseslint from "typescript-eslint";
import * as layers from "./tools/layers.mjs";

export default tseslint.config(
  { ignores: ["node_modules/", ".local/", "app/*", "!app/page/", "client/schema.d.ts"] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    files: ["**/*.ts", "app/page/**/*.js"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { "@pulumi": pulumi, layers: { rules: layers } },
    rules: {
      "layers/imports": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/naming-convention": [
        "error",
        {
          selector: "function",
          format: ["camelCase"],
        },
        {
          selector: ["variable", "parameter"],
          // What goes to the AWS API by its own name.
          format: ["camelCase", "PascalCase"],
          leadingUnderscore: "allow",
        },
        // Their names are given by what they are taken from.
        { selector: ["variable", "parameter"], modifiers: ["destructured"], format: null },
        { selector: "typeLike", format: ["PascalCase"] },
      ],
      "@pulumi/no-output-in-template-literal": "error",
      "@pulumi/no-output-instance-in-template-literal": "error",
      // Resources are made by constructing them.
      "no-new": "off",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // An async function turns what it throws into a rejection, whether it awaits or not.
      "@typescript-eslint/require-await": "off",
      // `() => undefinedReturning()` in one line is how callbacks read best.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  {
    files: ["index.ts", "{components,settings}/**/*.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector: "ObjectExpression > SpreadElement > LogicalExpression[operator='&&']",
          message: "Pulumi leaves out what is undefined: write the property plainly.",
        },
      ],
    },
  },
  {
    files: ["tests/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          name: "node:test",
          importNames: ["default", "suite", "test"],
          message: "Tests are written with describe and it.",
        },
      ],
      // A test that finds nothing fails, whatever it says.
      "@typescript-eslint/no-non-null-assertion": "off",
      // node:test keeps the promises of its tests itself.
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            {
              from: "package",
              package: "node:test",
              name: ["describe", "it", "before", "after", "beforeEach", "afterEach"],
            },
          ],
        },
      ],
    },
  },
  {
    files: ["app/page/**/*.js"],
    rules: {
      // The type check knows the browser's names.
      "no-undef": "off",
      // What the service answers has the type that the receiver gives it.
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  {
    files: ["**/*.{mjs,cjs}"],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: {
        Buffer: "readonly",
        console: "readonly",
        exports: "writable",
        performance: "readonly",
        process: "readonly",
        setTimeout: "readonly",
        URL: "readonly",
      },
    },
  },
  {
    files: ["**/*.cjs"],
    languageOptions: { globals: { require: "writable" } },
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
);
