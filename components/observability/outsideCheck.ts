import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** Arguments of an {@link OutsideCheck}. */
export interface OutsideCheckArgs {
  /** Name under which the service is asked. */
  readonly hostName: pulumi.Input<string>;
  /** Whether it speaks HTTPS. */
  readonly https: boolean;
}

/**
 * Route 53 asks `/readyz` over the internet, from places all over the world, each every 30 seconds: what a user sees, and what
 * hosts and balancer do not notice, such as a name that is gone or a certificate that has ended. The service must be open to
 * everybody. Health checks and their figures are in us-east-1.
 *
 * A month costs $0.50, and $1.00 more for HTTPS. `https` makes another check; `hostName` changes in place.
 */
export class OutsideCheck extends pulumi.ComponentResource {
  readonly healthCheckId: pulumi.Output<string>;

  constructor(name: string, { hostName, https }: OutsideCheckArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:OutsideCheck", name, {}, opts);
    this.healthCheckId = new aws.route53.HealthCheck(
      name,
      {
        type: https ? "HTTPS" : "HTTP",
        fqdn: hostName,
        port: https ? 443 : 80,
        resourcePath: "/readyz",
        requestInterval: 30,
        failureThreshold: 3,
        tags: { Name: name },
      },
      { parent: this },
    ).id;
    this.registerOutputs({ healthCheckId: this.healthCheckId });
  }
}
