import { Mutex } from "async-mutex";
import type { Service } from "../service";
import { namePrefix } from "../state";
import type { StateDirectory } from "../state";
import { Undo } from "../undo";
import { apiAddress, metadataAddress, startEndpoints } from "./endpoints";
import type { Endpoints } from "./endpoints";
import { renderFirewall } from "./firewall";
import type { FirewallRule } from "./firewall";
import { NetworkNamespace, uniqueName } from "./namespace";
import { Resolver, resolverAddress } from "./resolver";
import { RouteTables } from "./routeTables";
import type { PeeringLink, RouteTarget } from "./routeTables";
import { Subnet } from "./subnet";
import { startUplink, uplink } from "./uplink";

/** Gateway of every host; one address on each of the router's interfaces. */
const gatewayAddress = "169.254.0.1";
/** Both ends of a peering's link. */
const peeringAddresses = ["169.254.1.1", "169.254.1.2"] as const;
const hostInterface = "ens5";

/** A host's place in a network. */
export interface Attachment {
  /** Network namespace of the host. */
  readonly namespace: string;
  /** Network interface on the router's side. */
  readonly interface: string;
  readonly address: string;
  readonly groupIds: readonly string[];
  readonly isPublic: boolean;
}

/** What a host's place in a network is made of. */
export interface AttachmentOptions {
  readonly address: string;
  readonly groupIds: readonly string[];
  /** Whether an internet gateway lets its packets pass. */
  readonly isPublic: boolean;
}

/** An attachment as its network keeps it, from its beginning until nothing of it is left. */
interface Attached extends Attachment {
  groupIds: readonly string[];
  readonly undo: Undo;
}

/** What a security group opens, by rule id. */
interface SecurityGroup {
  readonly ingress: Map<string, FirewallRule>;
  readonly egress: Map<string, FirewallRule>;
}

/**
 * A VPC: a network namespace that routes between its hosts, one point-to-point link a host, with the firewall in the
 * forward path. It leaves the machine's own namespace as it is: the way out is slirp4netns, the services of the
 * platform (metadata, resolver, API) are processes of the machine that listen inside this namespace.
 */
export class VpcNetwork {
  private readonly router = new NetworkNamespace(`${namePrefix()}${uniqueName("vpc")}`);
  private resolver: Resolver | undefined;
  private readonly subnets = new Map<string, Subnet>();
  private readonly groups = new Map<string, SecurityGroup>();
  private readonly attachments = new Map<string, Attached>();
  private readonly peerings = new Map<string, PeeringLink>();
  private readonly routes: RouteTables;
  /** Changes of the routing rules and of the firewall follow each other. */
  private readonly changes = new Mutex();
  private readonly undo = new Undo();

  private constructor(
    readonly id: string,
    private readonly onFault: (error: Error) => void,
  ) {
    this.routes = new RouteTables(id, this.router, this.peerings);
  }

  /** Makes a network; `onFault` is told when a process ends without which it does not work. */
  static async create(
    state: StateDirectory,
    id: string,
    endpoints: Endpoints,
    onFault: (error: Error) => void,
  ): Promise<VpcNetwork> {
    const network = new VpcNetwork(id, onFault);
    await network.undo.ifFails(() => network.build(state, endpoints));
    return network;
  }

  private async build(state: StateDirectory, endpoints: Endpoints): Promise<void> {
    const { router, undo } = this;
    undo.add(() => router.delete());
    await router.create();
    for (const address of [metadataAddress, resolverAddress, apiAddress])
      await router.ip("address", "add", `${address}/32`, "dev", "lo");
    const settings = ["ip_forward=1", "conf.all.rp_filter=0", "conf.default.rp_filter=0"];
    await router.run("sysctl", ["-qw", ...settings.map((setting) => `net.ipv4.${setting}`)]);
    // Hosts' own addresses (main table, its default route apart) come before the subnets' tables.
    await router.ip("rule", "add", "priority", "100", "lookup", "main", "suppress_prefixlength", "0");
    this.keep(await startUplink(state, router));
    // Subnets have a way out only by their own route tables.
    await router.ip("route", "delete", "default");
    this.keep(await startEndpoints(state, this.id, router, endpoints));
    this.resolver = await Resolver.start(state, router);
    this.keep(this.resolver.service);
    await this.applyFirewall();
  }

  private keep(service: Service): void {
    let isWanted = true;
    this.undo.add(() => {
      isWanted = false;
      return service.stop();
    });
    void service.ended.then((reason) => {
      if (isWanted)
        this.onFault(new Error(`${service.name} ended with ${reason}: ${service.output().trim()}`));
    });
  }

  /** Network namespace of the router. */
  get namespace(): string {
    return this.router.name;
  }

  /** Sets or, without an address, removes a name that only this network's resolver knows. */
  setName(name: string, address: string | undefined): void {
    this.resolver?.setName(name, address);
  }

  addSubnet(id: string, cidr: string): void {
    this.subnets.set(id, new Subnet(id, cidr));
  }

  removeSubnet(id: string): void {
    this.subnets.delete(id);
  }

  /** Takes an address of a subnet, the wanted or the first free one. */
  takeAddress(subnetId: string, wanted?: string): string {
    return this.subnet(subnetId).takeAddress(wanted);
  }

  releaseAddress(subnetId: string, address: string): void {
    this.subnets.get(subnetId)?.releaseAddress(address);
  }

  private subnet(id: string): Subnet {
    const subnet = this.subnets.get(id);
    if (!subnet) throw new Error(`subnet ${id} is not in VPC ${this.id}`);
    return subnet;
  }

  addRouteTable(id: string): Promise<void> {
    return this.routes.add(id);
  }

