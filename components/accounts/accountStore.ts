import * as pulumi from "@pulumi/pulumi";
import {
  deleteObjects,
  listBucket,
  readObjects,
  readSecrets,
  type Statement,
  writeObjects,
} from "../iam/policies";
import { GeneratedSecret, type PinnedSecret } from "../storage/generatedSecret";
import { checkVersion, generatedPassword } from "../storage/passwords";
import { PrivateBucket } from "../storage/privateBucket";

/** Arguments of an {@link AccountStore}. */
export interface AccountStoreArgs {
  /**
   * Number of the keys that sign tokens, from 1. Raised by one, new keys sign, and the old fleet and the new one verify each
   * other's tokens; those of the version before last end. A refresh token lives for 14 days: whoever raises it twice within
   * that time signs people out.
   */
  readonly serviceKeyVersion: number;
  /** Refuse to delete the bucket. */
  readonly protect: boolean;
  /** How long a deleted secret can be restored, in days. */
  readonly secretRecoveryDays: number;
}

/** What a host of the service needs of the accounts. */
export interface AccountAccess {
  readonly bucketName: pulumi.Output<string>;
  /** JSON with `secretKey` and `tokenKeys`, the first of which signs. */
  readonly serviceSecret: PinnedSecret;
  /** To find, read and write accounts, and to read the service's secret. */
  serviceStatements(): Statement[];
  /** To leave events in the bucket for the database, and to move them there. */
  activityStatements(): Statement[];
}

/** What a host that makes the administrator's account needs. */
export interface AdministratorAccess extends AccountAccess {
  /** JSON with the administrator's `login` and `password`. */
  readonly adminSecret: PinnedSecret;
}

/**
 * Where the accounts are: a bucket with one object for each user, in which events wait for the database, too; the service's
 * secrets (Django's key, the keys that sign tokens), and the administrator's first password.
 *
 * A month costs $0.80 for two secrets and some cents for the objects, in dev and prod alike.
 *
 * | change | effect |
 * |---|---|
 * | `serviceKeyVersion` | a new version of the service's secret: a release and a roll-out, and nobody is signed out |
 * | `protect`, `secretRecoveryDays` | in place |
 */
export class AccountStore extends pulumi.ComponentResource implements AdministratorAccess {
  readonly bucketName: pulumi.Output<string>;
  readonly serviceSecret: PinnedSecret;
  readonly adminSecret: PinnedSecret;
  readonly adminSecretName: pulumi.Output<string>;

  private readonly bucketArn: pulumi.Output<string>;

  constructor(name: string, args: AccountStoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:AccountStore", name, {}, opts);
    checkVersion("serviceKeyVersion", args.serviceKeyVersion);
    const child = { parent: this };
    const bucket = new PrivateBucket(
      name,
      {
        versioned: true,
        // What the service counts of failed sign-ins; a count that is a day old limits nobody any more.
        expiry: { "accounts/failures/": 1 },
        protect: args.protect,
      },
      child,
    );
    const service = new GeneratedSecret(
      `${name}-service`,
      {
        description: "Keys of the service",
        value: {
          secretKey: generatedPassword(`${name}-secret-key-${args.serviceKeyVersion}`, child),
          tokenKeys: tokenKeyVersions(args.serviceKeyVersion).map((version) => ({
            kid: String(version),
            key: generatedPassword(`${name}-token-key-${version}`, child),
          })),
        },
        recoveryDays: args.secretRecoveryDays,
      },
      child,
    );
    const admin = new GeneratedSecret(
      `${name}-admin`,
      {
        description: "The administrator's first password",
        value: { login: "admin", password: generatedPassword(`${name}-admin-password`, child) },
        recoveryDays: args.secretRecoveryDays,
      },
      child,
    );
    this.bucketName = bucket.bucketName;
    this.bucketArn = bucket.arn;
    this.serviceSecret = service;
    this.adminSecret = admin;
    this.adminSecretName = admin.secretName;
    this.registerOutputs({ bucketName: this.bucketName, adminSecretName: this.adminSecretName });
  }

  serviceStatements(): Statement[] {
    return [
      listBucket(this.bucketArn),
      readObjects(this.bucketArn, "accounts/*"),
      writeObjects(this.bucketArn, "accounts/*"),
      readSecrets(this.serviceSecret.arn),
    ];
  }

  activityStatements(): Statement[] {
    return [readObjects, writeObjects, deleteObjects].map((allow) => allow(this.bucketArn, "activity/*"));
  }
}

/**
 * The keys that a fleet knows: its own, which signs and stands first; the next one, which the fleet after it will sign with
 * while this one still serves; and the one before, whose tokens are still about.
 */
function tokenKeyVersions(version: number): number[] {
  return [version, version + 1, version - 1].filter((each) => each >= 1);
}
