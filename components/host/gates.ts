import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { Statement } from "../iam/policies";

/** Variables by which a boot script writes its report. */
export interface ReportVariables {
  readonly REPORT_BUCKET: pulumi.Output<string>;
  readonly REPORT_REGION: string;
  /** Unique id of the host's role: a part of the one key that the host may write. */
  readonly REPORT_ROLE_ID: pulumi.Output<string>;
}

/** A host whose boot script must have succeeded before the deployment goes on. */
export interface BootWait {
  /** The host in the words of an error message. */
  readonly label: string;
  readonly instanceId: pulumi.Input<string>;
  /** Unique id of the host's role. */
  readonly roleId: pulumi.Input<string>;
  /** Region of the instance. */
  readonly region: string;
  /**
   * Version of something that the running host applies on its own: wait as well until its newest boot report names it as
   * `applied`. An `applyError` for this version that stays for a minute fails the deployment; the host is not rebooted for it.
   *
   * @default the boot is all
   */
  readonly applied?: pulumi.Input<string>;
}

/** What a component needs whose hosts report. */
export interface BootReports {
  /** The variables of a boot script on hosts with this role. */
  reportVariables(roleId: pulumi.Output<string>): ReportVariables;
  /** What a host must be allowed for its report; it cannot write another's. */
  reportStatement(): Statement;
}

/** What a component needs that makes a host and waits for its boot. */
export interface BootGate extends BootReports {
  /** Waits until a host's boot script has succeeded; fails with the host's own reason otherwise. */
  waitForBoot(name: string, wait: BootWait, opts: pulumi.CustomResourceOptions): aws.lambda.Invocation;
}

/** A new fleet that must be healthy before the old one goes. */
export interface CutOverWait {
  /** The fleet in the words of an error message. */
  readonly label: string;
  readonly groupName: pulumi.Input<string>;
  /** Changes with each roll-out. */
  readonly templateVersion: pulumi.Input<string>;
  /** Unique id of the hosts' role. */
  readonly roleId: pulumi.Input<string>;
  /** Value of the tier tag, which the old and the new group share. */
  readonly tier: string;
  readonly targetGroupArn: pulumi.Input<string>;
  readonly minSize: number;
  readonly maxSize: number;
}

/** What a component needs that rolls a fleet. */
export interface CutOverGate {
  /** Gives a new group the size of the one that serves, and waits until that many of its hosts can take over. */
  waitForCutOver(name: string, wait: CutOverWait, opts: pulumi.CustomResourceOptions): aws.lambda.Invocation;
}

/** A text for hosts. */
export interface PublishedText {
  readonly key: string;
  readonly content: pulumi.Input<string>;
  /** MIME type. */
  readonly contentType: string;
}

/** The bucket of the reports, which also holds what hosts fetch. */
export interface HostBucket {
  readonly bucketName: pulumi.Output<string>;
  readonly bucketArn: pulumi.Output<string>;
  /** Puts a text into the bucket, for hosts of any region to fetch. Nothing secret. */
  publish(name: string, text: PublishedText, opts: pulumi.CustomResourceOptions): aws.s3.BucketObjectv2;
}
