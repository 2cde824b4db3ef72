import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { DescribeAutoScalingGroupsCommand, SetDesiredCapacityCommand } from "@aws-sdk/client-auto-scaling";
import { CreateSubnetCommand, CreateVpcCommand } from "@aws-sdk/client-ec2";
import { autoScalingHandlers } from "../../../local/aws/autoScaling";
import type { Inventory } from "../../../local/aws/inventory";
import type { ScalingGroup } from "../../../local/aws/scalingGroup";
import type { Handler, Properties, ResourceState } from "../../../local/engine/handler";
import { request, startServices } from "../support";
import type { Services } from "../support";

const type = "aws:autoscaling/group:Group";
let inputs: Properties = {
  name: "web",
  minSize: 1,
  maxSize: 3,
  launchTemplate: { id: "lt-1", version: "1" },
  targetGroupArns: ["arn:1"],
  tags: [
    { key: "Name", value: "web" },
    { key: "Stage", value: "dev" },
  ],
};

describe("an auto scaling group", () => {
  let services: Services;
  let handler: Handler;
  let created: ResourceState;
  const groups = new Map<string, ScalingGroup>();

  before(async () => {
    services = await startServices();
    const { ec2 } = services.clients.in("us-east-1");
    const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: "10.10.0.0/16" }));
    const { Subnet } = await ec2.send(
      new CreateSubnetCommand({ VpcId: Vpc?.VpcId, CidrBlock: "10.10.0.0/20" }),
    );
    inputs = { ...inputs, vpcZoneIdentifiers: [Subnet?.SubnetId] };
    const inventory = {
      clients: services.clients,
      scalingGroups: groups,
      targetGroups: new Map(),
      launchTemplates: new Map(),
      // No host is made: what is looked at here is the group's record.
      instances: {
        launch: (_options: unknown, signal: AbortSignal) =>
          new Promise((_resolve, reject) =>
            signal.addEventListener("abort", () => reject(new Error("closed"))),
          ),
        get: () => undefined,
        terminate: () => Promise.resolve(),
      },
      find: (_kind: string, items: Map<string, unknown>, id: string) => items.get(id) ?? [{}, {}],
      onFault: () => undefined,
    };
    handler = autoScalingHandlers(inventory as unknown as Inventory)[type]!;
    created = await handler.create(request(type, "web", inputs));
  });
  after(async () => {
    await handler.delete(created.id, state(), "us-east-1");
    await services.stop();
  });

  const state = () => ({ ...inputs, ...created.outputs });
  const change = (changed: Properties) =>
    handler.update(created.id, state(), request(type, "web", { ...inputs, ...changed }));
  const shown = async () => {
    const { AutoScalingGroups } = await services.clients
      .in("us-east-1")
      .autoScaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: ["web"] }));
    const { MinSize, MaxSize, DesiredCapacity, Tags = [] } = AutoScalingGroups![0]!;
    return { MinSize, MaxSize, DesiredCapacity, tags: Tags.map((tag) => `${tag.Key}=${tag.Value}`).sort() };
  };

  it("is shown with its size, by which a read goes", async () => {
    assert.deepEqual(await shown(), {
      ...{ MinSize: 1, MaxSize: 3, DesiredCapacity: 1 },
      tags: ["Name=web", "Stage=dev"],
    });
    const { autoScaling } = services.clients.in("us-east-1");
    await autoScaling.send(
      new SetDesiredCapacityCommand({ AutoScalingGroupName: "web", DesiredCapacity: 2 }),
    );
    const read = await handler.read(created.id, state(), "us-east-1");
    assert.deepEqual(read?.outputs, { minSize: 1, maxSize: 3, desiredCapacity: 2 });
    assert.equal(await handler.read("other", state(), "us-east-1"), undefined);
  });

  it("takes other limits and tags in place, and what its next hosts start from", async () => {
    const { outputs } = await change({
      minSize: 3,
      maxSize: 4,
      launchTemplate: { id: "lt-1", version: "2" },
      tags: [{ key: "Name", value: "fleet" }],
    });
    assert.deepEqual(await shown(), {
      ...{ MinSize: 3, MaxSize: 4, DesiredCapacity: 3 },
      tags: ["Name=fleet"],
    });
    assert.deepEqual(outputs, { minSize: 3, maxSize: 4, desiredCapacity: 3 });
    assert.equal(groups.get("web")?.settings.templateVersion, 2);
  });

  it("says that it keeps its target groups, and changes nothing", async () => {
    await assert.rejects(change({ targetGroupArns: ["arn:2"], maxSize: 9 }), /Group: .* targetGroupArns/);
    assert.equal((await shown()).MaxSize, 4);
  });
});
