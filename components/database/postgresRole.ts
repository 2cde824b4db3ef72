import * as pulumi from "@pulumi/pulumi";
import { GeneratedSecret } from "../storage/generatedSecret";
import { checkVersion, generatedPassword } from "../storage/passwords";

/** Arguments of a {@link PostgresRole}. */
export interface PostgresRoleArgs {
  /** Name of the role, in which nobody signs in; its logins are called `<role>_<version>`. */
  readonly role: string;
  /** Number of the password, from 1: each version is a login of its own, and that of the version before stays valid. */
  readonly passwordVersion: number;
  /** What a client needs beside name and password. */
  readonly database: { readonly dbname: string; readonly host: string; readonly port: number };
  /** Region of the database, and of the provider. */
  readonly region: string;
  /** Region of the clients. */
  readonly readerRegion: string;
  /** How long the deleted secret can be restored, in days. */
  readonly recoveryDays: number;
}

/**
 * The credentials of a PostgreSQL role, readable in the database's region and in its clients': the login of this version, and
 * as `previous` that of the version before. The database host makes the logins.
 *
 * A month costs $0.80: a secret and its replica, which there is if clients and database are in two regions.
 *
 * | change | effect |
 * |---|---|
 * | `passwordVersion`, raised by one | a new login, beside that of the version before; the one before that ends |
 * | `database` | a new version of the secret, with the same logins |
 */
export class PostgresRole extends pulumi.ComponentResource {
  readonly secret: GeneratedSecret;

  constructor(name: string, args: PostgresRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:PostgresRole", name, {}, opts);
    const { role, passwordVersion, database } = args;
    checkVersion("passwordVersion", passwordVersion);
    const login = (version: number) => ({
      username: `${role}_${version}`,
      password: generatedPassword(`${name}-password-${version}`, { parent: this }),
    });
    this.secret = new GeneratedSecret(
      name,
      {
        description: `PostgreSQL role ${role}`,
        value: {
          ...login(passwordVersion),
          ...database,
          previous: passwordVersion > 1 ? login(passwordVersion - 1) : undefined,
        },
        replicaRegion: args.readerRegion === args.region ? undefined : args.readerRegion,
        recoveryDays: args.recoveryDays,
      },
      { parent: this },
    );
    this.registerOutputs({ secretArn: this.secret.arn });
  }
}
