import { homedir } from "node:os";
import { join } from "node:path";

/** The user's cache directory for this project: what is here is shared by every clone and may be deleted at any time. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  // The XDG specification has relative paths ignored.
  const base = env["XDG_CACHE_HOME"]?.startsWith("/") ? env["XDG_CACHE_HOME"] : join(homedir(), ".cache");
  return join(base, "django-on-ec2");
}
