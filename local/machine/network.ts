import * as fs from "node:fs";
import * as path from "node:path";
import { run } from "./exec";
import { FirewallGroup, FirewallRule, renderFirewall } from "./firewall";
import { Semaphore } from "./semaphore";
import { PREFIX, Service, spawnService, StateDirectory, until } from "./state";

/** Where hosts find the instance metadata service, the resolver (both as on EC2) and the AWS API. */
export const METADATA_ADDRESS = "169.254.169.254";
export const RESOLVER_ADDRESS = "169.254.169.253";
export const API_ADDRESS = "169.254.170.1";
/** Gateway of every host; one address on each of the router's interfaces. */
const GATEWAY_ADDRESS = "169.254.0.1";
/** Both ends of a peering's link. */
const PEERING_ADDRESSES = ["169.254.1.1", "169.254.1.2"] as const;
/** slirp4netns gives these addresses to its own end: the gateway, and a forwarder to the machine's resolver. */
const UPLINK_GATEWAY = "10.0.2.2";
const UPLINK_RESOLVER = "10.0.2.3";
const UPLINK = "tap0";
const HOST_INTERFACE = "ens5";
/** Route tables of subnets are looked up from this rule priority on. */
const SUBNET_RULES = 1000;

/** Headers by which the metadata service and the API know who asks; HAProxy sets them, whatever the client sent. */
export const SOURCE_HEADER = "x-local-source";
export const VPC_HEADER = "x-local-vpc";

let counter = 0;
/** A name for a network interface or namespace, unique in this run and short enough for Linux (15 characters). */
const nextName = (kind: string) => `${kind}${(++counter).toString(36)}`;

/** A host's place in a network. */
export interface Attachment {
  readonly namespace: string;
  readonly interface: string;
  readonly address: string;
  readonly groupIds: string[];
  readonly isPublic: boolean;
}

/** Where a route leads. */
export type RouteTarget =
  | { readonly kind: "internetGateway" }
  | { readonly kind: "natGateway" }
  | { readonly kind: "peering"; readonly peeringId: string };

interface RouteTable {
  readonly number: number;
  readonly routes: Map<string, { readonly target: RouteTarget; readonly hop: readonly string[] }>;
}

interface Subnet {
  readonly cidr: string;
  tableId: string | undefined;
  readonly used: Set<string>;
}

const toNumber = (address: string) =>
  address.split(".").reduce((value, part) => value * 256 + Number(part), 0);
const toAddress = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");

/**
 * A VPC: a network namespace that routes between its hosts, one point-to-point link a host, with the firewall in the
 * forward path. It leaves the machine's own namespace as it is: the way out is slirp4netns, the services of the
 * platform (metadata, resolver, API) are processes of the machine that listen inside this namespace.
 */
export class VpcNetwork {
  readonly namespace: string;
  private readonly services: Service[] = [];
  private resolver: Service | undefined;
  private readonly subnets = new Map<string, Subnet>();
  private readonly tables = new Map<string, RouteTable>();
  private readonly groups = new Map<
    string,
    { ingress: Map<string, FirewallRule>; egress: Map<string, FirewallRule> }
  >();
  private readonly attachments = new Map<string, Attachment>();
  private readonly peerings = new Map<string, { readonly link: string; readonly otherSide: string }>();
  private tableNumber = SUBNET_RULES;
  private readonly names = new Map<string, string>();
  private readonly changes = new Semaphore(1);

  private isClosing = false;

  private constructor(
    readonly id: string,
    private readonly state: StateDirectory,
    private readonly onFault: (error: Error) => void,
  ) {
    this.namespace = `${PREFIX}${nextName("vpc")}`;
  }

  static async create(
    state: StateDirectory,
    id: string,
    ports: { readonly metadata: number; readonly api: number },
    /** Told when a process ends without which the network does not work. */
    onFault: (error: Error) => void,
  ): Promise<VpcNetwork> {
    const network = new VpcNetwork(id, state, onFault);
    const ns = network.namespace;
    await run("ip", ["netns", "add", ns]);
    await network.ip(["link", "set", "lo", "up"]);
    for (const address of [METADATA_ADDRESS, RESOLVER_ADDRESS, API_ADDRESS])
      await network.ip(["address", "add", `${address}/32`, "dev", "lo"]);
    await network.inside("sysctl", [
      "-qw",
      "net.ipv4.ip_forward=1",
      "net.ipv4.conf.all.rp_filter=0",
      "net.ipv4.conf.default.rp_filter=0",
    ]);
    // Hosts' own addresses (main table, its default route apart) come before the subnets' tables.
    await network.ip(["rule", "add", "priority", "100", "lookup", "main", "suppress_prefixlength", "0"]);
    await network.startUplink();
    await network.startEndpoints(ports);
    await network.startResolver();
    await network.applyFirewall();
    return network;
  }

