import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { dnsHandlers } from "../../../local/aws/dns";
import type { Inventory } from "../../../local/aws/inventory";
import type { Handlers, Properties } from "../../../local/engine/handler";
import { request } from "../support";

const zoneType = "aws:route53/zone:Zone";
const recordType = "aws:route53/record:Record";

describe("private zones", () => {
  /** What the resolvers know, such as `vpc-1 db.internal 10.0.0.1`. */
  let names: Set<string>;
  let handlers: Handlers;
  let id: string;

  beforeEach(async () => {
    names = new Set();
    const resolver = (vpcId: string) => ({
      setName(name: string, address: string | undefined) {
        for (const known of names) if (known.startsWith(`${vpcId} ${name} `)) names.delete(known);
        if (address !== undefined) names.add(`${vpcId} ${name} ${address}`);
      },
    });
    handlers = dnsHandlers({
      vpcs: new Map(["vpc-1", "vpc-2"].map((vpcId) => [vpcId, resolver(vpcId)])),
      find: <T>(kind: string, items: { get(key: string): T | undefined }, key: string) => {
        const item = items.get(key);
        if (item === undefined) throw new Error(`no ${kind} ${key}`);
        return item;
      },
    } as unknown as Inventory);
    id = await makeZone("vpc-1");
  });

  const zone = (...vpcIds: string[]) =>
    request(zoneType, "zone", { name: "internal", vpcs: vpcIds.map((vpcId) => ({ vpcId })) });
  const makeZone = async (...vpcIds: string[]) => (await handlers[zoneType]!.create(zone(...vpcIds))).id;
  const record = (zoneId: string, ...records: string[]): Properties => ({
    ...{ zoneId, name: "db.internal", type: "A", ttl: 30, records },
  });
  const make = (inputs: Properties) => handlers[recordType]!.create(request(recordType, "db", inputs));

  it("are answered in their networks, also in those that come and go", async () => {
    const made = await make(record(id, "10.0.0.1"));
    assert.deepEqual([...names], ["vpc-1 db.internal 10.0.0.1"]);
    await handlers[zoneType]!.update(id, {}, zone("vpc-1", "vpc-2"));
    assert.deepEqual([...names].sort(), ["vpc-1 db.internal 10.0.0.1", "vpc-2 db.internal 10.0.0.1"]);
    await handlers[zoneType]!.update(id, {}, zone("vpc-2"));
    assert.deepEqual([...names], ["vpc-2 db.internal 10.0.0.1"]);
    const change = request(recordType, "db", record(id, "10.0.0.2"));
    await handlers[recordType]!.update(made.id, record(id, "10.0.0.1"), change);
    assert.deepEqual([...names], ["vpc-2 db.internal 10.0.0.2"]);
    const read = () => handlers[recordType]!.read(made.id, record(id, "10.0.0.1"), "us-east-1");
    assert.deepEqual((await read())?.outputs, { records: ["10.0.0.2"] });
    await handlers[recordType]!.delete(made.id, record(id, "10.0.0.2"), "us-east-1");
    assert.deepEqual([...names], []);
    assert.equal(await read(), undefined);
  });

  it("keep a name that another zone of the network has, too", async () => {
    const old = await make(record(id, "10.0.0.1"));
    await make(record(await makeZone("vpc-1"), "10.0.0.2"));
    await handlers[recordType]!.delete(old.id, record(id, "10.0.0.1"), "us-east-1");
    assert.deepEqual([...names], ["vpc-1 db.internal 10.0.0.2"]);
  });

  it("hold A records of one address, and name what they can't do", async () => {
    await assert.rejects(
      async () => make({ ...record(id, "x"), type: "CNAME" }),
      /A records only, not CNAME/,
    );
    await assert.rejects(
      async () => make(record(id, "10.0.0.1", "10.0.0.2")),
      /one address each, in records/,
    );
    await assert.rejects(() => makeZone(), /name the zone's vpcs/);
  });
});
