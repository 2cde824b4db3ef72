/** What can happen between hosts. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DescribeVpcsCommand } from "@aws-sdk/client-ec2";
import { webRegion } from "../../settings/regions";
import { run } from "../machine/exec";
import { namespaceFolder } from "../machine/network/namespace";
import type { Fault, Site, Undo } from "./fault";
import { cutPower, namespaceOf, onHost } from "./onHost";
import { members } from "./targets";

const table = "inet fault";
/** Time that a packet takes one way, in milliseconds, beyond its own: 12 ms there and back lie between the two regions. */
const oneWay = 6;
/** Where the relay of a host listens. */
const relayPort = 15_432;

/** Puts rules into a host's network; what it answers takes them away, where the host is still there. */
async function addRules(namespace: string, rules: string): Promise<Undo> {
  const nft = (text: string) => run("ip", ["netns", "exec", namespace, "nft", "-f", "-"], { input: text });
  await nft(`table ${table} {\n${rules}\n}\n`);
  return async () => {
    if (existsSync(join(namespaceFolder, namespace))) await nft(`delete table ${table}\n`);
  };
}

/** Drops all packets between a host and a range, in silence, as a network that is gone does. */
export function cut(instanceId: string, cidr: string): Promise<Undo> {
  return addRules(
    namespaceOf(instanceId),
    `chain input { type filter hook input priority -300; iifname != "lo" ip saddr ${cidr} drop; }
chain output { type filter hook output priority -300; oifname != "lo" ip daddr ${cidr} drop; }`,
  );
}

const databaseOf = ({ outputs }: Site) => outputs["databaseInstanceId"] ?? "";

/** Range of the web region's network. */
async function webRange({ clients }: Site): Promise<string> {
  const isOurs = { Name: "is-default", Values: ["false"] };
  const { Vpcs } = await clients.in(webRegion).ec2.send(new DescribeVpcsCommand({ Filters: [isOurs] }));
  const [{ CidrBlock = "" } = {}] = Vpcs ?? [];
  return CidrBlock;
}

/** Has a host's service reach the database by way of a relay that takes its time; the database still sees the host. */
async function slowDown(instanceId: string, address: string, port: string): Promise<Undo> {
  const namespace = namespaceOf(instanceId);
  const command = [
    process.execPath,
    join(__dirname, "relay.mjs"),
    String(relayPort),
    address,
    port,
    String(oneWay),
  ];
  const relay = spawn("ip", ["netns", "exec", namespace, ...command], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true, // Ctrl-C is for the command, which then takes the fault back in order
  });
  const ended = once(relay, "exit");
  const failed = async () => {
    await ended;
    throw new Error(`the relay of host ${instanceId} ended before it listened`);
  };
  await Promise.race([once(relay.stdout, "data"), failed()]);
  // The relay is root's, whose packets go straight on.
  const removeRules = await addRules(
    namespace,
    `chain output { type nat hook output priority -100; meta skuid != 0 tcp dport ${port} redirect to :${relayPort}; }`,
  );
  return async () => {
    await removeRules();
    relay.kill();
    await ended;
  };
}

export const networkFaults = {
  "cut-peering": {
    what: "drops every packet between the two regions",
    watch: "tasks and /readyz answer 503 within seconds; sign-in goes on, and no host is replaced",
    begin: async (site) => cut(databaseOf(site), await webRange(site)),
  },
  "slow-peering": {
    what: `adds ${2 * oneWay} ms to each round trip between the hosts that are there and the database`,
    watch:
      "reading tasks takes one round trip longer, changing them up to four; sign-in takes as long as before",
    async begin(site) {
      const database = databaseOf(site);
      const [, port = "5432"] = (site.outputs["databaseEndpoint"] ?? "").split(":");
      const address = (await onHost(database, "hostname -I")).trim();
      const undos = await Promise.all((await members(site)).map(({ id }) => slowDown(id, address, port)));
      // Connections that are open already go on without the relay.
      const sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr IS NOT NULL";
      await onHost(database, `runuser -u postgres -- psql -qXAt -d postgres -c "${sql}"`);
      return async () => {
        await Promise.all(undos.map((undo) => undo()));
      };
    },
  },
  "lose-zone": {
    what: "cuts the network and the power of a zone's hosts at once, and has none start there",
    watch:
      "the other zones answer; the group starts as many hosts there; when the zone is back, the fleet evens out",
    target: "zone",
    async begin(site, zone) {
      const lost = `${site.endpoint}/_faults/zones/${zone}`;
      await fetch(lost, { method: "PUT" });
      for (const { id } of (await members(site)).filter(
        (member) => member.zone === zone && member.isInService,
      )) {
        await cut(id, "0.0.0.0/0");
        cutPower(id);
      }
      return async () => {
        await fetch(lost, { method: "DELETE" });
      };
    },
  },
} as const satisfies Record<string, Fault>;
