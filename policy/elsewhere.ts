/** Controls that no resource of a stack decides, and those that the project declines as a whole. */
import { checkov, type Control, securityHub, type Severity } from "./rule";

/** A control of Security Hub without a rule. */
function undecided(id: string, severity: Severity, title: string, cis?: string): Control {
  return { id, title, severity, source: securityHub(id), cis };
}

/** A control that the project does not meet, and why. */
export interface Declined extends Control {
  readonly reason: string;
}

/** A control about something that no stack has. */
export interface Absent extends Control {
  /** Types of the resources that it is about. */
  readonly types: readonly string[];
}

/** Settings of an account or of a region: once for all that runs there, so that a stack must not own them. */
export const accountControls: readonly Control[] = [
  undecided(
    "Account.1",
    "medium",
    "Security contact information should be provided for an AWS account",
    "1.2",
  ),
  // A document of the region, which every session in it obeys.
  {
    id: "CKV_AWS_113",
    title: "Session Manager logs are enabled and encrypted",
    severity: "medium",
    source: checkov,
  },
  undecided(
    "CloudTrail.1",
    "high",
    "CloudTrail should be enabled and configured with at least one multi-Region trail that includes read and write management events",
    "3.1",
  ),
  undecided("CloudTrail.2", "medium", "CloudTrail should have encryption at-rest enabled", "3.5"),
  undecided("CloudTrail.4", "low", "CloudTrail log file validation should be enabled", "3.2"),
  undecided("CloudTrail.5", "low", "CloudTrail trails should be integrated with Amazon CloudWatch Logs"),
  undecided(
    "CloudTrail.7",
    "low",
    "Ensure S3 bucket access logging is enabled on the CloudTrail S3 bucket",
    "3.4",
  ),
  undecided(
    "Config.1",
    "critical",
    "AWS Config should be enabled and use the service-linked role for resource recording",
    "3.3",
  ),
  undecided("EC2.7", "medium", "EBS default encryption should be enabled", "5.1.1"),
  undecided("EC2.182", "high", "Block public access settings should be enabled for Amazon EBS snapshots"),
  {
    id: "ec2_ami_account_block_public_access",
    title: "AMI block public access is enabled at the account level",
    severity: "medium",
    source: "https://hub.prowler.com/check/ec2_ami_account_block_public_access",
  },
  undecided("GuardDuty.1", "high", "GuardDuty should be enabled"),
  undecided("IAM.3", "medium", "IAM users' access keys should be rotated every 90 days or less", "1.13"),
  undecided("IAM.4", "critical", "IAM root user access key should not exist", "1.3"),
  undecided("IAM.5", "medium", "MFA should be enabled for all IAM users that have a console password", "1.9"),
  undecided("IAM.6", "critical", "Hardware MFA should be enabled for the root user", "1.5"),
  undecided("IAM.7", "medium", "Password policies for IAM users should have strong configurations"),
  undecided("IAM.8", "medium", "Unused IAM user credentials should be removed"),
  undecided("IAM.9", "critical", "MFA should be enabled for the root user", "1.4"),
  undecided(
    "IAM.15",
    "medium",
    "Ensure IAM password policy requires minimum password length of 14 or greater",
    "1.7",
  ),
  undecided("IAM.16", "low", "Ensure IAM password policy prevents password reuse", "1.8"),
  undecided(
    "IAM.18",
    "low",
    "Ensure a support role has been created to manage incidents with AWS Support",
    "1.16",
  ),
  undecided("IAM.22", "medium", "IAM user credentials unused for 45 days should be removed", "1.11"),
  undecided("IAM.26", "medium", "Expired SSL/TLS certificates managed in IAM should be removed", "1.18"),
  undecided(
    "IAM.27",
    "medium",
    "IAM identities should not have the AWSCloudShellFullAccess policy attached",
    "1.21",
  ),
  undecided("IAM.28", "high", "IAM Access Analyzer external access analyzer should be enabled", "1.19"),
  undecided("Inspector.1", "high", "Amazon Inspector EC2 scanning should be enabled"),
  undecided("KMS.3", "critical", "AWS KMS keys should not be deleted unintentionally"),
  undecided("KMS.4", "medium", "AWS KMS key rotation should be enabled", "3.6"),
  undecided("Macie.1", "medium", "Amazon Macie should be enabled"),
  undecided(
    "S3.1",
    "medium",
    "S3 general purpose buckets should have block public access settings enabled",
    "2.1.4",
  ),
  undecided("S3.22", "medium", "S3 general purpose buckets should log object-level write events", "3.8"),
  undecided("S3.23", "medium", "S3 general purpose buckets should log object-level read events", "3.9"),
  undecided("SSM.6", "medium", "SSM Automation should have CloudWatch logging enabled"),
  undecided("SSM.7", "critical", "SSM documents should have the block public sharing setting enabled"),
];

