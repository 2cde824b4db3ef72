import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { CommandError, run } from "../../local/machine/exec";
import type { FirewallRule } from "../../local/machine/network/firewall";
import { makeAuthority, secureNames } from "../../local/machine/network/authority";
import { apiAddress } from "../../local/machine/network/endpoints";
import { resolverAddress } from "../../local/machine/network/resolver";
import { VpcNetwork } from "../../local/machine/network/vpcNetwork";
import type { Attachment } from "../../local/machine/network/vpcNetwork";
import { spawnService } from "../../local/machine/service";
import type { Service } from "../../local/machine/service";
import { StateDirectory } from "../../local/machine/state";
import { sweep } from "../../local/machine/sweep";

const listenerScript = `
import socketserver, sys
class Answer(socketserver.BaseRequestHandler):
    def handle(self): self.request.sendall(b"ok")
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("0.0.0.0", int(sys.argv[1])), Answer).serve_forever()
`;
const connectScript = `
import socket, sys
try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3])) as link:
        sys.exit(0 if link.recv(2) == b"ok" else 3)
except OSError:
    sys.exit(2)
`;

const tcp = (port: number, peer: FirewallRule["peer"]): FirewallRule => ({
  protocol: "tcp",
  fromPort: port,
  toPort: port,
  peer,
});
const fault = (error: Error) => {
  throw error;
};
const anywhere = { cidr: "0.0.0.0/0" };

