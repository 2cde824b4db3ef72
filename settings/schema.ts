/**
 * The settings: what each is called, what it means, its type, its default, and which of its values are wrong. `npm run docs`
 * writes the `config:` of Pulumi.yaml and the table of docs/settings.md from here.
 */
import * as z from "zod/mini";
import * as checks from "./checks";
import { databaseRegion, webRegion } from "./regions";

/** Pulumi hands over every value as text, structured ones as JSON. Undefined for what cannot be read. */
const fromText = <T extends z.ZodMiniType>(read: (text: string) => unknown, type: T) =>
  z.pipe(z.pipe(z.string(), z.transform(read)), type);

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Has zod ask a check. */
const by = <T>(check: checks.Check<T>) =>
  z.check<T>(({ value, issues }) => {
    const remedy = check(value);
    if (remedy !== undefined) issues.push({ code: "custom", input: value, message: remedy });
  });
const fine = () => undefined;

const text = (check: checks.Check<string> = fine) => z.string().check(by(check));
const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, `give ${values.slice(0, -1).join(", ")} or ${values.at(-1) ?? ""}`);
const integer = (low: number, high: number, unit: string, check: checks.Check<number> = fine) => {
  const remedy = `give ${low} to ${high} ${unit}`.trimEnd();
  return fromText(
    (value) => (/^-?\d{1,9}$/.test(value) ? Number(value) : undefined),
    z.int("give a whole number").check(z.minimum(low, remedy), z.maximum(high, remedy), by(check)),
  );
};
const flag = () =>
  fromText(
    (value) => (value === "true" ? true : value === "false" ? false : undefined),
    z.boolean("give true or false"),
  );
/** Any change of it is a rotation; it counts up, so that a glance tells which came later. */
const version = () => integer(1, 9999, "");
const list = (check: checks.Check<readonly string[]> = fine) => {
  const remedy = "give a list of texts";
  return fromText(readJson, z.array(z.string(remedy), remedy).check(by(check)));
};
const map = (check: checks.Check<Readonly<Record<string, string>>>) => {
  const remedy = "give a map of names to texts";
  return fromText(readJson, z.record(z.string(), z.string(remedy), remedy).check(by(check)));
};

/** What each setting means. */
export const meanings = z.registry<{ readonly description: string }>();

/** `standard` holds where a stack says nothing; it is a value as the program sees it, and not checked again. */
function setting<T extends z.ZodMiniType>(
  type: T,
  standard: z.core.util.NoUndefined<z.output<T>>,
  description: string,
): z.ZodMiniDefault<T> {
  const field = z._default(type, standard);
  meanings.add(field, { description });
  return field;
}

/** Web hosts that a database host has connections for, however large it is (`components/database/tuning.ts`). */
export const mostWebHosts = 30;

