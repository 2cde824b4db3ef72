/** What a rotation of a secret, or another host for the database, changes in a deployment, and what it leaves alone. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { find, type Graph, ofType, recordGraph } from "../../local/engine/recorder";

const stack = "dev";

/** Names of what comes, goes and has other inputs. */
function difference(from: Graph, to: Graph) {
  const [old, now] = [from, to].map(
    ({ registrations }) => new Map(registrations.map((each) => [each.urn, each])),
  );
  const names = (found: { name: string }[]) => found.map(({ name }) => name.replace(`${stack}-`, "")).sort();
  return {
    created: names([...now!.values()].filter(({ urn }) => !old!.has(urn))),
    deleted: names([...old!.values()].filter(({ urn }) => !now!.has(urn))),
    changed: names(
      [...now!.values()].filter(({ urn, inputs }) => {
        const known = old!.get(urn);
        return known !== undefined && JSON.stringify(known.inputs) !== JSON.stringify(inputs);
      }),
    ),
  };
}

const table = [
  {
    setting: "appPasswordVersion",
    created: ["db-app-password-3"],
    deleted: ["db-app-password-1"],
    changed: ["db-app-value", "db-gate", "db-roles", "web"],
  },
  {
    setting: "ownerPasswordVersion",
    created: ["db-owner-password-3"],
    deleted: ["db-owner-password-1"],
    changed: ["db-gate", "db-owner-value", "db-roles", "release-host", "release-host-role-policy"],
  },
  {
    setting: "serviceKeyVersion",
    created: ["accounts-secret-key-3", "accounts-token-key-4"],
    deleted: ["accounts-secret-key-2", "accounts-token-key-1"],
    changed: ["accounts-service-value", "release-host", "web"],
  },
  {
    setting: "databaseCaVersion",
    created: [],
    deleted: [],
    changed: ["db-gate", "db-roles", "release-host", "web"],
  },
] as const;

describe("raised by one", () => {
  const versions = Object.fromEntries(table.map(({ setting }) => [setting, "2"]));
  for (const { setting, ...expected } of table)
    it(`${setting} changes who uses the secret, and the database's document, but not its host`, async () => {
      const from = await recordGraph(stack, false, versions);
      const to = await recordGraph(stack, false, { ...versions, [setting]: "3" });
      assert.deepEqual(difference(from, to), expected);
    });

  it("the first version has no version before it", async () => {
    const graph = await recordGraph(stack, false);
    const generated = ofType(graph, "random:index/randomPassword:RandomPassword").map(({ name }) => name);
    assert.deepEqual(generated.sort(), [
      "dev-accounts-admin-password",
      "dev-accounts-secret-key-1",
      "dev-accounts-token-key-1",
      "dev-accounts-token-key-2",
      "dev-backups-passphrase",
      "dev-db-app-password-1",
      "dev-db-owner-password-1",
    ]);
  });
});

describe("the database host", () => {
  let base: Graph;
  before(async () => {
    base = await recordGraph(stack, false);
  });

  it("depends in no property on the value of a secret, so that a preview of another one is true", () => {
    const { propertyDependencies } = find(base, "aws:ec2/instance:Instance", "dev-db");
    for (const [property, urns] of Object.entries(propertyDependencies))
      for (const urn of urns) assert.doesNotMatch(urn, /SecretVersion|RandomPassword/, property);
  });

  const replacing = {
    databaseHostVersion: "2",
    databaseParameters: '{"work_mem":"8MB"}',
    databaseInstanceType: "t3.medium",
    databaseDebianImage: "debian-13-amd64-20260101-1",
    sessionManager: "false",
    webCidr: "10.50.0.0/16",
  };
  for (const [setting, value] of Object.entries(replacing))
    it(`has a snapshot taken before ${setting} replaces it`, async () => {
      const { changed } = difference(base, await recordGraph(stack, false, { [setting]: value }));
      assert.ok(changed.includes("db"), String(changed));
      assert.ok(changed.includes("db-before"), String(changed));
    });

  const harmless = {
    webMaxSize: "5",
    logRetentionDays: "30",
    databaseVolumeGiB: "30",
    webZones: '["us-east-1a","us-east-1b","us-east-1c"]',
  };
  for (const [setting, value] of Object.entries(harmless))
    it(`stays as it is, without a snapshot, when ${setting} changes`, async () => {
      const { changed } = difference(base, await recordGraph(stack, false, { [setting]: value }));
      assert.ok(!changed.includes("db") && !changed.includes("db-before"), String(changed));
    });
});
