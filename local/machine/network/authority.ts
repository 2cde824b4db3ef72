import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { databaseRegion, webRegion } from "../../../settings/regions";
import { run } from "../exec";
import type { StateDirectory } from "../state";

/** Names under which S3 answers over TLS, as in AWS: not every client takes another address, or plain HTTP. */
export const secureNames: readonly string[] = [webRegion, databaseRegion].map(
  (region) => `s3.${region}.amazonaws.com`,
);

/** Longer than any run. */
const days = "365";

/** The certificate authority of one run, which its hosts trust beside those of the machine. */
export interface Authority {
  /** Its certificate, in PEM. */
  readonly certificate: string;
  /** File with key and certificate of the {@link secureNames}. */
  readonly serviceFile: string;
}

/** Makes the authority of a run, and the certificate that it gives to the region's services. */
export async function makeAuthority(state: StateDirectory): Promise<Authority> {
  const folder = state.folder("authority");
  const file = (name: string) => join(folder, name);
  const issue = (name: string, ...options: readonly string[]) =>
    run("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", days],
      ...["-keyout", file(`${name}.key`), "-out", file(`${name}.pem`), ...options],
    ]);
  await issue(
    "authority",
    ...["-subj", "/CN=local region", "-addext", "basicConstraints=critical,CA:true,pathlen:0"],
    ...["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
  );
  await issue(
    "services",
    ...["-subj", "/CN=local region services", "-CA", file("authority.pem"), "-CAkey", file("authority.key")],
    ...["-addext", `subjectAltName=${secureNames.map((name) => `DNS:${name}`).join()}`],
    ...["-addext", "basicConstraints=critical,CA:false", "-addext", "extendedKeyUsage=serverAuth"],
  );
  const serviceFile = file("services-with-key.pem");
  const key = readFileSync(file("services.key"), "utf8");
  writeFileSync(serviceFile, key + readFileSync(file("services.pem"), "utf8"), { mode: 0o600 });
  return { certificate: readFileSync(file("authority.pem"), "utf8"), serviceFile };
}

/** Adds an authority to those that a Debian tree trusts, and has it stay when packages bring new ones. */
export function trust(root: string, certificate: string): void {
  writeFileSync(join(root, "usr/local/share/ca-certificates/local-region.crt"), certificate);
  const bundle = join(root, "etc/ssl/certs/ca-certificates.crt");
  const trusted = existsSync(bundle) ? readFileSync(bundle, "utf8") : "";
  if (!trusted.includes(certificate)) writeFileSync(bundle, trusted + certificate);
}
