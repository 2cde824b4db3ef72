/**
 * What a change of a deployment does, row by row: an example of each setting's change and of each file's, and the resources that
 * the engine then makes, replaces, updates and deletes in dev. tests/engine/updates.test.ts holds each row to the real engine, and
 * `npm run updates` writes them anew from it; docs/updates.md shows them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { format, resolveConfig } from "prettier";
import type { Values } from "../settings/schema";
import { table } from "./markdown";

/** A change of dev: settings, of which undefined takes one away, or a file that gets a comment more. */
export interface Change {
  /** What changes, as the page says it; the setting's or the file's name if that says it all. */
  readonly meaning: string;
  readonly settings?: { readonly [Name in keyof Values]?: unknown };
  readonly file?: string;
}

const image = "debian-13-amd64-20261102-2650";
const oneUp = (name: keyof Values): Change => ({
  meaning: `\`${name}\`, raised by one`,
  settings: { [name]: 2 },
});
const to = (name: keyof Values, value: unknown, how = ""): Change => ({
  meaning: `\`${name}\`${how && `, ${how}`}`,
  settings: { [name]: value },
});

/** Every setting, with changes that show what it does; a setting without any does not compile. */
export const settingChanges: Readonly<Record<keyof Values, readonly Change[]>> = {
  profile: [to("profile", "acme")],
  allowedAccountIds: [to("allowedAccountIds", ["123456789012"])],
  tags: [to("tags", { team: "web" })],
  webCidr: [to("webCidr", "10.30.0.0/16")],
  databaseCidr: [to("databaseCidr", "10.40.0.0/16")],
  webZones: [
    to("webZones", ["us-east-1a", "us-east-1b", "us-east-1c"], "one more"),
    to("webZones", ["us-east-1a", "us-east-1c"], "another one"),
  ],
  databaseZone: [to("databaseZone", "us-east-2b")],
  egress: [
    to("egress", "singleNat", "`public` to `singleNat`"),
    to("egress", "natPerAz", "`public` to `natPerAz`"),
  ],
  debianImage: [to("debianImage", image)],
  webInstanceType: [to("webInstanceType", "t3.small")],
  webMinSize: [to("webMinSize", 3)],
  webMaxSize: [to("webMaxSize", 5)],
  requestsPerTarget: [to("requestsPerTarget", 2000)],
  cpuTargetPercent: [to("cpuTargetPercent", 50)],
  webWarmupSeconds: [to("webWarmupSeconds", 90)],
  webSchedules: [to("webSchedules", { day: "0 7 * * * 2 4" })],
  webScheduleZone: [
    {
      meaning: "`webScheduleZone`, with the first of `webSchedules`",
      settings: { webScheduleZone: "Europe/Berlin", webSchedules: { day: "0 7 * * * 2 4" } },
    },
  ],
  webMaxLifetimeDays: [to("webMaxLifetimeDays", 20)],
  webOtherInstanceTypes: [to("webOtherInstanceTypes", ["t3a.micro"])],
  webSpotPercent: [to("webSpotPercent", 50)],
  databaseDebianImage: [to("databaseDebianImage", image)],
  databaseInstanceType: [to("databaseInstanceType", "t3.medium")],
  databaseHostVersion: [oneUp("databaseHostVersion")],
  databaseVolumeGiB: [to("databaseVolumeGiB", 30)],
  databaseParameters: [to("databaseParameters", { work_mem: "8MB" })],
  databaseGeneration: [oneUp("databaseGeneration")],
  databaseRestoreFrom: [
    {
      meaning: "`databaseRestoreFrom`, with the next `databaseGeneration`",
      settings: { databaseGeneration: 3, databaseRestoreFrom: 1 },
    },
  ],
  databaseRestoreTo: [
    {
      meaning: "`databaseRestoreTo`, with the next `databaseGeneration`",
      settings: { databaseGeneration: 2, databaseRestoreTo: "2026-11-25 08:00:00+00" },
    },
  ],
  databaseWebGeneration: [
    {
      meaning: "`databaseWebGeneration`, with the next `databaseGeneration`",
      settings: { databaseGeneration: 2, databaseWebGeneration: 2 },
    },
  ],
  backupFulls: [to("backupFulls", 3)],
  backupLockDays: [to("backupLockDays", 7)],
  appPasswordVersion: [oneUp("appPasswordVersion")],
  ownerPasswordVersion: [oneUp("ownerPasswordVersion")],
  databaseCaVersion: [oneUp("databaseCaVersion")],
  serviceKeyVersion: [oneUp("serviceKeyVersion")],
  protect: [to("protect", true, "switched on")],
  logRetentionDays: [to("logRetentionDays", 30)],
  activityRetentionDays: [to("activityRetentionDays", 30)],
  secretRecoveryDays: [to("secretRecoveryDays", 7)],
  domainName: [],
  hostedZoneId: [
    {
      meaning: "`domainName` with `hostedZoneId`, in place of `allowHttp`",
      settings: {
        domainName: "service.acme.co",
        hostedZoneId: "Z0123456789ABCDEFGHIJ",
        allowHttp: undefined,
      },
    },
  ],
  certificateArn: [
    {
      meaning: "`domainName` with `certificateArn`, in place of `allowHttp`",
      settings: {
        domainName: "service.acme.co",
        certificateArn: "arn:aws:acm:us-east-1:123456789012:certificate/01890a5d-ac96-774b-bcce-b302099a8057",
        allowHttp: undefined,
      },
    },
  ],
  allowHttp: [],
  legacyRoutes: [to("legacyRoutes", true)],
  corsOrigins: [to("corsOrigins", ["https://app.acme.co"])],
  webFirewall: [to("webFirewall", true)],
  accessCidrs: [to("accessCidrs", ["192.0.2.0/24"])],
  sshPublicKey: [],
  sshCidrs: [
    {
      meaning: "`sshPublicKey` with `sshCidrs`",
      settings: { sshPublicKey: `ssh-ed25519 ${"A".repeat(68)}`, sshCidrs: ["192.0.2.0/24"] },
    },
  ],
  alarmEmail: [to("alarmEmail", "ops@acme.co")],
  hostAgent: [to("hostAgent", false, "switched off")],
  sessionManager: [to("sessionManager", false, "switched off")],
};

