import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, it } from "node:test";
import { Failure } from "../../client/failure";
import { patienceFor, patientFetch, retryAfter } from "../../client/patience";
import type { Fault } from "./fakeService";
import { start } from "./support";

const busy: Fault = { status: 503, headers: { "retry-after": "0" }, body: { detail: "Busy." } };
/** As the client's own, in less time. */
const quick = { timeout: 10_000, budget: 20_000, wait: 1, tries: 4 };

describe("what is tried again", () => {
  const request = (method: string, path: string, headers: Record<string, string> = {}) =>
    new Request(`http://localhost${path}`, { method, headers });

  for (const [method, path, headers, isRepeated] of [
    ["GET", "/v1/tasks", {}, true],
    ["PUT", "/v1/fleet", {}, true],
    ["POST", "/v1/tasks", { "idempotency-key": "1" }, true],
    ["POST", "/v1/signup", {}, true],
    ["POST", "/v1/token/refresh", {}, true],
    ["POST", "/v1/tasks", {}, false],
    ["POST", "/v1/signin", {}, false],
    ["POST", "/v1/accounts/1/lock", {}, false],
    ["PUT", "/v1/account/password", {}, false],
    ["PATCH", "/v1/tasks/1", { "if-match": '"1"' }, false],
    ["DELETE", "/v1/tasks/1", {}, false],
    // Who asks for the state wants to see it.
    ["GET", "/readyz", {}, false],
  ] as const)
    it(`${method} ${path}${"idempotency-key" in headers ? " with a key" : ""}: ${isRepeated ? "yes" : "no"}`, () =>
      assert.equal(patienceFor(request(method, path, headers)).tries > 1, isRepeated));

  it("the renewal of a session only while the service takes the token once more: less than ten seconds", () => {
    const { budget, timeout } = patienceFor(request("POST", "/v1/token/refresh"));
    assert.ok(budget < 10_000 && timeout < budget);
  });
});

describe("a patient request", () => {
  for (const [name, fault] of [
    ["is busy", busy],
    ["cuts the connection", "cut"],
    ["does its work and cuts the connection", "cut after"],
    ["is behind a balancer without hosts", { status: 502, body: "<html>" }],
    ["has had too many requests", { ...busy, status: 429 }],
  ] as const)
    it(`is made again when the service ${name}`, async (t) => {
      const { service } = await start(t);
      service.faults.push(...[1, 2, 3].map(() => ({ on: "GET /readyz", fault })));
      assert.equal((await patientFetch(new Request(`${service.url}/readyz`), quick)).status, 200);
      assert.equal(service.asked.length, 4);
    });

  it("is made a bounded number of times", async (t) => {
    const { service } = await start(t);
    service.faults.push(...Array.from({ length: 9 }, () => ({ on: "GET /readyz", fault: busy })));
    assert.equal((await patientFetch(new Request(`${service.url}/readyz`), quick)).status, 503);
    assert.equal(service.asked.length, quick.tries);
  });

  it("is not made again for what will not pass", async (t) => {
    const { service } = await start(t);
    service.faults.push({ on: "GET /readyz", fault: { status: 500 } });
    assert.equal((await patientFetch(new Request(`${service.url}/readyz`), quick)).status, 500);
    assert.equal(service.asked.length, 1);
  });

  it("does not wait longer than it may, whatever the service asks for", async (t) => {
    const { service } = await start(t);
    const fault = { status: 503, headers: { "retry-after": "86400" } };
    service.faults.push({ on: "GET /readyz", fault });
    assert.equal((await patientFetch(new Request(`${service.url}/readyz`), quick)).status, 503);
    assert.equal(service.asked.length, 1);
  });

  it("waits as long as the service asks for, and some of its own time besides", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    t.mock.method(Math, "random", () => 0.5);
    const headers = { "retry-after": "7" };
    const fetched = t.mock.method(
      globalThis,
      "fetch",
      async () => new Response("", { status: fetched.mock.callCount() < 2 ? 503 : 200, headers }),
    );
    const answer = patientFetch(new Request("http://localhost"), { ...quick, wait: 100 });
    const passes = async (milliseconds: number) => {
      // What the passing of time leads to, leads on.
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      t.mock.timers.tick(milliseconds);
    };
    await passes(7049);
    await passes(0);
    assert.equal(fetched.mock.callCount(), 1);
    await passes(1);
    await passes(7099);
    assert.equal(fetched.mock.callCount(), 2);
    await passes(1);
    assert.equal((await answer).status, 200);
    assert.equal(fetched.mock.callCount(), 3);
  });

  it("sends its body again", async (t) => {
    const { service } = await start(t);
    service.faults.push({ on: "POST /v1/signup", fault: "cut after" });
    const body = JSON.stringify({ login: "ada", password: "fifty-five tulips" });
    const request = new Request(`${service.url}/v1/signup`, { method: "POST", body });
    assert.equal((await patientFetch(request, quick)).status, 201);
    assert.equal(service.asked.length, 2);
  });

  it("ends when nothing answers, and when an answer does not end", async (t) => {
    for (const greeting of ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"]) {
      const server = createServer((socket) => socket.on("error", () => undefined).write(greeting));
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => server.close());
      const request = new Request(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      await assert.rejects(
        patientFetch(request, { ...quick, timeout: 50, tries: 2 }),
        (error) =>
          error instanceof Failure && error.kind === "unavailable" && /no answer within/.test(error.message),
      );
    }
  });

  it("says why nobody could be reached", async (t) => {
    const { service } = await start(t);
    await service.stop();
    await assert.rejects(patientFetch(new Request(service.url), { ...quick, tries: 1 }), {
      kind: "unavailable",
      message: /is away: connect ECONNREFUSED/,
    });
  });
});

describe("Retry-After", () => {
  const seconds = (value: string) => retryAfter(new Response(null, { headers: { "retry-after": value } }));
  it("is seconds or a date", () => {
    assert.equal(seconds("7"), 7);
    assert.equal(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    assert.ok(seconds("Fri, 01 Jan 2100 00:00:00 GMT")! > 1e9);
    assert.equal(seconds("soon"), undefined);
    assert.equal(retryAfter(new Response()), undefined);
  });
});
