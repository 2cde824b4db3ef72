import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

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
 * A month costs $0.40, and as much for a replica. A changed value is a new version, which hosts read when they next boot.
 */
export class GeneratedSecret extends pulumi.ComponentResource {
  readonly arn: pulumi.Output<string>;
  readonly secretName: pulumi.Output<string>;

  constructor(name: string, args: GeneratedSecretArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:GeneratedSecret", name, {}, opts);
    const secret = new aws.secretsmanager.Secret(
      name,
      {
        description: args.description,
        recoveryWindowInDays: args.recoveryDays,
        ...(args.replicaRegion && {
          replicas: [{ region: args.replicaRegion }],
          forceOverwriteReplicaSecret: true,
        }),
      },
      { parent: this },
    );
    const version = new aws.secretsmanager.SecretVersion(
      `${name}-value`,
      { secretId: secret.id, secretString: pulumi.jsonStringify(args.value) },
      { parent: this },
    );
    // By way of the version: who has the ARN may read a value.
    this.arn = version.secretArn;
    this.secretName = secret.name;
    this.registerOutputs({ arn: this.arn, secretName: this.secretName });
  }

  /** The ARN of the replica in another region: the same but for the region. */
  arnIn(region: string): pulumi.Output<string> {
    return this.arn.apply((arn) => arn.split(":").with(3, region).join(":"));
  }
}