describe("two networks", () => {
  let state: StateDirectory;
  let api: Server;
  let authorityFile: string;
  let web: VpcNetwork;
  let database: VpcNetwork;
  let client: Attachment;
  let neighbour: Attachment;
  let server: Attachment;
  const listeners: Service[] = [];

  const reaches = async (from: Attachment, to: Attachment, port: number, wait = 0.7): Promise<boolean> =>
    run("ip", [
      "netns",
      "exec",
      from.namespace,
      "python3",
      "-c",
      connectScript,
      to.address,
      String(port),
      String(wait),
    ])
      .then(() => true)
      .catch((error: unknown) => {
        if (error instanceof CommandError && error.exitStatus === 2) return false;
        throw error;
      });

  before(async () => {
    state = StateDirectory.acquire();
    await sweep(state);
    api = createServer((request, response) => response.end(JSON.stringify(request.headers)));
    await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
    const { port } = api.address() as AddressInfo;
    const authority = await makeAuthority(state);
    authorityFile = join(state.folder("authority"), "authority.pem");
    const endpoints = { metadata: port, api: port, certificateFile: authority.serviceFile };
    [web, database] = await Promise.all([
      VpcNetwork.create(state, "vpc-web", endpoints, fault),
      VpcNetwork.create(state, "vpc-database", endpoints, fault),
    ]);
    web.addSubnet("subnet-web", "10.10.0.0/20");
    database.addSubnet("subnet-database", "10.20.0.0/20");
    for (const [network, subnet, table, group] of [
      [web, "subnet-web", "rtb-web", "sg-web"],
      [database, "subnet-database", "rtb-database", "sg-database"],
    ] as const) {
      await network.addRouteTable(table);
      await network.associate(subnet, table);
      network.addGroup(group);
      await network.setRule(group, "egress", "all", { protocol: "-1", peer: anywhere });
    }
    const attach = (network: VpcNetwork, name: string, subnet: string, group: string) =>
      network.attach(name, { address: network.takeAddress(subnet), groupIds: [group], isPublic: false });
    client = await attach(web, "client", "subnet-web", "sg-web");
    neighbour = await attach(web, "neighbour", "subnet-web", "sg-web");
    server = await attach(database, "server", "subnet-database", "sg-database");
    for (const [name, host] of Object.entries({ neighbour, server }))
      listeners.push(
        await spawnService(state, `listener-${name}`, "ip", [
          ...["netns", "exec", host.namespace, "python3", "-c", listenerScript, "5432"],
        ]),
      );
  });

  after(async () => {
    try {
      for (const listener of listeners) await listener.stop();
      for (const host of [client, neighbour]) await web.detach(host);
      await database.detach(server);
      await web.destroy();
      await database.destroy();
      assert.deepEqual(await sweep(state), [], "networks clean up after themselves");
    } finally {
      api.close();
      await sweep(state);
      state.release();
    }
  });

  it("there is no way out but by a subnet's own routes", async () => {
    assert.equal(await run("ip", ["-netns", web.namespace, "route", "show", "default"]), "");
  });

  it("a host cannot send from another's address", async () => {
    await web.setRule("sg-web", "ingress", "neighbours", tcp(5432, anywhere));
    const dummy = ["-netns", client.namespace, "address"];
    await run("ip", [...dummy, "add", "10.10.0.77/32", "dev", "lo"]);
    const script = connectScript.replace(
      "timeout=float(sys.argv[3])",
      'timeout=0.7, source_address=("10.10.0.77", 0)',
    );
    await assert.rejects(
      run("ip", [
        ...["netns", "exec", client.namespace, "python3", "-c", script],
        ...[neighbour.address, "5432", "1"],
      ]),
      (error: CommandError) => error.exitStatus === 2,
    );
    await run("ip", [...dummy, "del", "10.10.0.77/32", "dev", "lo"]);
    await web.removeRule("sg-web", "ingress", "neighbours");
  });

  it("a host that cannot be attached leaves nothing, and takes nothing from the one in its place", async () => {
    await web.setRule("sg-web", "ingress", "neighbours", tcp(5432, anywhere));
    const links = () => run("ip", ["-netns", web.namespace, "-brief", "link", "show"]);
    const before = await links();
    const twin = { address: neighbour.address, groupIds: ["sg-web"], isPublic: false };
    await assert.rejects(web.attach("twin", twin), /File exists/);
    assert.equal(await links(), before);
    assert.doesNotMatch(await run("ip", ["netns", "list"]), /-twin/);
    assert.equal(await reaches(client, neighbour, 5432, 5), true);
    await web.removeRule("sg-web", "ingress", "neighbours");
  });

  it("a place that is taken away is gone at once, and may be taken away twice", async () => {
    const address = web.takeAddress("subnet-web");
    for (let round = 0; round < 2; round++) {
      const guest = await web.attach("guest", { address, groupIds: ["sg-web"], isPublic: false });
      await web.detach(guest);
      await web.detach(guest);
    }
    web.releaseAddress("subnet-web", address);
  });

  it("neighbours in one subnet do not reach each other unless a rule says so", async () => {
    assert.equal(await reaches(client, neighbour, 5432), false);
    await web.setRule("sg-web", "ingress", "neighbours", tcp(5432, { groupId: "sg-web" }));
    assert.equal(await reaches(client, neighbour, 5432, 5), true);
    await web.removeRule("sg-web", "ingress", "neighbours");
    assert.equal(await reaches(client, neighbour, 5432), false);
  });

  it("a rule on the receiver's side is not enough when the sender may not send", async () => {
    await web.setRule("sg-web", "ingress", "neighbours", tcp(5432, anywhere));
    await web.setRule("sg-web", "egress", "all", tcp(443, anywhere));
    assert.equal(await reaches(client, neighbour, 5432), false);
    await web.setRule("sg-web", "egress", "all", { protocol: "-1", peer: anywhere });
    assert.equal(await reaches(client, neighbour, 5432, 5), true);
    await web.removeRule("sg-web", "ingress", "neighbours");
  });

  it("networks reach each other over a peering with routes on both sides and an open port, never before", async () => {
    await database.setRule("sg-database", "ingress", "clients", tcp(5432, { cidr: "10.10.0.0/20" }));
    assert.equal(await reaches(client, server, 5432), false);
    await assert.rejects(
      web.setRoute("rtb-web", "10.20.0.0/20", { kind: "peering", peeringId: "pcx-1" }),
      /peering pcx-1 is not active/,
    );
    await VpcNetwork.peer("pcx-1", web, database);
    assert.equal(await reaches(client, server, 5432), false);
    await web.setRoute("rtb-web", "10.20.0.0/20", { kind: "peering", peeringId: "pcx-1" });
    assert.equal(await reaches(client, server, 5432), false);
    await database.setRoute("rtb-database", "10.10.0.0/20", { kind: "peering", peeringId: "pcx-1" });
    assert.equal(await reaches(client, server, 5432, 5), true);
    await database.removeRule("sg-database", "ingress", "clients");
    assert.equal(await reaches(client, server, 5432), false);
    await database.removeRoute("rtb-database", "10.10.0.0/20");
    await web.removeRoute("rtb-web", "10.20.0.0/20");
    await VpcNetwork.unpeer("pcx-1", web, database);
  });

  it("a name is known where its zone is, and only there", async () => {
    web.setName("postgres.test.internal", "10.20.0.4");
    const ask = (from: Attachment) =>
      run("ip", ["netns", "exec", from.namespace, "python3", "-c", dnsQueryScript, resolverAddress]);
    for (let tries = 0; (await ask(client)).trim() !== "10.20.0.4"; tries++)
      assert.ok(tries < 50, "the resolver has not learnt the name");
    assert.notEqual((await ask(server)).trim(), "10.20.0.4");
  });

  it("the API learns who asks, whatever the client claims", async () => {
    const answer = await run("ip", [
      ...["netns", "exec", client.namespace, "curl", "-sS", "-H", "x-local-source: 10.10.0.99"],
      `http://${apiAddress}/`,
    ]);
    const headers = JSON.parse(answer) as Record<string, string>;
    assert.equal(headers["x-local-source"], client.address);
    assert.equal(headers["x-local-vpc"], "vpc-web");
  });

  it("S3 answers over TLS by its own name, with a certificate of the run's authority", async () => {
    const ask = (...options: string[]) =>
      run("ip", [
        ...["netns", "exec", client.namespace, "curl", "-sS", ...options],
        ...["--resolve", `${secureNames[0]}:443:${apiAddress}`, `https://${secureNames[0]}/`],
      ]);
    const headers = JSON.parse(await ask("--cacert", authorityFile)) as Record<string, string>;
    assert.equal(headers["x-local-vpc"], "vpc-web");
    await assert.rejects(ask(), /certificate/);
  });
});

/** Asks a resolver for one A record; prints the address, or nothing. */
const dnsQueryScript = `
import socket, struct, sys
name = b"".join(bytes([len(label)]) + label for label in b"postgres.test.internal".split(b".")) + b"\\0"
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
    link.settimeout(5)
    link.sendto(struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1), (sys.argv[1], 53))
    answer = link.recv(512)
if struct.unpack(">H", answer[6:8])[0]:
    print(socket.inet_ntoa(answer[-4:]))
`;
