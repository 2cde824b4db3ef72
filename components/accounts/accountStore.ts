import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { GeneratedSecret } from "../storage/generatedSecret";
import { listBucket, readObjects, readSecrets, type Statement, writeObjects } from "../iam/policies";
import { PrivateBucket } from "../storage/privateBucket";

/** Arguments of an {@link AccountStore}. */
export interface AccountStoreArgs {
  /** Refuse to delete the bucket and the pepper: without either, the accounts are lost. */
  readonly protect: boolean;
  /** How long a deleted secret can be restored, in days. */
  readonly secretRecoveryDays: number;
}

/**
 * Where the accounts are: a bucket with one object for each user, the service's secrets (Django's key, the pepper that turns
 * logins into object names, the keys that sign tokens), and the administrator's first password.
 *
 * A month costs $0.80 for two secrets and some cents for the objects, in dev and prod alike. Every change of an argument is in
 * place. Never replace the pepper: no account would be found any more.
 */
export class AccountStore extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string>;
  /** JSON with `secretKey`, `loginPepper` and `tokenKeys`, the first of which signs. */
  readonly serviceSecretArn: pulumi.Output<string>;
  /** JSON with the administrator's `login` and `password`. */
  readonly adminSecretArn: pulumi.Output<string>;
  readonly adminSecretName: pulumi.Output<string>;

  private readonly bucketArn: pulumi.Output<string>;

  constructor(name: string, args: AccountStoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:AccountStore", name, {}, opts);
    const child = { parent: this };
    const bucket = new PrivateBucket(name, { versioned: true, protect: args.protect }, child);
    const key = (suffix: string, protect = false) =>
      new random.RandomBytes(`${name}-${suffix}`, { length: 32 }, { ...child, protect }).base64;
    const service = new GeneratedSecret(
      `${name}-service`,
      {
        description: "Keys of the service",
        value: {
          secretKey: key("secret-key"),
          loginPepper: key("login-pepper", args.protect),
          tokenKeys: [
            {
              kid: new random.RandomId(`${name}-token-kid`, { byteLength: 4 }, child).hex,
              key: key("token-key"),
            },
          ],
        },
        recoveryDays: args.secretRecoveryDays,
      },
      child,
    );
    const password = new random.RandomPassword(
      `${name}-admin-password`,
      { length: 24, special: false },
      child,
    );
    const admin = new GeneratedSecret(
      `${name}-admin`,
      {
        description: "The administrator's first password",
        value: { login: "admin", password: password.result },
        recoveryDays: args.secretRecoveryDays,
      },
      child,
    );
    this.bucketName = bucket.bucketName;
    this.bucketArn = bucket.arn;
    this.serviceSecretArn = service.arn;
    this.adminSecretArn = admin.arn;
    this.adminSecretName = admin.secretName;
    this.registerOutputs({ bucketName: this.bucketName, adminSecretName: this.adminSecretName });
  }

  /** What a host of the service needs: to find, read and write accounts, and to read the service's secrets. */
  serviceStatements(): Statement[] {
    return [
      listBucket(this.bucketArn),
      readObjects(this.bucketArn, "accounts/*"),
      writeObjects(this.bucketArn, "accounts/*"),
      readSecrets(this.serviceSecretArn),
    ];
  }
}
