/**
 * The tables in the doc comments of components, which say what a change of an argument does, held to docs/updates.json, which the
 * tests of the engine hold to the engine.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { before, describe, it } from "node:test";
import { type Graph, recordGraph } from "../../local/engine/recorder";
import { fields } from "../../settings/schema";
import { changes, readEffects } from "../../tools/updates";

const folder = path.join(__dirname, "..", "..", "components");

interface Table {
  readonly component: string;
  /** What an argument's change is called, and what it does. */
  readonly rows: readonly { readonly terms: readonly string[]; readonly effect: string }[];
  readonly args: readonly string[];
}

/** The tables of all components. */
const tables: readonly Table[] = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .sort()
  .flatMap((file) => {
    const source = readFileSync(path.join(folder, file), "utf8");
    return [...source.matchAll(/\/\*\*\n((?: \*.*\n)+?) \*\/\nexport class (\w+)/g)].flatMap(
      ([, comment = "", component = ""]) => {
        const rows = [...comment.matchAll(/^ \* \| (?!change|---)(.+) \| (.+) \|$/gm)].map(
          ([, change = "", effect = ""]) => ({ terms: change.split(/, (?:or )?/), effect }),
        );
        const body = new RegExp(`interface ${component}Args \\{([^]*?)\\n\\}`).exec(source)?.[1] ?? "";
        const args = [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name = ""]) => name);
        return rows.length > 0 ? [{ component, rows, args }] : [];
      },
    );
  });

/** A row of a table: the changes of docs/updates.md that its terms stand for, and what its effect means. */
interface Meaning {
  readonly of: Readonly<Record<string, readonly string[]>>;
  /** Ends of what must be done, such as `replace Group web`. */
  readonly must?: readonly string[];
  /** What must not be done. */
  readonly never?: RegExp;
}

/** What dev has no setting for, or none that is in its reach by one step: the component's own test has it. */
const noSetting: readonly string[] = [];
const hostReplaced = ["delete, create Instance db", "replace Snapshot db-before"];
const hostTouched = /^(?!update).* (Instance|Volume|VolumeAttachment|Snapshot) db/;
const rolled = ["replace Group web", "replace Invocation web-gate"];
const released = ["replace Instance release-host", "replace Invocation release-host-gate"];
const baked = ["replace Instance image-builder", "replace AmiFromInstance image"];
const egress = ["egress, public to singleNat", "egress, public to natPerAz"];
const zones = ["webZones, one more", "webZones, another one"];