function absent(id: string, severity: Severity, title: string, ...types: readonly string[]): Absent {
  return { ...undecided(id, severity, title), types };
}

/** Controls of the services that stacks use, about what none of them has; tests hold every stack to it. */
export const absentControls: readonly Absent[] = [
  absent(
    "EC2.20",
    "medium",
    "Both VPN tunnels for an AWS Site-to-Site VPN connection should be up",
    "aws:ec2/vpnConnection:VpnConnection",
  ),
  absent(
    "EC2.23",
    "high",
    "Amazon EC2 Transit Gateways should not automatically accept VPC attachment requests",
    "aws:ec2transitgateway/transitGateway:TransitGateway",
  ),
  absent(
    "EC2.51",
    "low",
    "EC2 Client VPN endpoints should have client connection logging enabled",
    "aws:ec2clientvpn/endpoint:Endpoint",
  ),
  absent(
    "EC2.55",
    "medium",
    "VPCs should be configured with an interface endpoint for ECR API",
    "aws:ecr/repository:Repository",
  ),
  absent(
    "EC2.56",
    "medium",
    "VPCs should be configured with an interface endpoint for Docker Registry",
    "aws:ecr/repository:Repository",
  ),
  absent(
    "EC2.58",
    "medium",
    "VPCs should be configured with an interface endpoint for Systems Manager Incident Manager Contacts",
    "aws:ssm/contactsContact:ContactsContact",
  ),
  absent(
    "EC2.60",
    "medium",
    "VPCs should be configured with an interface endpoint for Systems Manager Incident Manager",
    "aws:ssmincidents/responsePlan:ResponsePlan",
  ),
  absent(
    "EC2.171",
    "medium",
    "EC2 VPN connections should have logging enabled",
    "aws:ec2/vpnConnection:VpnConnection",
  ),
  absent(
    "EC2.173",
    "medium",
    "EC2 Spot Fleet requests with launch parameters should enable encryption for attached EBS volumes",
    "aws:ec2/spotFleetRequest:SpotFleetRequest",
  ),
  absent(
    "EC2.183",
    "medium",
    "EC2 VPN connections should use IKEv2 protocol",
    "aws:ec2/vpnConnection:VpnConnection",
  ),
  absent(
    "ELB.2",
    "medium",
    "Classic Load Balancers with SSL/HTTPS listeners should use a certificate provided by AWS Certificate Manager",
    "aws:elb/loadBalancer:LoadBalancer",
  ),
  absent(
    "ELB.3",
    "medium",
    "Classic Load Balancer listeners should be configured with HTTPS or TLS termination",
    "aws:elb/loadBalancer:LoadBalancer",
  ),
  absent(
    "ELB.7",
    "low",
    "Classic Load Balancers should have connection draining enabled",
    "aws:elb/loadBalancer:LoadBalancer",
  ),
  absent(
    "ELB.8",
    "medium",
    "Classic Load Balancers with SSL listeners should use a predefined security policy that has strong AWS Configuration",
    "aws:elb/loadBalancer:LoadBalancer",
  ),
  absent(
    "ELB.9",
    "medium",
    "Classic Load Balancers should have cross-zone load balancing enabled",
    "aws:elb/loadBalancer:LoadBalancer",
  ),
  absent(
    "ELB.10",
    "medium",
    "Classic Load Balancer should span multiple Availability Zones",
    "aws:elb/loadBalancer:LoadBalancer",
  ),
  absent(
    "ELB.14",
    "medium",
    "Classic Load Balancer should be configured with defensive or strictest desync mitigation mode",
    "aws:elb/loadBalancer:LoadBalancer",
  ),
  absent(
    "EventBridge.3",
    "low",
    "EventBridge custom event buses should have a resource-based policy attached",
    "aws:cloudwatch/eventBus:EventBus",
  ),
  absent("KMS.5", "critical", "KMS keys should not be publicly accessible", "aws:kms/key:Key"),
  absent(
    "S3.19",
    "critical",
    "S3 access points should have block public access settings enabled",
    "aws:s3/accessPoint:AccessPoint",
  ),
  absent(
    "S3.24",
    "high",
    "S3 Multi-Region Access Points should have block public access settings enabled",
    "aws:s3control/multiRegionAccessPoint:MultiRegionAccessPoint",
  ),
  absent(
    "S3.25",
    "low",
    "S3 directory buckets should have lifecycle configurations",
    "aws:s3/directoryBucket:DirectoryBucket",
  ),
  absent(
    "SSM.3",
    "low",
    "Amazon EC2 instances managed by Systems Manager should have an association compliance status of COMPLIANT",
    "aws:ssm/association:Association",
  ),
  absent("SSM.4", "critical", "SSM documents should not be public", "aws:ssm/document:Document"),
  absent(
    "WAF.1",
    "medium",
    "AWS WAF Classic Global Web ACL logging should be enabled",
    "aws:waf/webAcl:WebAcl",
  ),
  absent(
    "WAF.2",
    "medium",
    "AWS WAF Classic Regional rules should have at least one condition",
    "aws:wafregional/rule:Rule",
  ),
  absent(
    "WAF.3",
    "medium",
    "AWS WAF Classic Regional rule groups should have at least one rule",
    "aws:wafregional/ruleGroup:RuleGroup",
  ),
  absent(
    "WAF.4",
    "medium",
    "AWS WAF Classic Regional web ACLs should have at least one rule or rule group",
    "aws:wafregional/webAcl:WebAcl",
  ),
  absent(
    "WAF.6",
    "medium",
    "AWS WAF Classic global rules should have at least one condition",
    "aws:waf/rule:Rule",
  ),
  absent(
    "WAF.7",
    "medium",
    "AWS WAF Classic global rule groups should have at least one rule",
    "aws:waf/ruleGroup:RuleGroup",
  ),
  absent(
    "WAF.8",
    "medium",
    "AWS WAF Classic global web ACLs should have at least one rule or rule group",
    "aws:waf/webAcl:WebAcl",
  ),
];

