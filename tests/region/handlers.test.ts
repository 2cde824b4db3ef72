import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import {
  DescribeAutoScalingGroupsCommand,
  DescribeScalingActivitiesCommand,
  SetDesiredCapacityCommand,
} from "@aws-sdk/client-auto-scaling";
import { StopInstancesCommand, TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { DescribeTargetHealthCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import type { AwsClients } from "../../local/api/clients";
import { prepareRegion, startRegion } from "../../local/aws/region";
import type { Region } from "../../local/aws/region";
import type { Handler, Properties, ResourceState } from "../../local/engine/handler";
import { cutPower, namespaceOf, onHost } from "../../local/faults/onHost";
import { run } from "../../local/machine/exec";
import { StateDirectory } from "../../local/machine/state";
import { sweep } from "../../local/machine/sweep";
import { eventually } from "../support/eventually";
import { request } from "../local/support";

const awsRegion = "us-east-1";
const never = new AbortController().signal;
/** Longer than any test, in seconds. */
const longGrace = 86_400;
/** A web server that needs nothing but the base image. `/broken` makes it answer its health check with 500. */
const serverScript = `#!/usr/bin/python3
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
const userDataScript = `#!/bin/bash
cat > /server.py <<'SCRIPT'
${serverScript}SCRIPT
systemd-run --unit=server /usr/bin/python3 /server.py
`;

describe("resource handlers", () => {
  let state: StateDirectory;
  let region: Region;
  let clients: AwsClients;
  const faults: Error[] = [];
  const made: { handler: Handler; type: string; id: string; state: Properties }[] = [];

  const handlerOf = (type: string): Handler => {
    const handler = region.handlers[type];
    assert.ok(handler, `no handler for ${type}`);
    return handler;
  };
  async function create(type: string, name: string, inputs: Properties): Promise<ResourceState> {
    const handler = handlerOf(type);
    const created = await handler.create(request(type, name, inputs, awsRegion));
    made.push({ handler, type, id: created.id, state: { ...inputs, ...created.outputs } });
    return created;
  }
  const ids: Record<string, string> = {};

  before(async () => {
    state = StateDirectory.acquire();
    await sweep(state);
    region = await startRegion({
      minute: 60_000,
      state,
      ...(await prepareRegion((_name, action) => action({ update: () => undefined }), never)),
      nodeModules: join(__dirname, "..", "..", "node_modules"),
      onFault: (error) => faults.push(error),
      onBreakdown: (error) => faults.push(error),
    });
    clients = region.clients;
    const images = await region.invokes["aws:ec2/getAmiIds:getAmiIds"]!(
      { filters: [{ name: "name", values: ["debian-13-amd64-20260914-2601"] }] },
      awsRegion,
    );
    [ids["image"]] = images["ids"] as [string];
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
        await handler.delete(id, own, awsRegion);
        assert.equal(await readAfterDelete(handler, id, own), true, id);
      });
    await attempt(() => region.close());
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
    return !isHeld || (await handler.read(id, own, awsRegion)) === undefined;
  }

  it("a fleet keeps its number, spreads over its zones and serves through the balancer", async () => {
    const group = await create("aws:lb/targetGroup:TargetGroup", "web-tg", {
      port: 8000,
      deregistrationDelay: 2,
      // Only a wrong answer counts: on a busy machine a right one may take its time.
      healthCheck: { path: "/livez", interval: 1, timeout: 60, unhealthyThreshold: 2, healthyThreshold: 2 },
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
      userData: Buffer.from(userDataScript).toString("base64"),
      metadataOptions: { httpTokens: "required" },
    });
    const scaling = await create("aws:autoscaling/group:Group", "web", {
      minSize: 2,
      maxSize: 3,
      launchTemplate: { id: template.id, version: "1" },
      vpcZoneIdentifiers: [ids["us-east-1a"], ids["us-east-1b"]],
      targetGroupArns: [group.id],
      healthCheckType: "ELB",
      healthCheckGracePeriod: longGrace,
      tags: [{ key: "Name", value: "web", propagateAtLaunch: true }],
    });
    ids["group"] = scaling.id;
    await eventually("two healthy targets", async () => (await healthy()).length === 2);
    assert.deepEqual(await servingZones(), ["us-east-1a", "us-east-1b"]);
  });

  /** Zones of the hosts that the balancer sends requests to, by the subnets of their addresses; it takes them in turn. */
  async function servingZones(): Promise<string[]> {
    const names = new Set<string>();
    for (let count = 0; count < 10; count++) names.add(await ask("/"));
    return [...names].map((name) => (name.startsWith("ip-10-10-0-") ? "us-east-1a" : "us-east-1b")).sort();
  }

  /** Changes how long a host may be unhealthy at its start: none is, then, replaced because the machine is slow. */
  async function setGracePeriod(seconds: number): Promise<void> {
    const { handler, id, type, state: own } = made.find((entry) => entry.id === ids["group"])!;
    const inputs = { ...own, healthCheckGracePeriod: seconds };
    await handler.update(id, own, request(type, "web", inputs, awsRegion));
  }

  /** Ids of the healthy targets, asked as the gate asks. */
  async function healthy(): Promise<string[]> {
    const { TargetHealthDescriptions } = await clients
      .in(awsRegion)
      .loadBalancing.send(new DescribeTargetHealthCommand({ TargetGroupArn: ids["targets"] }));
    return (TargetHealthDescriptions ?? [])
      .filter((target) => target.TargetHealth?.State === "healthy")
      .map((target) => target.Target!.Id!);
  }
  async function ask(path: string): Promise<string> {
    const response = await fetch(`http://${ids["address"]}${path}`, { headers: { connection: "close" } });
    return response.text();
  }
  async function members(group = ids["group"]!): Promise<string[]> {
    const { AutoScalingGroups } = await clients
      .in(awsRegion)
      .autoScaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [group] }));
    return AutoScalingGroups![0]!.Instances!.map((instance) => instance.InstanceId!).sort();
  }

  it("a target group takes other settings in place, and its listener loses no request", async () => {
    const { handler, id, type, state: own } = made.find((entry) => entry.id === ids["targets"])!;
    const balancers = () => readdirSync(`${state.path}/processes`).filter((name) => name.includes("alb"));
    const before = balancers();
    const done = new AbortController();
    const codes: number[] = [];
    const asking = (async () => {
      while (!done.signal.aborted) codes.push((await fetch(`http://${ids["address"]}/`)).status);
    })();
    const check = { ...(own["healthCheck"] as object), path: "/alive" };
    const inputs = { ...own, deregistrationDelay: 3, healthCheck: check };
    await handler.update(id, own, request(type, "web-tg", inputs, awsRegion));
    const count = codes.length;
    await eventually("more answers", () => Promise.resolve(codes.length > count + 20));
    done.abort();
    await asking;
    assert.deepEqual([...new Set(codes)], [200]);
    assert.equal((await healthy()).length, 2);
    assert.deepEqual(await servingZones(), ["us-east-1a", "us-east-1b"]);
    await eventually("the end of the old one", () => Promise.resolve(balancers().length === before.length));
    assert.notDeepEqual(balancers(), before);
    await handler.update(id, inputs, request(type, "web-tg", own, awsRegion));
  });

  it("a host that the balancer finds unhealthy is replaced", async () => {
    const before = await members();
    await ask("/broken");
    await eventually("one healthy target", async () => (await healthy()).length === 1);
    assert.deepEqual(await members(), before, "in its grace period it stays");
    await setGracePeriod(0);
    await eventually("a new member", async () => {
      const now = await members();
      return now.length === 2 && now.filter((id) => before.includes(id)).length === 1;
    });
    await setGracePeriod(longGrace);
    await eventually("two healthy targets again", async () =>
      isDeepStrictEqual((await healthy()).sort(), await members()),
    );
    assert.deepEqual(await servingZones(), ["us-east-1a", "us-east-1b"]);
  });

  it("a host that dies is replaced", async () => {
    const [victim] = await members();
    cutPower(victim!);
    await eventually("a new member in the victim's place", async () => {
      const now = await members();
      return now.length === 2 && !now.includes(victim!) && isDeepStrictEqual((await healthy()).sort(), now);
    });
    assert.deepEqual(await servingZones(), ["us-east-1a", "us-east-1b"]);
  });

  it("a group that is deleted while its hosts are launched and replaced leaves nothing of them", async () => {
    const web = made.find((entry) => entry.id === ids["group"])!;
    const brief = await create(web.type, "brief", { ...web.state, name: "brief", minSize: 3, maxSize: 3 });
    const namespacesOf = (wanted: readonly string[]) =>
      wanted.filter((id) => existsSync(`/run/netns/${namespaceOf(id)}`));
    // Three at once, of which two boot at a time: some are at each step of their launch.
    await eventually("hosts on their way", async () => namespacesOf(await members(brief.id)).length > 0);
    const [victim, ...others] = await members(brief.id);
    await clients.in(awsRegion).ec2.send(new TerminateInstancesCommand({ InstanceIds: [victim!] }));
    await eventually("a replacement", async () => !(await members(brief.id)).includes(victim!));
    const all = new Set([victim!, ...others, ...(await members(brief.id))]);
    await web.handler.delete(brief.id, brief.outputs, awsRegion);
    assert.deepEqual(namespacesOf([...all]), []);
    assert.deepEqual(
      [...all].filter((id) => existsSync(`${state.path}/hosts/${id}`)),
      [],
    );
    assert.equal(await web.handler.read(brief.id, {}, awsRegion), undefined);
  });

  it("the desired size is followed within the group's limits", async () => {
    const { autoScaling } = clients.in(awsRegion);
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

  const causes = async () => {
    const { Activities = [] } = await clients
      .in(awsRegion)
      .autoScaling.send(new DescribeScalingActivitiesCommand({ AutoScalingGroupName: ids["group"] }));
    return Activities.map(({ Cause = "" }) => Cause);
  };

  it("a host that is too old goes when its successor serves", async () => {
    const { handler, id, type, state: own } = made.find((entry) => entry.id === ids["group"])!;
    const before = await members();
    const inputs = { ...own, maxInstanceLifetime: 1 };
    await handler.update(id, own, request(type, "web", inputs, awsRegion));
    await eventually("a successor", async () => (await members()).some((each) => !before.includes(each)));
    await handler.update(id, inputs, request(type, "web", own, awsRegion));
    await eventually("two healthy targets", async () =>
      isDeepStrictEqual((await healthy()).sort(), await members()),
    );
    assert.ok((await causes()).some((cause) => /reaching the maximum instance lifetime/.test(cause)));
  });

  it("a schedule that is due sets the limits, and the fleet follows", async () => {
    const schedule = await create("aws:autoscaling/schedule:Schedule", "more", {
      ...{ autoscalingGroupName: ids["group"], scheduledActionName: "more", recurrence: "* * * * *" },
      ...{ timeZone: "Europe/Berlin", minSize: 3, maxSize: 3, desiredCapacity: -1 },
    });
    await eventually("three healthy targets", async () => (await healthy()).length === 3);
    const { handler, type, state: own } = made.find((entry) => entry.id === schedule.id)!;
    await handler.delete(schedule.id, own, awsRegion);
    assert.ok((await causes()).some((cause) => /a scheduled action update .* min: 3, max: 3/.test(cause)));
    const web = made.find((entry) => entry.id === ids["group"])!;
    await web.handler.update(web.id, web.state, request(type, "web", web.state, awsRegion));
    await clients
      .in(awsRegion)
      .autoScaling.send(
        new SetDesiredCapacityCommand({ AutoScalingGroupName: ids["group"], DesiredCapacity: 2 }),
      );
    await eventually("two members", async () => (await healthy()).length === 2);
  });

  it("a group of several types, and of Spot, starts hosts of the first type", async () => {
    const web = made.find((entry) => entry.id === ids["group"])!;
    const { id: launchTemplateId } = made.find(({ type }) => type.endsWith(":LaunchTemplate"))!;
    const { launchTemplate: _, ...others } = web.state;
    const mixed = await create(web.type, "mixed", {
      ...{ ...others, name: "mixed", minSize: 1, maxSize: 1, targetGroupArns: [] },
      mixedInstancesPolicy: {
        launchTemplate: {
          launchTemplateSpecification: { launchTemplateId, version: "1" },
          overrides: [{ instanceType: "c6i.large" }, { instanceType: "t3.micro" }],
        },
        instancesDistribution: { onDemandBaseCapacity: 0, onDemandPercentageAboveBaseCapacity: 0 },
      },
    });
    const type = `url=http://169.254.169.254/latest
curl -sf -m 5 -H "X-aws-ec2-metadata-token: $(curl -sf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $url/api/token)" $url/meta-data/instance-type`;
    let told = "";
    await eventually("a host", async () => {
      const [host = ""] = await members(mixed.id);
      told = await onHost(host, type).catch(() => "");
      return told !== "";
    });
    assert.equal(told, "c6i.large");
    await web.handler.delete(mixed.id, mixed.outputs, awsRegion);
  });

  it("a template's update is a new version, and a group takes its new settings", async () => {
    const template = made.find(({ type }) => type.endsWith(":LaunchTemplate"))!;
    const { outputs } = await template.handler.update(
      template.id,
      template.state,
      request(template.type, "web", { ...template.state, instanceType: "t3.small" }, awsRegion),
    );
    assert.equal(outputs["latestVersion"], 2);
    const group = made.find(({ type }) => type.endsWith("group:Group"))!;
    const inputs = { ...group.state, maxSize: 4 };
    await group.handler.update(group.id, group.state, request(group.type, "web", inputs, awsRegion));
    const { AutoScalingGroups } = await clients
      .in(awsRegion)
      .autoScaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [group.id] }));
    assert.equal(AutoScalingGroups![0]!.MaxSize, 4);
  });

  it("a volume outlives its host, grows, never shrinks; an image holds what its source wrote", async () => {
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
    const { ec2 } = clients.in(awsRegion);
    const wrote = (host: ResourceState, file: string) =>
      Promise.resolve(existsSync(`${state.path}/hosts/${host.id}/upper/${file}`));
    await eventually("the builder's work", () => wrote(builder, "done"));
    // While the host has it mounted.
    const snapshot = await create("aws:ebs/snapshot:Snapshot", "before", { volumeId: volume.id });
    const copied = `${state.path}/snapshots/${snapshot.id}.img`;
    assert.match(await run("debugfs", ["-R", "cat boots", copied]), /\d\d:\d\d:\d\d/);
    const { size, blocks } = statSync(copied);
    assert.equal(size, 2 ** 30);
    assert.ok(blocks * 512 < size / 4, "the copy is as sparse as the volume");
    await ec2.send(new StopInstancesCommand({ InstanceIds: [builder.id] }));
    const image = await create("aws:ec2/amiFromInstance:AmiFromInstance", "image", {
      sourceInstanceId: builder.id,
    });
    const handler = handlerOf("aws:ebs/volume:Volume");
    const own = { size: 1, availabilityZone: "us-east-1a" };
    await assert.rejects(
      handler.update(
        volume.id,
        { ...own, size: 2 },
        request("aws:ebs/volume:Volume", "data", own, awsRegion),
      ),
      /cannot shrink/,
    );
    await handler.update(
      volume.id,
      own,
      request("aws:ebs/volume:Volume", "data", { ...own, size: 2 }, awsRegion),
    );
    const copy = await launch("copy", image.id, "#!/bin/bash\n[ -e /built ] && touch /is-a-copy\n");
    await eventually("the copy's work", () => wrote(copy, "is-a-copy"));
  });

  it("a host that restarts itself comes up again", async () => {
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

  it("a wrong image, zone record or listener is refused with its reason", async () => {
    const getAmiIds = region.invokes["aws:ec2/getAmiIds:getAmiIds"]!;
    await assert.rejects(
      getAmiIds({ filters: [{ name: "name", values: ["debian-13-arm64-20260914-2601"] }] }, awsRegion),
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