/** The rows of each table, in their order, with the terms as the table has them. */
const meanings: Readonly<Record<string, readonly Meaning[]>> = {
  AccountStore: [
    { of: { serviceKeyVersion: ["serviceKeyVersion, raised by one"] }, must: [...released, ...rolled] },
    { of: { protect: ["protect, switched on"], secretRecoveryDays: ["secretRecoveryDays"] } },
  ],
  BackupRepository: [
    { of: { fullBackups: ["backupFulls"] }, must: hostReplaced, never: / Volume / },
    {
      of: {
        lockDays: ["backupLockDays"],
        protect: ["protect, switched on"],
        secretRecoveryDays: ["secretRecoveryDays"],
      },
    },
  ],
  PostgresHost: [
    {
      of: {
        ownerPasswordVersion: ["ownerPasswordVersion, raised by one"],
        appPasswordVersion: ["appPasswordVersion, raised by one"],
      },
      must: ["update BucketObjectv2 db-roles", "replace Invocation db-gate"],
      never: hostTouched,
    },
    {
      of: { authorityVersion: ["databaseCaVersion, raised by one"] },
      must: ["update BucketObjectv2 db-roles", ...released, ...rolled],
      never: hostTouched,
    },
    { of: { volumeGiB: ["databaseVolumeGiB"] }, must: ["update Volume db-data"], never: hostTouched },
    {
      of: {
        hostVersion: ["databaseHostVersion, raised by one"],
        instanceType: ["databaseInstanceType"],
        debianImage: ["databaseDebianImage"],
        parameters: ["databaseParameters"],
        "the key pair": ["sshPublicKey with sshCidrs"],
        sessionManager: ["sessionManager, switched off"],
        telemetry: ["hostAgent, switched off"],
        domain: noSetting,
        "the range of either network": ["webCidr", "databaseCidr"],
        "egress between public and private": egress,
        "userdata/postgres.sh": ["userdata/postgres.sh"],
        "userdata/fetch.sh and the parts of userdata/lib/ that they name": ["userdata/fetch.sh"],
      },
      must: hostReplaced,
      never: / Volume /,
    },
    {
      of: {
        neededConnections: ["webMaxSize"],
        "SSH's networks": noSetting,
        "a zone of the clients more or less": ["webZones, one more"],
        tags: ["tags"],
      },
      never: hostTouched,
    },
    {
      of: { protect: ["protect, switched on"], secretRecoveryDays: ["secretRecoveryDays"] },
      never: hostTouched,
    },
    { of: { generation: ["databaseGeneration, raised by one"] }, must: hostReplaced.slice(0, 1) },
    { of: { "the zone of the network": ["databaseZone"] }, must: hostReplaced.slice(0, 1) },
  ],
  PostgresRole: [
    {
      of: { passwordVersion: ["appPasswordVersion, raised by one"] },
      must: ["create RandomPassword db-app-password-2", "replace SecretVersion db-app-value"],
    },
    { of: { database: noSetting } },
  ],
  GeneratedSecret: [
    {
      of: { value: ["appPasswordVersion, raised by one"] },
      must: ["replace SecretVersion db-app-value"],
      never: /^(?!update).* Secret db-app/,
    },
    { of: { "the others": ["secretRecoveryDays"] } },
  ],
  DeployGate: [
    {
      of: {
        "gate/": ["gate/index.mjs"],
        logRetentionDays: ["logRetentionDays"],
        stackTags: ["tags"],
        protect: ["protect, switched on"],
      },
    },
    {
      of: {
        "the waited-for instance": ["databaseHostVersion, raised by one"],
        "its role": noSetting,
        "what it is to apply": ["ownerPasswordVersion, raised by one"],
      },
      must: ["Invocation db-gate"],
    },
    {
      of: { "the waited-for group or template version": ["userdata/web.sh"] },
      must: ["replace Invocation web-gate"],
    },
    {
      of: { minSize: ["webMinSize"], "maxSize alone": ["webMaxSize"] },
      must: ["update Group web", "replace Invocation web-gate"],
    },
  ],
  OneShotHost: [
    {
      of: {
        imageId: ["debianImage"],
        instanceType: ["webInstanceType"],
        userData: ["userdata/django.sh", "userdata/release.sh"],
        "the network": ["webCidr"],
      },
      must: released,
    },
    { of: { statements: noSetting, egress: noSetting, tags: ["tags"] } },
  ],
  RegionNetwork: [
    { of: { "a zone more or less": zones } },
    { of: { egress } },
    { of: { cidrBlock: ["webCidr"] }, must: ["replace Vpc web-network"] },
    { of: { flowLogRetentionDays: ["logRetentionDays"], protect: ["protect, switched on"] } },
  ],
  RegionPeering: [
    {
      of: { "a zone more or less": zones, "other host subnets": egress },
      never: /^(?!create|delete Route).* peering/,
    },
    {
      of: { "either network replaced": ["webCidr", "databaseCidr"] },
      must: ["replace VpcPeeringConnection peering"],
    },
  ],
  DjangoImage: [
    {
      of: {
        "a file of the application": ["app/manage.py"],
        "userdata/django.sh and the parts of userdata/lib/ that it names": ["userdata/django.sh"],
        debianImage: ["debianImage"],
        instanceType: ["webInstanceType"],
        sessionManager: ["sessionManager, switched off"],
        hostAgent: ["hostAgent, switched off"],
      },
      must: baked,
    },
  ],
  ReleaseTask: [
    {
      of: {
        imageId: ["debianImage"],
        instanceType: ["webInstanceType"],
        activityRetentionDays: ["activityRetentionDays"],
        "a new version of the service's": ["serviceKeyVersion, raised by one"],
        "the owner's or the administrator's secret": ["ownerPasswordVersion, raised by one"],
        "the database's volume": ["databaseGeneration, raised by one"],
        "userdata/release.sh and the parts of userdata/lib/ that it names": ["userdata/release.sh"],
      },
      must: released,
    },
    { of: { tags: ["tags"] } },
  ],
  ScalingWebTier: [
    {
      of: {
        imageId: ["debianImage"],
        instanceType: ["webInstanceType"],
        "userdata/web.sh and the parts of userdata/lib/ that it names": ["userdata/web.sh"],
        "a new version of a secret that the hosts read": ["appPasswordVersion, raised by one"],
        tags: ["tags"],
        "key pair": ["sshPublicKey with sshCidrs"],
      },
      must: rolled,
    },
    { of: { "a zone more or less": zones, "egress between public and private": egress }, must: rolled },
    {
      of: {
        "a name that the entrance answers to": ["domainName with hostedZoneId, in place of allowHttp"],
        legacyRoutes: ["legacyRoutes"],
        corsOrigins: ["corsOrigins"],
        telemetry: ["hostAgent, switched off"],
      },
      must: rolled,
    },
    { of: { otherTypes: ["webOtherInstanceTypes"], spotPercent: ["webSpotPercent"] }, must: rolled },
    {
      of: {
        size: ["webMinSize", "webMaxSize"],
        load: ["requestsPerTarget", "cpuTargetPercent"],
        schedules: ["webSchedules", "webScheduleZone, with the first of webSchedules"],
        maxLifetimeDays: ["webMaxLifetimeDays"],
        warmupSeconds: ["webWarmupSeconds"],
      },
      never: /^(?!update).* (Group|LaunchTemplate) web$/,
    },
  ],
  WebEntrance: [
    {
      of: {
        domain: [
          "domainName with hostedZoneId, in place of allowHttp",
          "domainName with certificateArn, in place of allowHttp",
        ],
        accessCidrs: ["accessCidrs"],
        webFirewall: ["webFirewall"],
        accessLogs: ["legacyRoutes"],
        logRetentionDays: ["logRetentionDays"],
        protect: ["protect, switched on"],
      },
      never: /^(?!update).* (LoadBalancer|TargetGroup) web$/,
    },
    { of: { "a zone more or less": zones } },
    { of: { "the network replaced": ["webCidr"] }, must: ["replace LoadBalancer web"] },
  ],
};

