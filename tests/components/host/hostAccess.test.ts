import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HostAccess, type HostAccessArgs } from "../../../components/host/hostAccess";
import { evaluate, valueOf } from "../../support/component";
import { find } from "../../../local/engine/recorder";

const access = (args: HostAccessArgs) => evaluate((provider) => new HostAccess("access", args, { provider }));

describe("HostAccess", () => {
  it("makes nothing without SSH", async () => {
    for (const sessionManager of [true, false]) {
      const { made, registrations } = await access({ sessionManager });
      assert.deepEqual([made.sessionManager, made.keyName, made.openings], [sessionManager, undefined, []]);
      assert.deepEqual(
        registrations.filter(({ type }) => type.startsWith("aws:")),
        [],
      );
    }
  });

  it("makes a key pair, and opens port 22 to the named networks only", async () => {
    const ssh = { publicKey: "ssh-ed25519 AAAA", cidrBlocks: ["192.0.2.0/24", "198.51.100.7/32"] };
    const graph = await access({ sessionManager: false, ssh });
    const key = find(graph, "aws:ec2/keyPair:KeyPair", "access");
    assert.equal(key.inputs["publicKey"], ssh.publicKey);
    assert.ok(graph.made.keyName);
    assert.deepEqual(
      graph.made.openings.map(({ port, cidrBlock }) => [port, cidrBlock]),
      ssh.cidrBlocks.map((cidrBlock) => [22, cidrBlock]),
    );
    assert.equal(await valueOf(graph.made.keyName), "access-1234567");
  });

  it("refuses a key that no network may use", () =>
    assert.rejects(access({ sessionManager: true, ssh: { publicKey: "ssh-ed25519 AAAA", cidrBlocks: [] } }), {
      propertyPath: "ssh.cidrBlocks",
    }));
});
