import { subnetCidr } from "./cidr";

/** Public subnets hold load balancers and NAT gateways; hosts as well, if they have no other way out. */
export type SubnetKind = "public" | "private";

/** The region of a zone: `us-east-1` for `us-east-1a`. */
export function regionOf(zone: string): string {
  return zone.slice(0, -1);
}

/** The letter of a zone: `a` for `us-east-1a`. */
export function letterOf(zone: string): string {
  return zone.slice(-1);
}

/** The half of the VPC's range that has the subnets of one kind, of whatever zones. */
export function kindCidr(vpcCidr: string, kind: SubnetKind): string {
  return subnetCidr(vpcCidr, 17, kind === "public" ? 0 : 1);
}

/**
 * The range of a zone's subnet: one sixteenth of the VPC's /16. The zone's letter decides which, so that zones come and go
 * without moving the others. There is room for the letters a to h.
 */
export function zoneSubnetCidr(vpcCidr: string, zone: string, kind: SubnetKind): string {
  const slot = letterOf(zone).charCodeAt(0) - "a".charCodeAt(0);
  if (slot < 0 || slot > 7) throw new Error(`${zone} ends in none of the letters a to h.`);
  return subnetCidr(kindCidr(vpcCidr, kind), 20, slot);
}
