import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sourceHeader, vpcHeader } from "../network/endpoints";

/** What a host can learn about itself. */
export interface HostIdentity {
  readonly instanceId: string;
  readonly imageId: string;
  readonly instanceType: string;
  readonly region: string;
  readonly availabilityZone: string;
  readonly accountId: string;
  readonly privateIp: string;
  readonly publicIp?: string;
  readonly userData: Buffer;
  /** Instance profile, whose role's credentials the host gets. */
  readonly profile?: string;
  /** Whether requests without a session token are refused (IMDSv2 only). */
  readonly requiresToken: boolean;
}

const tokenSeconds = { min: 1, max: 21_600 }; // the bounds of EC2
const credentialHours = 6;

/**
 * The instance metadata service of all hosts. HAProxy, which listens at 169.254.169.254 in each network, tells who
 * asks. Tokens are bound to the host that asked for them.
 */
export class MetadataService {
  private readonly hosts = new Map<string, HostIdentity>();
  private readonly tokens = new Map<string, { readonly host: string; readonly expires: number }>();
  private readonly server = createServer((request, response) => this.answer(request, response));

  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  register(vpcId: string, identity: HostIdentity): void {
    this.hosts.set(`${vpcId} ${identity.privateIp}`, identity);
  }

  forget(vpcId: string, address: string): void {
    this.hosts.delete(`${vpcId} ${address}`);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const send = (status: number, body: string | Buffer = "", headers: OutgoingHttpHeaders = {}) =>
      response.writeHead(status, { "content-type": "text/plain", ...headers }).end(body);
    const who = `${String(request.headers[vpcHeader])} ${String(request.headers[sourceHeader])}`;
    const host = this.hosts.get(who);
    if (!host) return void send(404);
    const url = (request.url ?? "/").replace(/\/{2,}/g, "/");

    if (url === "/latest/api/token") {
      if (request.method !== "PUT") return void send(405);
      // A proxy that was fooled into asking would add this header: EC2 refuses it a token.
      if (request.headers["x-forwarded-for"] !== undefined) return void send(403);
      const ttl = Number(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]);
      if (!Number.isInteger(ttl) || ttl < tokenSeconds.min || ttl > tokenSeconds.max) return void send(400);
      const token = randomBytes(30).toString("base64url");
      this.tokens.set(token, { host: who, expires: Date.now() + ttl * 1000 });
      return void send(200, token, { "x-aws-ec2-metadata-token-ttl-seconds": String(ttl) });
    }

    if (request.method !== "GET" && request.method !== "HEAD") return void send(405);
    const header = request.headers["x-aws-ec2-metadata-token"];
    const token = typeof header === "string" ? this.tokens.get(header) : undefined;
    const isValid = token !== undefined && token.host === who && token.expires > Date.now();
    if (header === undefined ? host.requiresToken : !isValid) return void send(401);
    const body = lookUp(host, url);
    if (body === undefined) return void send(404);
    send(200, body);
  }
}

/** The paths that boot scripts and AWS SDKs read. */
function lookUp(host: HostIdentity, url: string): string | Buffer | undefined {
  const path = url.replace(/^\/(latest|2021-07-15|2016-09-02)\//, "");
  if (path === url) return undefined;
  const privateDns = `ip-${host.privateIp.replaceAll(".", "-")}.${host.region}.compute.internal`;
  const values: Record<string, string | Buffer | undefined> = {
    "user-data": host.userData,
    "meta-data/instance-id": host.instanceId,
    "meta-data/ami-id": host.imageId,
    "meta-data/instance-type": host.instanceType,
    "meta-data/local-ipv4": host.privateIp,
    "meta-data/public-ipv4": host.publicIp,
    "meta-data/hostname": privateDns,
    "meta-data/local-hostname": privateDns,
    "meta-data/placement/region": host.region,
    "meta-data/placement/availability-zone": host.availabilityZone,
    "meta-data/iam/security-credentials/": host.profile,
    "meta-data/iam/security-credentials": host.profile,
    "dynamic/instance-identity/document": JSON.stringify({
      accountId: host.accountId,
      availabilityZone: host.availabilityZone,
      imageId: host.imageId,
      instanceId: host.instanceId,
      instanceType: host.instanceType,
      privateIp: host.privateIp,
      region: host.region,
      version: "2017-09-30",
    }),
  };
  if (host.profile !== undefined && path === `meta-data/iam/security-credentials/${host.profile}`)
    return JSON.stringify({
      Code: "Success",
      Type: "AWS-HMAC",
      LastUpdated: new Date().toISOString(),
      // Not a secret: the API of the local region checks no signatures.
      AccessKeyId: `ASIA${host.instanceId.slice(2).toUpperCase()}`,
      SecretAccessKey: "local-region",
      Token: `local-region-${host.instanceId}`,
      Expiration: new Date(Date.now() + credentialHours * 3_600_000).toISOString(),
    });
  return values[path];
}
