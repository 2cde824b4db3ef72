import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Firewall } from "../network/firewall";
import { deliverAccessLogs } from "../iam/policies";
import { PrivateBucket } from "../storage/privateBucket";
import { IssuedCertificate } from "./issuedCertificate";
import type { PublicNetwork } from "../network/networks";
import { WebFirewall } from "./webFirewall";

/** The service's public name, which makes it speak HTTPS. */
export interface Domain {
  readonly name: string;
  /** Public Route 53 zone that gets the name and proves its ownership. @default the name is kept elsewhere */
  readonly hostedZoneId?: string;
  /** @default a certificate is made, which needs `hostedZoneId` */
  readonly certificateArn?: string;
}

/** Arguments of a {@link WebEntrance}. */
export interface WebEntranceArgs {
  readonly network: PublicNetwork;
  /** Undefined: plain HTTP under the load balancer's own name, with a warning. */
  readonly domain: Domain | undefined;
  /** Who may reach the service. */
  readonly accessCidrs: readonly string[];
  /** Log each request with its address; off where addresses hold passwords. */
  readonly accessLogs: boolean;
  /** Have AWS WAF stand before the balancer. */
  readonly webFirewall: boolean;
  /** How long logs of requests are kept, in days. */
  readonly logRetentionDays: number;
  /** Refuse to replace or delete the load balancer and its logs. */
  readonly protect: boolean;
}

/** What a fleet needs of the way in to it. */
export interface Entrance {
  /** Security group of the load balancer: nothing gets out of it but by the fleet's own rule. */
  readonly securityGroupId: pulumi.Output<string>;
  /** Port on which hosts answer. */
  readonly hostPort: number;
  /** Every name under which clients may ask, separated by spaces. */
  readonly hostNames: pulumi.Output<string>;
  readonly targetGroupArn: pulumi.Output<string>;
  /** Names load balancer and target group to CloudWatch. */
  readonly metricLabel: pulumi.Output<string>;
  /** There when requests come in. */
  readonly ready: pulumi.Resource;
}

/** TLS 1.2 and 1.3 with forward secrecy and authenticated encryption only. */
const sslPolicy = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06";

/**
 * The way in: an application load balancer in the public subnets with its access logs, its target group, and its listeners. With
 * a domain it speaks HTTPS and sends HTTP there. A host that stops answering `/livez` gets no more requests after 5 to 10 s; one
 * that leaves finishes its requests for 30 s.
 *
 * A month costs $16.43, and $3.65 for each zone's address: $23.73 in dev and $27.38 in prod, before traffic; $5.84 for each capacity
 * unit that the traffic takes.
 *
 * | change | effect |
 * |---|---|
 * | `domain`, `accessCidrs`, `accessLogs`, `webFirewall`, `logRetentionDays`, `protect` | in place |
 * | a zone more or less | in place, before the fleet follows: hosts in a zone that goes get no more requests |
 * | the network replaced | replaced: the address changes, and nothing answers until the new fleet does; refused while `protect` is on |
 */
export class WebEntrance extends pulumi.ComponentResource implements Entrance {
  readonly dnsName: pulumi.Output<string>;
  readonly url: pulumi.Output<string>;
  readonly securityGroupId: pulumi.Output<string>;
  readonly hostPort = 8000;
  readonly hostNames: pulumi.Output<string>;
  readonly targetGroupArn: pulumi.Output<string>;
  readonly metricLabel: pulumi.Output<string>;
  /** The load balancer to CloudWatch. */
  readonly balancerLabel: pulumi.Output<string>;
  /** The target group to CloudWatch. */
  readonly targetGroupLabel: pulumi.Output<string>;
  /** Name under which everybody asks. */
  readonly publicName: pulumi.Output<string>;
  /** Undefined with plain HTTP. */
  readonly certificateArn: pulumi.Output<string> | undefined;
  readonly ready: pulumi.Resource = this;

  private readonly name: string;
  private readonly args: WebEntranceArgs;
  private readonly child = { parent: this };

  constructor(name: string, args: WebEntranceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:WebEntrance", name, {}, opts);
    validate(args);
    this.name = name;
    this.args = args;
    const firewall = this.createFirewall();
    const balancer = this.createBalancer(firewall);
    if (args.webFirewall)
      new WebFirewall(
        `${name}-waf`,
        { balancerArn: balancer.arn, logRetentionDays: args.logRetentionDays },
        this.child,
      );
    const targets = this.createTargetGroup();
    if (args.domain) {
      this.certificateArn = this.certificate(args.domain);
      this.serveHttps(this.certificateArn, balancer, targets);
      this.createAlias(args.domain, balancer);
    } else {
      this.serveHttp(balancer, targets);
    }
    this.dnsName = balancer.dnsName;
    this.publicName = args.domain ? pulumi.output(args.domain.name) : balancer.dnsName;
    this.url = pulumi.interpolate`${args.domain ? "https" : "http"}://${this.publicName}`;
    this.securityGroupId = firewall.securityGroupId;
    this.hostNames = args.domain
      ? pulumi.interpolate`${balancer.dnsName} ${args.domain.name}`
      : balancer.dnsName;
    this.targetGroupArn = targets.arn;
    this.balancerLabel = balancer.arnSuffix;
    this.targetGroupLabel = targets.arnSuffix;
    this.metricLabel = pulumi.interpolate`${this.balancerLabel}/${this.targetGroupLabel}`;
    this.registerOutputs({ dnsName: this.dnsName, url: this.url, targetGroupArn: this.targetGroupArn });
  }

