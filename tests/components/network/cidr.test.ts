import assert from "node:assert/strict";
import { it } from "node:test";
import * as fc from "fast-check";
import { formatCidr, overlap, parseCidr, subnetCidr, within } from "../../../components/network/cidr";
import { kindCidr, letterOf, regionOf, zoneSubnetCidr } from "../../../components/network/networkPlan";

/** Any range in its canonical form. */
const cidr = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 32 }))
  .map(([address, prefix]) => ({ base: address - (address % 2 ** (32 - prefix)), prefix }));

for (const text of ["10.0.0.0/16", "0.0.0.0/0", "255.255.255.255/32", "192.168.64.0/20"]) {
  it(`${text} is a range`, () => assert.equal(formatCidr(parseCidr(text)!), text));
}

const wrong = [
  "",
  "10.0.0.0",
  "10.0.0.1/16",
  "10.0.0.0/33",
  "10.0.0.256/32",
  "010.0.0.0/8",
  "10.0.0.0/16 ",
  "::/0",
  "a",
];
for (const text of wrong) {
  it(`"${text}" is no range`, () => assert.equal(parseCidr(text), undefined));
}

it("a range survives being written and read", () => {
  fc.assert(fc.property(cidr, (range) => assert.deepEqual(parseCidr(formatCidr(range)), range)));
});

it("ranges overlap exactly when one lies within the other", () => {
  fc.assert(
    fc.property(cidr, cidr, (one, other) => {
      assert.equal(overlap(one, other), overlap(other, one));
      assert.equal(overlap(one, other), within(one, other) || within(other, one));
    }),
  );
});

it("the parts of a range lie within it and apart from each other", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 15 }),
      fc.integer({ min: 0, max: 15 }),
      fc.integer({ min: 0, max: 255 }),
      (one, other, second) => {
        const vpc = `10.${second}.0.0/16`;
        const [a, b] = [one, other].map((slot) => parseCidr(subnetCidr(vpc, 20, slot))!);
        assert.ok(within(a!, parseCidr(vpc)!));
        assert.equal(overlap(a!, b!), one === other);
      },
    ),
  );
});

it("there is no part beyond the last", () => {
  assert.equal(subnetCidr("10.10.0.0/16", 20, 15), "10.10.240.0/20");
  for (const slot of [-1, 16]) assert.throws(() => subnetCidr("10.10.0.0/16", 20, slot), /no part number/);
  assert.throws(() => subnetCidr("10.10.0.0/16", 8, 0), /no part number/);
});

it("a zone's letter alone decides its subnets", () => {
  const table = [
    ["us-east-1a", "public", "10.10.0.0/20"],
    ["us-east-1b", "public", "10.10.16.0/20"],
    ["us-east-2b", "public", "10.10.16.0/20"],
    ["us-east-1a", "private", "10.10.128.0/20"],
    ["us-east-1h", "private", "10.10.240.0/20"],
  ] as const;
  for (const [zone, kind, expected] of table)
    assert.equal(zoneSubnetCidr("10.10.0.0/16", zone, kind), expected);
  assert.throws(() => zoneSubnetCidr("10.10.0.0/16", "us-east-1i", "public"), /none of the letters/);
});

it("all subnets of a kind lie in one half of the network", () => {
  for (const kind of ["public", "private"] as const) {
    for (const letter of "abcdefgh") {
      const subnet = parseCidr(zoneSubnetCidr("10.10.0.0/16", `us-east-1${letter}`, kind))!;
      assert.ok(within(subnet, parseCidr(kindCidr("10.10.0.0/16", kind))!));
    }
  }
});

it("a zone has a region and a letter", () => {
  assert.equal(regionOf("us-east-1a"), "us-east-1");
  assert.equal(letterOf("us-east-1a"), "a");
});
