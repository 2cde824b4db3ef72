const toNumber = (address: string) =>
  address.split(".").reduce((value, part) => value * 256 + Number(part), 0);
const toAddress = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");

/** A subnet and its addresses. EC2 keeps the first four and the last for itself. */
export class Subnet {
  /** Its route table; without one it has no way out. */
  tableId: string | undefined;
  private readonly used = new Set<string>();

  constructor(
    readonly id: string,
    readonly cidr: string,
  ) {}

  /** Takes an address, the wanted or the first free one. */
  takeAddress(wanted?: string): string {
    const [base = "", bits = ""] = this.cidr.split("/");
    const first = toNumber(base) + 4;
    const count = 2 ** (32 - Number(bits)) - 5;
    const usable = Array.from({ length: count }, (_, index) => toAddress(first + index));
    const address = usable.find((each) => (wanted === undefined || each === wanted) && !this.used.has(each));
    if (address === undefined)
      throw new Error(`subnet ${this.id} (${this.cidr}) has no free address${wanted ? ` ${wanted}` : ""}`);
    this.used.add(address);
    return address;
  }

  releaseAddress(address: string): void {
    this.used.delete(address);
  }
}
