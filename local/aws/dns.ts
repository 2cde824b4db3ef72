import type { Handlers, Properties } from "../engine/handler";
import { nestedList, text, textList } from "../engine/properties";
import type { Inventory } from "./inventory";
import { arn, randomHex } from "./naming";

/** Private DNS zones and their A records, answered by the resolvers of the networks that a zone is associated with. */
export function dnsHandlers(inventory: Inventory): Handlers {
  const zones = new Map<string, { readonly vpcIds: readonly string[] }>();

  const setRecord = (state: Properties, isThere: boolean) => {
    const name = text(state, "name").replace(/\.$/, "");
    const type = text(state, "type");
    if (type !== "A")
      throw new Error(`the local region's private zones hold A records only, not ${type} (${name})`);
    const [address] = textList(state, "records");
    for (const vpcId of zones.get(text(state, "zoneId"))?.vpcIds ?? [])
      inventory.vpcs.get(vpcId)?.setName(name, isThere ? address : undefined);
    return name;
  };

  return {
    "aws:route53/zone:Zone": {
      create({ inputs }) {
        const id = `Z${randomHex(20).toUpperCase()}`;
        const vpcIds = nestedList(inputs, "vpcs").map((vpc) => text(vpc, "vpcId"));
        if (vpcIds.length === 0)
          throw new Error("the local region has private zones only: name the zone's vpcs");
        zones.set(id, { vpcIds });
        return Promise.resolve({
          id,
          outputs: { zoneId: id, arn: arn("route53", "", `hostedzone/${id}`), nameServers: [] },
        });
      },
      read: (id, state) => Promise.resolve(zones.has(id) ? { id, outputs: state } : undefined),
      update(id, state, { inputs }) {
        zones.set(id, { vpcIds: nestedList(inputs, "vpcs").map((vpc) => text(vpc, "vpcId")) });
        return Promise.resolve({ id, outputs: state });
      },
      delete(id) {
        zones.delete(id);
        return Promise.resolve();
      },
    },
    "aws:route53/record:Record": {
      create({ inputs }) {
        const fqdn = setRecord(inputs, true);
        return Promise.resolve({ id: `${text(inputs, "zoneId")}_${fqdn}_A`, outputs: { fqdn } });
      },
      read: (id, state) => Promise.resolve({ id, outputs: state }),
      update(id, state, { inputs }) {
        setRecord(inputs, true);
        return Promise.resolve({ id, outputs: state });
      },
      delete(_id, state) {
        setRecord(state, false);
        return Promise.resolve();
      },
    },
  };
}