/** Every setting. An empty text, list or map means not set. */
export const fields = {
  profile: setting(
    text(),
    "",
    "Profile of the AWS configuration to use; empty for the environment's own credentials.",
  ),
  allowedAccountIds: setting(
    list(checks.each(checks.accountId)),
    [],
    "AWS accounts that the stack may be deployed to; empty for any.",
  ),
  tags: setting(map(checks.tagRules), {}, "Tags of every resource, beside project and stack."),
  webCidr: setting(text(checks.vpcRange), "10.10.0.0/16", "Range of the web region's network, a /16."),
  databaseCidr: setting(
    text(checks.vpcRange),
    "10.20.0.0/16",
    "Range of the database region's network, a /16.",
  ),
  webZones: setting(
    list(checks.each(checks.zoneOf(webRegion))),
    ["us-east-1a", "us-east-1b"],
    "Zones of the web tier, two at least.",
  ),
  databaseZone: setting(text(checks.zoneOf(databaseRegion)), "us-east-2a", "Zone of the database host."),
  egress: setting(
    oneOf(["public", "singleNat", "natPerAz"]),
    "public",
    "How hosts reach the internet: public (addresses of their own), singleNat or natPerAz.",
  ),
  debianImage: setting(
    text(checks.debianImage),
    "debian-13-amd64-20260914-2601",
    "Exact name of Debian's image for the web hosts; its architecture decides which instance types fit.",
  ),
  webInstanceType: setting(text(checks.instanceType), "t3.micro", "Instance type of the web hosts."),
  webMinSize: setting(integer(1, mostWebHosts, "hosts"), 2, "Fewest web hosts."),
  webMaxSize: setting(
    integer(1, mostWebHosts, "hosts"),
    4,
    "Most web hosts; the database host must have memory for the connections of twice as many.",
  ),
  requestsPerTarget: setting(
    integer(1, 1_000_000, "requests a minute"),
    3000,
    "Requests a minute that one web host is to have; beyond it the fleet grows.",
  ),
  cpuTargetPercent: setting(
    integer(10, 90, "percent"),
    60,
    "Mean processor load of the web hosts, in percent; beyond it the fleet grows.",
  ),
  webWarmupSeconds: setting(
    integer(0, 3600, "seconds"),
    60,
    "How long a web host is in service before its load counts, in seconds; the fleet does not shrink meanwhile.",
  ),
  webSchedules: setting(
    map(checks.schedules),
    {},
    "Sizes of the fleet at certain times, by names of yours: five fields as of cron, then fewest and most hosts, such as 0 7 * * MON-FRI 4 8.",
  ),
  webScheduleZone: setting(
    text(checks.timeZone),
    "Etc/UTC",
    "Time zone of webSchedules, by its name in the IANA database, such as Europe/Berlin.",
  ),
  webMaxLifetimeDays: setting(
    integer(0, 365, "days"),
    30,
    "Age at which a web host is replaced, one after the other, in days; 0 for never.",
  ),
  webOtherInstanceTypes: setting(
    list(checks.each(checks.instanceType)),
    [],
    "Instance types that web hosts may have as well, in this order, where webInstanceType cannot be had; of about its size.",
  ),
  webSpotPercent: setting(
    integer(0, 100, "percent"),
    0,
    "Share of Spot instances among the web hosts beyond the first, in percent; one that is to be interrupted is replaced before.",
  ),
  databaseDebianImage: setting(
    text(checks.debianImage),
    "debian-13-amd64-20260914-2601",
    "Exact name of Debian's image for the database host; another one replaces the host.",
  ),
  databaseInstanceType: setting(
    text(checks.instanceType),
    "t3.small",
    "Instance type of the database host; another one replaces the host.",
  ),
  databaseHostVersion: setting(
    version(),
    1,
    "Counts up to replace the database host, dead or alive, by one with Debian's newest packages; see docs/operations.md.",
  ),
  databaseVolumeGiB: setting(
    integer(8, 16_384, "GiB"),
    20,
    "Size of the database's volume in GiB; it grows while the database runs, and never shrinks.",
  ),
  databaseParameters: setting(
    map(checks.postgresParameters),
    {},
    "Parameters of PostgreSQL that are to be others than the database host's size suggests, such as work_mem; a change replaces the host.",
  ),
  databaseGeneration: setting(
    version(),
    1,
    "Counts up to restore the database from its backups, to a new host on a new volume; see docs/backups.md.",
  ),
  databaseRestoreFrom: setting(
    integer(0, 9999, ""),
    0,
    "Generation of the database that is restored; 0 for the one before databaseGeneration.",
  ),
  databaseRestoreTo: setting(
    text(checks.restoreTarget),
    "",
    "How far the restore goes: a time such as 2026-11-25 08:00:00+00, or name: and the name of a restore point; empty for as late as was archived.",
  ),
  databaseWebGeneration: setting(
    integer(0, 9999, ""),
    0,
    "Generation of the database that is in the web region, when the database's own region is lost; see docs/backups.md.",
  ),
  backupFulls: setting(
    integer(1, 520, "backups"),
    2,
    "How many weekly full backups of the database are kept, with all that is needed to restore to any time since the oldest.",
  ),
  backupLockDays: setting(
    integer(0, 3650, "days"),
    0,
    "For how many days nobody can delete or change what was backed up (S3 Object Lock); 0 for no lock.",
  ),
  appPasswordVersion: setting(
    version(),
    1,
    "Counts up to rotate the password of the service's database role; see docs/operations.md.",
  ),
  ownerPasswordVersion: setting(
    version(),
    1,
    "Counts up to rotate the password of the database's owner; see docs/operations.md.",
  ),
  databaseCaVersion: setting(
    version(),
    1,
    "Counts up to rotate the certificate authority of the database and its certificate; see docs/operations.md.",
  ),
  serviceKeyVersion: setting(
    version(),
    1,
    "Counts up to rotate the key that signs tokens; see docs/operations.md.",
  ),
  protect: setting(
    flag(),
    false,
    "Refuse to delete what holds data: database volume, buckets, load balancer.",
  ),
  logRetentionDays: setting(
    integer(1, 3653, "days", checks.logPeriod),
    14,
    "How long logs are kept, in days.",
  ),
  activityRetentionDays: setting(
    integer(1, 3653, "days"),
    365,
    "How long the activity log keeps what users and administrators did, in days.",
  ),
  secretRecoveryDays: setting(
    integer(0, 30, "days", checks.recoveryPeriod),
    0,
    "How long deleted secrets can be restored, in days: 7 to 30, or 0.",
  ),
  domainName: setting(
    text(checks.domainName),
    "",
    "Public name of the service, for HTTPS. Needs hostedZoneId or certificateArn.",
  ),
  hostedZoneId: setting(
    text(checks.hostedZoneId),
    "",
    "Public Route 53 zone of domainName: gets the name, and the certificate's proof.",
  ),
  certificateArn: setting(
    text(checks.certificateArn(webRegion)),
    "",
    "Certificate for domainName in the web region, if it is not to be made here.",
  ),
  allowHttp: setting(flag(), false, "Speak plain HTTP while there is no domainName; for trials only."),
  legacyRoutes: setting(
    flag(),
    false,
    "Serve the routes of the replaced systems, too; for trials only: their paths hold passwords.",
  ),
  corsOrigins: setting(
    list(checks.each(checks.origin)),
    [],
    "Origins, such as https://app.acme.co, whose pages may use the API from a browser; empty for none but the service's own.",
  ),
  webFirewall: setting(
    flag(),
    false,
    "Have AWS WAF before the load balancer: rules that AWS keeps, and a limit on tries of passwords.",
  ),
  accessCidrs: setting(list(checks.accessNetworks), ["0.0.0.0/0"], "Networks that may reach the service."),
  sshPublicKey: setting(
    text(checks.sshPublicKey),
    "",
    "Public key for SSH to web and database hosts; empty for no SSH.",
  ),
  sshCidrs: setting(list(checks.sshNetworks), [], "Networks that may reach port 22."),
  alarmEmail: setting(
    text(checks.emailAddress),
    "",
    "Who is told of alarms, by e-mail; empty for nobody. AWS asks the address for its consent first, once for each region.",
  ),
  hostAgent: setting(
    flag(),
    true,
    "Install CloudWatch's agent on web and database hosts: their logs, kept for logRetentionDays, and figures of disk and memory.",
  ),
  sessionManager: setting(flag(), true, "Install the agent of Session Manager, for shells without SSH."),
};

/** The settings as they are written, with their defaults. */
export type Values = Readonly<z.output<z.ZodMiniObject<typeof fields>>>;
