/** What can be wrong with a single value, whatever the others are. */
import { architectureOf } from "../components/host/debianImage";
import { tunable } from "../components/database/tuning";
import { overlap, parseCidr } from "../components/network/cidr";
import { parseSchedule } from "../components/web/schedule";
import { type Region, zonesOf } from "./regions";

/** Answers what to do about a wrong value, in words that can follow `KEY is VALUE: `; undefined for a right one. */
export type Check<T> = (value: T) => string | undefined;

/** A check for values that match a pattern. */
export const matches =
  (pattern: RegExp, remedy: string): Check<string> =>
  (value) =>
    pattern.test(value) ? undefined : remedy;

/** A check for values that may be empty, which means not set. */
export const unsetOr =
  (...checks: readonly Check<string>[]): Check<string> =>
  (value) =>
    value === "" ? undefined : checks.map((check) => check(value)).find(Boolean);

/** A check for lists: each entry right, and there once. */
export const each =
  (check: Check<string>): Check<readonly string[]> =>
  (values) => {
    const twice = values.find((value, index) => values.indexOf(value) !== index);
    if (twice !== undefined) return `${twice} is there twice; name it once`;
    return values.map((value) => check(value) && `${value}: ${check(value)}`).find(Boolean);
  };

export const accountId = matches(/^\d{12}$/, "give the 12 digits of an account, quoted");

export const debianImage: Check<string> = (value) =>
  architectureOf(value)
    ? undefined
    : "give the exact name of one of Debian 13's images, such as debian-13-amd64-20260914-2601";

export const instanceType = matches(
  /^[a-z][a-z0-9-]*\.(nano|micro|small|medium|large|\d*xlarge|metal(-\d+xl)?)$/,
  "give an EC2 instance type such as t3.small",
);

/** As browsers send it: lower case, no path, no port that is the scheme's own. */
export const origin: Check<string> = (value) =>
  /^https?:/.test(value) && URL.canParse(value) && new URL(value).origin === value
    ? undefined
    : "give scheme, name and port only, in lower case, such as https://app.acme.co";

const logPeriods = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
export const logPeriod: Check<number> = (value) =>
  logPeriods.includes(value) ? undefined : `CloudWatch keeps logs for ${logPeriods.join(", ")} days`;

const scheduleName = /^[A-Za-z][A-Za-z0-9-]{0,39}$/;
export const schedules: Check<Readonly<Record<string, string>>> = (values) =>
  Object.entries(values)
    .map(([name, value]) => {
      if (!scheduleName.test(name)) return `${name}: name it with letters, digits and hyphens, 40 at most`;
      return parseSchedule(value, "Etc/UTC")
        ? undefined
        : `${name}: give minute, hour, day, month and weekday as of cron, then fewest and most hosts, such as 0 7 * * MON-FRI 4 8`;
    })
    .find(Boolean);

export const timeZone: Check<string> = (value) =>
  value === "Etc/UTC" || Intl.supportedValuesOf("timeZone").includes(value)
    ? undefined
    : "give a time zone of the IANA database, such as Europe/Berlin";

/** Secrets Manager's recovery window. */
export const recoveryPeriod: Check<number> = (value) =>
  value === 0 || (value >= 7 && value <= 30) ? undefined : "give 7 to 30 days, or 0 for not at all";

/** A network's own range: a private /16. */
export const vpcRange: Check<string> = (value) => {
  const cidr = parseCidr(value);
  const privateRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(parseCidr);
  if (cidr?.prefix !== 16) return "give a /16 that starts at its first address, such as 10.10.0.0/16";
  return privateRanges.some((range) => range && overlap(range, cidr))
    ? undefined
    : "give a private range: within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16";
};

const network: Check<string> = (value) =>
  parseCidr(value) ? undefined : "give a range that starts at its first address, such as 203.0.113.0/24";

/** A security group has 60 rules, of which each network takes one or two. */
const networks: Check<readonly string[]> = (values) =>
  values.length > 25 ? "name at most 25 networks; security groups take no more" : each(network)(values);

