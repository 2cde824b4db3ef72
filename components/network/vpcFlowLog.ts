import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { deliverFlowLogs, policyDocument, trustFlowLogs } from "../iam/policies";

/** Arguments of a {@link VpcFlowLog}. */
export interface VpcFlowLogArgs {
  readonly vpcId: pulumi.Input<string>;
  readonly region: string;
  /** In days; one of CloudWatch's periods. */
  readonly retentionDays: number;
}

/**
 * A record of all accepted and refused traffic of a VPC, in CloudWatch Logs.
 *
 * It costs $0.50 for each GB written, and $0.03 a month for each GB kept. `retentionDays` changes in place.
 */
export class VpcFlowLog extends pulumi.ComponentResource {
  constructor(name: string, args: VpcFlowLogArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:VpcFlowLog", name, {}, opts);
    const child = { parent: this };
    const group = new aws.cloudwatch.LogGroup(name, { retentionInDays: args.retentionDays }, child);
    const { accountId } = aws.getCallerIdentityOutput({}, child);
    const role = new aws.iam.Role(
      `${name}-role`,
      { assumeRolePolicy: trustFlowLogs(args.region, accountId) },
      child,
    );
    const policy = new aws.iam.RolePolicy(
      `${name}-policy`,
      { role: role.name, policy: policyDocument([deliverFlowLogs(group.arn)]) },
      child,
    );
    new aws.ec2.FlowLog(
      name,
      {
        vpcId: args.vpcId,
        trafficType: "ALL",
        logDestination: group.arn,
        iamRoleArn: role.arn,
        tags: { Name: name },
      },
      { ...child, dependsOn: policy },
    );
    this.registerOutputs({});
  }
}
