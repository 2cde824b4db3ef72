import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";

/** The role's credentials. None of them may appear in an argument or a log. */
export const credentials = {
  AccessKeyId: "ASIAEXAMPLEKEY",
  SecretAccessKey: "example/secret+access/key",
  Token: "example/session+token==",
};
/** Unique id of the host's role. */
export const roleId = "AROAEXAMPLE";

/** Where a host looks for programs; before what the machine has otherwise, such as a version manager's slow stand-ins. */
const hostPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What every boot script finds: the folder's programs before the machine's, and this fake in place of AWS. */
export function hostEnvironment(folder: string, endpoint: string): NodeJS.ProcessEnv {
  return {
    PATH: `${folder}/bin:${hostPath}:${process.env["PATH"]}`,
    TMPDIR: path.join(folder, "run"),
    HERE: folder,
    AWS_ENDPOINT_URL: endpoint,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint,
    REPORT_BUCKET: "reports",
    REPORT_REGION: "us-east-1",
    REPORT_ROLE_ID: roleId,
  };
}

const imdsToken = "example-imds-token";

const sha256 = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();

/** A path as AWS signs it, whatever the client has sent: all but letters, digits and `-._~` escaped. */
const canonicalPath = (given: string) =>
  given
    .split("/")
    .map((part) =>
      encodeURIComponent(decodeURIComponent(part)).replace(
        /[!'()*]/g,
        (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
      ),
    )
    .join("/");

/** Why AWS would refuse a request's signature (version 4), or nothing. */
export function signatureFault(request: IncomingMessage, body: Buffer): string | undefined {
  const header = (name: string) => String(request.headers[name] ?? "");
  const [, scope = "", signed = "", signature = ""] =
    /^AWS4-HMAC-SHA256 Credential=(\S+), ?SignedHeaders=(\S+), ?Signature=(\w+)$/.exec(
      header("authorization"),
    ) ?? [];
  const [keyId = "", date = "", region = "", service = ""] = scope.split("/");
  if (keyId !== credentials.AccessKeyId) return `unknown key '${keyId}'`;
  const names = signed.split(";");
  for (const needed of ["host", "x-amz-date", "x-amz-security-token"])
    if (!names.includes(needed)) return `${needed} is not signed`;
  if (header("x-amz-security-token") !== credentials.Token) return "wrong session token";
  // S3 insists on it. The hosts' curl sends it; that of Debian 12, where the tests may run, does not yet.
  const sendsDigest = !header("user-agent").startsWith("curl/7.");
  if (service === "s3" && sendsDigest && header("x-amz-content-sha256") !== sha256(body))
    return "wrong x-amz-content-sha256";
  const canonical = [
    request.method,
    canonicalPath(request.url ?? "/"),
    "",
    ...names.map((name) => `${name}:${header(name).trim()}`),
    "",
    signed,
    sha256(body),
  ].join("\n");
  const scopeText = `${date}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", header("x-amz-date"), scopeText, sha256(canonical)].join("\n");
  const key = [region, service, "aws4_request"].reduce<Buffer>(
    hmac,
    hmac(`AWS4${credentials.SecretAccessKey}`, date),
  );
  return hmac(key, text).toString("hex") === signature ? undefined : "the signature does not match";
}

/** Instance metadata (version 2), S3, Secrets Manager and Auto Scaling, as far as the boot scripts use them. */
export class FakeAws {
  /** S3's objects by `bucket/key`. */
  readonly objects = new Map<string, string>();
  /** Values of secrets by ARN and version, such as `arn:… v-1`. */
  readonly secrets = new Map<string, string>();
  /** `METHOD path` of each request. */
  readonly requests: string[] = [];
  /** Faults that were found in requests. */
  readonly faults: string[] = [];
  /** How many requests to refuse before answering, by the start of `METHOD path`. */
  readonly refusals = new Map<string, number>();
  /** Name of the auto scaling group that the host is in. */
  group: string | undefined;
  /** What was told to hooks of that group, as `hook: RESULT`; there is one answer to each launch. */
  readonly launches: string[] = [];
  /** Told of each object that is written. */
  onPut: (key: string, body: string) => void = () => undefined;
  private readonly server: Server = createServer((request, response) => {
    void this.answer(request).then(([status, body]) => response.writeHead(status).end(body));
  });

  /** Listens, and returns the URL for metadata and for all services. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Stops listening. */
  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async answer(request: IncomingMessage): Promise<[number, string]> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const call = `${request.method} ${request.url}`;
    this.requests.push(call);
    for (const [start, left] of this.refusals)
      if (call.startsWith(start) && left > 0) {
        this.refusals.set(start, left - 1);
        return [503, "<Code>SlowDown</Code>"];
      }
    const path = request.url ?? "/";
    if (path.startsWith("/latest/")) return this.metadata(request, path.slice("/latest/".length));
    const fault = signatureFault(request, body);
    if (fault !== undefined) {
      this.faults.push(`${call}: ${fault}`);
      return [403, "<Code>SignatureDoesNotMatch</Code>"];
    }
    if (request.headers["x-amz-target"] === "secretsmanager.GetSecretValue") {
      const { SecretId, VersionId } = JSON.parse(body.toString()) as Record<string, string>;
      const value = this.secrets.get(`${SecretId} ${VersionId}`);
      return value === undefined
        ? [400, '{"__type":"ResourceNotFoundException"}']
        : [200, JSON.stringify({ SecretString: value })];
    }
    if (request.method === "POST") return this.autoScaling(new URLSearchParams(body.toString()));
    const key = decodeURIComponent(path.slice(1));
    if (request.method === "PUT") {
      this.objects.set(key, body.toString());
      this.onPut(key, body.toString());
      return [200, ""];
    }
    const object = this.objects.get(key);
    return object === undefined ? [404, "<Code>NoSuchKey</Code>"] : [200, object];
  }

  private autoScaling(form: URLSearchParams): [number, string] {
    const group =
      this.group === undefined ? "" : `<AutoScalingGroupName>${this.group}</AutoScalingGroupName>`;
    if (form.get("Action") === "DescribeAutoScalingInstances" && form.get("InstanceIds.member.1") === "i-1")
      return [200, `<AutoScalingInstances>\n  <member>\n    ${group}\n  </member>\n</AutoScalingInstances>`];
    const isKnown =
      form.get("Action") === "CompleteLifecycleAction" &&
      form.get("Version") === "2011-01-01" &&
      form.get("AutoScalingGroupName") === this.group &&
      form.get("InstanceId") === "i-1";
    if (!isKnown)
      return [400, `<Code>ValidationError</Code><Message>not a call of a host: ${String(form)}</Message>`];
    if (this.launches.length > 0)
      return [400, "<Message>No active Lifecycle Action found with instance ID i-1</Message>"];
    this.launches.push(`${form.get("LifecycleHookName")}: ${form.get("LifecycleActionResult")}`);
    return [200, "<CompleteLifecycleActionResult/>"];
  }

  private metadata(request: IncomingMessage, path: string): [number, string] {
    if (request.method === "PUT") return path === "api/token" ? [200, imdsToken] : [404, ""];
    if (request.headers["x-aws-ec2-metadata-token"] !== imdsToken) return [401, ""];
    const values: Record<string, string> = {
      "meta-data/instance-id": "i-1",
      "meta-data/placement/region": "us-east-2",
      "meta-data/iam/security-credentials/": "the-role",
      "meta-data/iam/security-credentials/the-role": JSON.stringify(credentials),
    };
    const value = values[path];
    return value === undefined ? [404, ""] : [200, value];
  }
}
