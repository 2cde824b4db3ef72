/**
 * What becomes of a create that AWS has done but whose reply never came: Pulumi knows nothing of the resource, and the next plain
 * `up` asks for it again. Two things decide: by what AWS tells whether it has the same one already, and whether it then refuses.
 * A name that the provider draws is another one the next time.
 *
 * Sources are files of terraform-provider-aws, below `internal/service/`, and actions of AWS's API references.
 */
import { awsChanges } from "../local/aws/changes";
import type { Properties } from "../local/engine/handler";
import type { Graph } from "../local/engine/recorder";
import { table } from "./markdown";

/** What AWS knows of a type's creates. */
export interface CreateRow {
  readonly source: string;
  /** Inputs that no two of them share. @default each create makes another one */
  readonly identity?: readonly string[];
  /** What AWS or the provider says to a second one. @default what is there is taken for it */
  readonly refusal?: string;
  /** Input that makes it take what is there, in spite of its refusal. */
  readonly takenIf?: string;
}

const always = (source: string): CreateRow => ({ source });
const taken = (source: string, ...identity: readonly string[]): CreateRow => ({ source, identity });
const refused = (source: string, refusal: string, ...identity: readonly string[]): CreateRow => ({
  source,
  identity,
  refusal,
});

const ofBucket = (file: string, action: string) => taken(`s3/${file}; ${action} replaces`, "bucket");
const securityGroupRule = (direction: "egress" | "ingress", action: string) =>
  refused(
    `ec2/vpc_security_group_${direction}_rule.go; ${action}`,
    "InvalidPermission.Duplicate",
    "securityGroupId",
    "ipProtocol",
    "fromPort",
    "toPort",
    "cidrIpv4",
    "cidrIpv6",
    "prefixListId",
    "referencedSecurityGroupId",
  );

