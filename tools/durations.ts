/**
 * How long AWS takes for what a deployment asks, in seconds. Where AWS's documents say it, by them; else by what others
 * measured; what nobody documents is an estimate, and says so. A type takes longer on a bad day: what the numbers are for is which
 * of two paths is the longer, and by what.
 */

/** How long something takes, and who says so. */
export interface Duration {
  readonly create: number;
  /** @default 1 */
  readonly delete?: number;
  /** A link, or why it is estimated so. */
  readonly basis: string;
}

const oneCall = "One call, that is answered when it is done.";
const logOfVpc = "https://github.com/DevopsArtFactory/terraform-provisioning/pull/4";
const logOfBalancer = "https://github.com/DataBiosphere/azul/pull/5780";
const route53 = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-editing.html";
const iam = "https://github.com/hashicorp/terraform/pull/2037";
const launch = "https://www.daemonology.net/blog/2021-08-12-EC2-boot-time-benchmarking.html";
const snapshots = "https://repost.aws/knowledge-center/ebs-snapshot-ec2-ami-creation-slow";

const quick: Duration = { create: 1, basis: oneCall };

export const durations: Readonly<Record<string, Duration>> = {
  "aws:acm/certificate:Certificate": {
    create: 10,
    basis: "Estimated: ACM names its records some seconds later.",
  },
  "aws:acm/certificateValidation:CertificateValidation": {
    create: 180,
    basis:
      "https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html (minutes, at times half an hour)",
  },
  "aws:autoscaling/group:Group": {
    create: 3,
    delete: 90,
    basis:
      "Nothing waits for its hosts but the gate. Its deletion: 30 s of draining (webEntrance.ts), then its hosts end.",
  },
  "aws:autoscaling/policy:Policy": quick,
  "aws:cloudwatch/dashboard:Dashboard": quick,
  "aws:autoscaling/schedule:Schedule": quick,
  "aws:cloudwatch/logGroup:LogGroup": quick,
  "aws:cloudwatch/metricAlarm:MetricAlarm": quick,
  "aws:ebs/snapshot:Snapshot": { create: 30, basis: `${snapshots} (by what is written: at first nothing)` },
  "aws:ebs/volume:Volume": { create: 11, basis: "Estimated: the provider looks again after ten seconds." },
  "aws:ec2/amiFromInstance:AmiFromInstance": {
    create: 180,
    delete: 5,
    basis: `${snapshots} (by what is written: some 2 GiB; estimated)`,
  },
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": quick,
  "aws:ec2/eip:Eip": { create: 1, basis: logOfVpc },
  "aws:ec2/flowLog:FlowLog": { create: 5, basis: "Estimated: tried again until its role is known." },
  "aws:ec2/instance:Instance": {
    create: 16,
    delete: 40,
    basis: `${launch} (6 s until it runs; the provider first looks after ten)`,
  },
  "aws:ec2/internetGateway:InternetGateway": { create: 1, basis: logOfVpc },
  "aws:ec2/keyPair:KeyPair": quick,
  "aws:ec2/launchTemplate:LaunchTemplate": quick,
  "aws:ec2/natGateway:NatGateway": {
    create: 100,
    basis: "Estimated: between one and two minutes in most logs of Terraform.",
  },
  "aws:ec2/route:Route": { create: 1, basis: logOfVpc },
  "aws:ec2/routeTable:RouteTable": { create: 1, basis: logOfVpc },
  "aws:ec2/routeTableAssociation:RouteTableAssociation": { create: 1, basis: logOfVpc },
  "aws:ec2/securityGroup:SecurityGroup": {
    create: 3,
    basis: "https://github.com/hashicorp-education/learn-terraform-variables/pull/6",
  },
  "aws:ec2/subnet:Subnet": {
    create: 11,
    basis: `${logOfVpc} (one that gives public addresses is looked at again)`,
  },
  "aws:ec2/volumeAttachment:VolumeAttachment": {
    create: 11,
    basis: "Estimated: the provider looks again after ten seconds.",
  },
  "aws:ec2/vpc:Vpc": { create: 21, basis: logOfVpc },
  "aws:ec2/vpcEndpoint:VpcEndpoint": {
    create: 6,
    basis: "Estimated: a gateway endpoint is there within seconds.",
  },
  "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": {
    create: 5,
    basis: "Estimated: until it waits to be accepted.",
  },
  "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": {
    create: 10,
    basis: "Estimated: until it is active.",
  },
  "aws:ec2transitgateway/instanceState:InstanceState": {
    create: 40,
    basis: "Estimated: Debian stops in seconds, EC2 tells some later.",
  },
  "aws:iam/instanceProfile:InstanceProfile": { create: 7, basis: `${iam} (5 to 10 s until it can be used)` },
  "aws:iam/role:Role": { create: 2, basis: oneCall },
  "aws:iam/rolePolicy:RolePolicy": quick,
  "aws:lambda/function:Function": {
    create: 14,
    basis: `${iam} (its role; then some seconds until it is active)`,
  },
  "aws:lb/listener:Listener": quick,
  "aws:lb/loadBalancer:LoadBalancer": { create: 174, basis: logOfBalancer },
  "aws:lb/targetGroup:TargetGroup": quick,
  "aws:route53/healthCheck:HealthCheck": quick,
  "aws:route53/record:Record": { create: 60, basis: route53 },
  "aws:route53/zone:Zone": { create: 60, basis: route53 },
  "aws:s3/bucket:Bucket": { create: 3, basis: oneCall },
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
    create: 20,
    basis: "Estimated: the provider asks until the same answer comes several times.",
  },
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": quick,
  "aws:s3/bucketObjectv2:BucketObjectv2": quick,
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": quick,
  "aws:s3/bucketPolicy:BucketPolicy": quick,
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": quick,
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": quick,
  "aws:s3/bucketVersioning:BucketVersioning": { create: 2, basis: oneCall },
  "aws:secretsmanager/secret:Secret": quick,
  "aws:secretsmanager/secretVersion:SecretVersion": quick,
  "aws:sns/topic:Topic": quick,
  "aws:sns/topicPolicy:TopicPolicy": quick,
  "aws:sns/topicSubscription:TopicSubscription": quick,
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": quick,
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": quick,
  "aws:wafv2/webAcl:WebAcl": { create: 3, basis: oneCall },
  "aws:wafv2/webAclAssociation:WebAclAssociation": {
    create: 10,
    basis: "Estimated: tried again until the new web ACL is known.",
  },
  "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": quick,
  "pulumi:providers:aws": { create: 0, basis: "Asks AWS nothing that takes time." },
  "random:index/randomPassword:RandomPassword": { create: 0, basis: "Made here." },
};

/** What the gate waits for, by the label in its event. */
export const waits: Readonly<Record<string, Duration>> = {
  "database host": {
    create: 100,
    basis: `${launch} (23 s until Debian answers); PostgreSQL is installed and started: estimated by the local region`,
  },
  "image builder": {
    create: 120,
    basis: `${launch} (23 s until Debian answers); Python's packages are installed: estimated by the local region`,
  },
  "release host": {
    create: 75,
    basis: `${launch}; blocks of a new image load while they are read: estimated`,
  },
  "web tier": {
    create: 110,
    basis: `${launch}; blocks of a new image load while they are read: estimated; and two health checks of 10 s (webEntrance.ts)`,
  },
};
