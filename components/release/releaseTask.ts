import * as pulumi from "@pulumi/pulumi";
import type { AdministratorAccess } from "../accounts/accountStore";
import type { DatabaseAccess } from "../database/databaseAccess";
import type { BootGate, HostBucket } from "../host/gates";
import { OneShotHost, type OneShotHostArgs } from "../host/oneShotHost";
import { userDataFor } from "../host/userData";
import { readSecretVersion } from "../iam/policies";

/** Arguments of a {@link ReleaseTask}. */
export interface ReleaseTaskArgs {
  readonly network: OneShotHostArgs["network"];
  /** What makes the path to the database. */
  readonly path: readonly pulumi.Resource[];
  readonly gate: BootGate & HostBucket;
  readonly database: DatabaseAccess;
  readonly accounts: AdministratorAccess & pulumi.Resource;
  /** How long the activity log keeps events, in days. */
  readonly activityRetentionDays: number;
  readonly imageId: pulumi.Input<string>;
  readonly instanceType: string;
  /** Tags of the host's disk. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * What happens once for each release, before its fleet: a host of the new image runs the migrations, as the tables' owner, says
 * how long the activity log is kept, and makes the administrator's account if there is none. It is the only host that can read
 * the owner's password, and that only at the version that it was made for.
 *
 * A month costs $0.64 for the disk of the stopped host, in dev and prod alike.
 *
 * | change | effect |
 * |---|---|
 * | `imageId`, `instanceType`, `activityRetentionDays`, a new version of the service's, the owner's or the administrator's secret, the database's volume, `userdata/release.sh` and the parts of `userdata/lib/` that it names | a new host runs the release, then the old one goes |
 * | `tags` | in place; nothing runs again |
 */
export class ReleaseTask extends pulumi.ComponentResource {
  constructor(name: string, args: ReleaseTaskArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:ReleaseTask", name, {}, opts);
    const { gate, accounts, database } = args;
    const { adminSecret } = accounts;
    new OneShotHost(
      `${name}-host`,
      {
        label: "release host",
        network: args.network,
        gate,
        imageId: args.imageId,
        instanceType: args.instanceType,
        userData: (report) =>
          userDataFor("release", {
            ...report,
            ACCOUNT_BUCKET: accounts.bucketName,
            SERVICE_SECRET_ARN: accounts.serviceSecret.arn,
            SERVICE_SECRET_VERSION: accounts.serviceSecret.versionId,
            DATABASE_VOLUME_ID: database.volumeId,
            DATABASE_CA_KEY: database.authorityKey,
            OWNER_SECRET_ARN: database.owner.secret.arn,
            OWNER_SECRET_VERSION: database.owner.secret.versionId,
            ADMIN_SECRET_ARN: adminSecret.arn,
            ADMIN_SECRET_VERSION: adminSecret.versionId,
            ACTIVITY_RETENTION_DAYS: args.activityRetentionDays,
          }),
        statements: [
          ...database.owner.statements,
          readSecretVersion(adminSecret.arn, adminSecret.versionId),
          ...accounts.serviceStatements(),
        ],
        egress: database.openings,
        tags: args.tags,
        after: [...args.path, database.ready, accounts],
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}
