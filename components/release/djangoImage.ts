import { createHash } from "node:crypto";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { appArchive } from "./appArchive";
import { debianImageId } from "../host/debianImage";
import type { BootGate, HostBucket } from "../host/gates";
import { instanceTypeDetails } from "../host/instanceTypes";
import { OneShotHost, type OneShotHostArgs } from "../host/oneShotHost";
import { readObjects } from "../iam/policies";
import { userDataFor } from "../host/userData";

/** Arguments of a {@link DjangoImage}. */
export interface DjangoImageArgs {
  readonly network: OneShotHostArgs["network"];
  readonly gate: BootGate & HostBucket;
  /** Exact name of Debian's image: the setting `debianImage`. */
  readonly debianImage: string;
  /** Type of the host that builds: the setting `webInstanceType`. */
  readonly instanceType: string;
  /** Put the agent of Session Manager into the image. */
  readonly sessionManager: boolean;
  /** Put CloudWatch's agent into the image. */
  readonly hostAgent: boolean;
  /** Tags of the builder's disk. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * The machine image of the web hosts: Debian, Python, the application and its packages. A builder host installs them, the gate
 * sees that it succeeded, the builder is stopped, and the image is made of its disk. Stopped first, so that the file system is
 * at rest and the image needs no reboot.
 *
 * A month costs $0.64 for the stopped builder's disk and $0.40 at most for the snapshot, in dev and prod alike.
 *
 * | change | effect |
 * |---|---|
 * | a file of the application, `userdata/django.sh` and the parts of `userdata/lib/` that it names, `debianImage`, `instanceType`, `sessionManager`, `hostAgent` | a new builder, a new image; then the old ones go |
 */
export class DjangoImage extends pulumi.ComponentResource {
  readonly imageId: pulumi.Output<string>;

  constructor(name: string, args: DjangoImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:DjangoImage", name, {}, opts);
    const child = { parent: this };
    const base = debianImageId(args.debianImage, "debianImage", this);
    const { contentHash, key, archive } = appArchive();
    const object = new aws.s3.BucketObjectv2(
      // Named after its content: going back to an earlier one must not wait for the deletion of what it needs.
      `${name}-app-${contentHash.slice(0, 8)}`,
      { bucket: args.gate.bucketName, key, source: archive, contentType: "application/zip" },
      child,
    );
    const builder = new OneShotHost(
      `${name}-builder`,
      {
        label: "image builder",
        network: args.network,
        gate: args.gate,
        imageId: base,
        instanceType: instanceTypeDetails(args.instanceType, "webInstanceType", this).instanceType,
        userData: (report) =>
          userDataFor("django", {
            ...report,
            APP_BUCKET: args.gate.bucketName,
            APP_KEY: key,
            SESSION_MANAGER: args.sessionManager,
            HOST_AGENT: args.hostAgent,
          }),
        statements: [readObjects(args.gate.bucketArn, key)],
        tags: args.tags,
        after: [object],
      },
      child,
    );
    const content = pulumi.all([base, builder.userData]).apply(([imageId, script]) => hash(imageId, script));
    this.imageId = new aws.ec2.AmiFromInstance(
      name,
      {
        // No name of its own: an image whose making was not reported would keep the name from the next attempt.
        description: "Django service",
        sourceInstanceId: builder.instanceId,
        tags: { Name: name, "django-on-ec2:content": content },
      },
      { ...child, dependsOn: builder },
    ).id;
    this.registerOutputs({ imageId: this.imageId });
  }
}

function hash(...parts: string[]): string {
  return createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 12);
}
