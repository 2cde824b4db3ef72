/** IPv4 address ranges, as plain numbers. */
export interface Cidr {
  /** First address. */
  readonly base: number;
  readonly prefix: number;
}

const size = (prefix: number) => 2 ** (32 - prefix);

/** Parses a range in its canonical form; undefined for anything else, such as 10.0.0.1/16. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (!match) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, prefix = 0] = match.slice(1).map(Number);
  if (Math.max(a, b, c, d) > 255 || prefix > 32) return undefined;
  const cidr = { base: ((a * 256 + b) * 256 + c) * 256 + d, prefix };
  return cidr.base % size(prefix) === 0 && formatCidr(cidr) === text ? cidr : undefined;
}

/** The canonical form of a range. */
export function formatCidr({ base, prefix }: Cidr): string {
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(base / 2 ** shift) % 256);
  return `${octets.join(".")}/${prefix}`;
}

/** Whether two ranges share an address. */
export function overlap(one: Cidr, other: Cidr): boolean {
  return one.base < other.base + size(other.prefix) && other.base < one.base + size(one.prefix);
}

/** Whether a range lies within another. */
export function within(inner: Cidr, outer: Cidr): boolean {
  return inner.prefix >= outer.prefix && overlap(inner, outer);
}

/** The part number `slot` of a range that is cut into parts of the given prefix. */
export function subnetCidr(text: string, prefix: number, slot: number): string {
  const cidr = parseCidr(text);
  if (!cidr || prefix < cidr.prefix || slot < 0 || slot >= size(cidr.prefix) / size(prefix)) {
    throw new Error(`${text} has no part number ${slot} of prefix /${prefix}.`);
  }
  return formatCidr({ base: cidr.base + slot * size(prefix), prefix });
}