/** By type token. */
export const creates: Readonly<Record<string, CreateRow>> = {
  "aws:acm/certificate:Certificate": always(
    "acm/certificate.go; RequestCertificate with another IdempotencyToken",
  ),
  "aws:acm/certificateValidation:CertificateValidation": taken(
    "acm/certificate_validation.go: waits, and makes nothing",
    "certificateArn",
  ),
  "aws:autoscaling/group:Group": refused(
    "autoscaling/group.go; CreateAutoScalingGroup",
    "AlreadyExists",
    "name",
  ),
  "aws:autoscaling/policy:Policy": taken(
    "autoscaling/policy.go; PutScalingPolicy replaces",
    "autoscalingGroupName",
    "name",
  ),
  "aws:autoscaling/schedule:Schedule": taken(
    "autoscaling/schedule.go; PutScheduledUpdateGroupAction replaces",
    "autoscalingGroupName",
    "scheduledActionName",
  ),
  "aws:cloudwatch/dashboard:Dashboard": taken(
    "cloudwatch/dashboard.go; PutDashboard replaces",
    "dashboardName",
  ),
  "aws:cloudwatch/logGroup:LogGroup": refused(
    "logs/group.go; CreateLogGroup",
    "ResourceAlreadyExistsException",
    "name",
  ),
  "aws:cloudwatch/metricAlarm:MetricAlarm": taken(
    "cloudwatch/metric_alarm.go; PutMetricAlarm replaces",
    "name",
  ),
  "aws:ebs/snapshot:Snapshot": always("ec2/ebs_snapshot.go; CreateSnapshot has no token"),
  "aws:ebs/volume:Volume": always("ec2/ebs_volume.go; CreateVolume with another ClientToken"),
  "aws:ec2/amiFromInstance:AmiFromInstance": refused(
    "ec2/ec2_ami_from_instance.go; CreateImage",
    "InvalidAMIName.Duplicate",
    "name",
  ),
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": taken(
    "ec2/vpc_default_security_group.go: finds the network's own",
    "vpcId",
  ),
  "aws:ec2/eip:Eip": always("ec2/ec2_eip.go; AllocateAddress has no token"),
  "aws:ec2/flowLog:FlowLog": refused(
    "ec2/vpc_flow_log.go; CreateFlowLogs",
    "FlowLogAlreadyExists",
    "vpcId",
    "trafficType",
    "logDestination",
  ),
  "aws:ec2/instance:Instance": always("ec2/ec2_instance.go; RunInstances with another ClientToken"),
  "aws:ec2/internetGateway:InternetGateway": refused(
    "ec2/vpc_internet_gateway.go; AttachInternetGateway refuses, and a gateway without a network is left",
    "already has an internet gateway attached",
    "vpcId",
  ),
  "aws:ec2/keyPair:KeyPair": refused(
    "ec2/ec2_key_pair.go; ImportKeyPair",
    "InvalidKeyPair.Duplicate",
    "keyName",
  ),
  "aws:ec2/launchTemplate:LaunchTemplate": refused(
    "ec2/ec2_launch_template.go; CreateLaunchTemplate",
    "InvalidLaunchTemplateName.AlreadyExistsException",
    "name",
  ),
  "aws:ec2/natGateway:NatGateway": refused(
    "ec2/vpc_nat_gateway.go; CreateNatGateway with another ClientToken, and an address that is in use",
    "Resource.AlreadyAssociated",
    "allocationId",
  ),
  "aws:ec2/route:Route": refused(
    "ec2/vpc_route.go; CreateRoute",
    "RouteAlreadyExists",
    "routeTableId",
    "destinationCidrBlock",
  ),
  "aws:ec2/routeTable:RouteTable": always(
    "ec2/vpc_route_table.go; CreateRouteTable with another ClientToken",
  ),
  "aws:ec2/routeTableAssociation:RouteTableAssociation": taken(
    "ec2/vpc_route_table_association.go; AssociateRouteTable answers with the same association, as moto has it",
    "subnetId",
    "routeTableId",
  ),
  "aws:ec2/securityGroup:SecurityGroup": refused(
    "ec2/vpc_security_group.go; CreateSecurityGroup",
    "InvalidGroup.Duplicate",
    "vpcId",
    "name",
  ),
  "aws:ec2/subnet:Subnet": refused(
    "ec2/vpc_subnet.go; CreateSubnet",
    "InvalidSubnet.Conflict",
    "vpcId",
    "cidrBlock",
  ),
  "aws:ec2/volumeAttachment:VolumeAttachment": taken(
    "ec2/ebs_volume_attachment.go: attaches what is not attached yet",
    "volumeId",
    "instanceId",
    "deviceName",
  ),
  "aws:ec2/vpc:Vpc": always("ec2/vpc_.go; CreateVpc has no token"),
  "aws:ec2/vpcEndpoint:VpcEndpoint": refused(
    "ec2/vpc_endpoint.go; CreateVpcEndpoint: the route to the service is there",
    "RouteAlreadyExists",
    "vpcId",
    "serviceName",
  ),
  "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": taken(
    "ec2/vpc_peering_connection.go; CreateVpcPeeringConnection answers with the one that exists (pull request 27751)",
    "vpcId",
    "peerVpcId",
  ),
  "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": taken(
    "ec2/vpc_peering_connection_accepter.go: accepts what is pending",
    "vpcPeeringConnectionId",
  ),
  "aws:ec2transitgateway/instanceState:InstanceState": taken(
    "ec2/ec2_instance_state.go; StopInstances of a stopped one does nothing",
    "instanceId",
  ),
  "aws:iam/instanceProfile:InstanceProfile": refused(
    "iam/instance_profile.go; CreateInstanceProfile",
    "EntityAlreadyExists",
    "name",
  ),
  "aws:iam/role:Role": refused("iam/role.go; CreateRole", "EntityAlreadyExists", "name"),
  "aws:iam/rolePolicy:RolePolicy": taken("iam/role_policy.go; PutRolePolicy replaces", "role", "name"),
  "aws:lambda/function:Function": refused(
    "lambda/function.go; CreateFunction",
    "ResourceConflictException",
    "name",
  ),
  "aws:lambda/invocation:Invocation": taken(
    "lambda/invocation.go; Invoke asks again, and leaves nothing",
    "functionName",
    "input",
    "triggers",
  ),
  "aws:lb/listener:Listener": taken(
    "elbv2/listener.go; CreateListener with the same settings answers with the one that exists",
    "loadBalancerArn",
    "port",
  ),
  "aws:lb/loadBalancer:LoadBalancer": refused(
    "elbv2/load_balancer.go: looks for the name first",
    "already exists",
    "name",
  ),
  "aws:lb/targetGroup:TargetGroup": refused(
    "elbv2/target_group.go: looks for the name first",
    "already exists",
    "name",
  ),
  "aws:route53/healthCheck:HealthCheck": always(
    "route53/health_check.go; CreateHealthCheck with another CallerReference",
  ),
  "aws:route53/record:Record": {
    ...refused(
      "route53/record.go; ChangeResourceRecordSets: CREATE, or UPSERT with allowOverwrite",
      "InvalidChangeBatch",
      "zoneId",
      "name",
      "type",
    ),
    takenIf: "allowOverwrite",
  },
  "aws:route53/zone:Zone": refused(
    "route53/zone.go; CreateHostedZone of a network that has one of that name",
    "ConflictingDomainExists",
    "name",
    "vpcs",
  ),
  "aws:s3/bucket:Bucket": refused("s3/bucket.go; CreateBucket", "BucketAlreadyOwnedByYou", "bucket"),
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ofBucket(
    "bucket_lifecycle_configuration.go",
    "PutBucketLifecycleConfiguration",
  ),
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": ofBucket(
    "bucket_object_lock_configuration.go",
    "PutObjectLockConfiguration",
  ),
  "aws:s3/bucketObjectv2:BucketObjectv2": taken("s3/object.go; PutObject replaces", "bucket", "key"),
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ofBucket(
    "bucket_ownership_controls.go",
    "PutBucketOwnershipControls",
  ),
  "aws:s3/bucketPolicy:BucketPolicy": ofBucket("bucket_policy.go", "PutBucketPolicy"),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ofBucket(
    "bucket_public_access_block.go",
    "PutPublicAccessBlock",
  ),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ofBucket(
    "bucket_server_side_encryption_configuration.go",
    "PutBucketEncryption",
  ),
  "aws:s3/bucketVersioning:BucketVersioning": ofBucket("bucket_versioning.go", "PutBucketVersioning"),
  "aws:secretsmanager/secret:Secret": refused(
    "secretsmanager/secret.go; CreateSecret",
    "ResourceExistsException",
    "name",
  ),
  "aws:secretsmanager/secretVersion:SecretVersion": always(
    "secretsmanager/secret_version.go; PutSecretValue with another ClientRequestToken",
  ),
  "aws:sns/topic:Topic": taken("sns/topic.go; CreateTopic answers with the one that exists", "name"),
  "aws:sns/topicPolicy:TopicPolicy": taken("sns/topic_policy.go; SetTopicAttributes replaces", "arn"),
  "aws:sns/topicSubscription:TopicSubscription": taken(
    "sns/topic_subscription.go; Subscribe answers with the one that exists",
    "topic",
    "protocol",
    "endpoint",
  ),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": securityGroupRule(
    "egress",
    "AuthorizeSecurityGroupEgress",
  ),
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": securityGroupRule(
    "ingress",
    "AuthorizeSecurityGroupIngress",
  ),
  "aws:wafv2/webAcl:WebAcl": refused(
    "wafv2/web_acl.go; CreateWebACL",
    "WAFDuplicateItemException",
    "scope",
    "name",
  ),
  "aws:wafv2/webAclAssociation:WebAclAssociation": taken(
    "wafv2/web_acl_association.go; AssociateWebACL replaces",
    "resourceArn",
  ),
  "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": taken(
    "wafv2/web_acl_logging_configuration.go; PutLoggingConfiguration replaces",
    "resourceArn",
  ),
};

