import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { portHolder } from "../../../../local/machine/balancer/ports";

/** Listens at an address, on a port or on any, and prints the port. */
const listener = `
const [address, port] = process.argv.slice(1);
const server = require("node:net").createServer().listen(Number(port), address, () => console.log(server.address().port));
`;

describe("a port of the machine", () => {
  for (const [where, at] of [
    ["the address", "127.0.88.1"],
    ["all addresses", "0.0.0.0"],
  ] as const)
    it(`is held by who has it at ${where}, whoever has it at others`, async (t) => {
      const own = createServer().listen(0, "127.0.88.2");
      await once(own, "listening");
      t.after(() => own.close());
      const { port: busy } = own.address() as AddressInfo;
      // At all addresses there is room for nobody else.
      const wanted = at === "0.0.0.0" ? 0 : busy;
      const other = spawn(process.execPath, ["-e", listener, at, String(wanted)]);
      t.after(async () => {
        other.kill();
        await once(other, "close");
      });
      const [line] = (await once(other.stdout, "data")) as [Buffer];
      const port = Number(line.toString());
      assert.match((await portHolder("127.0.88.1", port)) ?? "", new RegExp(`\\(process ${other.pid}\\)$`));
      assert.equal(await portHolder("127.0.88.3", busy), undefined);
    });
});
