import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import * as autoScaling from "@aws-sdk/client-auto-scaling";
import * as ec2 from "@aws-sdk/client-ec2";
import * as elb from "@aws-sdk/client-elastic-load-balancing-v2";
import * as s3 from "@aws-sdk/client-s3";
import { type GroupMember, type ScalingActivity, UnknownInstanceError } from "../../../local/api/apiFront";
import type { TargetReport } from "../../../local/machine/balancer/targetGroup";
import { motoPython } from "../../../local/api/moto";
import { startServices } from "../support";
import type { Services } from "../support";

const targetGroupArn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef";

describe("the AWS API of the local region", () => {
  let services: Services;
  const powered: string[] = [];
  const members = new Map<string, GroupMember>();
  const launches: string[] = [];
  /** Who goes first. */
  const leaving: string[] = [];
  const zones: string[] = [];
  const noted: string[] = [];
  const targets: TargetReport[] = [
    { targetId: "i-1", port: 8000, state: "healthy" },
    {
      targetId: "i-2",
      port: 8000,
      state: "unhealthy",
      reason: "Target.ResponseCodeMismatch",
      description: 'Health checks failed with "500" <b> & more',
    },
  ];

  const activities: readonly ScalingActivity[] = [
    {
      id: "3",
      description: "Launching a new EC2 instance: i-3",
      cause: "At 2026-01-01T00:00:02Z a user request <b> & more",
      startedAt: new Date("2026-01-01T00:00:02.500Z"),
      status: "InProgress",
    },
    {
      id: "2",
      description: "Launching a new EC2 instance: i-2",
      cause: "an instance was launched",
      startedAt: new Date("2026-01-01T00:00:00Z"),
      endedAt: new Date("2026-01-01T00:00:01Z"),
      status: "Failed",
      message: "no such image",
    },
  ];

  before(async () => {
    services = await startServices();
    const power = (verb: string) => (id: string) => {
      if (id === "i-00000000000000bad") return Promise.reject(new UnknownInstanceError(id));
      powered.push(`${verb} ${id}`);
      return Promise.resolve();
    };
    services.front.attach({
      hosts: {
        ...{ reboot: power("reboot"), start: power("start"), stop: power("stop") },
        endedByApi: (id) => void powered.push(`end ${id}`),
      },
      targetHealth: { describe: (arn) => (arn === targetGroupArn ? targets : undefined) },
      scaling: {
        activitiesOf: (name) => (name === "web" ? activities : []),
        memberOf: (id) => members.get(id),
        leaving: (_name, count) => leaving.splice(0, Math.max(0, count)),
        setZone: (...change) => void zones.push(change.join(" ")),
        noteFault: (...note) => void noted.push(note.join(" ")),
        endFault: (id) => void noted.push(`${id} ended`),
        completeLaunch: (...answer) => launches.push(answer.join(" ")) === 1,
      },
    });
  });
  after(() => services.stop());

  describe("in S3", () => {
    const bucket = "accounts";
    const put = (input: Partial<s3.PutObjectCommandInput> & { Key: string }) =>
      services.clients
        .in("us-east-1")
        .s3.send(new s3.PutObjectCommand({ Bucket: bucket, Body: "x", ...input }));
    before(() => services.clients.in("us-east-1").s3.send(new s3.CreateBucketCommand({ Bucket: bucket })));

    it("twenty racing creations have one winner, again and again", async () => {
      for (let round = 0; round < 20; round++) {
        const racing = Array.from({ length: 20 }, (_, index) =>
          put({ Key: `a/${round} ü+.json`, IfNoneMatch: "*", Body: `writer ${index}` }),
        );
        const results = await Promise.allSettled(racing);
        const losers = results.flatMap((result) =>
          result.status === "rejected" ? [result.reason as Error] : [],
        );
        assert.equal(losers.length, 19);
        assert.ok(losers.every((error) => error.name === "PreconditionFailed"));
      }
    });

    it("racing changes of one version have one winner", async () => {
      const { ETag } = await put({ Key: "changed", Body: "0" });
      const racing = Array.from({ length: 20 }, (_, index) =>
        put({ Key: "changed", IfMatch: ETag, Body: `writer ${index}` }),
      );
      const won = (await Promise.allSettled(racing)).filter((result) => result.status === "fulfilled");
      assert.equal(won.length, 1);
    });

    it("bytes pass unharmed, by streams and by parts too", async () => {
      const { s3: client } = services.clients.in("us-east-2");
      const bytes = Buffer.alloc(6 * 1024 ** 2, "0123456789abcdef");
      await put({ Key: "large", Body: bytes });
      const { UploadId } = await client.send(
        new s3.CreateMultipartUploadCommand({ Bucket: bucket, Key: "parts" }),
      );
      const part = { Bucket: bucket, Key: "parts", UploadId, PartNumber: 1 };
      const { ETag } = await client.send(new s3.UploadPartCommand({ ...part, Body: bytes }));
      await client.send(
        new s3.CompleteMultipartUploadCommand({
          Bucket: bucket,
          Key: "parts",
          UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
          IfNoneMatch: "*",
        }),
      );
      for (const Key of ["large", "parts"]) {
        const { Body } = await client.send(new s3.GetObjectCommand({ Bucket: bucket, Key }));
        assert.ok(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(bytes), Key);
      }
    });

    it("a sender that stalls holds up nobody", async () => {
      const stalled = new AbortController();
      const endless = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(Buffer.from("half")),
      });
      const hanging = fetch(`${services.front.endpoint}/${bucket}/stalled`, {
        method: "PUT",
        headers: { authorization: "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request" },
        body: endless,
        duplex: "half",
        signal: stalled.signal,
      }).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await put({ Key: "stalled" });
      stalled.abort();
      await hanging;
    });
  });

  describe("in EC2", () => {
    it("power reaches the host, and moto knows of it", async () => {
      const { ec2: client } = services.clients.in("us-east-1");
      const { Instances } = await client.send(
        new ec2.RunInstancesCommand({ ImageId: "ami-12345678", MinCount: 1, MaxCount: 1 }),
      );
      const id = Instances?.[0]?.InstanceId ?? "";
      const stateOf = async () => {
        const answer = await client.send(new ec2.DescribeInstancesCommand({ InstanceIds: [id] }));
        return answer.Reservations?.[0]?.Instances?.[0]?.State?.Name;
      };
      const stopped = await client.send(new ec2.StopInstancesCommand({ InstanceIds: [id] }));
      assert.equal(stopped.StoppingInstances?.[0]?.InstanceId, id);
      assert.equal(await stateOf(), "stopped");
      await client.send(new ec2.StartInstancesCommand({ InstanceIds: [id] }));
      assert.equal(await stateOf(), "running");
      await client.send(new ec2.RebootInstancesCommand({ InstanceIds: [id] }));
      assert.deepEqual(powered.splice(0), [`stop ${id}`, `start ${id}`, `reboot ${id}`]);
    });

    it("an unknown host is said to be unknown", async () => {
      const command = new ec2.RebootInstancesCommand({ InstanceIds: ["i-00000000000000bad"] });
      await assert.rejects(services.clients.in("us-east-1").ec2.send(command), {
        name: "InvalidInstanceID.NotFound",
      });
    });
  });

  describe("in Elastic Load Balancing", () => {
    const describeHealth = (input: elb.DescribeTargetHealthCommandInput) =>
      services.clients.in("us-east-1").loadBalancing.send(new elb.DescribeTargetHealthCommand(input));

    it("target health is what the balancer sees", async () => {
      const { TargetHealthDescriptions } = await describeHealth({ TargetGroupArn: targetGroupArn });
      assert.deepEqual(
        TargetHealthDescriptions?.map(({ Target, TargetHealth }) => ({
          targetId: Target?.Id,
          port: Target?.Port,
          state: TargetHealth?.State,
          ...(TargetHealth?.Reason && { reason: TargetHealth.Reason, description: TargetHealth.Description }),
        })),
        targets,
      );
    });

    it("targets that are asked for and not registered are unused", async () => {
      const Targets = [{ Id: "i-9" }, { Id: "i-1" }];
      const { TargetHealthDescriptions } = await describeHealth({ TargetGroupArn: targetGroupArn, Targets });
      assert.deepEqual(
        TargetHealthDescriptions?.map(({ TargetHealth }) => [TargetHealth?.State, TargetHealth?.Reason]),
        [
          ["unused", "Target.NotRegistered"],
          ["healthy", undefined],
        ],
      );
    });

    it("an unknown target group is an error", async () => {
      await assert.rejects(
        describeHealth({ TargetGroupArn: `${targetGroupArn}0` }),
        elb.TargetGroupNotFoundException,
      );
    });

    it("botocore understands the answers too", async () => {
      const script = `
import boto3
client = boto3.client("elbv2", region_name="us-east-1", endpoint_url="${services.front.endpoint}",
                      aws_access_key_id="a", aws_secret_access_key="b")
print([t["TargetHealth"]["State"] for t in client.describe_target_health(TargetGroupArn="${targetGroupArn}")["TargetHealthDescriptions"]])
try:
    client.describe_target_health(TargetGroupArn="none")
except client.exceptions.TargetGroupNotFoundException as error:
    print(error.response["Error"]["Code"])
ec2 = boto3.client("ec2", region_name="us-east-1", endpoint_url="${services.front.endpoint}",
                   aws_access_key_id="a", aws_secret_access_key="b")
try:
    ec2.reboot_instances(InstanceIds=["i-00000000000000bad"])
except ec2.exceptions.ClientError as error:
    print(error.response["Error"]["Code"])
try:
    ec2.stop_instances(InstanceIds=["i-0123456789abcdef0"], DryRun=True)
except ec2.exceptions.ClientError as error:
    print(error.response["Error"]["Code"])
s3 = boto3.client("s3", region_name="us-east-1", endpoint_url="${services.front.endpoint}",
                  aws_access_key_id="a", aws_secret_access_key="b")
for attempt in range(2):
    try:
        print(s3.put_object(Bucket="accounts", Key="by-botocore", Body=b"x" * 100_000, IfNoneMatch="*")["ETag"])
    except s3.exceptions.ClientError as error:
        print(error.response["Error"]["Code"])
print(len(s3.get_object(Bucket="accounts", Key="by-botocore")["Body"].read()))
`;
      const printed = await runPython(script);
      assert.deepEqual(printed.trim().split("\n"), [
        "['healthy', 'unhealthy']",
        "TargetGroupNotFound",
        "InvalidInstanceID.NotFound",
        "DryRunOperation",
        '"d5816f35916d1d9482fb0f1ec201101d"',
        "PreconditionFailed",
        "100000",
      ]);
      assert.deepEqual(powered, []);
    });
  });

  describe("in Auto Scaling", () => {
    const name = "web";
    const set = (DesiredCapacity: number) =>
      services.clients
        .in("us-east-1")
        .autoScaling.send(
          new autoScaling.SetDesiredCapacityCommand({ AutoScalingGroupName: name, DesiredCapacity }),
        );
    const change = (input: Partial<autoScaling.UpdateAutoScalingGroupCommandInput>) =>
      services.clients
        .in("us-east-1")
        .autoScaling.send(
          new autoScaling.UpdateAutoScalingGroupCommand({ AutoScalingGroupName: name, ...input }),
        );
    const desired = async () => {
      const answer = await services.clients
        .in("us-east-1")
        .autoScaling.send(
          new autoScaling.DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
        );
      return answer.AutoScalingGroups?.[0]?.DesiredCapacity;
    };
    before(async () => {
      const { autoScaling: client } = services.clients.in("us-east-1");
      await client.send(
        new autoScaling.CreateLaunchConfigurationCommand({
          LaunchConfigurationName: "plain",
          ImageId: "ami-12345678",
          InstanceType: "t3.micro",
        }),
      );
      await client.send(
        new autoScaling.CreateAutoScalingGroupCommand({
          AutoScalingGroupName: name,
          LaunchConfigurationName: "plain",
          MinSize: 1,
          MaxSize: 3,
          AvailabilityZones: ["us-east-1a"],
        }),
      );
    });

    it("a size within the limits is set", async () => {
      await set(3);
      assert.equal(await desired(), 3);
    });

    it("a size outside the limits is refused in AWS's words", async () => {
      await assert.rejects(set(4), {
        name: "ValidationError",
        message: "New SetDesiredCapacity value 4 is above max value 3 for the AutoScalingGroup.",
      });
      await assert.rejects(set(0), /value 0 is below min value 1/);
      await assert.rejects(
        change({ DesiredCapacity: 9 }),
        /must be between the specified min size:1 and max size:3/,
      );
      await assert.rejects(change({ MinSize: 4 }), /Max bound, 3, must be greater/);
      assert.equal(await desired(), 3);
    });

    it("limits and size can change together", async () => {
      await change({ MinSize: 0, DesiredCapacity: 0 });
      assert.equal(await desired(), 0);
    });

    it("an unknown group is refused", async () => {
      await assert.rejects(change({ AutoScalingGroupName: "none", MinSize: 1 }), {
        name: "ValidationError",
        message: "AutoScalingGroup name not found - AutoScalingGroup: none",
      });
    });

    it("hosts are where, and as, their group has them", async () => {
      await set(3);
      const { autoScaling: client } = services.clients.in("us-east-1");
      const instances = async () =>
        (
          await client.send(
            new autoScaling.DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
          )
        ).AutoScalingGroups![0]!.Instances!;
      const [first, second, third] = (await instances()).map(({ InstanceId }) => InstanceId!);
      members.set(first!, { zone: "us-east-1b", lifecycle: "InService", isHealthy: false });
      members.set(second!, { zone: "us-east-1c", lifecycle: "Pending:Wait", isHealthy: true });
      assert.deepEqual(
        (await instances()).map((one) => [
          one.InstanceId,
          one.AvailabilityZone,
          one.LifecycleState,
          one.HealthStatus,
        ]),
        [
          [first, "us-east-1b", "InService", "Unhealthy"],
          [second, "us-east-1c", "Pending:Wait", "Healthy"],
          [third, "us-east-1a", "Pending", "Healthy"],
        ],
      );
      const { AutoScalingInstances } = await client.send(
        new autoScaling.DescribeAutoScalingInstancesCommand({ InstanceIds: [second!] }),
      );
      assert.deepEqual(
        AutoScalingInstances!.map((one) => [one.InstanceId, one.AvailabilityZone, one.AutoScalingGroupName]),
        [[second, "us-east-1c", name]],
      );
    });

    it("a group that shrinks chooses who goes", async () => {
      await set(3);
      const { autoScaling: client } = services.clients.in("us-east-1");
      const ids = async () =>
        (
          await client.send(
            new autoScaling.DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
          )
        ).AutoScalingGroups![0]!.Instances!.map(({ InstanceId }) => InstanceId!);
      const [first, second, third] = await ids();
      leaving.push(second!, third!);
      await set(2);
      assert.deepEqual(await ids(), [first, third]);
      await set(1);
      assert.deepEqual(await ids(), [first]);
    });

    it("a zone is lost and found by this machine", async () => {
      const url = `${services.front.endpoint}/_faults/zones/us-east-1a`;
      for (const method of ["PUT", "DELETE"]) assert.equal((await fetch(url, { method })).status, 204);
      assert.deepEqual(zones, ["us-east-1a true", "us-east-1a false"]);
    });

    it("a host is taken out once", async () => {
      await set(2);
      const { autoScaling: client } = services.clients.in("us-east-1");
      const ids = async () =>
        (
          await client.send(
            new autoScaling.DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }),
          )
        ).AutoScalingGroups![0]!.Instances!.map(({ InstanceId }) => InstanceId!);
      const [first] = await ids();
      const takeOut = () =>
        client.send(
          new autoScaling.TerminateInstanceInAutoScalingGroupCommand({
            InstanceId: first!,
            ShouldDecrementDesiredCapacity: false,
          }),
        );
      await takeOut();
      const now = await ids();
      assert.equal(now.length, 2);
      assert.equal(now.includes(first!), false);
      await assert.rejects(takeOut(), {
        name: "ValidationError",
        message: `Instance Id not found - No managed instance found for instance ID: ${first}`,
      });
    });

    it("a host tells its group how its launch went, once", async () => {
      const tell = () =>
        services.clients.in("us-east-1").autoScaling.send(
          new autoScaling.CompleteLifecycleActionCommand({
            AutoScalingGroupName: "web",
            InstanceId: "i-1",
            LifecycleHookName: "serves",
            LifecycleActionResult: "CONTINUE",
          }),
        );
      await tell();
      await assert.rejects(tell(), {
        name: "ValidationError",
        message: "No active Lifecycle Action found with instance ID i-1",
      });
      assert.equal(launches[0], "web i-1 serves CONTINUE");
    });

    const describeActivities = (input: autoScaling.DescribeScalingActivitiesType) =>
      services.clients
        .in("us-east-1")
        .autoScaling.send(new autoScaling.DescribeScalingActivitiesCommand(input));

    it("activities are what the group did", async () => {
      const { Activities } = await describeActivities({ AutoScalingGroupName: "web" });
      assert.deepEqual(
        Activities?.map((activity) => ({
          id: activity.ActivityId,
          description: activity.Description,
          cause: activity.Cause,
          startedAt: activity.StartTime,
          status: activity.StatusCode,
          ...(activity.EndTime && { endedAt: activity.EndTime }),
          ...(activity.StatusMessage !== undefined && { message: activity.StatusMessage }),
        })),
        activities,
      );
      assert.deepEqual((await describeActivities({ AutoScalingGroupName: "other" })).Activities, []);
    });

    it("activities come in pages", async () => {
      const page = { AutoScalingGroupName: "web", MaxRecords: 1 };
      const first = await describeActivities(page);
      assert.deepEqual(
        first.Activities?.map(({ ActivityId }) => ActivityId),
        ["3"],
      );
      const second = await describeActivities({ ...page, NextToken: first.NextToken });
      assert.deepEqual(
        second.Activities?.map(({ ActivityId }) => ActivityId),
        ["2"],
      );
      assert.equal(second.NextToken, undefined);
    });
  });

  async function runPython(script: string): Promise<string> {
    const python = await motoPython();
    // Not synchronously: this process is the server.
    const { stdout } = await promisify(execFile)(python, ["-c", script]);
    return stdout;
  }
});
