import { randomBytes } from "node:crypto";
import type { ResourceRequest } from "../engine/handler";
import { optionalText } from "../engine/properties";

/** The one account of the local region: moto's default, which its ARNs carry. */
export const accountId = "123456789012";

/** What Pulumi's autonaming adds to a logical name: a hyphen and seven hexadecimal digits. */
const suffixDigits = 7;

/** `digits` random hexadecimal digits. */
export function randomHex(digits: number): string {
  return randomBytes(Math.ceil(digits / 2))
    .toString("hex")
    .slice(0, digits);
}

/** An identifier as EC2 forms them, such as `vpc-0123456789abcdef0`. */
export function resourceId(prefix: string): string {
  return `${prefix}-0${randomHex(16)}`;
}

/** Pulumi's autonaming. Like the real one it refuses a name over the service's limit rather than cut it. */
export function autoName(logicalName: string, limit = 255): string {
  const name = `${logicalName}-${randomHex(suffixDigits)}`;
  if (name.length > limit) {
    throw new Error(
      `${logicalName}: with ${suffixDigits + 1} random characters the name is ${name.length} long, ` +
        `over the limit of ${limit}; shorten the stack's or the resource's name`,
    );
  }
  return name;
}

/** The physical name: what the program set, what its prefix asks for, or an automatic name. */
export function physicalName(request: ResourceRequest, limit?: number, property = "name"): string {
  const given = optionalText(request.inputs, property);
  if (given) return given;
  const prefix = optionalText(request.inputs, `${property}Prefix`);
  return prefix ? `${prefix}${randomHex(16)}` : autoName(request.name, limit);
}

/** An ARN in the local region's account. `region` is empty for global services. */
export function arn(service: string, region: string, resource: string): string {
  return `arn:aws:${service}:${region}:${accountId}:${resource}`;
}

/** IAM's unique identifiers: a four-letter kind and upper-case letters and digits. */
export function iamUniqueId(kind: "AROA" | "AIPA"): string {
  return `${kind}${randomHex(17).toUpperCase()}`;
}
