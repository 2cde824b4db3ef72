import * as path from "node:path";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { type BootEvent, bootReportKey, type CutOverEvent, functionSeconds } from "../../gate/contract.cjs";
import {
  gate,
  policyDocument,
  type Statement,
  trustFunctions,
  writeLogs,
  writeObjects,
} from "../iam/policies";
import { PrivateBucket } from "../storage/privateBucket";
import type {
  BootGate,
  BootWait,
  CutOverGate,
  CutOverWait,
  HostBucket,
  PublishedText,
  ReportVariables,
} from "../host/gates";

/** Arguments of a {@link DeployGate}. */
export interface DeployGateArgs {
  /** Region of the gate's provider, where its bucket is. */
  readonly region: string;
  /** Tags that all hosts and groups of this stack have: the gate may restart and resize no others. */
  readonly stackTags: Readonly<Record<string, string>>;
  /** How long the function's log is kept, in days. */
  readonly logRetentionDays: number;
  /** Refuse to delete the bucket. */
  readonly protect: boolean;
}

/** An event of the gate whose values may still be unknown. */
type Unresolved<Event> = { readonly [Field in keyof Event]: pulumi.Input<Event[Field]> };

/** What the function consists of, in `gate/`. */
const sources = ["index.mjs", "contract.cjs"];

/**
 * What makes a deployment wait, and fail with the reason: a bucket into which each host reports how its boot script ended,
 * and a Lambda function that reads those reports, and the health of a new fleet. Each wait is one invocation. One that fails
 * leaves nothing in the state, so that the next `pulumi up` asks again, while everything behind it waits.
 *
 * The bucket also holds what hosts fetch at boot: the application's archive, the database host's boot script and its CA certificates.
 *
 * A month costs less than $0.10, in dev and prod alike.
 *
 * | change | effect |
 * |---|---|
 * | `gate/`, `logRetentionDays`, `stackTags`, `protect` | in place; nothing is asked again |
 * | the waited-for instance, its role, or what it is to apply | asked again |
 * | the waited-for group or template version | asked again: the new hosts must be healthy and ready |
 * | `minSize`, `maxSize` alone | asked again: the group gets its limits, and as many hosts as they ask for must be healthy; no boot report is held against hosts that serve |
 */
export class DeployGate extends pulumi.ComponentResource implements BootGate, CutOverGate, HostBucket {
  readonly functionName: pulumi.Output<string>;
  readonly bucketName: pulumi.Output<string>;
  readonly bucketArn: pulumi.Output<string>;

  private readonly name: string;
  private readonly args: DeployGateArgs;

  constructor(name: string, args: DeployGateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:DeployGate", name, {}, opts);
    this.name = name;
    this.args = args;
    const bucket = this.createBucket();
    this.bucketName = bucket.bucketName;
    this.bucketArn = bucket.arn;
    this.functionName = this.createFunction();
    this.registerOutputs({ functionName: this.functionName, bucketName: this.bucketName });
  }

  reportVariables(roleId: pulumi.Output<string>): ReportVariables {
    return { REPORT_BUCKET: this.bucketName, REPORT_REGION: this.args.region, REPORT_ROLE_ID: roleId };
  }

  reportStatement(): Statement {
    return writeObjects(this.bucketArn, bootReportKey("${aws:userid}"));
  }

  waitForBoot(name: string, wait: BootWait, opts: pulumi.CustomResourceOptions): aws.lambda.Invocation {
    const { label, roleId, instanceId, region, applied } = wait;
    const event: Unresolved<BootEvent> = {
      kind: "boot",
      label,
      bucket: this.bucketName,
      roleId,
      instanceId,
      region,
      applied,
    };
    return this.invoke(name, event, undefined, opts);
  }

  waitForCutOver(name: string, wait: CutOverWait, opts: pulumi.CustomResourceOptions): aws.lambda.Invocation {
    const { label, roleId, groupName, tier, targetGroupArn, minSize, maxSize, templateVersion } = wait;
    const event: Unresolved<CutOverEvent> = {
      kind: "cutOver",
      label,
      bucket: this.bucketName,
      roleId,
      groupName,
      tier,
      targetGroupArn,
      minSize,
      maxSize,
    };
    return this.invoke(name, event, { templateVersion }, opts);
  }

  publish(name: string, text: PublishedText, opts: pulumi.CustomResourceOptions): aws.s3.BucketObjectv2 {
    return new aws.s3.BucketObjectv2(
      name,
      { bucket: this.bucketName, ...text },
      pulumi.mergeOptions({ provider: this.getProvider("aws:s3/bucketObjectv2:BucketObjectv2") }, opts),
    );
  }

  private invoke(
    name: string,
    event: Unresolved<BootEvent> | Unresolved<CutOverEvent>,
    triggers: Readonly<Record<string, pulumi.Input<string>>> | undefined,
    opts: pulumi.CustomResourceOptions,
  ): aws.lambda.Invocation {
    return new aws.lambda.Invocation(
      name,
      { functionName: this.functionName, input: pulumi.jsonStringify(event), triggers },
      // The function is in the gate's region, whatever the region of the component that waits; and its policy comes with
      // it, but not with its name.
      pulumi.mergeOptions(
        { dependsOn: this, provider: this.getProvider("aws:lambda/function:Function") },
        opts,
      ),
    );
  }

  private createBucket(): PrivateBucket {
    return new PrivateBucket(`${this.name}-bucket`, { protect: this.args.protect }, { parent: this });
  }

  private createFunction(): pulumi.Output<string> {
    const child = { parent: this };
    const log = new aws.cloudwatch.LogGroup(
      `${this.name}-log`,
      { retentionInDays: this.args.logRetentionDays },
      child,
    );
    const { accountId } = aws.getCallerIdentityOutput({}, child);
    const role = new aws.iam.Role(
      `${this.name}-role`,
      { assumeRolePolicy: trustFunctions(accountId) },
      child,
    );
    const statements = [...gate(this.bucketArn, this.args.stackTags), writeLogs(log.arn)];
    const policy = new aws.iam.RolePolicy(
      `${this.name}-policy`,
      { role: role.name, policy: policyDocument(statements) },
      child,
    );
    const file = (name: string) => new pulumi.asset.FileAsset(path.join(__dirname, "..", "..", "gate", name));
    return new aws.lambda.Function(
      this.name,
      {
        description: "Waits for hosts and fleets on behalf of a deployment",
        runtime: "nodejs22.x",
        architectures: ["arm64"],
        handler: "index.handler",
        code: new pulumi.asset.AssetArchive(Object.fromEntries(sources.map((name) => [name, file(name)]))),
        role: role.arn,
        memorySize: 256,
        timeout: functionSeconds,
        loggingConfig: { logFormat: "JSON", logGroup: log.name },
      },
      { ...child, dependsOn: policy },
    ).name;
  }
}