const interfaceEndpoints =
  "Seven dollars a month for each zone of an interface endpoint. Hosts reach AWS's APIs over TLS, and S3 by its gateway endpoint.";

/** Controls that the project does not meet, and will not. */
export const declinedControls: readonly Declined[] = [
  {
    ...undecided(
      "EC2.10",
      "medium",
      "Amazon EC2 should be configured to use VPC endpoints that are created for the Amazon EC2 service",
    ),
    reason: interfaceEndpoints,
  },
  {
    ...undecided(
      "EC2.57",
      "medium",
      "VPCs should be configured with an interface endpoint for Systems Manager",
    ),
    reason: interfaceEndpoints,
  },
  {
    ...undecided(
      "EC2.172",
      "medium",
      "EC2 VPC Block Public Access settings should block internet gateway traffic",
    ),
    reason: "The load balancer is there for the public, and hosts fetch packages.",
  },
  {
    ...undecided("S3.20", "low", "S3 general purpose buckets should have MFA delete enabled", "2.1.2"),
    reason: "Only the root user can set it, by hand: it cannot be declared.",
  },
  {
    ...undecided("SecretsManager.3", "medium", "Remove unused Secrets Manager secrets"),
    reason:
      "Each secret is read when a host that needs it boots. That of the database's owner is also needed when none has booted for 90 days.",
  },
  {
    ...undecided(
      "SSM.2",
      "high",
      "Amazon EC2 instances managed by Systems Manager should have a patch compliance status of COMPLIANT after a patch installation",
    ),
    reason:
      "Patch Manager is not used. Web hosts are patched by a new image; the database host takes Debian's security updates by itself, PostgreSQL's excepted.",
  },
];
