import * as path from "node:path";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { gate, policyDocument, type Statement, trust, writeLogs, writeObjects } from "../iam/policies";
import { PrivateBucket } from "../storage/privateBucket";

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

/** A host whose boot script must have succeeded before the deployment goes on. */
export interface BootWait {
  /** The host in the words of an error message. */
  readonly label: string;
  readonly instanceId: pulumi.Input<string>;
  /** Region of the instance. */
  readonly region: string;
}

/** A new fleet that must be healthy before the old one goes. */
export interface CutOverWait {
  /** The fleet in the words of an error message. */
  readonly label: string;
  readonly groupName: pulumi.Input<string>;
  /** Changes with each roll-out. */
  readonly templateVersion: pulumi.Input<string>;
  /** Value of the tier tag, which the old and the new group share. */
  readonly tier: string;
  readonly targetGroupArn: pulumi.Input<string>;
  readonly minSize: number;
  readonly maxSize: number;
}

/** Lambda's longest, less what the function keeps to clean up. */
const timeoutSeconds = 870;

/**
 * What makes a deployment wait, and fail with the reason: a bucket into which each host reports how its boot script ended,
 * and a Lambda function that reads those reports, and the health of a new fleet. Each wait is one invocation. One that fails
 * leaves nothing in the state, so that the next `pulumi up` asks again, while everything behind it waits.
 *
 * The bucket also holds what hosts fetch at boot: the application's archive and the database's CA certificate.
 *
 * A month costs less than $0.10, in dev and prod alike.
 *
 * | change | effect |
 * |---|---|
 * | `gate/index.mjs`, `logRetentionDays`, `protect` | in place; nothing is asked again |
 * | the waited-for instance, group or template version | asked again |
 */
export class DeployGate extends pulumi.ComponentResource {
  readonly functionName: pulumi.Output<string>;
  readonly bucketName: pulumi.Output<string>;
  readonly bucketArn: pulumi.Output<string>;
  /** Variables of every boot script. */
  readonly reportVariables: { readonly REPORT_BUCKET: pulumi.Output<string>; readonly REPORT_REGION: string };

  private readonly name: string;
  private readonly args: DeployGateArgs;

  constructor(name: string, args: DeployGateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:DeployGate", name, {}, opts);
    this.name = name;
    this.args = args;
    const bucket = this.createBucket();
    this.bucketName = bucket.bucketName;
    this.bucketArn = bucket.arn;
    this.reportVariables = { REPORT_BUCKET: bucket.bucketName, REPORT_REGION: args.region };
    this.functionName = this.createFunction();
    this.registerOutputs({ functionName: this.functionName, bucketName: this.bucketName });
  }

  /** What a host needs to report. */
  reportStatement(): Statement {
    return writeObjects(this.bucketArn, "boot/*");
  }

  /** Waits for a host's boot report; fails with the host's own reason if its script failed. */
  waitForBoot(name: string, wait: BootWait, opts: pulumi.CustomResourceOptions): aws.lambda.Invocation {
    const event = { kind: "boot", bucket: this.bucketName, timeoutSeconds, ...wait };
    return this.invoke(name, event, undefined, opts);
  }

  /** Gives a new group the size of the one that serves, and waits until that many of its hosts are healthy. */
  waitForCutOver(
    name: string,
    { templateVersion, ...wait }: CutOverWait,
    opts: pulumi.CustomResourceOptions,
  ): aws.lambda.Invocation {
    const event = { kind: "cutOver", bucket: this.bucketName, timeoutSeconds, ...wait };
    return this.invoke(name, event, { templateVersion }, opts);
  }

  private invoke(
    name: string,
    event: Readonly<Record<string, pulumi.Input<string | number>>>,
    triggers: Readonly<Record<string, pulumi.Input<string>>> | undefined,
    opts: pulumi.CustomResourceOptions,
  ): aws.lambda.Invocation {
    return new aws.lambda.Invocation(
      name,
      { functionName: this.functionName, input: pulumi.jsonStringify(event), ...(triggers && { triggers }) },
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
    const role = new aws.iam.Role(`${this.name}-role`, { assumeRolePolicy: trust("lambda") }, child);
    const statements = [...gate(this.bucketArn, this.args.stackTags), writeLogs(log.arn)];
    const policy = new aws.iam.RolePolicy(
      `${this.name}-policy`,
      { role: role.name, policy: policyDocument(statements) },
      child,
    );
    const source = path.join(__dirname, "..", "..", "gate", "index.mjs");
    return new aws.lambda.Function(
      this.name,
      {
        description: "Waits for hosts and fleets on behalf of a deployment",
        runtime: "nodejs22.x",
        architectures: ["arm64"],
        handler: "index.handler",
        code: new pulumi.asset.AssetArchive({ "index.mjs": new pulumi.asset.FileAsset(source) }),
        role: role.arn,
        memorySize: 256,
        timeout: 900,
        loggingConfig: { logFormat: "JSON", logGroup: log.name },
      },
      { ...child, dependsOn: policy },
    ).name;
  }
}
