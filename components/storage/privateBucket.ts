import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { policyDocument, type Statement, tlsOnly } from "../iam/policies";

/** Arguments of a {@link PrivateBucket}. */
export interface PrivateBucketArgs {
  /** Keep earlier versions of objects. @default false */
  readonly versioned?: boolean;
  /** Days after which an earlier version goes. @default 90 */
  readonly noncurrentDays?: number;
  /** For how many days no version of an object can be deleted; 0 for no such lock. @default it cannot be locked */
  readonly lockDays?: number;
  /** Days after which objects under a prefix go, by prefix. @default none goes */
  readonly expiry?: Readonly<Record<string, number>>;
  /** What the bucket's policy allows beyond what roles do, by the bucket's ARN. @default nothing */
  readonly statements?: (arn: pulumi.Output<string>) => readonly Statement[];
  /** Refuse to delete the bucket; otherwise its deletion takes its objects with it. */
  readonly protect: boolean;
}

/**
 * An S3 bucket that is closed to the public, has no ACLs, encrypts what it holds and speaks TLS only. Uploads that were
 * never finished go after a week.
 *
 * A month costs $0.023 for each GB. Every change of an argument is in place.
 */
export class PrivateBucket extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: PrivateBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:PrivateBucket", name, {}, opts);
    const child = { parent: this };
    const { id: bucket, arn } = new aws.s3.Bucket(
      name,
      // A bucket that can be locked is versioned; a lock that comes later must not replace it.
      { forceDestroy: !args.protect, objectLockEnabled: args.lockDays === undefined ? undefined : true },
      { ...child, protect: args.protect },
    );
    const closed = new aws.s3.BucketPublicAccessBlock(
      `${name}-public-access`,
      {
        bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      child,
    );
    new aws.s3.BucketOwnershipControls(
      `${name}-ownership`,
      { bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
      child,
    );
    new aws.s3.BucketServerSideEncryptionConfiguration(
      `${name}-encryption`,
      { bucket, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
      child,
    );
    new aws.s3.BucketPolicy(
      `${name}-policy`,
      { bucket, policy: policyDocument([tlsOnly(arn), ...(args.statements?.(arn) ?? [])]) },
      // S3 refuses two changes of a bucket's access at once.
      { ...child, dependsOn: closed },
    );
    const versioning = args.versioned
      ? new aws.s3.BucketVersioning(
          `${name}-versioning`,
          { bucket, versioningConfiguration: { status: "Enabled" } },
          child,
        )
      : undefined;
    if (args.lockDays)
      new aws.s3.BucketObjectLockConfiguration(
        `${name}-lock`,
        { bucket, rule: { defaultRetention: { mode: "GOVERNANCE", days: args.lockDays } } },
        { ...child, dependsOn: versioning },
      );
    new aws.s3.BucketLifecycleConfiguration(
      `${name}-lifecycle`,
      { bucket, rules: lifecycle(args) },
      { ...child, dependsOn: versioning },
    );
    this.bucketName = bucket;
    this.arn = arn;
    this.registerOutputs({ bucketName: this.bucketName, arn: this.arn });
  }
}

function lifecycle({ versioned, noncurrentDays, expiry }: PrivateBucketArgs) {
  return [
    {
      id: "unfinished",
      status: "Enabled",
      filter: {},
      abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
      noncurrentVersionExpiration: versioned ? { noncurrentDays: noncurrentDays ?? 90 } : undefined,
    },
    ...Object.entries(expiry ?? {}).map(([prefix, days]) => ({
      id: prefix.replace(/\/$/, ""),
      status: "Enabled",
      filter: { prefix },
      expiration: { days },
    })),
  ];
}