  private ip(args: string[]): Promise<string> {
    return run("ip", ["-netns", this.namespace, ...args]);
  }

  private inside(command: string, args: string[], input?: string): Promise<string> {
    return run("ip", ["netns", "exec", this.namespace, command, ...args], { input });
  }

  private folder(): string {
    return this.state.folder("networks", this.namespace);
  }

  private async startUplink(): Promise<void> {
    const service = await spawnService(this.state, `${this.namespace}-uplink`, "slirp4netns", [
      "--configure",
      "--mtu=1500",
      "--disable-host-loopback",
      "--netns-type=path",
      `/run/netns/${this.namespace}`,
      UPLINK,
    ]);
    this.keep(service);
    await until(async () => (await this.ip(["route", "show", "default"])).includes(UPLINK), service);
    // Subnets have a way out only by their own route tables.
    await this.ip(["route", "delete", "default"]);
  }

  private async startEndpoints(ports: { readonly metadata: number; readonly api: number }): Promise<void> {
    const config = path.join(this.folder(), "endpoints.cfg");
    const endpoint = (name: string, address: string, port: number) => [
      `frontend ${name}`,
      `  bind ${address}:80 namespace ${this.namespace}`,
      `  http-request set-header ${SOURCE_HEADER} %[src]`,
      `  http-request set-header ${VPC_HEADER} ${this.id}`,
      `  default_backend ${name}`,
      `backend ${name}`,
      `  server machine 127.0.0.1:${port}`,
    ];
    fs.writeFileSync(
      config,
      [
        "global",
        "  maxconn 2000",
        "defaults",
        "  mode http",
        "  timeout connect 5s",
        "  timeout client 120s",
        "  timeout server 120s",
        ...endpoint("metadata", METADATA_ADDRESS, ports.metadata),
        ...endpoint("api", API_ADDRESS, ports.api),
        "",
      ].join("\n"),
    );
    const service = await spawnService(this.state, `${this.namespace}-endpoints`, "haproxy", [
      "-db",
      "-f",
      config,
    ]);
    this.keep(service);
    await until(async () => (await this.inside("ss", ["-Hltn"])).includes(`${API_ADDRESS}:80`), service);
  }

  private async startResolver(): Promise<void> {
    const hosts = path.join(this.folder(), "hosts");
    fs.writeFileSync(hosts, "");
    this.resolver = await spawnService(this.state, `${this.namespace}-resolver`, "ip", [
      ...["netns", "exec", this.namespace, "dnsmasq"],
      ...["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", `--server=${UPLINK_RESOLVER}`],
      ...[`--listen-address=${RESOLVER_ADDRESS}`, "--bind-interfaces", "--no-hosts", `--addn-hosts=${hosts}`],
      ...["--local-ttl=5", "--user=root", "--pid-file="],
    ]);
    this.keep(this.resolver);
    await until(
      async () => (await this.inside("ss", ["-Hlun"])).includes(`${RESOLVER_ADDRESS}:53`),
      this.resolver,
    );
  }

  /** Sets or, without an address, removes a name that only this network's resolver knows. */
  setName(name: string, address: string | undefined): void {
    if (address === undefined) this.names.delete(name);
    else this.names.set(name, address);
    const lines = [...this.names].map(([key, value]) => `${value} ${key}\n`);
    fs.writeFileSync(path.join(this.folder(), "hosts"), lines.join(""));
    if (this.resolver) process.kill(this.resolver.pid, "SIGHUP"); // dnsmasq reads its hosts file again
  }

  addSubnet(id: string, cidr: string): void {
    this.subnets.set(id, { cidr, tableId: undefined, used: new Set() });
  }

  removeSubnet(id: string): void {
    this.subnets.delete(id);
  }

