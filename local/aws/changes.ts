/**
 * What a change of a property does to a resource on AWS, for every type and property that the program uses: what the
 * provider's schemas mark as `ForceNew` (or with a plan modifier that requires a replacement) is replaced, everything else is
 * changed in place. Sources are files of terraform-provider-aws, under `internal/service/` (6.x, which @pulumi/aws 7 bridges),
 * and of terraform-provider-random, under `internal/provider/`.
 */
import type { ChangeTable, Effect, TypeChanges } from "../engine/changes";

type Names = readonly string[];

interface RowProperties {
  readonly replace?: Names;
  readonly update?: Names;
  readonly either?: Readonly<Record<string, Effect>>;
}

/** A type: properties that replace it, that change in place, and that do either. */
function row(
  source: string,
  { replace = [], update = [], either = {} }: RowProperties,
  more: Omit<TypeChanges, "source" | "properties"> = {},
): TypeChanges {
  return {
    source,
    properties: Object.fromEntries<Effect>([
      // Another region is another resource, whatever the type.
      ["region", "replace"],
      ...replace.map((name): [string, Effect] => [name, "replace"]),
      ...update.map((name): [string, Effect] => [name, "update"]),
      ...Object.entries(either),
    ]),
    ...more,
  };
}

/** A rule changes in place, but not from one kind of peer to another. */
function securityGroupRule(direction: "egress" | "ingress"): TypeChanges {
  const peer: Effect = "replaceIfSetOrUnset";
  return row(`ec2/vpc_security_group_${direction}_rule.go`, {
    replace: ["securityGroupId"],
    update: ["description", "fromPort", "ipProtocol", "toPort", ...tags],
    either: { cidrIpv4: peer, cidrIpv6: peer, prefixListId: peer, referencedSecurityGroupId: peer },
  });
}

/** Own tags, and own tags with the provider's. */
const tags = ["tags", "tagsAll"] as const;
const named = (limit: number, property = "name") => ({ autoName: { property, limit } });

