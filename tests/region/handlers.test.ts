import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { DescribeAutoScalingGroupsCommand, SetDesiredCapacityCommand } from "@aws-sdk/client-auto-scaling";
import { StopInstancesCommand } from "@aws-sdk/client-ec2";
import { DescribeTargetHealthCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import { Handler, Properties, ResourceState } from "../../local/engine/handler";
import { ensureBaseImage } from "../../local/machine/baseImage";
import { spawnService, StateDirectory, sweep } from "../../local/machine/state";
import { createRegion, Region } from "../../local/aws/region";
import { startApiFront } from "../../local/api/apiFront";
import { AwsClients, awsClients } from "../../local/api/clients";
import { motoPython, startMoto } from "../../local/api/moto";
import { eventually } from "../support/eventually";
import { request } from "../local/support";

const REGION = "us-east-1";
/** A web server that needs nothing but the base image. `/broken` makes it answer its health check with 500. */
const SERVER = `#!/usr/bin/python3
import http.server, socket, threading
broken = False
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global broken
        if self.path == "/broken":
            broken = True
        self.send_response(500 if broken and self.path == "/livez" else 200)
        self.send_header("content-length", str(len(socket.gethostname())))
        self.end_headers()
        self.wfile.write(socket.gethostname().encode())
    def log_message(self, *args): pass
if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
`;
const USER_DATA = `#!/bin/bash
cat > /server.py <<'SCRIPT'
${SERVER}SCRIPT
systemd-run --unit=server /usr/bin/python3 /server.py
`;

describe("resource handlers", () => {
  let state: StateDirectory;
  let region: Region;
  let clients: AwsClients;
  let close: () => Promise<void>;
  const faults: Error[] = [];
  const made: { handler: Handler; type: string; id: string; state: Properties }[] = [];

  const handlerOf = (type: string): Handler => {
    const handler = region.handlers[type];
    assert.ok(handler, `no handler for ${type}`);
    return handler;
  };
  async function create(type: string, name: string, inputs: Properties): Promise<ResourceState> {
    const handler = handlerOf(type);
    const created = await handler.create(request(type, name, inputs, REGION));
    made.push({ handler, type, id: created.id, state: { ...inputs, ...created.outputs } });
    return created;
  }
  const ids: Record<string, string> = {};

  before(async () => {
    state = StateDirectory.acquire();
    await sweep(state);
    const moto = await startMoto(await motoPython(), (name, command, args, options) =>
      spawnService(state, name, command, args, options),
    );
    const front = await startApiFront(moto.port);
    clients = awsClients(front.endpoint);
    const base = await ensureBaseImage(() => undefined);
    region = await createRegion({
      state,
      clients,
      apiPort: front.port,
      baseImage: base.path,
      onFault: (error) => faults.push(error),
    });
    front.attach(region);
    close = async () => {
      clients.destroy();
      await region.close();
      await front.close();
      await moto.service.stop();
    };
    const ami = await region.invokes["aws:ec2/getAmi:getAmi"]!(
      { filters: [{ name: "name", values: ["debian-13-amd64-20260914-2601"] }] },
      REGION,
    );
    ids["image"] = String(ami["id"]);
    ids["vpc"] = (await create("aws:ec2/vpc:Vpc", "vpc", { cidrBlock: "10.10.0.0/16" })).id;
    for (const [zone, cidrBlock] of [
      ["us-east-1a", "10.10.0.0/20"],
      ["us-east-1b", "10.10.16.0/20"],
    ] as const) {
      const inputs = { vpcId: ids["vpc"], cidrBlock, availabilityZone: zone };
      ids[zone] = (await create("aws:ec2/subnet:Subnet", zone, inputs)).id;
    }
    for (const name of ["balancer", "host"])
      ids[name] = (await create("aws:ec2/securityGroup:SecurityGroup", name, { vpcId: ids["vpc"] })).id;
    await create("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "to-hosts", {
      ...{ securityGroupId: ids["balancer"], ipProtocol: "tcp", fromPort: 8000, toPort: 8000 },
      referencedSecurityGroupId: ids["host"],
    });
    await create("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "from-balancer", {
      ...{ securityGroupId: ids["host"], ipProtocol: "tcp", fromPort: 8000, toPort: 8000 },
      referencedSecurityGroupId: ids["balancer"],
    });
  });

  after(async () => {
    const problems: unknown[] = [];
    const attempt = async (action: () => Promise<void>) =>
      action().catch((error: unknown) => problems.push(error));
    for (const { handler, id, state: own } of made.reverse())
      await attempt(async () => {
        await handler.delete(id, own, REGION);
        assert.equal(await readAfterDelete(handler, id, own), true, id);
      });
    await attempt(close);
    await attempt(async () => {
      assert.deepEqual(await sweep(state), [], "handlers clean up after themselves");
    });
    state.release();
    assert.deepEqual(problems, []);
    assert.deepEqual(faults, []);
  });

  /** Resources that hold something of the machine are gone; those that are only inputs answer their inputs. */
  async function readAfterDelete(handler: Handler, id: string, own: Properties): Promise<boolean> {
    const isHeld = made.some(
      (entry) =>
        entry.id === id &&
        /:(Vpc|Subnet|SecurityGroup|Group|Instance|Volume|LaunchTemplate|AmiFromInstance|TargetGroup|LoadBalancer|Listener)$/.test(
          entry.type,
        ),
    );
    return !isHeld || (await handler.read(id, own, REGION)) === undefined;
  }

  test("a fleet keeps its number, spreads over its zones and serves through the balancer", async () => {
    const group = await create("aws:lb/targetGroup:TargetGroup", "web-tg", {
      port: 8000,
      deregistrationDelay: 2,
      healthCheck: { path: "/livez", interval: 1, timeout: 1, unhealthyThreshold: 2, healthyThreshold: 2 },
    });
    ids["targets"] = group.id;
    const balancer = await create("aws:lb/loadBalancer:LoadBalancer", "web-alb", {
      subnets: [ids["us-east-1a"], ids["us-east-1b"]],
      securityGroups: [ids["balancer"]],
    });
    ids["address"] = String(balancer.outputs["dnsName"]);
    await create("aws:lb/listener:Listener", "web-http", {
      loadBalancerArn: balancer.id,
      port: 80,
      protocol: "HTTP",
      defaultActions: [{ type: "forward", targetGroupArn: group.id }],
    });
    const template = await create("aws:ec2/launchTemplate:LaunchTemplate", "web", {
      imageId: ids["image"],
      instanceType: "t3.micro",
      vpcSecurityGroupIds: [ids["host"]],
      userData: Buffer.from(USER_DATA).toString("base64"),
      metadataOptions: { httpTokens: "required" },
    });
    const scaling = await create("aws:autoscaling/group:Group", "web", {
      minSize: 2,
      maxSize: 3,
      launchTemplate: { id: template.id, version: "1" },
      vpcZoneIdentifiers: [ids["us-east-1a"], ids["us-east-1b"]],
      targetGroupArns: [group.id],
      healthCheckType: "ELB",
      healthCheckGracePeriod: 0,
      tags: [{ key: "Name", value: "web", propagateAtLaunch: true }],
    });
    ids["group"] = scaling.id;
    await eventually("two healthy targets", async () => (await healthy()).length === 2);
    const answers = new Set<string>();
    for (let count = 0; count < 10; count++) answers.add(await ask("/"));
    assert.deepEqual([...answers].sort(), ["ip-10-10-0-5", "ip-10-10-16-4"]);
  });

  /** Ids of the healthy targets, asked as the gate asks. */
  async function healthy(): Promise<string[]> {
    const { TargetHealthDescriptions } = await clients
      .in(REGION)
      .loadBalancing.send(new DescribeTargetHealthCommand({ TargetGroupArn: ids["targets"] }));
    return (TargetHealthDescriptions ?? [])
      .filter((target) => target.TargetHealth?.State === "healthy")
      .map((target) => target.Target!.Id!);
  }
  async function ask(path: string): Promise<string> {
    const response = await fetch(`http://${ids["address"]}${path}`, { headers: { connection: "close" } });
    return response.text();
  }
  async function members(): Promise<string[]> {
    const { AutoScalingGroups } = await clients
      .in(REGION)
      .autoScaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [ids["group"]!] }));
    return AutoScalingGroups![0]!.Instances!.map((instance) => instance.InstanceId!).sort();
  }

  test("a host that the balancer finds unhealthy is replaced", async () => {
    const before = await members();
    await ask("/broken");
    await eventually("a new member", async () => {
      const now = await members();
      return now.length === 2 && now.filter((id) => before.includes(id)).length === 1;
    });
    await eventually("two healthy targets again", async () => (await healthy()).length === 2);
    assert.deepEqual((await healthy()).sort(), await members());
  });

  test("a host that dies is replaced", async () => {
    const [victim] = await members();
    const record = readFileSync(`${state.path}/processes/${victim}.json`, "utf8");
    process.kill((JSON.parse(record) as { pid: number }).pid, "SIGKILL");
    await eventually("a new member in the victim's place", async () => {
      const now = await members();
      return now.length === 2 && !now.includes(victim!) && isDeepStrictEqual((await healthy()).sort(), now);
    });
  });

  test("the desired size is followed within the group's limits", async () => {
    const { autoScaling } = clients.in(REGION);
    const desire = (DesiredCapacity: number) =>
      autoScaling.send(
        new SetDesiredCapacityCommand({ AutoScalingGroupName: ids["group"], DesiredCapacity }),
      );
    await assert.rejects(desire(4), /ValidationError|max/i);
    await desire(3);
    await eventually("three healthy targets", async () => (await healthy()).length === 3);
    await desire(2);
    await eventually("two members", async () => (await healthy()).length === 2);
  });

  test("a template's update is a new version, and a group takes its new settings", async () => {
    const template = made.find(({ type }) => type.endsWith(":LaunchTemplate"))!;
    const { outputs } = await template.handler.update(
      template.id,
      template.state,
      request(template.type, "web", template.state, REGION),
    );
    assert.equal(outputs["latestVersion"], 2);
    const group = made.find(({ type }) => type.endsWith("group:Group"))!;
    const inputs = { ...group.state, maxSize: 4 };
    await group.handler.update(group.id, group.state, request(group.type, "web", inputs, REGION));
    const { AutoScalingGroups } = await clients
      .in(REGION)
      .autoScaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [group.id] }));
    assert.equal(AutoScalingGroups![0]!.MaxSize, 4);
  });

  test("a volume outlives its host, grows, never shrinks; an image holds what its source wrote", async () => {
    const volume = await create("aws:ebs/volume:Volume", "data", { size: 1, availabilityZone: "us-east-1a" });
    const launch = (name: string, ami: string, userData: string) =>
      create("aws:ec2/instance:Instance", name, {
        ...{ ami, userData, instanceType: "t3.micro", subnetId: ids["us-east-1a"] },
        ...{ vpcSecurityGroupIds: [ids["host"]], metadataOptions: { httpTokens: "required" } },
      });
    const device = `/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${volume.id.replace("-", "")}`;
    const builder = await launch(
      "builder",
      ids["image"]!,
      `#!/bin/bash
for i in {1..100}; do [ -e ${device} ] && break; sleep 0.2; done
blkid ${device} || mkfs.ext4 -q ${device}
mount ${device} /mnt && date >> /mnt/boots && touch /built && sync && touch /done
`,
    );
    const attachment = { volumeId: volume.id, instanceId: builder.id, deviceName: "/dev/sdf" };
    await create("aws:ec2/volumeAttachment:VolumeAttachment", "data", attachment);
    const { ec2 } = clients.in(REGION);
    const wrote = (host: ResourceState, file: string) =>
      Promise.resolve(existsSync(`${state.path}/hosts/${host.id}/upper/${file}`));
    await eventually("the builder's work", () => wrote(builder, "done"));
    await ec2.send(new StopInstancesCommand({ InstanceIds: [builder.id] }));
    const image = await create("aws:ec2/amiFromInstance:AmiFromInstance", "image", {
      sourceInstanceId: builder.id,
    });
    const handler = handlerOf("aws:ebs/volume:Volume");
    const own = { size: 1, availabilityZone: "us-east-1a" };
    await assert.rejects(
      handler.update(volume.id, { ...own, size: 2 }, request("aws:ebs/volume:Volume", "data", own, REGION)),
      /cannot shrink/,
    );
    await handler.update(
      volume.id,
      own,
      request("aws:ebs/volume:Volume", "data", { ...own, size: 2 }, REGION),
    );
    const copy = await launch("copy", image.id, "#!/bin/bash\n[ -e /built ] && touch /is-a-copy\n");
    await eventually("the copy's work", () => wrote(copy, "is-a-copy"));
  });

  test("a host that restarts itself comes up again", async () => {
    const host = await create("aws:ec2/instance:Instance", "restarting", {
      ...{ ami: ids["image"], instanceType: "t3.micro", subnetId: ids["us-east-1a"] },
      ...{ vpcSecurityGroupIds: [ids["host"]], metadataOptions: { httpTokens: "required" } },
      userData: `#!/bin/bash
printf '[Service]\\nExecStart=/usr/bin/touch /again\\n[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/again.service
systemctl enable again.service
systemctl reboot
`,
    });
    const again = `${state.path}/hosts/${host.id}/upper/again`;
    await eventually("the second boot", () => Promise.resolve(existsSync(again)));
  });

  test("what cannot change in place says so", async () => {
    const instance = made.find(({ type }) => type.endsWith("instance:Instance"))!;
    const inputs = { ...instance.state, userData: "#!/bin/sh\n" };
    await assert.rejects(
      instance.handler.update(instance.id, instance.state, request(instance.type, "builder", inputs, REGION)),
      /userData change only with a new instance/,
    );
  });

  test("a wrong image, zone record or listener is refused with its reason", async () => {
    const getAmi = region.invokes["aws:ec2/getAmi:getAmi"]!;
    await assert.rejects(
      getAmi({ filters: [{ name: "name", values: ["debian-13-arm64-20260914-2601"] }] }, REGION),
      /debian-13-amd64-… only/,
    );
    await assert.rejects(
      create("aws:route53/zone:Zone", "zone", { name: "example.com" }),
      /private zones only/,
    );
    await assert.rejects(
      create("aws:lb/listener:Listener", "https", {
        protocol: "HTTPS",
        defaultActions: [{ type: "forward" }],
      }),
      /HTTP listeners that forward/,
    );
  });
});