const commentIn = (file: string): Change => ({ meaning: `\`${file}\``, file });

/** What hosts and the gate are made of; the parts of `userdata/lib/` change the scripts that name them. */
export const fileChanges: readonly Change[] = [
  "app/manage.py",
  "userdata/django.sh",
  "userdata/fetch.sh",
  "userdata/postgres.sh",
  "userdata/release.sh",
  "userdata/web.sh",
  "gate/index.mjs",
].map(commentIn);

/** Every change. */
export const changes: readonly Change[] = [...Object.values(settingChanges).flat(), ...fileChanges];

/**
 * What is done to a resource: `replace` makes the new one first, `delete, create` ends the old one first.
 */
export type Done = "create" | "update" | "replace" | "delete, create" | "delete";

/** What a change does to resources, by what is done; each as `Type name`, without the stack's. */
export type Effect = { readonly [What in Done]?: readonly string[] };

const file = path.join(__dirname, "..", "docs", "updates.json");

/** What each change does, by its meaning. */
export function readEffects(): Readonly<Record<string, Effect>> {
  return JSON.parse(readFileSync(file, "utf8")) as Record<string, Effect>;
}

/** Writes that down. */
export async function writeEffects(effects: Readonly<Record<string, Effect>>): Promise<void> {
  const options = { ...(await resolveConfig(file)), filepath: file };
  writeFileSync(file, await format(JSON.stringify(effects), options));
}

/** What matters most of an effect, in words: what must be done to which resource. */
const says: readonly (readonly [done: Done, what: string, words: string])[] = [
  ["replace", "Vpc web-network", "the web region's network is made anew"],
  ["replace", "Vpc db-network", "the database region's network is made anew"],
  ["replace", "LoadBalancer web", "the service has another address"],
  ["replace", "Instance image-builder", "a new image"],
  ["replace", "Instance release-host", "the release runs again"],
  ["replace", "Group web", "the fleet is rolled behind the gate"],
  ["create", "Instance rescue", "the database is restored in the web region"],
  ["delete", "Instance db", "the database host goes, with its network"],
  ["replace", "Volume db-data", "the database has a new volume"],
  ["create", "Volume db-data-2", "the database has a new volume beside the old one"],
  ["delete, create", "Instance db", "the database host is replaced, the old one first"],
];

/** The page's table: each change with its words, and the resources by what is done to them. */
export function updatesTable(): string {
  const effects = readEffects();
  const shown = (names: readonly string[]) =>
    names.length > 4 ? `${names.length} resources` : names.map((name) => `\`${name}\``).join(", ");
  return table(
    ["change", "what it comes to", "made", "in place", "replaced", "replaced, the old one first", "deleted"],
    ...changes.map(({ meaning }) => {
      const effect = effects[meaning];
      if (!effect) throw new Error(`docs/updates.json has no row for ${meaning}: run "npm run updates".`);
      const words = says.filter(([done, what]) => effect[done]?.includes(what)).map(([, , text]) => text);
      const isNothing = Object.keys(effect).length === 0;
      return [
        meaning,
        words.join("; ") || (isNothing ? "nothing" : "hosts stay as they are"),
        ...(["create", "update", "replace", "delete, create", "delete"] as const).map((done) =>
          shown(effect[done] ?? []),
        ),
      ];
    }),
  );
}
