import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { putFigures, type Statement, writeLogs } from "../iam/policies";

/** What hosts need to send their logs and figures. */
export interface Telemetry {
  readonly statements: readonly Statement[];
  readonly variables: TelemetryVariables;
}

/** Variables of `userdata/lib/telemetry.sh`. */
export interface TelemetryVariables {
  readonly TELEMETRY_LOG_GROUP: pulumi.Input<string>;
  readonly TELEMETRY_NAMESPACE: string;
  readonly TELEMETRY_ROLE: string;
}

/** The variables of hosts that send nothing. */
export const noTelemetry: TelemetryVariables = {
  TELEMETRY_LOG_GROUP: "",
  TELEMETRY_NAMESPACE: "",
  TELEMETRY_ROLE: "",
};

/** Namespace of the hosts' figures: a role may write into this one only. */
export const figuresNamespace = "django-on-ec2";

/** Arguments of a {@link HostTelemetry}. */
export interface HostTelemetryArgs {
  /** How long logs are kept, in days; one of CloudWatch's periods. */
  readonly retentionDays: number;
}

/**
 * Where the hosts of one role send their logs, and what they need for it and for the figures of their disks and memory, which
 * only they know. CloudWatch's agent on the hosts does it. The role's name is the component's.
 *
 * It costs $0.50 for each GB written, $0.03 a month for each GB kept, and $0.30 a month for each figure: three.
 * `retentionDays` changes in place.
 */
export class HostTelemetry extends pulumi.ComponentResource implements Telemetry {
  readonly statements: readonly Statement[];
  readonly variables: TelemetryVariables;
  /** Of the logs. */
  readonly logGroupName: pulumi.Output<string>;
  /** Under which its figures are kept. */
  readonly role: string;

  constructor(name: string, { retentionDays }: HostTelemetryArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:HostTelemetry", name, {}, opts);
    const group = new aws.cloudwatch.LogGroup(name, { retentionInDays: retentionDays }, { parent: this });
    this.statements = [writeLogs(group.arn), putFigures(figuresNamespace)];
    this.logGroupName = group.name;
    this.role = name;
    this.variables = {
      TELEMETRY_LOG_GROUP: this.logGroupName,
      TELEMETRY_NAMESPACE: figuresNamespace,
      TELEMETRY_ROLE: this.role,
    };
    this.registerOutputs({ logGroupName: this.logGroupName });
  }
}
