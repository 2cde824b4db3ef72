import assert from "node:assert/strict";
import { DescribeAutoScalingGroupsCommand } from "@aws-sdk/client-auto-scaling";
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { awsClients } from "../../local/api/clients";
import type { AwsClients } from "../../local/api/clients";
import { leftovers, RegionProcess, root } from "../support/regionProcess";
import type { Target } from "./days";

/** A local region, by what the page and its administrator need of it. */
export class PageRegion implements Target {
  private constructor(
    private readonly region: RegionProcess,
    private readonly clients: AwsClients,
    private readonly groupName: string,
    readonly url: string,
    readonly administrator: Target["administrator"],
  ) {}

  static async start(): Promise<PageRegion> {
    assert.deepEqual(await leftovers(), []);
    const region = new RegionProcess(root);
    try {
      const [, endpoint] = await region.prints(/AWS_ENDPOINT_URL=(\S+)/);
      await region.prints(/Ctrl-C destroys everything/);
      const { serviceUrl, webGroupName, adminSecretName } = region.outputs();
      const clients = awsClients(endpoint!);
      const { SecretString } = await clients
        .in("us-east-1")
        .secretsManager.send(new GetSecretValueCommand({ SecretId: adminSecretName! }));
      const administrator = JSON.parse(SecretString!) as Target["administrator"];
      return new PageRegion(region, clients, webGroupName!, serviceUrl!, administrator);
    } catch (error) {
      region.kill("SIGTERM");
      await region.ended;
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.region.kill("SIGTERM");
    this.clients.destroy();
    const status = await this.region.ended;
    assert.deepEqual(await leftovers(), [], this.region.output);
    assert.equal(status, 0);
  }

  /** The ids of the web hosts that the group has in service. */
  async webHosts(): Promise<string[]> {
    const { AutoScalingGroups } = await this.clients
      .in("us-east-1")
      .autoScaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [this.groupName] }));
    return AutoScalingGroups![0]!
      .Instances!.filter(({ LifecycleState }) => LifecycleState === "InService")
      .map(({ InstanceId }) => InstanceId!);
  }
}
