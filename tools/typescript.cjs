// Lets Node.js load TypeScript: required by start.mjs, and preloaded with `--require` where another program starts Node.js.
// Takes the types away without checking them, and has stack traces point to the lines as they were written. Why not tsx:
// docs/decisions/023-own-typescript-loader.md.
const { createHash } = require("node:crypto");
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const { homedir } = require("node:os");
const { basename, join } = require("node:path");
const { install, mapSourcePosition } = require("source-map-support");

const options = {
  loader: "ts",
  format: "cjs",
  platform: "node",
  target: "node20",
  sourcemap: "inline",
  sourcesContent: false,
};
const inlineMap = /^\/\/# sourceMappingURL=data:application\/json;base64,(.*)$/m;

const sha256 = (...parts) => createHash("sha256").update(JSON.stringify(parts)).digest("hex");

const cacheHome = process.env.XDG_CACHE_HOME?.startsWith("/")
  ? process.env.XDG_CACHE_HOME
  : join(homedir(), ".cache");
const cache = join(cacheHome, "django-on-ec2", "typescript");
const esbuild = require("esbuild/package.json").version;

/** A file of the cache, if it is there. */
function cached(entry) {
  try {
    return readFileSync(entry, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Under the final name only when it is whole: other processes may read it now. */
function keep(entry, text) {
  const draft = `${entry}.${process.pid}`;
  try {
    mkdirSync(cache, { recursive: true });
    writeFileSync(draft, text);
    renameSync(draft, entry);
  } catch (error) {
    // Without a place to write, each start translates anew.
    if (!["EACCES", "EPERM", "EROFS", "ENOSPC"].includes(error.code)) throw error;
  }
}

function translate(file) {
  const source = readFileSync(file, "utf8");
  const name = basename(file);
  const entry = join(cache, `${sha256(esbuild, options, name, source)}.js`);
  const known = cached(entry);
  if (known !== undefined) return known;
  const { code } = require("esbuild").transformSync(source, { ...options, sourcefile: name });
  keep(entry, code);
  return code;
}

const translated = new Map();

require.extensions[".ts"] = (module, file) => {
  const code = translate(file);
  translated.set(file, code);
  module._compile(code, file);
};

install({
  environment: "node",
  handleUncaughtExceptions: false,
  overrideRetrieveSourceMap: true,
  retrieveSourceMap(file) {
    const map = inlineMap.exec(translated.get(file) ?? "");
    return map && { url: file, map: Buffer.from(map[1], "base64").toString() };
  },
});

/** The frame as V8 words it, at the place in the file as it was written. */
function written(frame) {
  const [source, line, column] = [frame.getFileName(), frame.getLineNumber(), frame.getColumnNumber()];
  if (!translated.has(source)) return frame;
  const place = mapSourcePosition({ source, line, column: column - 1 });
  return String(frame).replace(`${source}:${line}:${column}`, `${source}:${place.line}:${place.column + 1}`);
}

Error.prepareStackTrace = (error, frames) =>
  [Error.prototype.toString.call(error), ...frames.map(written)].join("\n    at ");

// Pulumi takes a stack trace with every promise, to tell of those that never settle if this variable is set: taking and wording
// them all costs half of a run.
const debuggable = require.resolve("@pulumi/pulumi/runtime/debuggable.js");
const loadScript = require.extensions[".js"];
require.extensions[".js"] = (module, file) => {
  loadScript(module, file);
  if (file !== debuggable || process.env.PULUMI_DEBUG_PROMISE_LEAKS) return;
  const { debuggablePromise } = module.exports;
  module.exports.debuggablePromise = (...args) => {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      return debuggablePromise(...args);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  };
};

// Pulumi's SDK loads the compiler at once, and uses it only to serialise functions, which hardly any program does.
const shim = require.resolve("@pulumi/pulumi/typescript-shim.js");
require.cache[shim] = Object.assign(new Module(shim), {
  loaded: true,
  exports: new Proxy({}, { get: (_, name) => require("typescript")[name] }),
});
