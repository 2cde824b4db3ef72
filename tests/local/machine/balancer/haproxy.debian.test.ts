import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../../support/freePort";
import { Traffic } from "../../../../local/machine/balancer/traffic";
import { eventually } from "../../../support/eventually";
import { ask, renderBalancer } from "../../../../local/machine/balancer/haproxy";

const address = "127.0.0.1";

describe("HAProxy as the balancer configures it", () => {
  const folder = mkdtempSync(join(tmpdir(), "balancer-"));
  const socket = join(folder, "admin.sock");
  const target = createServer((request, response) => {
    response.statusCode = Number(request.headers["x-status"] ?? 200);
    response.end(JSON.stringify(request.headers));
  });
  const traffic = new Traffic(() => 0);
  let balancer: ChildProcess | undefined;
  let url = "";

  before(async () => {
    target.listen(0, address);
    await once(target, "listening");
    const targetPort = (target.address() as AddressInfo).port;
    const port = await freePort();
    url = `http://${address}:${port}/`;
    const config = renderBalancer(
      { name: "web-80", address, port, namespace: "none", idleTimeout: 60 },
      {
        port: targetPort,
        deregistrationDelay: 30,
        healthCheck: {
          path: "/livez",
          port: targetPort,
          matcher: "200",
          interval: 10,
          timeout: 5,
          healthyThreshold: 3,
          unhealthyThreshold: 2,
        },
      },
      socket,
      new Map([[1, address]]),
    );
    const file = join(folder, "haproxy.cfg");
    // The target is on the machine itself.
    writeFileSync(file, config.replaceAll(" namespace none", ""));
    balancer = spawn("haproxy", ["-db", "-f", file], { stdio: ["ignore", "pipe", "inherit"] });
    balancer.stdout?.setEncoding("utf8").on("data", (chunk: string) => traffic.take(chunk));
    while (!(await ask(socket, "show info").catch(() => ""))) {
      assert.equal(balancer.exitCode, null, "HAProxy has ended");
      await sleep(20);
    }
  });

  after(async () => {
    if (balancer?.exitCode === null && balancer.kill()) await once(balancer, "exit");
    target.closeAllConnections();
    target.close();
    rmSync(folder, { recursive: true });
  });

  const received = async (given: Readonly<Record<string, string>> = {}) =>
    (await (await fetch(url, { headers: given })).json()) as Readonly<Record<string, string>>;
  const traceOf = async (given?: string) =>
    (await received(given === undefined ? {} : { "X-Amzn-Trace-Id": given }))["x-amzn-trace-id"] ?? "";

  it("each request is counted, with its time and its status", async () => {
    const before = traffic.summary().rate;
    for (const status of [200, 500]) await received({ "X-Status": String(status) });
    await eventually("both are counted", () => Promise.resolve(traffic.summary().rate === before + 0.2));
    const { failed, latency } = traffic.summary();
    assert.ok(failed > 0 && failed < 1);
    assert.ok(latency !== undefined && latency.p50 >= 0);
  });

  it("each request gets a trace of its own", async () => {
    const traces = [await traceOf(), await traceOf(), await traceOf("no root")];
    for (const trace of traces) assert.match(trace, /^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/);
    assert.equal(new Set(traces).size, 3);
  });

  it("the client's address stands last, whatever the client says of itself", async () => {
    const of = async (given: Readonly<Record<string, string>>) => (await received(given))["x-forwarded-for"];
    assert.equal(await of({}), address);
    assert.equal(await of({ "X-Forwarded-For": "203.0.113.9" }), `203.0.113.9, ${address}`);
    assert.equal(
      await of({ "X-Forwarded-For": "203.0.113.9, 198.51.100.7" }),
      `203.0.113.9, 198.51.100.7, ${address}`,
    );
  });

  it("a client does not say how it came", async () => {
    const forged = { "X-Forwarded-Proto": "https", "X-Forwarded-Port": "443" };
    const headers = await received(forged);
    assert.deepEqual(
      [headers["x-forwarded-proto"], headers["x-forwarded-port"]],
      ["http", new URL(url).port],
    );
  });

  it("a client's root is kept, what it says of the balancer is not", async () => {
    const own = "Self=1-[0-9a-f]{8}-[0-9a-f]{24};";
    assert.match(await traceOf("Root=1-5"), new RegExp(`^${own}Root=1-5$`));
    assert.match(await traceOf("Root=1-5;Self=forged;A=b"), new RegExp(`^${own}Root=1-5;A=b$`));
  });
});
