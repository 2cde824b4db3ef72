import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { Inventory } from "../../../local/aws/inventory";
import { loadBalancingHandlers } from "../../../local/aws/loadBalancing";
import type { Handlers, Properties } from "../../../local/engine/handler";
import type { TargetGroup } from "../../../local/machine/balancer/targetGroup";
import { request } from "../support";

const balancerType = "aws:lb/loadBalancer:LoadBalancer";
const listenerType = "aws:lb/listener:Listener";

describe("a load balancer", () => {
  let handlers: Handlers;
  /** What was asked of the network and of the target groups, in order. */
  let log: string[];
  let balancer: string;

  const targetGroup = (name: string) => {
    const told = (verb: string) => (options?: { namespace: string; port: number; idleTimeout: number }) => {
      const where = options ? ` ${options.namespace} ${options.port} ${options.idleTimeout}` : "";
      log.push(`${name} ${verb}${where}`);
      return Promise.resolve();
    };
    return {
      listen: told("listen"),
      takeOver: told("take over"),
      relisten: told("relisten"),
      unlisten: told("unlisten"),
      register: (id: string, address: string) => void log.push(`${name} register ${id} ${address}`),
      describe: () => [{ targetId: "i-1" }],
      deregister: (id: string) => Promise.resolve(void log.push(`${name} deregister ${id}`)),
      drop: (id: string) => Promise.resolve(void log.push(`${name} drop ${id}`)),
    } as unknown as TargetGroup;
  };

  beforeEach(async () => {
    log = [];
    const network = {
      id: "vpc-1",
      takeAddress: (subnetId: string) => `address in ${subnetId}`,
      releaseAddress: (_subnetId: string, address: string) => void log.push(`release ${address}`),
      attach: (name: string, { address, groupIds }: { address: string; groupIds: readonly string[] }) => {
        log.push(`attach ${name} ${groupIds.join()}`);
        return Promise.resolve({ namespace: `ns-${name}`, address });
      },
      setGroups: (_attachment: unknown, groupIds: readonly string[]) => {
        log.push(`groups ${groupIds.join()}`);
        return Promise.resolve();
      },
      detach: ({ namespace }: { namespace: string }) => {
        log.push(`detach ${namespace}`);
        return Promise.resolve();
      },
    };
    handlers = loadBalancingHandlers({
      networkOf: () => network,
      instances: new Map([
        ["i-1", { privateIp: "10.0.0.1", isRunning: true }],
        ["i-2", { privateIp: "10.0.0.2", isRunning: false }],
      ]),
      targetGroups: new Map(["a", "b"].map((name) => [name, targetGroup(name)])),
      find: (_kind: string, items: Map<string, unknown>, id: string) => {
        if (!items.has(id)) throw new Error(`no ${id}`);
        return items.get(id);
      },
    } as unknown as Inventory);
    balancer = (await handlers[balancerType]!.create(request(balancerType, "alb", settings))).id;
  });

  const settings: Properties = { subnets: ["s-1", "s-2"], securityGroups: ["sg-1"], idleTimeout: 60 };
  const change = async (changed: Properties) => {
    log = [];
    await handlers[balancerType]!.update(
      balancer,
      settings,
      request(balancerType, "alb", { ...settings, ...changed }),
    );
    return log;
  };
  const listening = (targetGroupArn: string, port: number): Properties => ({
    ...{ loadBalancerArn: balancer, port, protocol: "HTTP" },
    defaultActions: [{ type: "forward", targetGroupArn }],
  });
  const listen = async () =>
    (await handlers[listenerType]!.create(request(listenerType, "http", listening("a", 8000)))).id;

  it("takes other security groups, and has its listeners take another time-out", async () => {
    await listen();
    assert.deepEqual(await change({ securityGroups: ["sg-2"] }), ["groups sg-2"]);
    assert.deepEqual(await change({ idleTimeout: 90 }), ["groups sg-1", "a relisten ns-alb1 8000 90"]);
  });

  it("moves to another subnet before it leaves the one that is taken away", async () => {
    await listen();
    assert.deepEqual(await change({ subnets: ["s-2", "s-3"] }), [
      "attach alb1-s-2 sg-1",
      "a relisten ns-alb1-s-2 8000 60",
      "detach ns-alb1",
      "release address in s-1",
    ]);
    assert.deepEqual(await change({ subnets: ["s-3", "s-2"] }), ["groups sg-1"]);
  });

  it("has a listener forward to another target group without a gap, or take another port", async () => {
    const id = await listen();
    const update = async (inputs: Properties) => {
      log = [];
      await handlers[listenerType]!.update(id, {}, request(listenerType, "http", inputs));
      return log;
    };
    assert.deepEqual(await update(listening("b", 8000)), ["b take over ns-alb1 8000 60", "a unlisten"]);
    assert.deepEqual(await update(listening("b", 8001)), ["b relisten ns-alb1 8001 60"]);
    assert.deepEqual(await update(listening("b", 8001)), []);
    await assert.rejects(() => update({ ...listening("b", 8001), protocol: "HTTPS" }), /HTTP listeners/);
  });

  it("sends requests to hosts that no group registers, until they are taken out; one that is gone is not waited for", async () => {
    const type = "aws:lb/targetGroupAttachment:TargetGroupAttachment";
    const attachment = (targetId: string) => ({ targetGroupArn: "a", targetId });
    log = [];
    const { id } = await handlers[type]!.create(request(type, "one", attachment("i-1")));
    assert.deepEqual(await handlers[type]!.read(id, attachment("i-1"), "us-east-1"), {
      ...{ id, outputs: attachment("i-1") },
    });
    assert.equal(await handlers[type]!.read(id, attachment("i-2"), "us-east-1"), undefined);
    for (const target of ["i-1", "i-2", "i-3"])
      await handlers[type]!.delete(id, attachment(target), "us-east-1");
    assert.deepEqual(log, ["a register i-1 10.0.0.1", "a deregister i-1", "a drop i-2", "a drop i-3"]);
    assert.throws(() => void handlers[type]!.create(request(type, "no", attachment("i-9"))), /no i-9/);
  });

  it("is kept while it is protected", async () => {
    const remove = (state: Properties) => handlers[balancerType]!.delete(balancer, state, "us-east-1");
    await assert.rejects(remove({ enableDeletionProtection: true }), /OperationNotPermitted/);
    await remove({});
    await remove({ enableDeletionProtection: true });
  });
});
