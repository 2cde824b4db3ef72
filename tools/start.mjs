// Has the dependencies of the lock file installed, then runs the program that the first argument names in this very process,
// so that signals reach it once and directly. Needs nothing but Node.js itself.
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync, readlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = 20;

function give(message) {
  console.error(message);
  process.exit(1);
}

function packages(lockFile) {
  return existsSync(lockFile) ? JSON.parse(readFileSync(lockFile, "utf8")).packages : {};
}

/** Whether every package of the lock file is installed in its version; npm leaves out optional ones of other platforms. */
function isInstalled() {
  const installed = packages(join(root, "node_modules", ".package-lock.json"));
  return Object.entries(packages(join(root, "package-lock.json"))).every(([path, { version, optional }]) => {
    if (path === "") return true;
    if (!installed[path]) return optional === true;
    // npm's list names packages, too, that were only resolved.
    return installed[path].version === version && existsSync(join(root, path));
  });
}

/** npm empties the folder that a link leads to. */
function refuseLink() {
  const folder = join(root, "node_modules");
  if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink())
    give(
      `${folder} links to ${readlinkSync(folder)}, which lacks packages of package-lock.json: run "npm ci" there.`,
    );
}

function install() {
  refuseLink();
  console.log(`Installing the packages of package-lock.json (npm install) …`);
  const npm = process.env.npm_execpath;
  // Not "npm ci", which first takes away all that is there: an installation that fails or is stopped would leave nothing.
  const [command, ...args] = npm ? [process.execPath, npm, "install"] : ["npm", "install"];
  // Without --no-save the lock file might be changed. No package of it needs its install script, and none that came with an
  // attack should run.
  const options = ["--no-save", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status, error } = spawnSync(command, [...args, ...options], { cwd: root, stdio: "inherit" });
  if (error) give(`npm could not be started (${error.message}). Install npm, or run "npm ci" yourself.`);
  if (status !== 0)
    give(`"npm install" failed; what it said stands above. Run it again once that is mended.`);
}

if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE) {
  give(`Node.js ${OLDEST_NODE} or newer is needed; this is ${process.versions.node} (${process.execPath}).`);
}
if (!isInstalled()) install();
const require = createRequire(import.meta.url);
require("./typescript.cjs");
const [program] = process.argv.splice(2, 1);
require(join(root, program));