/** The row of a type. */
export function createRow(type: string): CreateRow {
  const row = creates[type];
  if (row === undefined)
    throw new Error(`the table of creates has no type ${type}: look it up in the provider, and add it`);
  return row;
}

/** What the next `up` does: makes a second one, takes what is there, or fails with what AWS says. */
export type Again = "second" | "taken" | { readonly refusal: string };

/** What becomes of a resource whose create lost its reply, by the inputs that the program sets. */
export function again(type: string, inputs: Properties): Again {
  const { identity, refusal, takenIf } = createRow(type);
  const drawn = awsChanges[type]?.autoName?.property;
  if (identity === undefined || (drawn !== undefined && inputs[drawn] === undefined)) return "second";
  if (refusal === undefined || (takenIf !== undefined && inputs[takenIf] === true)) return "taken";
  return { refusal };
}

/** The types that a program uses, by what the next `up` makes of a lost reply. */
export function lostReplies(graphs: readonly Graph[]): string {
  const all = graphs
    .flatMap(({ registrations }) => registrations)
    .filter(({ custom, type }) => custom && type.startsWith("aws:"))
    .map(({ type, inputs }) => ({ type: type.split(":").at(-1) ?? type, again: again(type, inputs) }));
  const types = (wanted: (one: Again) => boolean) =>
    [...new Set(all.filter((one) => wanted(one.again)).map(({ type }) => `\`${type}\``))].sort().join(", ");
  const refusals = [
    ...new Set(
      all.flatMap((one) => (typeof one.again === "object" ? [`\`${one.type}\`: ${one.again.refusal}`] : [])),
    ),
  ].sort();
  return table(
    ["the next `up`", "types"],
    ["takes what is there", types((one) => one === "taken")],
    ["makes a second one, and the first is left behind", types((one) => one === "second")],
    ["is refused by AWS, until the first is gone", refusals.join("; ")],
  );
}