/** Types of the `aws` package. */
export const awsChanges: ChangeTable = {
  "aws:acm/certificate:Certificate": row("acm/certificate.go", {
    replace: ["domainName", "validationMethod"],
    update: tags,
  }),
  "aws:acm/certificateValidation:CertificateValidation": row("acm/certificate_validation.go", {
    replace: ["certificateArn", "validationRecordFqdns"],
  }),
  "aws:autoscaling/group:Group": row(
    "autoscaling/group.go",
    {
      replace: ["name"],
      update: [
        "minSize",
        "maxSize",
        "desiredCapacity",
        "vpcZoneIdentifiers",
        "targetGroupArns",
        "launchTemplate",
        "healthCheckType",
        "healthCheckGracePeriod",
        "defaultInstanceWarmup",
        "capacityRebalance",
        "initialLifecycleHooks",
        "instanceMaintenancePolicy",
        "mixedInstancesPolicy",
        "maxInstanceLifetime",
        "enabledMetrics",
        "waitForCapacityTimeout",
        "tags",
      ],
    },
    named(255),
  ),
  "aws:autoscaling/policy:Policy": row(
    "autoscaling/policy.go",
    {
      replace: ["name", "autoscalingGroupName"],
      update: ["policyType", "targetTrackingConfiguration"],
    },
    named(255),
  ),
  "aws:cloudwatch/dashboard:Dashboard": row("cloudwatch/dashboard.go", {
    replace: ["dashboardName"],
    update: ["dashboardBody"],
  }),
  "aws:autoscaling/schedule:Schedule": row("autoscaling/schedule.go", {
    replace: ["autoscalingGroupName", "scheduledActionName"],
    update: ["recurrence", "timeZone", "minSize", "maxSize", "desiredCapacity", "startTime", "endTime"],
  }),
  "aws:cloudwatch/logGroup:LogGroup": row(
    "logs/group.go",
    { replace: ["name", "namePrefix"], update: ["retentionInDays", ...tags] },
    named(512),
  ),
  "aws:cloudwatch/metricAlarm:MetricAlarm": row(
    "cloudwatch/metric_alarm.go",
    {
      replace: ["name"],
      update: [
        "alarmActions",
        "alarmDescription",
        "comparisonOperator",
        "evaluationPeriods",
        "metricQueries",
        "okActions",
        "threshold",
        "treatMissingData",
        ...tags,
      ],
    },
    named(255),
  ),
  "aws:ebs/snapshot:Snapshot": row("ec2/ebs_snapshot.go", {
    replace: ["volumeId", "description", "outpostArn"],
    update: ["storageTier", ...tags],
  }),
  "aws:ebs/volume:Volume": row("ec2/ebs_volume.go", {
    replace: ["availabilityZone", "encrypted", "snapshotId", "kmsKeyId"],
    update: ["size", "type", "iops", "throughput", "finalSnapshot", ...tags],
  }),
  "aws:ec2/amiFromInstance:AmiFromInstance": row(
    "ec2/ec2_ami_from_instance.go",
    { replace: ["name", "sourceInstanceId", "snapshotWithoutReboot"], update: ["description", ...tags] },
    named(255),
  ),
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": row("ec2/vpc_default_security_group.go", {
    replace: ["vpcId"],
    update: ["ingress", "egress", ...tags],
  }),
  "aws:ec2/eip:Eip": row("ec2/ec2_eip.go", { replace: ["domain"], update: tags }),
  "aws:ec2/flowLog:FlowLog": row("ec2/vpc_flow_log.go", {
    replace: ["vpcId", "trafficType", "logDestination", "logDestinationType", "iamRoleArn"],
    update: tags,
  }),
  "aws:ec2/instance:Instance": row("ec2/ec2_instance.go", {
    replace: ["ami", "subnetId", "rootBlockDevice.encrypted", "availabilityZone", "keyName", "privateIp"],
    update: [
      "instanceType",
      "iamInstanceProfile",
      "vpcSecurityGroupIds",
      "metadataOptions",
      "disableApiTermination",
      "forceDestroy",
      "rootBlockDevice.volumeSize",
      "rootBlockDevice.volumeType",
      "rootBlockDevice.deleteOnTermination",
      "rootBlockDevice.tags",
      "userDataReplaceOnChange",
      "maintenanceOptions",
      ...tags,
    ],
    either: {
      userData: { replaceIf: "userDataReplaceOnChange" },
      userDataBase64: { replaceIf: "userDataReplaceOnChange" },
    },
  }),
  "aws:ec2/internetGateway:InternetGateway": row("ec2/vpc_internet_gateway.go", {
    update: ["vpcId", ...tags],
  }),
  "aws:ec2/keyPair:KeyPair": row(
    "ec2/ec2_key_pair.go",
    { replace: ["keyName", "publicKey"], update: tags },
    named(255, "keyName"),
  ),
  "aws:ec2/launchTemplate:LaunchTemplate": row(
    "ec2/ec2_launch_template.go",
    {
      replace: ["name"],
      update: [
        "blockDeviceMappings",
        "description",
        "iamInstanceProfile",
        "imageId",
        "instanceType",
        "keyName",
        "metadataOptions",
        "monitoring",
        "networkInterfaces",
        "tagSpecifications",
        "updateDefaultVersion",
        "userData",
        "vpcSecurityGroupIds",
        ...tags,
      ],
    },
    { ...named(125), changedByUpdate: ["latestVersion"] },
  ),
  "aws:ec2/natGateway:NatGateway": row("ec2/vpc_nat_gateway.go", {
    replace: ["allocationId", "subnetId", "connectivityType"],
    update: tags,
  }),
  "aws:ec2/route:Route": row("ec2/vpc_route.go", {
    replace: ["routeTableId", "destinationCidrBlock"],
    update: ["gatewayId", "natGatewayId", "vpcPeeringConnectionId"],
  }),
  "aws:ec2/routeTable:RouteTable": row("ec2/vpc_route_table.go", { replace: ["vpcId"], update: tags }),
  "aws:ec2/routeTableAssociation:RouteTableAssociation": row("ec2/vpc_route_table_association.go", {
    replace: ["subnetId", "gatewayId"],
    update: ["routeTableId"],
  }),
  "aws:ec2/securityGroup:SecurityGroup": row(
    "ec2/vpc_security_group.go",
    { replace: ["name", "description", "vpcId"], update: ["revokeRulesOnDelete", ...tags] },
    named(255),
  ),
  "aws:ec2/subnet:Subnet": row("ec2/vpc_subnet.go", {
    replace: ["availabilityZone", "cidrBlock", "vpcId"],
    update: ["mapPublicIpOnLaunch", ...tags],
  }),
  "aws:ec2/volumeAttachment:VolumeAttachment": row("ec2/ebs_volume_attachment.go", {
    replace: ["deviceName", "instanceId", "volumeId"],
    update: ["stopInstanceBeforeDetaching", "forceDetach", "skipDestroy"],
  }),
  "aws:ec2/vpc:Vpc": row("ec2/vpc_.go", {
    replace: ["cidrBlock"],
    update: ["enableDnsHostnames", "enableDnsSupport", ...tags],
  }),
  "aws:ec2/vpcEndpoint:VpcEndpoint": row("ec2/vpc_endpoint.go", {
    replace: ["serviceName", "vpcEndpointType", "vpcId"],
    update: ["policy", "routeTableIds", ...tags],
  }),
  "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": row("ec2/vpc_peering_connection.go", {
    replace: ["peerOwnerId", "peerRegion", "peerVpcId", "vpcId"],
    update: ["autoAccept", ...tags],
  }),
  "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": row(
    "ec2/vpc_peering_connection_accepter.go",
    { replace: ["vpcPeeringConnectionId"], update: ["autoAccept", ...tags] },
  ),
  "aws:ec2transitgateway/instanceState:InstanceState": row("ec2/ec2_instance_state.go", {
    replace: ["instanceId"],
    update: ["force", "state"],
  }),
  "aws:iam/instanceProfile:InstanceProfile": row(
    "iam/instance_profile.go",
    { replace: ["name", "path"], update: ["role", ...tags] },
    named(128),
  ),
  "aws:iam/role:Role": row(
    "iam/role.go",
    { replace: ["name", "path"], update: ["assumeRolePolicy", "description", ...tags] },
    named(64),
  ),
  "aws:iam/rolePolicy:RolePolicy": row(
    "iam/role_policy.go",
    { replace: ["name", "role"], update: ["policy"] },
    named(128),
  ),
  "aws:lambda/function:Function": row(
    "lambda/function.go",
    {
      replace: ["name"],
      update: [
        "architectures",
        "code",
        "description",
        "environment",
        "handler",
        "loggingConfig",
        "memorySize",
        "role",
        "runtime",
        "timeout",
        ...tags,
      ],
    },
    named(64),
  ),
  "aws:lambda/invocation:Invocation": row("lambda/invocation.go", {
    replace: ["functionName", "input", "qualifier", "triggers"],
  }),
  "aws:lb/listener:Listener": row("elbv2/listener.go", {
    replace: ["loadBalancerArn"],
    update: ["certificateArn", "defaultActions", "port", "protocol", "sslPolicy", ...tags],
  }),
  "aws:lb/loadBalancer:LoadBalancer": row(
    "elbv2/load_balancer.go",
    {
      replace: ["internal", "loadBalancerType", "name"],
      update: [
        "accessLogs",
        "desyncMitigationMode",
        "dropInvalidHeaderFields",
        "enableDeletionProtection",
        "enableHttp2",
        "idleTimeout",
        "securityGroups",
        "subnets",
        "xffHeaderProcessingMode",
        ...tags,
      ],
    },
    named(32),
  ),
  "aws:lb/targetGroup:TargetGroup": row(
    "elbv2/target_group.go",
    {
      replace: ["name", "port", "protocol", "protocolVersion", "targetType", "vpcId"],
      update: ["deregistrationDelay", "healthCheck", "loadBalancingAlgorithmType", "slowStart", ...tags],
    },
    named(32),
  ),
  "aws:route53/healthCheck:HealthCheck": row("route53/health_check.go", {
    replace: ["type", "requestInterval"],
    update: ["failureThreshold", "fqdn", "port", "resourcePath", ...tags],
  }),
  "aws:route53/record:Record": row("route53/record.go", {
    replace: ["name", "zoneId"],
    update: ["aliases", "allowOverwrite", "records", "ttl", "type"],
  }),
  "aws:route53/zone:Zone": row("route53/zone.go", {
    replace: ["name"],
    update: ["comment", "forceDestroy", "vpcs", ...tags],
  }),
  "aws:s3/bucket:Bucket": row(
    "s3/bucket.go",
    { replace: ["bucket", "objectLockEnabled"], update: ["forceDestroy", ...tags] },
    named(63, "bucket"),
  ),
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": row(
    "s3/bucket_lifecycle_configuration.go",
    { replace: ["bucket"], update: ["rules"] },
  ),
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": row(
    "s3/bucket_object_lock_configuration.go",
    { replace: ["bucket"], update: ["rule"] },
  ),
  "aws:s3/bucketObjectv2:BucketObjectv2": row("s3/object.go", {
    replace: ["bucket", "key"],
    update: ["content", "contentType", "source", ...tags],
  }),
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": row("s3/bucket_ownership_controls.go", {
    replace: ["bucket"],
    update: ["rule"],
  }),
  "aws:s3/bucketPolicy:BucketPolicy": row("s3/bucket_policy.go", { replace: ["bucket"], update: ["policy"] }),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": row("s3/bucket_public_access_block.go", {
    replace: ["bucket"],
    update: ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"],
  }),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": row(
    "s3/bucket_server_side_encryption_configuration.go",
    { replace: ["bucket"], update: ["rules"] },
  ),
  "aws:s3/bucketVersioning:BucketVersioning": row("s3/bucket_versioning.go", {
    replace: ["bucket"],
    update: ["versioningConfiguration"],
  }),
  "aws:secretsmanager/secret:Secret": row(
    "secretsmanager/secret.go",
    {
      replace: ["name"],
      update: ["description", "forceOverwriteReplicaSecret", "recoveryWindowInDays", "replicas", ...tags],
    },
    named(512),
  ),
  "aws:secretsmanager/secretVersion:SecretVersion": row("secretsmanager/secret_version.go", {
    replace: ["secretId", "secretString"],
    update: ["versionStages"],
  }),
  "aws:sns/topic:Topic": row("sns/topic.go", { replace: ["name"], update: tags }, named(256)),
  "aws:sns/topicPolicy:TopicPolicy": row("sns/topic_policy.go", { replace: ["arn"], update: ["policy"] }),
  "aws:sns/topicSubscription:TopicSubscription": row("sns/topic_subscription.go", {
    replace: ["endpoint", "protocol", "topic"],
  }),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": securityGroupRule("egress"),
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": securityGroupRule("ingress"),
  "aws:wafv2/webAcl:WebAcl": row(
    "wafv2/web_acl.go",
    { replace: ["name", "scope"], update: ["defaultAction", "rules", "visibilityConfig", ...tags] },
    named(128),
  ),
  "aws:wafv2/webAclAssociation:WebAclAssociation": row("wafv2/web_acl_association.go", {
    replace: ["resourceArn", "webAclArn"],
  }),
  "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": row(
    "wafv2/web_acl_logging_configuration.go",
    { replace: ["resourceArn"], update: ["logDestinationConfigs", "loggingFilter", "redactedFields"] },
  ),
};

/** Types of the `random` package: a value is drawn once, and any other wish draws another. */
export const randomChanges: ChangeTable = {
  "random:index/randomPassword:RandomPassword": row("resource_password.go", {
    replace: [
      "keepers",
      "length",
      "lower",
      "minLower",
      "minNumeric",
      "minSpecial",
      "minUpper",
      "numeric",
      "overrideSpecial",
      "special",
      "upper",
    ],
  }),
};
