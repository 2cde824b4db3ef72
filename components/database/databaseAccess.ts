import type * as pulumi from "@pulumi/pulumi";
import type { Statement } from "../iam/policies";
import type { Opening } from "../network/firewall";
import type { Subnet } from "../network/networks";
import type { PinnedSecret } from "../storage/generatedSecret";

/** Port of PostgreSQL. */
export const postgresPort = 5432;

/**
 * Where the database host puts the certificates of its authorities, in the gate's bucket: by the database's name, so that of two
 * neither disturbs the other.
 */
export const authorityKey = (hostName: string, version: number | "*") => `tls/${hostName}-ca-${version}.pem`;

/** Where the database host finds which versions of its roles' secrets and of its certificate authority hold, in the gate's bucket. */
export const rolesKey = (hostName: string) => `database/${hostName}/roles.json`;

/** Where the database host tells how its last backup, drill or restore went, in the gate's bucket. */
export const recordKey = (name: "backup" | "drill" | "restore" | "*") => `records/${name}.json`;

/** What a client that signs in as one of the roles needs. */
export interface RoleAccess {
  /** JSON with `username`, `password`, `dbname`, `host` and `port`, readable in the clients' region. */
  readonly secret: PinnedSecret;
  /** To read the secret and the certificates of the database's authorities. */
  readonly statements: readonly Statement[];
}

/** What a client of the database needs. */
export interface DatabaseAccess {
  /** The ways to it, for the client's firewall. */
  readonly openings: readonly Opening[];
  /** The service: reads and writes rows. */
  readonly app: RoleAccess;
  /** The owner of the tables: for migrations. */
  readonly owner: RoleAccess;
  /** The data volume: another one is another database, with another certificate authority. */
  readonly volumeId: pulumi.Output<string>;
  /** Where in the gate's bucket the certificates are by which clients know the database. */
  readonly authorityKey: string;
  /** There when the database accepts the logins of both secrets. */
  readonly ready: pulumi.Resource;
}

/** PostgreSQL from, or to, each of the subnets. `hosts` tells whose they are. */
export function postgresOpenings(subnets: readonly Subnet[], hosts: string): Opening[] {
  return subnets.map(({ name, zone, cidrBlock }) => ({
    name: `postgresql-${name}`,
    description: `PostgreSQL ${hosts} in ${zone}`,
    port: postgresPort,
    cidrBlock,
  }));
}
