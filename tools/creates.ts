/**
 * What becomes of a create that AWS has done but whose reply never came: Pulumi knows nothing of the resource, and the next plain
 * `up` asks for it again. Two things decide: by what AWS tells whether it has the same one already, and whether it then refuses.
 * A name that the provider draws is another one the next time.
 *
 * Sources are files of terraform-provider-aws, below `internal/service/`, and actions of AWS's API references. What ends with
 * "unread" is held to be so, and was checked in neither.
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

const ofBucket = (file: string, action: string) => taken(`s3/${file}; ${action} replaces; unread`, "bucket");
const securityGroupRule = (action: string) =>
  refused(
    `${action}, by the EC2 API's list of error codes`,
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
    "acm/certificate.go; RequestCertificate with another IdempotencyToken; unread",
  ),
  "aws:acm/certificateValidation:CertificateValidation": taken(
    "acm/certificate_validation.go: waits, and makes nothing; unread",
    "certificateArn",
  ),
  "aws:autoscaling/group:Group": refused(
    "CreateAutoScalingGroup, by its reference: AlreadyExists of a group's name",
    "AlreadyExists",
    "name",
  ),
  "aws:autoscaling/policy:Policy": taken(
    "autoscaling/policy.go; PutScalingPolicy replaces; unread",
    "autoscalingGroupName",
    "name",
  ),
  "aws:autoscaling/schedule:Schedule": taken(
    "autoscaling/schedule.go; PutScheduledUpdateGroupAction replaces; unread",
    "autoscalingGroupName",
    "scheduledActionName",
  ),
  "aws:cloudwatch/dashboard:Dashboard": taken(
    "cloudwatch/dashboard.go; PutDashboard replaces; unread",
    "dashboardName",
  ),
  "aws:cloudwatch/logGroup:LogGroup": refused(
    "logs/group.go; CreateLogGroup; unread",
    "ResourceAlreadyExistsException",
    "name",
  ),
  "aws:cloudwatch/metricAlarm:MetricAlarm": taken(
    "cloudwatch/metric_alarm.go; PutMetricAlarm replaces; unread",
    "name",
  ),
  "aws:ebs/snapshot:Snapshot": always("ec2/ebs_snapshot.go; CreateSnapshot has no token; unread"),
  "aws:ebs/volume:Volume": always("ec2/ebs_volume.go; CreateVolume with another ClientToken; unread"),
  "aws:ec2/amiFromInstance:AmiFromInstance": refused(
    "CreateImage, by the EC2 API's list of error codes",
    "InvalidAMIName.Duplicate",
    "name",
  ),
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": taken(
    "ec2/vpc_default_security_group.go: finds the network's own; unread",
    "vpcId",
  ),
  "aws:ec2/eip:Eip": always("ec2/ec2_eip.go; AllocateAddress has no token; unread"),
  "aws:ec2/flowLog:FlowLog": refused(
    "ec2/vpc_flow_log.go; CreateFlowLogs with another ClientToken; refused by the EC2 API's list of error codes, which does not say what makes two the same",
    "FlowLogAlreadyExists",
    "vpcId",
    "trafficType",
    "logDestination",
  ),
  "aws:ec2/instance:Instance": always("ec2/ec2_instance.go; RunInstances with another ClientToken; unread"),
  "aws:ec2/internetGateway:InternetGateway": refused(
    "ec2/vpc_internet_gateway.go; AttachInternetGateway refuses, and a gateway without a network is left",
    "already has an internet gateway attached",
    "vpcId",
  ),
  "aws:ec2/keyPair:KeyPair": refused(
    "ImportKeyPair, by the EC2 API's list of error codes",
    "InvalidKeyPair.Duplicate",
    "keyName",
  ),
  "aws:ec2/launchTemplate:LaunchTemplate": refused(
    "CreateLaunchTemplate, by the EC2 API's list of error codes",
    "InvalidLaunchTemplateName.AlreadyExistsException",
    "name",
  ),
  "aws:ec2/natGateway:NatGateway": refused(
    "ec2/vpc_nat_gateway.go; CreateNatGateway with another ClientToken, and an address that is in use",
    "Resource.AlreadyAssociated",
    "allocationId",
  ),
  "aws:ec2/route:Route": refused(
    "ec2/vpc_route.go; CreateRoute, by the EC2 API's list of error codes",
    "RouteAlreadyExists",
    "routeTableId",
    "destinationCidrBlock",
  ),
  "aws:ec2/routeTable:RouteTable": always(
    "ec2/vpc_route_table.go; CreateRouteTable with another ClientToken; unread",
  ),
  "aws:ec2/routeTableAssociation:RouteTableAssociation": taken(
    "ec2/vpc_route_table_association.go: asks without looking; that AssociateRouteTable answers with the same association is moto's, not found in AWS's reference",
    "subnetId",
    "routeTableId",
  ),
  "aws:ec2/securityGroup:SecurityGroup": refused(
    "CreateSecurityGroup, by the EC2 API's list of error codes",
    "InvalidGroup.Duplicate",
    "vpcId",
    "name",
  ),
  "aws:ec2/subnet:Subnet": refused(
    "CreateSubnet, by the EC2 API's list of error codes",
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
  "aws:ec2/vpc:Vpc": always("ec2/vpc_.go; CreateVpc has no token; unread"),
  "aws:ec2/vpcEndpoint:VpcEndpoint": refused(
    "ec2/vpc_endpoint.go; CreateVpcEndpoint with another ClientToken; the message is from users' reports, under RouteAlreadyExists or InvalidParameter, and only of a gateway endpoint's route tables",
    "already has a route with destination-prefix-list-id",
    "vpcId",
    "serviceName",
  ),
  "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": taken(
    "ec2/vpc_peering_connection.go; CreateVpcPeeringConnection answers with the one that exists (pull request 27751)",
    "vpcId",
    "peerVpcId",
  ),
  "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": taken(
    "ec2/vpc_peering_connection_accepter.go: accepts what is pending; unread",
    "vpcPeeringConnectionId",
  ),
  "aws:ec2transitgateway/instanceState:InstanceState": taken(
    "ec2/ec2_instance_state.go; StopInstances of a stopped one does nothing; unread",
    "instanceId",
  ),
  "aws:iam/instanceProfile:InstanceProfile": refused(
    "iam/instance_profile.go; CreateInstanceProfile; unread",
    "EntityAlreadyExists",
    "name",
  ),
  "aws:iam/role:Role": refused("iam/role.go; CreateRole; unread", "EntityAlreadyExists", "name"),
  "aws:iam/rolePolicy:RolePolicy": taken(
    "iam/role_policy.go; PutRolePolicy replaces; unread",
    "role",
    "name",
  ),
  "aws:lambda/function:Function": refused(
    "lambda/function.go; CreateFunction; unread",
    "ResourceConflictException",
    "name",
  ),
  "aws:lambda/invocation:Invocation": taken(
    "lambda/invocation.go; Invoke asks again, and leaves nothing; unread",
    "functionName",
    "input",
    "triggers",
  ),
  "aws:lb/listener:Listener": taken(
    "CreateListener, by its reference: with the same settings each call succeeds, and it completes at most once",
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
    "route53/health_check.go; CreateHealthCheck with another CallerReference; unread",
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
    "route53/zone.go; CreateHostedZone of a network that has one of that name; unread",
    "ConflictingDomainExists",
    "name",
    "vpcs",
  ),
  "aws:s3/bucket:Bucket": refused(
    "CreateBucket, by its reference; in us-east-1 it answers 200 instead, and what the provider then does was not read",
    "BucketAlreadyOwnedByYou",
    "bucket",
  ),
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ofBucket(
    "bucket_lifecycle_configuration.go",
    "PutBucketLifecycleConfiguration",
  ),
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": ofBucket(
    "bucket_object_lock_configuration.go",
    "PutObjectLockConfiguration",
  ),
  "aws:s3/bucketObjectv2:BucketObjectv2": taken("s3/object.go; PutObject replaces; unread", "bucket", "key"),
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
    "secretsmanager/secret.go; CreateSecret; unread",
    "ResourceExistsException",
    "name",
  ),
  "aws:secretsmanager/secretVersion:SecretVersion": always(
    "secretsmanager/secret_version.go; PutSecretValue with another ClientRequestToken",
  ),
  "aws:sns/topic:Topic": taken("CreateTopic, by its reference: answers with the one of that name", "name"),
  "aws:sns/topicPolicy:TopicPolicy": taken("sns/topic_policy.go; SetTopicAttributes replaces; unread", "arn"),
  "aws:sns/topicSubscription:TopicSubscription": taken(
    "sns/topic_subscription.go; Subscribe answers with the one that exists; unread",
    "topic",
    "protocol",
    "endpoint",
  ),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": securityGroupRule(
    "AuthorizeSecurityGroupEgress",
  ),
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": securityGroupRule(
    "AuthorizeSecurityGroupIngress",
  ),
  "aws:wafv2/webAcl:WebAcl": refused(
    "wafv2/web_acl.go; CreateWebACL; unread",
    "WAFDuplicateItemException",
    "scope",
    "name",
  ),
  "aws:wafv2/webAclAssociation:WebAclAssociation": taken(
    "wafv2/web_acl_association.go; AssociateWebACL replaces; unread",
    "resourceArn",
  ),
  "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": taken(
    "wafv2/web_acl_logging_configuration.go; PutLoggingConfiguration replaces; unread",
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
