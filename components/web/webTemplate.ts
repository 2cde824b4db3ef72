import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AccountAccess } from "../accounts/accountStore";
import type { DatabaseAccess } from "../database/databaseAccess";
import type { BootReports, HostBucket } from "../host/gates";
import { metadataOptions, rootDevice, rootDiskGiB } from "../host/host";
import type { HostAccess } from "../host/hostAccess";
import { HostRole } from "../host/hostRole";
import { scaleFleet } from "../iam/policies";
import type { HostNetwork } from "../network/networks";
import { userDataFor } from "../host/userData";
import { noTelemetry, type Telemetry } from "../observability/telemetry";

/** The hook by which a host tells its group that it serves, or that it never will. */
export const launchHook = "serves";

/** What a web host is, and what it works with. */
export interface WebHost {
  readonly access: HostAccess;
  readonly database: DatabaseAccess;
  readonly accounts: AccountAccess;
  readonly imageId: pulumi.Input<string>;
  readonly instanceType: string;
  /** Serve the routes of the replaced systems, whose paths hold passwords. */
  readonly legacyRoutes: boolean;
  /** Origins whose pages may ask the API from a browser. */
  readonly corsOrigins: readonly string[];
  /** @default hosts keep their logs to themselves */
  readonly telemetry?: Telemetry;
}

/** Arguments of a {@link WebTemplate}. */
export interface WebTemplateArgs extends WebHost {
  readonly network: Pick<HostNetwork, "hostsHavePublicIp">;
  readonly gate: BootReports & HostBucket;
  /** Value of the tier tag of the groups that the hosts may resize. */
  readonly tier: string;
  readonly securityGroupId: pulumi.Input<string>;
  /** Names under which clients may ask, separated by spaces. */
  readonly hostNames: pulumi.Input<string>;
  /** Tags of hosts, disks and network interfaces. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * What every web host is: the launch template, and the role that lets a host read the service's secrets, read and write
 * accounts, and see, join and resize its own fleet.
 *
 * It costs nothing. Every change of an argument is a new version, with which the fleet is rolled; the role's policies change in
 * place.
 */
export class WebTemplate extends pulumi.ComponentResource {
  readonly templateId: pulumi.Output<string>;
  /** A number, never `$Latest`: a group must differ when its template does. */
  readonly version: pulumi.Output<string>;
  /** Unique id of the hosts' role. */
  readonly roleId: pulumi.Output<string>;

  private readonly name: string;
  private readonly args: WebTemplateArgs;
  private readonly child = { parent: this };

  constructor(name: string, args: WebTemplateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:WebTemplate", name, {}, opts);
    this.name = name;
    this.args = args;
    const role = this.createRole();
    const template = this.createTemplate(role);
    this.templateId = template.id;
    this.version = template.latestVersion.apply(String);
    this.roleId = role.roleId;
    this.registerOutputs({ templateId: this.templateId, version: this.version });
  }

  private createRole(): HostRole {
    const { gate, database, accounts, access, tier, telemetry } = this.args;
    return new HostRole(
      `${this.name}-role`,
      {
        statements: [
          gate.reportStatement(),
          ...database.app.statements,
          ...accounts.serviceStatements(),
          ...accounts.activityStatements(),
          ...scaleFleet(tier),
          ...(telemetry?.statements ?? []),
        ],
        sessionManager: access.sessionManager,
      },
      this.child,
    );
  }

  private createTemplate(role: HostRole): aws.ec2.LaunchTemplate {
    const { network, access, imageId, instanceType, securityGroupId } = this.args;
    const tags = { ...this.args.tags, Name: this.name };
    return new aws.ec2.LaunchTemplate(
      this.name,
      {
        imageId,
        instanceType,
        iamInstanceProfile: { name: role.profileName },
        metadataOptions,
        monitoring: { enabled: true },
        networkInterfaces: [
          {
            deviceIndex: 0,
            associatePublicIpAddress: String(network.hostsHavePublicIp),
            deleteOnTermination: "true",
            securityGroups: [securityGroupId],
          },
        ],
        blockDeviceMappings: [
          {
            deviceName: rootDevice,
            ebs: {
              encrypted: "true",
              volumeType: "gp3",
              volumeSize: rootDiskGiB,
              deleteOnTermination: "true",
            },
          },
        ],
        tagSpecifications: ["instance", "volume", "network-interface"].map((resourceType) => ({
          resourceType,
          tags,
        })),
        userData: this.userData(role),
        keyName: access.keyName,
      },
      this.child,
    );
  }

  private userData(role: HostRole): pulumi.Output<string> {
    const { gate, accounts, database, hostNames, legacyRoutes, corsOrigins, telemetry } = this.args;
    return userDataFor("web", {
      ...gate.reportVariables(role.roleId),
      ...(telemetry?.variables ?? noTelemetry),
      ACCOUNT_BUCKET: accounts.bucketName,
      SERVICE_SECRET_ARN: accounts.serviceSecret.arn,
      SERVICE_SECRET_VERSION: accounts.serviceSecret.versionId,
      DATABASE_VOLUME_ID: database.volumeId,
      DATABASE_CA_KEY: database.authorityKey,
      DATABASE_SECRET_ARN: database.app.secret.arn,
      DATABASE_SECRET_VERSION: database.app.secret.versionId,
      ALLOWED_HOSTS: hostNames,
      LEGACY_ROUTES: legacyRoutes,
      CORS_ORIGINS: corsOrigins.join(" "),
      LAUNCH_HOOK: launchHook,
    });
  }
}
