import { gunzipSync } from "node:zlib";

/** The MIME message that user data is, out of its base64. */
export const messageOf = (userData: string): string => gunzipSync(Buffer.from(userData, "base64")).toString();

/** The script that a host runs, out of its user data. */
export function scriptOf(userData: string): string {
  const part = /^Content-Type: text\/x-shellscript; charset="us-ascii"\n\n([^]*)\n--==/m.exec(
    messageOf(userData),
  );
  if (!part?.[1]) throw new Error("The user data has no script.");
  return part[1];
}