  /** Takes an address of a subnet, the wanted or the first free one: EC2 keeps the first four and the last for itself. */
  takeAddress(subnetId: string, wanted?: string): string {
    const subnet = this.subnet(subnetId);
    const [base = "", bits = ""] = subnet.cidr.split("/");
    const first = toNumber(base) + 4;
    const count = 2 ** (32 - Number(bits)) - 5;
    const usable = Array.from({ length: count }, (_, index) => toAddress(first + index));
    const address = usable.find(
      (each) => (wanted === undefined || each === wanted) && !subnet.used.has(each),
    );
    if (address === undefined)
      throw new Error(`subnet ${subnetId} (${subnet.cidr}) has no free address${wanted ? ` ${wanted}` : ""}`);
    subnet.used.add(address);
    return address;
  }

  releaseAddress(subnetId: string, address: string): void {
    this.subnets.get(subnetId)?.used.delete(address);
  }

  private subnet(id: string): Subnet {
    const subnet = this.subnets.get(id);
    if (!subnet) throw new Error(`subnet ${id} is not in VPC ${this.id}`);
    return subnet;
  }

  async addRouteTable(id: string): Promise<void> {
    this.tables.set(id, { number: ++this.tableNumber, routes: new Map() });
    await this.ip([
      "route",
      "add",
      "unreachable",
      "default",
      "table",
      String(this.table(id).number),
      "metric",
      "9999",
    ]);
  }

  async removeRouteTable(id: string): Promise<void> {
    const table = this.tables.get(id);
    if (!table) return;
    this.tables.delete(id);
    await this.ip(["route", "flush", "table", String(table.number)]);
  }

  private table(id: string): RouteTable {
    const table = this.tables.get(id);
    if (!table) throw new Error(`route table ${id} is not in VPC ${this.id}`);
    return table;
  }

  /** Puts a subnet under a route table, or under none. */
  async associate(subnetId: string, tableId: string | undefined): Promise<void> {
    await this.changes.run(async () => {
      const subnet = this.subnet(subnetId);
      const rule = (action: "add" | "del", table: string) => {
        const number = String(this.table(table).number);
        return this.ip(["rule", action, "priority", number, "from", subnet.cidr, "lookup", number]);
      };
      if (subnet.tableId !== undefined && this.tables.has(subnet.tableId)) await rule("del", subnet.tableId);
      subnet.tableId = tableId;
      if (tableId !== undefined) await rule("add", tableId);
    });
    await this.applyFirewall();
  }

  async setRoute(tableId: string, cidr: string, target: RouteTarget): Promise<void> {
    const table = this.table(tableId);
    const hop =
      target.kind === "peering" ? this.peeringHop(target.peeringId) : ["via", UPLINK_GATEWAY, "dev", UPLINK];
    await this.ip(["route", "replace", cidr, ...hop, "table", String(table.number)]);
    table.routes.set(cidr, { target, hop });
    await this.applyFirewall();
  }

  private peeringHop(peeringId: string): string[] {
    const peering = this.peerings.get(peeringId);
    if (!peering) throw new Error(`peering ${peeringId} is not active: a route must wait for its accepter`);
    return ["via", peering.otherSide, "dev", peering.link, "onlink"];
  }

  async removeRoute(tableId: string, cidr: string): Promise<void> {
    const table = this.tables.get(tableId);
    const route = table?.routes.get(cidr);
    if (!table || !route) return;
    table.routes.delete(cidr);
    // A deleted peering took its link along, and the link its routes.
    if (route.target.kind !== "peering" || this.peerings.has(route.target.peeringId))
      await this.ip(["route", "delete", cidr, ...route.hop, "table", String(table.number)]);
    await this.applyFirewall();
  }

  setGroup(id: string): void {
    if (!this.groups.has(id)) this.groups.set(id, { ingress: new Map(), egress: new Map() });
  }

  hasGroup(id: string): boolean {
    return this.groups.has(id);
  }

  async removeGroup(id: string): Promise<void> {
    this.groups.delete(id);
    await this.applyFirewall();
  }

  /** Sets or, without a rule, removes a rule of a security group; it is in force at once. */
  async setRule(
    groupId: string,
    direction: "ingress" | "egress",
    ruleId: string,
    rule: FirewallRule | undefined,
  ): Promise<void> {
    const group = this.groups.get(groupId);
    if (!group) {
      if (rule === undefined) return;
      throw new Error(`security group ${groupId} is not in VPC ${this.id}`);
    }
    if (rule) group[direction].set(ruleId, rule);
    else group[direction].delete(ruleId);
    await this.applyFirewall();
  }