  removeRouteTable(id: string): Promise<void> {
    return this.routes.remove(id);
  }

  /** Puts a subnet under a route table, or under none. */
  async associate(subnetId: string, tableId: string | undefined): Promise<void> {
    await this.changes.runExclusive(() => this.routes.associate(this.subnet(subnetId), tableId));
    await this.applyFirewall();
  }

  async setRoute(tableId: string, cidr: string, target: RouteTarget): Promise<void> {
    await this.routes.setRoute(tableId, cidr, target);
    await this.applyFirewall();
  }

  async removeRoute(tableId: string, cidr: string): Promise<void> {
    await this.routes.removeRoute(tableId, cidr);
    await this.applyFirewall();
  }

  addGroup(id: string): void {
    this.groups.set(id, { ingress: new Map(), egress: new Map() });
  }

  hasGroup(id: string): boolean {
    return this.groups.has(id);
  }

  async removeGroup(id: string): Promise<void> {
    this.groups.delete(id);
    await this.applyFirewall();
  }

  private group(id: string): SecurityGroup {
    const group = this.groups.get(id);
    if (!group) throw new Error(`security group ${id} is not in VPC ${this.id}`);
    return group;
  }

  /** Sets a rule of a security group; it is in force at once. */
  async setRule(
    groupId: string,
    direction: "ingress" | "egress",
    ruleId: string,
    rule: FirewallRule,
  ): Promise<void> {
    this.group(groupId)[direction].set(ruleId, rule);
    await this.applyFirewall();
  }

  /** Takes a rule away; safe to call when it, or its group, is gone. */
  async removeRule(groupId: string, direction: "ingress" | "egress", ruleId: string): Promise<void> {
    if (this.groups.get(groupId)?.[direction].delete(ruleId)) await this.applyFirewall();
  }

  /** Makes a network namespace with one link to this network; when that fails nothing of it is left. */
  async attach(name: string, options: AttachmentOptions): Promise<Attachment> {
    for (const id of options.groupIds) this.group(id);
    const attached: Attached = {
      namespace: `${namePrefix()}${name}`,
      interface: uniqueName("h"),
      ...options,
      undo: new Undo(),
    };
    await attached.undo.ifFails(() => this.link(attached));
    return attached;
  }

  private async link(attached: Attached): Promise<void> {
    const { router } = this;
    const { address, interface: own, undo } = attached;
    const host = new NetworkNamespace(attached.namespace);
    // The rules stand before the first packet can flow.
    undo.add(async () => {
      this.attachments.delete(host.name);
      await this.applyFirewall();
    });
    this.attachments.set(host.name, attached);
    await this.applyFirewall();
    undo.add(() => host.delete());
    await host.create();
    // By itself the kernel removes the router's end, and the routes over it, only a while after the namespace.
    undo.add(() => router.deleteLink(own));
    await router.ip("link", "add", own, "type", "veth", "peer", "name", hostInterface, "netns", host.name);
    await router.ip("address", "add", `${gatewayAddress}/32`, "dev", own);
    await router.ip("link", "set", own, "up");
    await host.ip("address", "add", `${address}/32`, "dev", hostInterface);
    await host.ip("link", "set", hostInterface, "up");
    await host.ip("route", "add", "default", "via", gatewayAddress, "dev", hostInterface, "onlink");
    await router.ip("route", "add", `${address}/32`, "dev", own);
  }

  /** Gives a host other security groups; they are in force at once. */
  async setGroups(attachment: Attachment, groupIds: readonly string[]): Promise<void> {
    const attached = this.attachments.get(attachment.namespace);
    if (!attached) throw new Error(`${attachment.namespace} is not attached to VPC ${this.id}`);
    for (const id of groupIds) this.group(id);
    attached.groupIds = groupIds;
    await this.applyFirewall();
  }

  /** Takes a host's place away; what fails can be tried again. */
  async detach(attachment: Attachment): Promise<void> {
    await this.attachments.get(attachment.namespace)?.undo.run();
  }

  /** Joins two networks by a link; nothing flows until routes lead over it. */
  static async peer(peeringId: string, a: VpcNetwork, b: VpcNetwork): Promise<void> {
    const link = uniqueName("p");
    await a.router.ip("link", "add", link, "type", "veth", "peer", "name", link, "netns", b.namespace);
    for (const [side, own, other] of [
      [a, ...peeringAddresses] as const,
      [b, peeringAddresses[1], peeringAddresses[0]] as const,
    ]) {
      await side.router.ip("address", "add", `${own}/32`, "dev", link);
      await side.router.ip("link", "set", link, "up");
      side.peerings.set(peeringId, { interface: link, otherSide: other });
    }
  }

  static async unpeer(peeringId: string, a: VpcNetwork, b: VpcNetwork): Promise<void> {
    const link = a.peerings.get(peeringId)?.interface;
    if (link) await a.router.deleteLink(link);
    a.peerings.delete(peeringId);
    b.peerings.delete(peeringId);
  }

  private applyFirewall(): Promise<void> {
    return this.changes.runExclusive(async () => {
      const rules = renderFirewall({
        hosts: [...this.attachments.values()],
        groups: [...this.groups].map(([id, group]) => ({
          id,
          ingress: [...group.ingress.values()],
          egress: [...group.egress.values()],
        })),
        natSubnets: [...this.subnets.values()]
          .filter((subnet) => this.routes.hasNat(subnet))
          .map((subnet) => subnet.cidr),
        uplink,
      });
      await this.router.run("nft", ["-f", "-"], rules);
    });
  }

  /** Ends the network's processes and deletes its namespace; what fails can be tried again. */
  destroy(): Promise<void> {
    return this.undo.run();
  }
}
