/** Finds Pulumi's CLI, or builds it once: with Go, from its source, into the user's cache. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import * as path from "node:path";
import { cacheDirectory } from "../local/machine/cache";

/** Version that is built, as in `tools/pulumi-cli/go.mod`. */
const builtVersion = "3.259.0";

/**
 * The folder that holds `pulumi`: of the PATH, if it is at least as new as the SDK; else the one that an earlier call built;
 * else, where Go is installed, one that is built now (some minutes, and says so). Undefined without a CLI and without Go.
 */
export function pulumiFolder(say: (message: string) => void = console.log): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(path.delimiter);
  const found = folders.find((folder) => existsSync(path.join(folder, "pulumi")));
  if (found !== undefined && isRecent(path.join(found, "pulumi"))) return found;
  const built = path.join(cacheDirectory(), `pulumi-v${builtVersion}`);
  if (existsSync(path.join(built, "pulumi"))) return built;
  if (!folders.some((folder) => existsSync(path.join(folder, "go")))) return undefined;
  say(`building Pulumi's CLI ${builtVersion} once, into ${built}; this takes some minutes`);
  build(built);
  return built;
}

/** Whether a CLI is at least as new as the SDK. */
function isRecent(command: string): boolean {
  const sdk = JSON.parse(readFileSync(require.resolve("@pulumi/pulumi/package.json"), "utf8")) as {
    version: string;
  };
  const version = execFileSync(command, ["version"], {
    encoding: "utf8",
    env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
  });
  return version.replace(/^v/, "").localeCompare(sdk.version, "en", { numeric: true }) >= 0;
}

function build(folder: string): void {
  mkdirSync(folder, { recursive: true });
  // An interrupted build leaves no half of a program under the name.
  const draft = path.join(folder, `pulumi.${process.pid}`);
  const variable = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";
  execFileSync(
    "go",
    [
      "build",
      "-ldflags",
      `-X ${variable}=v${builtVersion}`,
      "-o",
      draft,
      "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    ],
    { cwd: path.join(__dirname, "pulumi-cli"), stdio: ["ignore", "inherit", "inherit"] },
  );
  renameSync(draft, path.join(folder, "pulumi"));
}