/** Networks that may reach the service. */
export const accessNetworks: Check<readonly string[]> = (values) =>
  values.length === 0 ? "name at least one network; 0.0.0.0/0 is everybody" : networks(values);

/** Networks that may reach port 22. */
export const sshNetworks: Check<readonly string[]> = (values) =>
  values.includes("0.0.0.0/0") ? "name the networks you work from, not everybody" : networks(values);

export const zoneOf =
  (region: Region): Check<string> =>
  (zone) =>
    zonesOf(region).includes(zone) ? undefined : `give zones of ${region}: ${zonesOf(region).join(", ")}`;

/** Tags that the program sets itself. */
const reservedTags = ["project", "stack", "Name", "django-on-ec2:tier", "django-on-ec2:content"];
const tagText = /^[\p{L}\p{N}\p{Z}_.:/=+\-@]*$/u;
export const tagRules: Check<Readonly<Record<string, string>>> = (tags) => {
  const reserved = Object.keys(tags).find((key) => reservedTags.includes(key) || /^aws:/i.test(key));
  if (reserved !== undefined) return `${reserved} is set by the program or by AWS; choose another key`;
  const long = Object.entries(tags).find(([key, value]) => key.length > 128 || value.length > 256);
  if (long) return `${long[0]} is too long; AWS takes keys of 128 characters and values of 256`;
  const odd = Object.entries(tags).find(
    ([key, value]) => key === "" || !tagText.test(key) || !tagText.test(value),
  );
  if (odd)
    return `${odd[0]}=${odd[1]} has characters that AWS refuses in tags; use letters, digits, spaces and _.:/=+-@`;
  return Object.keys(tags).length > 7
    ? "give at most 7 tags; an object in S3 takes 10 with the program's own"
    : undefined;
};

/** Parameters of PostgreSQL that follow from the host's size, or from how busy it is. */
export const postgresParameters: Check<Readonly<Record<string, string>>> = (parameters) => {
  for (const [name, value] of Object.entries(parameters)) {
    const kind = tunable.get(name);
    if (!kind) return `${name} cannot be set; set one of ${[...tunable.keys()].join(", ")}`;
    if (!kind.pattern.test(value)) return `${name}: give a value such as ${kind.example}`;
  }
  return undefined;
};

/** Names that no one can own: those of RFC 2606 and RFC 6761. The .edu one is reserved in practice. */
const exampleNames = /(^|\.)(example\.(com|net|org|edu)|example|test|invalid|localhost)$/;
export const domainName: Check<string> = unsetOr(
  matches(
    /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/,
    "give a full name in lower case, such as app.example.com",
  ),
  (value) =>
    exampleNames.test(value)
      ? "that is an example that nobody can own; set the service's own name, in a zone of yours"
      : undefined,
);

export const hostedZoneId: Check<string> = unsetOr(
  matches(/^Z[A-Z0-9]{3,31}$/, "give the id of a Route 53 zone, such as Z0123456789ABCDEFGHIJ"),
  (value) =>
    value.includes("EXAMPLE")
      ? "that is an example; set the id of your own zone, which aws route53 list-hosted-zones prints"
      : undefined,
);

export const certificateArn = (region: Region): Check<string> =>
  unsetOr(
    matches(
      new RegExp(`^arn:aws:acm:${region}:\\d{12}:certificate/[0-9a-f-]{36}$`),
      `give the ARN of a certificate of ACM in ${region}; load balancers use no other region's`,
    ),
  );

export const emailAddress = unsetOr(
  matches(/^[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;]+$/, "give one e-mail address, such as ops@acme.co"),
);

export const sshPublicKey = unsetOr(
  matches(
    /^ssh-(ed25519|rsa) [A-Za-z0-9+/=]+( .*)?$/,
    "give a public key that starts with ssh-ed25519 or ssh-rsa",
  ),
);

export const restoreTarget = unsetOr(
  matches(
    /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d)?|name:[\w.-]{1,63})$/,
    "give a time with its offset, such as 2026-11-25 08:00:00+00, or name: and the name of a restore point",
  ),
);