/** Arguments without a row: neighbours, of which rows speak in words of their own, and what no stack changes. */
const withoutRow: Readonly<Record<string, readonly string[]>> = {
  AccountStore: [],
  BackupRepository: ["region", "hostRegion"],
  PostgresHost: ["gate", "access", "backups", "temporary"],
  PostgresRole: ["role", "region", "readerRegion", "recoveryDays"],
  DeployGate: ["region"],
  OneShotHost: ["label", "gate", "after"],
  RegionNetwork: ["zones"],
  RegionPeering: ["requester", "accepter"],
  DjangoImage: ["network", "gate", "tags"],
  ReleaseTask: ["network", "path", "gate", "database", "accounts"],
  GeneratedSecret: ["description", "replicaRegion", "recoveryDays"],
  ScalingWebTier: ["network", "gate", "host", "after", "supply"],
  WebEntrance: [],
};

/** Parts of terms that say how something changes, and not what. */
const qualifiers = new Set(["raised by one", "on either side"]);
const plain = (text: string) => text.replaceAll("`", "");

describe("the tables of updates in doc comments", () => {
  const effects = new Map(Object.entries(readEffects()).map(([meaning, effect]) => [plain(meaning), effect]));
  let graph: Graph;
  before(async () => {
    graph = await recordGraph("dev", false);
  });

  /** Resources of a component of dev, and of its parts, as `Type name`. */
  const own = (component: string): Set<string> => {
    const parents = new Map(graph.registrations.map(({ urn, parent }) => [urn, parent]));
    const isIn = (urn: string): boolean => {
      const parent = parents.get(urn) ?? "";
      return parent !== "" && (parent.split("::")[2]?.endsWith(`:${component}`) === true || isIn(parent));
    };
    const found = graph.registrations.filter(({ urn }) => isIn(urn));
    return new Set(found.map(({ type, name }) => `${type.split(":").at(-1)} ${name.replace(/^dev-/, "")}`));
  };

  /** What is done, as `replace Group web`. */
  const done = (meaning: string): string[] => {
    const effect = effects.get(meaning);
    assert.ok(effect, `docs/updates.json has no change "${meaning}"`);
    return Object.entries(effect).flatMap(([what, names]) => names.map((name) => `${what} ${name}`));
  };

  it("every component has its rows here", () => {
    assert.deepEqual(tables.map(({ component }) => component).sort(), Object.keys(meanings).sort());
  });

  it("every setting is changed by some change", () => {
    const changed = new Set(changes.flatMap(({ settings = {} }) => Object.keys(settings)));
    assert.deepEqual(
      Object.keys(fields).filter((name) => !changed.has(name)),
      [],
    );
    assert.deepEqual([...effects.keys()].sort(), changes.map(({ meaning }) => plain(meaning)).sort());
  });

  for (const { component, rows, args } of tables) {
    it(`${component} has a row for each argument, and this test one for each row`, () => {
      const terms = rows.map((row) => row.terms.map(plain).filter((term) => !qualifiers.has(term)));
      assert.deepEqual(
        meanings[component]?.map(({ of }) => Object.keys(of).sort()),
        terms.map((row) => [...row].sort()),
      );
      const named = new Set(terms.flat().flatMap((term) => term.split(" ")));
      assert.deepEqual(
        args.filter((name) => !named.has(name)),
        withoutRow[component],
      );
    });

    for (const [index, { effect }] of rows.entries())
      it(`${component} says what the engine does: ${effect}`, () => {
        const mine = own(component);
        const { of = {}, must = [], never } = meanings[component]?.[index] ?? {};
        const held = Object.values(of).flat();
        assert.ok(
          held.length === 0 || must.length > 0 || never || effect.includes("in place"),
          "nothing is held",
        );
        for (const meaning of held) {
          const all = done(meaning);
          for (const each of must)
            assert.ok(
              all.some((one) => one.endsWith(each)),
              `${meaning}: ${each} is not among ${all.join("; ")}`,
            );
          if (never)
            assert.deepEqual(
              all.filter((each) => never.test(each)),
              [],
              meaning,
            );
          if (!effect.includes("in place")) continue;
          // A gate that is asked again is DeployGate's to tell.
          const isLost = new RegExp("^(?:replace|delete, create) (?!Invocation)(.*)$");
          const lost = all.filter((each) => mine.has(isLost.exec(each)?.[1] ?? ""));
          assert.deepEqual(lost, [], meaning);
        }
      });
  }
});
