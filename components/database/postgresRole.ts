import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { GeneratedSecret } from "../storage/generatedSecret";

/** Arguments of a {@link PostgresRole}. */
export interface PostgresRoleArgs {
  readonly username: string;
  /** What a client needs beside name and password. */
  readonly login: { readonly dbname: string; readonly host: string; readonly port: number };
  /** Region of the clients, if not the database's own. */
  readonly readerRegion: string;
  /** How long the deleted secret can be restored, in days. */
  readonly recoveryDays: number;
}

/**
 * The credentials of a PostgreSQL role, readable in the database's region and in its clients'. The database host makes the role
 * when it boots.
 *
 * A month costs $0.80: a secret and its replica. Another name or login is a new version, which hosts read at their next boot.
 */
export class PostgresRole extends pulumi.ComponentResource {
  readonly secret: GeneratedSecret;

  constructor(name: string, args: PostgresRoleArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:PostgresRole", name, {}, opts);
    const { username, login } = args;
    const password = new random.RandomPassword(
      `${name}-password`,
      { length: 32, special: false },
      { parent: this },
    );
    this.secret = new GeneratedSecret(
      name,
      {
        description: `PostgreSQL role ${username}`,
        value: { username, password: password.result, ...login },
        replicaRegion: args.readerRegion,
        recoveryDays: args.recoveryDays,
      },
      { parent: this },
    );
    this.registerOutputs({ secretArn: this.secret.arn });
  }
}
