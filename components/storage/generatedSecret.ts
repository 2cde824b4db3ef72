import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** A secret at one of its versions. Hosts are told both, so that a new value is a roll-out like any other. */
export interface PinnedSecret {
  readonly arn: pulumi.Output<string>;
  /** Known when the value is there. */
  readonly versionId: pulumi.Output<string>;
}

/** Arguments of a {@link GeneratedSecret}. */
export interface GeneratedSecretArgs {
  readonly description: string;
  /** Kept as JSON. Its secret parts must be secret outputs. */
  readonly value: pulumi.Input<Readonly<Record<string, unknown>>>;
  /** A second region that must be able to read it. @default none */
  readonly replicaRegion?: string;
  /** How long a deleted secret can be restored, in days: 7 to 30, or 0 for not at all. */
  readonly recoveryDays: number;
}

/**
 * A secret in Secrets Manager and its value.
 *
 * A month costs $0.40, and as much for a replica.
 *
 * | change | effect |
 * |---|---|
 * | `value` | a new version: whoever pins the version changes with it, and nobody else |
 * | the others | in place |
 */
export class GeneratedSecret extends pulumi.ComponentResource implements PinnedSecret {
  /** Of the secret and not by way of its version: a preview of a new value must not make unknown what only names the secret. */
  readonly arn: pulumi.Output<string>;
  readonly versionId: pulumi.Output<string>;
  readonly secretName: pulumi.Output<string>;

  constructor(name: string, args: GeneratedSecretArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:GeneratedSecret", name, {}, opts);
    const { replicaRegion } = args;
    const secret = new aws.secretsmanager.Secret(
      name,
      {
        description: args.description,
        recoveryWindowInDays: args.recoveryDays,
        replicas: replicaRegion === undefined ? undefined : [{ region: replicaRegion }],
        forceOverwriteReplicaSecret: replicaRegion === undefined ? undefined : true,
      },
      { parent: this },
    );
    const version = new aws.secretsmanager.SecretVersion(
      `${name}-value`,
      { secretId: secret.id, secretString: pulumi.jsonStringify(args.value) },
      { parent: this },
    );
    this.arn = secret.arn;
    this.versionId = version.versionId;
    this.secretName = secret.name;
    this.registerOutputs({ arn: this.arn, versionId: this.versionId, secretName: this.secretName });
  }

  /** The replica in another region: the same but for the region in the ARN. */
  in(region: string): PinnedSecret {
    const arn = this.arn.apply((own) => own.split(":").with(3, region).join(":"));
    return { arn, versionId: this.versionId };
  }
}
