#!/usr/bin/env node
// The client where the package is installed; in a checkout, `npm run -s client` has the packages installed first.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
require("../tools/typescript.cjs");
require("./main.ts");
