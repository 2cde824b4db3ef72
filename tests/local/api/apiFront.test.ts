import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it, mock } from "node:test";
import { startApiFront } from "../../../local/api/apiFront";
import type { ApiFront, Truth } from "../../../local/api/apiFront";
import { beginFault, faults } from "../../../local/faults";
import type { Site } from "../../../local/faults/fault";

/** moto changes its records without locks, and looks before it writes in two steps: what comes at once must come in turn. */
describe("requests that arrive at once", () => {
  /** Requests that the fake moto has and has not answered yet. */
  const waiting: { name: string; answer: () => void }[] = [];
  const moto = createServer((request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      waiting.push({ name: body || String(request.url), answer: () => void response.end("done") });
      moto.emit("arrival");
    });
  });
  let front: ApiFront;

  const send = async (service: string, method: string, path: string, body?: string, headers = {}) => {
    const authorization = `AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/${service}/aws4_request`;
    const response = await fetch(`${front.endpoint}${path}`, {
      method,
      body,
      headers: { authorization, ...headers },
    });
    return response.text();
  };
  /** Waits until the fake moto has so many requests, and answers their names. */
  const arrived = async (count: number) => {
    while (waiting.length < count) await once(moto, "arrival");
    return waiting.map(({ name }) => name).sort();
  };
  /** Has the front handle a later request whole, and so everything that came before it as far as it gets. */
  const passBy = async () => {
    const passing = send("s3", "GET", "/pass-by");
    while (!waiting.some(({ name }) => name === "/pass-by")) await once(moto, "arrival");
    waiting
      .splice(
        waiting.findIndex(({ name }) => name === "/pass-by"),
        1,
      )[0]
      ?.answer();
    await passing;
  };

  before(async () => {
    await new Promise<void>((resolve) => moto.listen(0, "127.0.0.1", resolve));
    front = await startApiFront((moto.address() as AddressInfo).port);
  });
  after(async () => {
    await front.close();
    moto.closeAllConnections();
    moto.close();
  });

  it("write to one bucket one after the other, to others meanwhile, and read at any time", async () => {
    const writes = [send("s3", "PUT", "/one/a", "first"), send("s3", "PUT", "/other/a", "other")];
    assert.deepEqual(await arrived(2), ["first", "other"]);
    writes.push(send("s3", "PUT", "/one/a", "second"));
    await passBy();
    assert.deepEqual(await arrived(2), ["first", "other"]);
    for (const { answer } of waiting.splice(0)) answer();
    assert.deepEqual(await arrived(1), ["second"]);
    for (const { answer } of waiting.splice(0)) answer();
    assert.deepEqual(await Promise.all(writes), ["done", "done", "done"]);
  });

  it("call the query protocol one after the other", async () => {
    const calls = [send("ec2", "POST", "/", "Action=First")];
    await arrived(1);
    calls.push(send("autoscaling", "POST", "/", "Action=Second"));
    await passBy();
    assert.deepEqual(await arrived(1), ["Action=First"]);
    waiting.splice(0)[0]?.answer();
    assert.deepEqual(await arrived(1), ["Action=Second"]);
    waiting.splice(0)[0]?.answer();
    assert.deepEqual(await Promise.all(calls), ["done", "done"]);
  });

  const fromHost = { "x-local-source": "10.10.0.9" };

  it("of hosts get no answer while their service is to hang, and others do", async () => {
    assert.equal((await fetch(`${front.endpoint}/_faults/s3?seconds=2`, { method: "PUT" })).status, 204);
    const hung = send("s3", "GET", "/hung", undefined, fromHost);
    const other = send("autoscaling", "POST", "/", "Action=Other", fromHost);
    assert.deepEqual(await arrived(1), ["Action=Other"]);
    waiting.splice(0)[0]?.answer();
    await other;
    await passBy();
    assert.deepEqual(await arrived(0), []);
    assert.deepEqual(await arrived(1), ["/hung"], "it ends by itself");
    waiting.splice(0)[0]?.answer();
    assert.equal(await hung, "done");
  });

  for (const { what, body } of [{ what: "read" }, { what: "write", body: "late" }])
    it(`of hosts that gave up meanwhile are dropped when they ${what}`, async () => {
      await fetch(`${front.endpoint}/_faults/s3?seconds=1`, { method: "PUT" });
      const patience = new AbortController();
      const given = fetch(`${front.endpoint}/bucket/given-up`, {
        method: body === undefined ? "GET" : "PUT",
        body,
        headers: {
          authorization: "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request",
          ...fromHost,
        },
        signal: patience.signal,
      });
      const patient = send("s3", "GET", "/patient", undefined, fromHost);
      await passBy();
      patience.abort();
      await assert.rejects(given);
      assert.deepEqual(await arrived(1), ["/patient"]);
      await passBy();
      assert.deepEqual(await arrived(1), ["/patient"]);
      waiting.splice(0)[0]?.answer();
      await patient;
    });

  it("tell of faults by this machine only, and how they end", async () => {
    const noted: string[] = [];
    const scaling = {
      noteFault: (id: string, what: string) => void noted.push(`${id} ${what}`),
      endFault: (id: string) => void noted.push(`${id} ended`),
    };
    front.attach({ scaling } as unknown as Truth);
    const site = { endpoint: front.endpoint } as Site;
    const begin = mock.method(faults.hang, "begin");
    begin.mock.mockImplementationOnce(async () => () => Promise.resolve(void noted.push("taken back")));
    await (
      await beginFault("hang", site, "i-1")
    )?.();
    const [id = ""] = noted[0]?.split(" ") ?? [];
    assert.deepEqual(noted.splice(0), [`${id} hang i-1`, "taken back", `${id} ended`]);

    begin.mock.mockImplementationOnce(() => Promise.reject(new Error("no such host")));
    await assert.rejects(beginFault("hang", site, "i-2"), /no such host/);
    assert.match(noted.splice(0).join(), /hang i-2,\S+ ended$/);

    const asked = send("s3", "PUT", `/_faults/noted/${id}?what=kill`, "", fromHost);
    assert.equal((await arrived(1)).length, 1);
    waiting.splice(0)[0]?.answer();
    await asked;
    assert.deepEqual(noted, []);
  });

  it("that ask for a fault are heard from this machine only, and within bounds", async () => {
    const refused = await fetch(`${front.endpoint}/_faults/s3?seconds=3600`, { method: "PUT" });
    assert.equal(refused.status, 400);
    assert.match(await refused.text(), /give a number up to/);
    const asked = send("s3", "PUT", "/_faults/s3?seconds=60", "", fromHost);
    assert.equal((await arrived(1)).length, 1);
    waiting.splice(0)[0]?.answer();
    await asked;
    const free = send("s3", "GET", "/free", undefined, fromHost);
    assert.deepEqual(await arrived(1), ["/free"]);
    waiting.splice(0)[0]?.answer();
    await free;
  });
});
