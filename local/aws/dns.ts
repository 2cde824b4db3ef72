import type { Handlers, Properties } from "../engine/handler";
import { nestedList, text, textList } from "../engine/properties";
import type { Inventory } from "./inventory";
import { arn, randomHex } from "./naming";

/** A private zone: the networks that it is associated with, and their addresses by name. */
interface Zone {
  vpcIds: readonly string[];
  readonly records: Map<string, string>;
}

/** Private DNS zones and their A records, answered by the resolvers of the networks that a zone is associated with. */
export function dnsHandlers(inventory: Pick<Inventory, "vpcs" | "find">): Handlers {
  const zones = new Map<string, Zone>();

  /** Has the networks answer a name as the zones say that they are associated with. */
  const publish = (vpcIds: readonly string[], names: readonly string[]) => {
    for (const vpcId of vpcIds)
      for (const name of names) {
        const holder = [...zones.values()].find(
          (zone) => zone.vpcIds.includes(vpcId) && zone.records.has(name),
        );
        inventory.vpcs.get(vpcId)?.setName(name, holder?.records.get(name));
      }
  };
  const associated = (inputs: Properties) => {
    const vpcIds = nestedList(inputs, "vpcs").map((vpc) => text(vpc, "vpcId"));
    if (vpcIds.length === 0) throw new Error("the local region has private zones only: name the zone's vpcs");
    return vpcIds;
  };
  const nameOf = (state: Properties) => text(state, "name").replace(/\.$/, "");
  const setRecord = (inputs: Properties) => {
    const [name, type] = [nameOf(inputs), text(inputs, "type")];
    if (type !== "A")
      throw new Error(`the local region's private zones hold A records only, not ${type} (${name})`);
    const [address, ...others] = textList(inputs, "records");
    if (address === undefined || others.length > 0)
      throw new Error(`the local region's A records have one address each, in records (${name})`);
    const zone = inventory.find("zone", zones, text(inputs, "zoneId"));
    zone.records.set(name, address);
    publish(zone.vpcIds, [name]);
    return name;
  };

  return {
    "aws:route53/zone:Zone": {
      create({ inputs }) {
        const id = `Z${randomHex(20).toUpperCase()}`;
        zones.set(id, { vpcIds: associated(inputs), records: new Map() });
        return Promise.resolve({
          id,
          outputs: { zoneId: id, arn: arn("route53", "", `hostedzone/${id}`), nameServers: [] },
        });
      },
      read: (id, state) => Promise.resolve(zones.has(id) ? { id, outputs: state } : undefined),
      update(id, _state, { inputs }) {
        const zone = inventory.find("zone", zones, id);
        const before = zone.vpcIds;
        zone.vpcIds = associated(inputs);
        publish([...new Set([...before, ...zone.vpcIds])], [...zone.records.keys()]);
        return Promise.resolve({ id, outputs: {} });
      },
      delete(id) {
        zones.delete(id);
        return Promise.resolve();
      },
    },
    "aws:route53/record:Record": {
      create({ inputs }) {
        const fqdn = setRecord(inputs);
        return Promise.resolve({ id: `${text(inputs, "zoneId")}_${fqdn}_A`, outputs: { fqdn } });
      },
      read(id, state) {
        const address = zones.get(text(state, "zoneId"))?.records.get(nameOf(state));
        return Promise.resolve(address === undefined ? undefined : { id, outputs: { records: [address] } });
      },
      update(id, _state, { inputs }) {
        setRecord(inputs);
        return Promise.resolve({ id, outputs: {} });
      },
      delete(_id, state) {
        const zone = zones.get(text(state, "zoneId"));
        zone?.records.delete(nameOf(state));
        publish(zone?.vpcIds ?? [], [nameOf(state)]);
        return Promise.resolve();
      },
    },
  };
}