  /** Makes a network namespace with one link to this network. */
  async attach(
    name: string,
    options: { readonly address: string; readonly groupIds: readonly string[]; readonly isPublic: boolean },
  ): Promise<Attachment> {
    for (const id of options.groupIds)
      if (!this.groups.has(id)) throw new Error(`security group ${id} is not in VPC ${this.id}`);
    const attachment: Attachment = {
      namespace: `${PREFIX}${name}`,
      interface: nextName("h"),
      address: options.address,
      groupIds: [...options.groupIds],
      isPublic: options.isPublic,
    };
    const host = attachment.namespace;
    // The rules stand before the first packet can flow.
    this.attachments.set(host, attachment);
    await this.applyFirewall();
    await run("ip", ["netns", "add", host]);
    await run("ip", ["-netns", host, "link", "set", "lo", "up"]);
    await this.ip([
      ...["link", "add", attachment.interface, "type", "veth"],
      ...["peer", "name", HOST_INTERFACE, "netns", host],
    ]);
    await this.ip(["address", "add", `${GATEWAY_ADDRESS}/32`, "dev", attachment.interface]);
    await this.ip(["link", "set", attachment.interface, "up"]);
    await run("ip", ["-netns", host, "address", "add", `${attachment.address}/32`, "dev", HOST_INTERFACE]);
    await run("ip", ["-netns", host, "link", "set", HOST_INTERFACE, "up"]);
    await run("ip", [
      "-netns",
      host,
      "route",
      "add",
      "default",
      "via",
      GATEWAY_ADDRESS,
      "dev",
      HOST_INTERFACE,
      "onlink",
    ]);
    await this.ip(["route", "add", `${attachment.address}/32`, "dev", attachment.interface]);
    return attachment;
  }

  async setGroups(attachment: Attachment, groupIds: readonly string[]): Promise<void> {
    attachment.groupIds.splice(0, attachment.groupIds.length, ...groupIds);
    await this.applyFirewall();
  }

  async detach(attachment: Attachment): Promise<void> {
    if (!this.attachments.delete(attachment.namespace)) return;
    await run("ip", ["netns", "delete", attachment.namespace]);
    // The kernel removes the router's end of the link a moment after the namespace.
    await this.ip(["link", "delete", attachment.interface]).catch(() => undefined);
    await this.applyFirewall();
  }

  /** Joins two networks by a link; nothing flows until routes lead over it. */
  static async peer(peeringId: string, a: VpcNetwork, b: VpcNetwork): Promise<void> {
    const link = nextName("p");
    await a.ip(["link", "add", link, "type", "veth", "peer", "name", link, "netns", b.namespace]);
    for (const [side, own, other] of [
      [a, ...PEERING_ADDRESSES] as const,
      [b, PEERING_ADDRESSES[1], PEERING_ADDRESSES[0]] as const,
    ]) {
      await side.ip(["address", "add", `${own}/32`, "dev", link]);
      await side.ip(["link", "set", link, "up"]);
      side.peerings.set(peeringId, { link, otherSide: other });
    }
  }

  static async unpeer(peeringId: string, a: VpcNetwork, b: VpcNetwork): Promise<void> {
    const link = a.peerings.get(peeringId)?.link;
    a.peerings.delete(peeringId);
    b.peerings.delete(peeringId);
    if (link) await a.ip(["link", "delete", link]);
  }

  private applyFirewall(): Promise<void> {
    return this.changes.run(async () => {
      const natSubnets = [...this.subnets.values()]
        .filter((subnet) => {
          const table = subnet.tableId === undefined ? undefined : this.tables.get(subnet.tableId);
          return [...(table?.routes.values() ?? [])].some((route) => route.target.kind === "natGateway");
        })
        .map((subnet) => subnet.cidr);
      const groups: FirewallGroup[] = [...this.groups].map(([id, group]) => ({
        id,
        ingress: [...group.ingress.values()],
        egress: [...group.egress.values()],
      }));
      const hosts = [...this.attachments.values()];
      const rules = renderFirewall({ hosts, groups, natSubnets, uplink: UPLINK });
      await this.inside("nft", ["-f", "-"], rules);
    });
  }

  private keep(service: Service): void {
    this.services.push(service);
    void service.ended.then((reason) => {
      if (!this.isClosing)
        this.onFault(new Error(`${service.name} ended with ${reason}: ${service.output().trim()}`));
    });
  }

  async destroy(): Promise<void> {
    this.isClosing = true;
    for (const service of this.services.reverse()) await service.stop();
    await run("ip", ["netns", "delete", this.namespace]);
  }
}
