import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { listed, LocalBackend, unknownTypes } from "../../../local/engine/backend";
import type { Handler, Handlers, ResourceRequest } from "../../../local/engine/handler";
import { Progress } from "../../../local/terminal/progress";
import { request } from "../support";

describe("the backend", () => {
  let log: string[];
  let handlers: Handlers;
  let abort: AbortController;
  let backend: LocalBackend;

  beforeEach(() => {
    log = [];
    const handler: Handler = {
      create: ({ name }) =>
        name === "broken"
          ? Promise.reject(new Error("no"))
          : Promise.resolve({ id: `id-${name}`, outputs: { made: name } }),
      read: (id, state) => Promise.resolve({ id, outputs: state }),
      update: (id) => Promise.resolve({ id, outputs: {} }),
      delete: (id, state, region) => {
        log.push(`${id} ${region} ${JSON.stringify(state)}`);
        return id === "id-stuck" ? Promise.reject(new Error("busy")) : Promise.resolve();
      },
    };
    handlers = { "aws:ec2/vpc:Vpc": handler };
    abort = new AbortController();
    const progress = new Progress({ screen: { write: () => true }, env: {} });
    const invokes = { "aws:x/y:y": () => Promise.resolve({ is: "y" }) };
    backend = new LocalBackend({ handlers, invokes, progress, signal: abort.signal });
  });
  const create = (name: string, type = "aws:ec2/vpc:Vpc") =>
    backend.create(request(type, name, { given: 1 }));

  it("destroys in reverse, with inputs and outputs as state", async () => {
    await create("a");
    await create("b");
    assert.deepEqual(await backend.destroy(), []);
    assert.deepEqual(
      log.map((line) => line.replace(/,"forceDestroy".*/, "}")),
      ['id-b us-east-1 {"given":1,"made":"b"}', 'id-a us-east-1 {"given":1,"made":"a"}'],
    );
    assert.deepEqual(await backend.destroy(), []);
    assert.equal(log.length, 2);
  });

  it("follows what is changed and deleted, and takes along in the end what is protected", async () => {
    const [kept, gone] = [await create("kept"), await create("gone")];
    const change = request("aws:ec2/vpc:Vpc", "kept", { given: 2 });
    await backend.update(kept.id, { given: 1, made: "kept" }, change);
    await backend.delete(gone.id, { given: 1 }, request("aws:ec2/vpc:Vpc", "gone", { given: 1 }));
    assert.deepEqual(log, ['id-gone us-east-1 {"given":1}']);
    await backend.destroy();
    assert.equal(log.length, 2);
    assert.match(log[1] ?? "", /^id-kept us-east-1 {"given":2,"made":"kept","forceDestroy":true,/);
  });

  it("remembers what could not be deleted", async () => {
    const { id } = await create("stuck");
    await assert.rejects(backend.delete(id, {}, request("aws:ec2/vpc:Vpc", "stuck", {})), /busy/);
    assert.equal(backend.counts().get("aws:ec2/vpc:Vpc"), 1);
  });

  it("destroys what was under way once it is there", async () => {
    let finish: () => void = () => undefined;
    const vpc = handlers["aws:ec2/vpc:Vpc"]!;
    const slowly = async (wanted: ResourceRequest) => {
      await new Promise<void>((resolve) => (finish = resolve));
      return vpc.create(wanted);
    };
    Object.assign(handlers, { "aws:ec2/vpc:Vpc": { ...vpc, create: slowly } });
    const creating = create("late");
    abort.abort();
    const destroyed = backend.destroy();
    finish();
    await creating;
    await destroyed;
    assert.equal(log.length, 1);
  });

  it("goes on when something can't be destroyed, and tells", async () => {
    for (const name of ["a", "stuck", "c"]) await create(name);
    const [failure, ...others] = await backend.destroy();
    assert.equal(others.length, 0);
    assert.match(failure?.message ?? "", /stuck .* could not be deleted/);
    assert.equal(log.length, 3);
  });

  it("does not remember what could not be made", async () => {
    await assert.rejects(create("broken"), /no/);
    assert.deepEqual(await backend.destroy(), []);
    assert.deepEqual(log, []);
  });

  it("makes nothing once the run is stopped", async () => {
    abort.abort();
    await assert.rejects(create("late"), /the run was stopped/);
  });

  it("names what it can't make or look up", async () => {
    await assert.rejects(create("t", "aws:sns/topic:Topic"), /no aws:sns\/topic:Topic/);
    await assert.rejects(backend.invoke("aws:x/z:z", {}, "us-east-1"), /no data source aws:x\/z:z/);
    assert.deepEqual(await backend.invoke("aws:x/y:y", {}, "us-east-1"), { is: "y" });
    assert.deepEqual(unknownTypes(handlers, ["b:b:B", "aws:ec2/vpc:Vpc", "a:a:A", "b:b:B"]), [
      "a:a:A",
      "b:b:B",
    ]);
  });

  it("counts what it made", async () => {
    await create("a");
    await create("b");
    assert.deepEqual(listed(backend.counts(), ["aws:ec2/vpc:Vpc", "other"]), [["aws:ec2/vpc:Vpc", 2]]);
  });
});
