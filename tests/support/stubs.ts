/** The least that a component needs of its neighbours, so that it can be constructed without them. Only within `evaluate`. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AdministratorAccess } from "../../components/accounts/accountStore";
import type { BackupAccess } from "../../components/database/backupRepository";
import type { DatabaseAccess, RoleAccess } from "../../components/database/databaseAccess";
import type { BootGate, CutOverGate, HostBucket } from "../../components/host/gates";
import type { PostgresHostArgs } from "../../components/database/postgresHost";
import type { ClientNetwork, HostNetwork, Subnet } from "../../components/network/networks";
import { readObjects } from "../../components/iam/policies";
import type { Telemetry } from "../../components/observability/telemetry";
import type { PinnedSecret } from "../../components/storage/generatedSecret";
import type { Entrance } from "../../components/web/webEntrance";

class Stub extends pulumi.ComponentResource {
  constructor(name: string) {
    super("test:stubs:Stub", name);
  }
}

/** A resource of a package of the tests' own. */
class Marker extends pulumi.CustomResource {
  constructor(name: string, parent?: pulumi.Resource) {
    super("test:index:Marker", name, {}, parent && { parent });
  }
}

/** A network with a private host subnet in each of these zones of the region. */
export function stubNetwork(region = "us-east-1", letters = "a"): HostNetwork & ClientNetwork {
  const subnet = (letter: string, index: number): Subnet => ({
    name: `private-${letter}`,
    kind: "private",
    zone: `${region}${letter}`,
    id: pulumi.output(`subnet-${letter}`),
    cidrBlock: `10.20.${128 + 16 * index}.0/20`,
  });
  return {
    vpcId: pulumi.output(`vpc-of-${region}`),
    region,
    hostSubnets: Array.from(letters, subnet),
    hostRange: region === "us-east-1" ? "10.10.128.0/17" : "10.20.128.0/17",
    hostsHavePublicIp: false,
    ready: new Marker(`network-${region}`),
  };
}

/** A gate whose waits and objects are plain resources of the provider. */
export function stubGate(provider: aws.Provider): BootGate & CutOverGate & HostBucket {
  const bucketArn = pulumi.output("arn:aws:s3:::bucket");
  const wait = (name: string, input: object, opts: pulumi.CustomResourceOptions) =>
    new aws.lambda.Invocation(
      name,
      { functionName: "gate", input: pulumi.jsonStringify(input) },
      pulumi.mergeOptions({ provider }, opts),
    );
  return {
    bucketName: pulumi.output("bucket"),
    bucketArn,
    reportVariables: (roleId) => ({
      REPORT_BUCKET: pulumi.output("bucket"),
      REPORT_REGION: "us-east-1",
      REPORT_ROLE_ID: roleId,
    }),
    reportStatement: () => ({
      Effect: "Allow",
      Action: "s3:PutObject",
      Resource: "arn:aws:s3:::bucket/boot",
    }),
    waitForBoot: wait,
    waitForCutOver: wait,
    publish: (name, text, opts) =>
      new aws.s3.BucketObjectv2(name, { bucket: "bucket", ...text }, pulumi.mergeOptions({ provider }, opts)),
  };
}

/** Backups that a host may keep anywhere. */
export const stubBackups = (): BackupAccess => ({
  bucketName: pulumi.output("backups"),
  region: "us-east-1",
  fullBackups: 2,
  ready: new Marker("backups"),
  passphraseIn: (region) => stubSecret("backups-key", region).arn,
  statements: (generation) => [
    { Effect: "Allow", Action: "s3:PutObject", Resource: `arn:aws:s3:::backups/${generation}/*` },
  ],
});

export function stubSecret(name: string, region = "us-east-1"): PinnedSecret {
  return {
    arn: pulumi.output(`arn:aws:secretsmanager:${region}:123456789012:secret:${name}-AbCdEf`),
    versionId: pulumi.output(`version-of-${name}`),
  };
}

export function stubDatabase(): DatabaseAccess {
  const role = (name: string): RoleAccess => ({
    secret: stubSecret(name),
    statements: [readObjects("arn:aws:s3:::database", name)],
  });
  return {
    openings: [{ name: "database", description: "To the database", port: 5432, cidrBlock: "10.20.128.0/20" }],
    app: role("app"),
    owner: role("owner"),
    volumeId: pulumi.output("vol-1"),
    authorityKey: "tls/postgres-ca-1.pem",
    ready: new Marker("database-ready"),
  };
}

export class StubAccounts extends Stub implements AdministratorAccess {
  readonly bucketName = pulumi.output("accounts");
  readonly serviceSecret = stubSecret("service");
  readonly adminSecret = stubSecret("admin");

  constructor() {
    super("accounts");
    new Marker("accounts-bucket", this);
  }

  serviceStatements() {
    return [readObjects("arn:aws:s3:::accounts", "accounts/*")];
  }

  activityStatements() {
    return [readObjects("arn:aws:s3:::accounts", "activity/*")];
  }
}

export const stubEntrance = (): Entrance => ({
  securityGroupId: pulumi.output("sg-balancer"),
  hostPort: 8000,
  hostNames: pulumi.output("service.example.org"),
  targetGroupArn: pulumi.output("arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/1"),
  metricLabel: pulumi.output("app/web/1/targetgroup/web/1"),
  ready: new Marker("entrance"),
});

/** Logs and figures go somewhere. */
export const stubTelemetry: Telemetry = {
  statements: [{ Effect: "Allow", Action: "logs:PutLogEvents", Resource: "arn:of:logs" }],
  variables: { TELEMETRY_LOG_GROUP: "logs", TELEMETRY_NAMESPACE: "figures", TELEMETRY_ROLE: "hosts" },
};

/** Something to come after. */
export const stubResource = (name: string): pulumi.Resource => new Marker(name);

/** Nobody logs in. */
export const stubAccess: PostgresHostArgs["access"] = {
  sessionManager: false,
  keyName: undefined,
  openings: [],
};
