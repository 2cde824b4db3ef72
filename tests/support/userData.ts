import { gunzipSync } from "node:zlib";

/** The script that a host runs, out of its user data. */
export function scriptOf(userData: string): string {
  const mime = userData.startsWith("Content-Type:") ? userData : Buffer.from(userData, "base64").toString();
  const part =
    /Content-Type: application\/gzip\nContent-Transfer-Encoding: base64\n\n([A-Za-z0-9+/=\n]+)\n--/.exec(
      mime,
    );
  if (!part?.[1]) throw new Error("The user data has no compressed part.");
  return gunzipSync(Buffer.from(part[1], "base64")).toString();
}