  private createFirewall(): Firewall {
    const { network, domain, accessCidrs } = this.args;
    const ports = domain ? [80, 443] : [80];
    return new Firewall(
      `${this.name}-balancer`,
      {
        vpcId: network.vpcId,
        description: "Load balancer",
        ingress: ports.flatMap((port) =>
          accessCidrs.map((cidrBlock) => ({
            name: `${port}-${cidrBlock}`,
            description: port === 443 ? "HTTPS" : domain ? "HTTP, sent on to HTTPS" : "HTTP",
            port,
            cidrBlock,
          })),
        ),
      },
      this.child,
    );
  }

  private createBalancer(firewall: Firewall): aws.lb.LoadBalancer {
    const { network, protect, accessLogs } = this.args;
    const logs = this.createLogs();
    return new aws.lb.LoadBalancer(
      this.name,
      {
        loadBalancerType: "application",
        internal: false,
        subnets: [...network.publicSubnetIds],
        securityGroups: [firewall.securityGroupId],
        dropInvalidHeaderFields: true,
        desyncMitigationMode: "defensive",
        enableHttp2: true,
        // The client's address is the last that a request names: whatever it says itself stands before that.
        xffHeaderProcessingMode: "append",
        enableDeletionProtection: protect,
        idleTimeout: 60,
        accessLogs: { enabled: accessLogs, bucket: logs.bucketName },
      },
      {
        ...this.child,
        // Without its routes nothing would reach it; and it tries at once whether it may write its logs.
        dependsOn: [network.ready, firewall, logs],
        // The provider would move a balancer to the subnets of another network, which AWS refuses.
        replacementTrigger: network.vpcId,
        // What AWS would refuse half-way is refused in the plan.
        protect,
      },
    );
  }

  private createLogs(): PrivateBucket {
    const { accountId } = aws.getCallerIdentityOutput({}, this.child);
    return new PrivateBucket(
      `${this.name}-logs`,
      {
        statements: (arn) => [deliverAccessLogs(arn, this.args.network.region, accountId)],
        expiry: { "AWSLogs/": this.args.logRetentionDays },
        protect: this.args.protect,
      },
      this.child,
    );
  }

  private createTargetGroup(): aws.lb.TargetGroup {
    return new aws.lb.TargetGroup(
      this.name,
      {
        vpcId: this.args.network.vpcId,
        targetType: "instance",
        protocol: "HTTP",
        // Hosts are asked as the server speaks, whatever the client does.
        protocolVersion: "HTTP1",
        port: this.hostPort,
        deregistrationDelay: 30,
        // The shortest that the balancer takes.
        healthCheck: {
          path: "/livez",
          matcher: "200",
          interval: 5,
          timeout: 2,
          healthyThreshold: 2,
          unhealthyThreshold: 2,
        },
      },
      this.child,
    );
  }

  private serveHttp(balancer: aws.lb.LoadBalancer, targets: aws.lb.TargetGroup): void {
    void pulumi.log.warn(
      "The service speaks plain HTTP: passwords and tokens can be read on the way. Set domainName for HTTPS.",
      this,
    );
    this.listen("http", balancer, {
      port: 80,
      protocol: "HTTP",
      defaultActions: [{ type: "forward", targetGroupArn: targets.arn }],
    });
  }

  private serveHttps(
    certificateArn: pulumi.Input<string>,
    balancer: aws.lb.LoadBalancer,
    targets: aws.lb.TargetGroup,
  ): void {
    this.listen("https", balancer, {
      port: 443,
      protocol: "HTTPS",
      sslPolicy,
      certificateArn,
      defaultActions: [{ type: "forward", targetGroupArn: targets.arn }],
    });
    const redirect = { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" };
    this.listen("http", balancer, {
      port: 80,
      protocol: "HTTP",
      defaultActions: [{ type: "redirect", redirect }],
    });
  }

  private certificate(domain: Domain): pulumi.Output<string> {
    if (domain.certificateArn !== undefined) return pulumi.output(domain.certificateArn);
    const args = { domainName: domain.name, hostedZoneId: domain.hostedZoneId ?? "" };
    return new IssuedCertificate(`${this.name}-certificate`, args, this.child).arn;
  }

  private listen(
    suffix: string,
    balancer: aws.lb.LoadBalancer,
    args: Omit<aws.lb.ListenerArgs, "loadBalancerArn">,
  ): void {
    new aws.lb.Listener(`${this.name}-${suffix}`, { loadBalancerArn: balancer.arn, ...args }, this.child);
  }

  private createAlias(domain: Domain, balancer: aws.lb.LoadBalancer): void {
    if (domain.hostedZoneId === undefined) return;
    new aws.route53.Record(
      `${this.name}-name`,
      {
        zoneId: domain.hostedZoneId,
        name: domain.name,
        type: "A",
        aliases: [{ name: balancer.dnsName, zoneId: balancer.zoneId, evaluateTargetHealth: true }],
      },
      this.child,
    );
  }
}

function validate({ network, domain }: WebEntranceArgs): void {
  const wrong = (propertyPath: string, reason: string) =>
    new pulumi.InputPropertyError({ propertyPath, reason });
  if (network.publicSubnetIds.length < 2)
    throw wrong("network", "A load balancer needs subnets in two zones.");
  if (domain && domain.hostedZoneId === undefined && domain.certificateArn === undefined)
    throw wrong("domain", `${domain.name} needs a hosted zone or a certificate.`);
}
