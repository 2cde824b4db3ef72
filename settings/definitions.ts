/** The settings one by one: what each is, and which of its values are wrong whatever the others are. */
import { overlap, parseCidr } from "../components/network/cidr";
import { architectureOf } from "../components/host/debianImage";
import { regionOf } from "../components/network/networkPlan";

/** Where the web tier is. */
export const webRegion = "us-east-1";

/** Where the database is. */
export const databaseRegion = "us-east-2";

const zoneLetters: Readonly<Record<string, string>> = { [webRegion]: "abcdef", [databaseRegion]: "abc" };

/** Types of values in Pulumi.yaml. */
export type ValueType = "string" | "integer" | "boolean" | "array" | "object";

/** A setting: its type as in Pulumi.yaml, its default, what it means, and what makes a single value wrong. */
export interface Definition<T> {
  readonly type: ValueType;
  readonly default: T;
  readonly description: string;
  check(value: T): string | undefined;
}

/** What is wrong with a value, and what to do about it. */
export type Check<T> = (value: T) => string | undefined;

const fine = () => undefined;
const define =
  <T>(type: ValueType) =>
  (value: T, description: string, check: Check<T> = fine): Definition<T> => ({
    type,
    default: value,
    description,
    check,
  });
const text = define<string>("string");
const integer = define<number>("integer");
const flag = define<boolean>("boolean");
const list = define<readonly string[]>("array");
const map = define<Readonly<Record<string, string>>>("object");

/** A check for values that match a pattern, or are empty, which means not set. */
const unset =
  (pattern: RegExp, remedy: string): Check<string> =>
  (value) =>
    value === "" || pattern.test(value) ? undefined : remedy;
const matches =
  (pattern: RegExp, remedy: string): Check<string> =>
  (value) =>
    pattern.test(value) ? undefined : remedy;
const between =
  (low: number, high: number, unit: string): Check<number> =>
  (value) =>
    value >= low && value <= high ? undefined : `give ${low} to ${high} ${unit}`;
const each =
  (check: Check<string>): Check<readonly string[]> =>
  (values) => {
    const twice = values.find((value, index) => values.indexOf(value) !== index);
    if (twice !== undefined) return `${twice} is there twice; name it once`;
    return values.map((value) => check(value) && `${value}: ${check(value)}`).find(Boolean);
  };

const debianName: Check<string> = (value) =>
  architectureOf(value)
    ? undefined
    : "give the exact name of one of Debian 13's images, such as debian-13-amd64-20260914-2601";
