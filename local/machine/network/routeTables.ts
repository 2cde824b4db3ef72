import type { NetworkNamespace } from "./namespace";
import type { Subnet } from "./subnet";
import { uplink, uplinkGateway } from "./uplink";

/** Where a route leads. */
export type RouteTarget =
  | { readonly kind: "internetGateway" }
  | { readonly kind: "natGateway" }
  | { readonly kind: "peering"; readonly peeringId: string };

/** One end of the link between two peered networks. */
export interface PeeringLink {
  readonly interface: string;
  /** Address of the other end. */
  readonly otherSide: string;
}

interface RouteTable {
  readonly number: number;
  readonly routes: Map<string, { readonly target: RouteTarget; readonly hop: readonly string[] }>;
}

/** Route tables of subnets are looked up from this rule priority on. */
const firstPriority = 1000;

/** The route tables of a network: policy routing in its router, by the subnet that a packet comes from. */
export class RouteTables {
  private readonly tables = new Map<string, RouteTable>();
  private lastNumber = firstPriority;

  constructor(
    private readonly vpcId: string,
    private readonly router: NetworkNamespace,
    /** Links of the active peerings. */
    private readonly peerings: ReadonlyMap<string, PeeringLink>,
  ) {}

  async add(id: string): Promise<void> {
    const number = ++this.lastNumber;
    this.tables.set(id, { number, routes: new Map() });
    const table = ["table", String(number)];
    await this.router.ip("route", "add", "unreachable", "default", ...table, "metric", "9999");
  }

  async remove(id: string): Promise<void> {
    const table = this.tables.get(id);
    if (!table) return;
    await this.router.ip("route", "flush", "table", String(table.number));
    this.tables.delete(id);
  }

  /** Puts a subnet under a route table, or under none. */
  async associate(subnet: Subnet, tableId: string | undefined): Promise<void> {
    const rule = (action: "add" | "del", id: string) => {
      const number = String(this.table(id).number);
      return this.router.ip("rule", action, "priority", number, "from", subnet.cidr, "lookup", number);
    };
    if (subnet.tableId !== undefined && this.tables.has(subnet.tableId)) await rule("del", subnet.tableId);
    subnet.tableId = tableId;
    if (tableId !== undefined) await rule("add", tableId);
  }

  async setRoute(tableId: string, cidr: string, target: RouteTarget): Promise<void> {
    const table = this.table(tableId);
    const hop = target.kind === "peering" ? this.peeringHop(target.peeringId) : outwards;
    await this.router.ip("route", "replace", cidr, ...hop, "table", String(table.number));
    table.routes.set(cidr, { target, hop });
  }

  async removeRoute(tableId: string, cidr: string): Promise<void> {
    const table = this.tables.get(tableId);
    const route = table?.routes.get(cidr);
    if (!table || !route) return;
    // A deleted peering took its link along, and the link its routes.
    if (route.target.kind !== "peering" || this.peerings.has(route.target.peeringId))
      await this.router.ip("route", "delete", cidr, ...route.hop, "table", String(table.number));
    table.routes.delete(cidr);
  }

  /** Whether a subnet's hosts reach the outside through a NAT gateway. */
  hasNat(subnet: Subnet): boolean {
    const table = subnet.tableId === undefined ? undefined : this.tables.get(subnet.tableId);
    return [...(table?.routes.values() ?? [])].some((route) => route.target.kind === "natGateway");
  }

  private table(id: string): RouteTable {
    const table = this.tables.get(id);
    if (!table) throw new Error(`route table ${id} is not in VPC ${this.vpcId}`);
    return table;
  }

  private peeringHop(peeringId: string): string[] {
    const link = this.peerings.get(peeringId);
    if (!link) throw new Error(`peering ${peeringId} is not active: a route must wait for its accepter`);
    return ["via", link.otherSide, "dev", link.interface, "onlink"];
  }
}

const outwards = ["via", uplinkGateway, "dev", uplink];
