import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { dashboardBody, type DashboardParts } from "./dashboardBody";

/** Arguments of a {@link Dashboard}. */
export interface DashboardArgs extends DashboardParts {
  /** Name of the dashboard, which an account has once, whatever the region. */
  readonly title: string;
}

/**
 * One screen of CloudWatch that answers whether the stack is well, and if not, what: of both regions.
 *
 * A month costs $3.00; AWS gives each account three for nothing. `title` makes another one, everything else changes in place.
 */
export class Dashboard extends pulumi.ComponentResource {
  /** Its page in the console. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, { title, ...parts }: DashboardArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:Dashboard", name, {}, opts);
    const dashboard = new aws.cloudwatch.Dashboard(
      name,
      { dashboardName: title, dashboardBody: pulumi.jsonStringify(dashboardBody(parts)) },
      { parent: this },
    );
    const console = `https://${parts.web.region}.console.aws.amazon.com/cloudwatch/home`;
    this.url = pulumi.interpolate`${console}?region=${parts.web.region}#dashboards/dashboard/${dashboard.dashboardName}`;
    this.registerOutputs({ url: this.url });
  }
}