const logPeriods = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
const instanceType = matches(
  /^[a-z][a-z0-9-]*\.(nano|micro|small|medium|large|\d*xlarge|metal(-\d+xl)?)$/,
  "give an EC2 instance type such as t3.small",
);
const vpcRange: Check<string> = (value) => {
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
const zoneOf =
  (region: string): Check<string> =>
  (zone) =>
    regionOf(zone) === region && zoneLetters[region]?.includes(zone.slice(-1))
      ? undefined
      : `give zones of ${region}: ${Array.from(zoneLetters[region] ?? "", (letter) => region + letter).join(", ")}`;
const reservedTags = ["project", "stack", "Name", "django-on-ec2:tier", "django-on-ec2:content"];
const tagText = /^[\p{L}\p{N}\p{Z}_.:/=+\-@]*$/u;
const tagRules: Check<Readonly<Record<string, string>>> = (tags) => {
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

/** Every setting, with its default. Pulumi.yaml declares the same ones, which a test compares. */
export const definitions = {
  profile: text("", "Profile of the AWS configuration to use; empty for the environment's own credentials."),
  allowedAccountIds: list(
    [],
    "AWS accounts that the stack may be deployed to; empty for any.",
    each(matches(/^\d{12}$/, "give the 12 digits of an account, quoted")),
  ),
  tags: map({}, "Tags of every resource, beside project and stack.", tagRules),
  webCidr: text("10.10.0.0/16", "Range of the web region's network, a /16.", vpcRange),
  databaseCidr: text("10.20.0.0/16", "Range of the database region's network, a /16.", vpcRange),
  webZones: list(
    ["us-east-1a", "us-east-1b"],
    "Zones of the web tier, two at least.",
    each(zoneOf(webRegion)),
  ),
  databaseZone: text("us-east-2a", "Zone of the database host.", zoneOf(databaseRegion)),
  egress: text(
    "public",
    "How hosts reach the internet: public (addresses of their own), singleNat or natPerAz.",
    matches(/^(public|singleNat|natPerAz)$/, "give public, singleNat or natPerAz"),
  ),
  debianImage: text(
    "debian-13-amd64-20260914-2601",
    "Exact name of Debian's image for the web hosts; its architecture decides which instance types fit.",
    debianName,
  ),
  webInstanceType: text("t3.micro", "Instance type of the web hosts.", instanceType),
  webMinSize: integer(2, "Fewest web hosts.", between(1, 30, "hosts")),
  webMaxSize: integer(
    4,
    "Most web hosts; the database host must have memory for the connections of twice as many.",
    between(1, 30, "hosts"),
  ),
  requestsPerTarget: integer(
    3000,
    "Requests a minute that one web host is to have; beyond it the fleet grows.",
    between(1, 1_000_000, "requests a minute"),
  ),
  cpuTargetPercent: integer(
    60,
    "Mean processor load of the web hosts, in percent; beyond it the fleet grows.",
    between(10, 90, "percent"),
  ),
  databaseDebianImage: text(
    "debian-13-amd64-20260914-2601",
    "Exact name of Debian's image for the database host; another one replaces the host.",
    debianName,
  ),
  databaseInstanceType: text(
    "t3.small",
    "Instance type of the database host; another one replaces the host.",
    instanceType,
  ),
  databaseVolumeGiB: integer(
    20,
    "Size of the database's volume in GiB; it can grow, not shrink.",
    between(8, 16_384, "GiB"),
  ),
  protect: flag(false, "Refuse to delete what holds data: database volume, buckets, load balancer."),
  logRetentionDays: integer(14, "How long logs are kept, in days.", (value) =>
    logPeriods.includes(value) ? undefined : `CloudWatch keeps logs for ${logPeriods.join(", ")} days`,
  ),
  secretRecoveryDays: integer(
    0,
    "How long deleted secrets can be restored, in days: 7 to 30, or 0.",
    (value) =>
      value === 0 || (value >= 7 && value <= 30) ? undefined : "give 7 to 30 days, or 0 for not at all",
  ),
  serviceKeyVersion: integer(
    1,
    "Number of the keys that sign tokens; raise it by one to rotate them, once in 14 days at most.",
    between(1, 9999, "as a version"),
  ),
  appPasswordVersion: integer(
    1,
    "Number of the service's database password; raise it by one to rotate it.",
    between(1, 9999, "as a version"),
  ),
  ownerPasswordVersion: integer(
    1,
    "Number of the database owner's password; raise it by one to rotate it.",
    between(1, 9999, "as a version"),
  ),
  domainName: text(
    "",
    "Public name of the service, for HTTPS. Needs hostedZoneId or certificateArn.",
    unset(
      /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$/,
      "give a full name in lower case, such as app.example.com",
    ),
  ),
  hostedZoneId: text(
    "",
    "Public Route 53 zone of domainName: gets the name, and the certificate's proof.",
    unset(/^Z[A-Z0-9]{3,31}$/, "give the id of a Route 53 zone, such as Z0123456789ABCDEFGHIJ"),
  ),
  certificateArn: text(
    "",
    "Certificate for domainName in the web region, if it is not to be made here.",
    unset(
      new RegExp(`^arn:aws:acm:${webRegion}:\\d{12}:certificate/[0-9a-f-]{36}$`),
      `give the ARN of a certificate of ACM in ${webRegion}; load balancers use no other region's`,
    ),
  ),
  allowHttp: flag(false, "Speak plain HTTP while there is no domainName; for trials only."),
  accessCidrs: list(["0.0.0.0/0"], "Networks that may reach the service.", (values) =>
    values.length === 0 ? "name at least one network; 0.0.0.0/0 is everybody" : networks(values),
  ),
  sshPublicKey: text(
    "",
    "Public key for SSH to web and database hosts; empty for no SSH.",
    unset(
      /^ssh-(ed25519|rsa) [A-Za-z0-9+/=]+( .*)?$/,
      "give a public key that starts with ssh-ed25519 or ssh-rsa",
    ),
  ),
  sshCidrs: list([], "Networks that may reach port 22.", (values) =>
    values.includes("0.0.0.0/0") ? "name the networks you work from, not everybody" : networks(values),
  ),
  sessionManager: flag(true, "Install the agent of Session Manager, for shells without SSH."),
};
