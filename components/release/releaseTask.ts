import * as pulumi from "@pulumi/pulumi";
import type { AccountStore } from "../accounts/accountStore";
import type { BootGate, HostBucket, ReportVariables } from "../gate/gates";
import { OneShotHost } from "../host/oneShotHost";
import { readObjects, readSecrets } from "../iam/policies";
import type { PostgresHost } from "../database/postgresHost";
import type { PeeredNetwork } from "../network/networks";
import type { RegionNetwork } from "../network/regionNetwork";
import type { RegionPeering } from "../network/regionPeering";
import { userDataFor } from "../host/userData";

/** Arguments of a {@link ReleaseTask}. */
export interface ReleaseTaskArgs {
  readonly network: RegionNetwork;
  readonly peering: RegionPeering;
  readonly gate: BootGate & HostBucket;
  readonly database: PostgresHost;
  /** Network of the database. */
  readonly databaseNetwork: RegionNetwork;
  readonly accounts: AccountStore;
  readonly imageId: pulumi.Input<string>;
  readonly instanceType: string;
  /** Tags of the host's disk. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * What happens once for each release, before its fleet: a host of the new image runs the migrations, as the tables' owner, and
 * makes the administrator's account if there is none. It is the only host that can read the owner's password.
 *
 * A month costs $0.64 for the disk of the stopped host, in dev and prod alike.
 *
 * | change | effect |
 * |---|---|
 * | `imageId`, `instanceType`, the database's volume, `userdata/release.sh`, `userdata/lib.sh` | a new host runs the release, then the old one goes |
 */
export class ReleaseTask extends pulumi.ComponentResource {
  constructor(name: string, args: ReleaseTaskArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:ReleaseTask", name, {}, opts);
    const { gate, accounts, database } = args;
    const userData = (report: ReportVariables) =>
      pulumi
        .all({
          ...report,
          ACCOUNT_BUCKET: accounts.bucketName,
          SERVICE_SECRET_ARN: accounts.serviceSecretArn,
          // Another volume is an empty database: the tables must be made again.
          DATABASE_VOLUME_ID: database.volumeId,
          OWNER_SECRET_ARN: database.ownerSecretArn,
          ADMIN_SECRET_ARN: accounts.adminSecretArn,
        })
        .apply((variables) => userDataFor("release", variables));
    new OneShotHost(
      `${name}-host`,
      {
        label: "release host",
        network: args.network,
        gate,
        imageId: args.imageId,
        instanceType: args.instanceType,
        userData,
        statements: [
          readObjects(gate.bucketArn, "tls/postgres-ca.pem"),
          readSecrets(database.ownerSecretArn, accounts.adminSecretArn),
          ...accounts.serviceStatements(),
        ],
        egress: databaseEgress(args.databaseNetwork),
        tags: args.tags,
        after: [args.peering, database, accounts],
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}

/** The way from the service's hosts to the database. */
export function databaseEgress(databaseNetwork: Pick<PeeredNetwork, "hostSubnets">) {
  return databaseNetwork.hostSubnets.map(({ name, cidrBlock }) => ({
    name: `postgresql-${name}`,
    description: "PostgreSQL in the other region",
    port: 5432,
    cidrBlock,
  }));
}
