import * as pulumi from "@pulumi/pulumi";
import {
  deleteObjects,
  listBucket,
  readObjects,
  readSecrets,
  type Statement,
  writeObjects,
} from "../iam/policies";
import { GeneratedSecret } from "../storage/generatedSecret";
import { generatedPassword } from "../storage/passwords";
import { PrivateBucket } from "../storage/privateBucket";

/** What a database host needs to back up and to restore. */
export interface BackupAccess {
  readonly bucketName: pulumi.Output<string>;
  /** Region of the bucket. */
  readonly region: string;
  /** How many full backups are kept. */
  readonly fullBackups: number;
  /** There when the passphrase is. */
  readonly ready: pulumi.Resource;
  /** ARN, in a region of the two, of JSON with the `passphrase` that encrypts what is in the bucket. It never changes. */
  passphraseIn(region: string): pulumi.Output<string>;
  /** To write the repository of one generation, and to read those of all. */
  statements(generation: number, region: string): Statement[];
}

/** Arguments of a {@link BackupRepository}. */
export interface BackupRepositoryArgs {
  /** Region of the bucket: not the database's own. */
  readonly region: string;
  /** Region of the database, which must be able to read the passphrase. */
  readonly hostRegion: string;
  /** How many weekly full backups are kept, each with the days and the log that follow it. */
  readonly fullBackups: number;
  /** For how many days nobody can delete or overwrite what was written; 0 for no such lock. */
  readonly lockDays: number;
  /** Refuse to delete the bucket. */
  readonly protect: boolean;
  /** How long a deleted secret can be restored, in days. */
  readonly secretRecoveryDays: number;
}

/** What is deleted can be fetched back for this long, or for as long as it is locked. */
const noncurrentDays = 30;

/**
 * Where pgBackRest keeps the database's backups and its log: a bucket in another region than the database's, with a repository
 * for each generation of the cluster, encrypted by a passphrase that AWS does not have beside the bucket. Earlier versions of
 * objects are kept, as pgBackRest, or whoever has taken the host, may delete only the newest.
 *
 * A month costs $0.80, for the passphrase in two regions, and $0.023 for each GB; what the host writes crosses regions at $0.01
 * for each GB.
 *
 * | change | effect |
 * |---|---|
 * | `fullBackups` | the host is replaced, after a snapshot |
 * | `lockDays`, `protect`, `secretRecoveryDays` | in place; what is locked stays so until its day |
 */
export class BackupRepository extends pulumi.ComponentResource implements BackupAccess {
  readonly bucketName: pulumi.Output<string>;
  readonly region: string;
  readonly fullBackups: number;
  readonly ready: pulumi.Resource;

  private readonly bucketArn: pulumi.Output<string>;
  private readonly secret: GeneratedSecret;

  constructor(name: string, args: BackupRepositoryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:BackupRepository", name, {}, opts);
    if (args.region === args.hostRegion)
      throw new pulumi.InputPropertyError({
        propertyPath: "region",
        reason: `${args.region} is the database's own region: backups must outlive it.`,
      });
    const child = { parent: this };
    const bucket = new PrivateBucket(
      name,
      {
        versioned: true,
        noncurrentDays: Math.max(noncurrentDays, args.lockDays),
        lockDays: args.lockDays,
        protect: args.protect,
      },
      child,
    );
    this.secret = new GeneratedSecret(
      `${name}-key`,
      {
        description: "Passphrase of the database's backups",
        value: { passphrase: generatedPassword(`${name}-passphrase`, child) },
        replicaRegion: args.hostRegion,
        recoveryDays: args.secretRecoveryDays,
      },
      child,
    );
    this.bucketName = bucket.bucketName;
    this.bucketArn = bucket.arn;
    this.region = args.region;
    this.fullBackups = args.fullBackups;
    this.ready = this.secret;
    this.registerOutputs({ bucketName: this.bucketName });
  }

  passphraseIn(region: string): pulumi.Output<string> {
    return (region === this.region ? this.secret : this.secret.in(region)).arn;
  }

  statements(generation: number, region: string): Statement[] {
    const own = `${generation}/*`;
    return [
      listBucket(this.bucketArn),
      readObjects(this.bucketArn, "*"),
      writeObjects(this.bucketArn, own),
      // Not versions of them: what was written can be fetched back.
      { ...deleteObjects(this.bucketArn, own), Action: "s3:DeleteObject" },
      readSecrets(this.passphraseIn(region)),
    ];
  }
}
