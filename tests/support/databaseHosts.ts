/** Database hosts by hand, each with the user data that the program gives it: two networks, buckets and secrets, and nothing else. */
import assert from "node:assert/strict";
import { join } from "node:path";
import * as s3 from "@aws-sdk/client-s3";
import { CreateSecretCommand } from "@aws-sdk/client-secrets-manager";
import type { BootVariables } from "../../components/host/bootVariables";
import { fetchedScript, renderBootScript } from "../../components/host/userData";
import { bootReportKey, userIdOf, type BootReport } from "../../gate/contract.cjs";
import { prepareRegion, type Region, startRegion } from "../../local/aws/region";
import type { Handler, Properties } from "../../local/engine/handler";
import { onHost } from "../../local/faults/onHost";
import { StateDirectory } from "../../local/machine/state";
import { sweep } from "../../local/machine/sweep";
import { request } from "../local/support";
import { eventually } from "./eventually";
import { root } from "./regionProcess";

/** Region of the backups. */
export const webRegion = "us-east-1";
export const databaseRegion = "us-east-2";
const roleId = "AROABACKUPTEST";

/** A database host, and how its boot ended. */
export interface BootedHost {
  readonly id: string;
  readonly volumeId: string;
  readonly report: BootReport;
}

export class DatabaseHosts {
  private readonly made: { handler: Handler; id: string; state: Properties; region: string }[] = [];
  private readonly networks: Record<string, { readonly subnetId: string; readonly groupId: string }> = {};
  private readonly secrets: Record<string, { readonly arn: string; readonly versionId: string }> = {};

  private constructor(
    private readonly state: StateDirectory,
    private readonly region: Region,
    private readonly faults: Error[],
  ) {}

  /** Starts the local region, and makes what the hosts need. The bucket of the backups is as with `backupLockDays`. */
  static async start(): Promise<DatabaseHosts> {
    const state = StateDirectory.acquire();
    await sweep(state);
    const faults: Error[] = [];
    const region = await startRegion({
      state,
      ...(await prepareRegion(
        (_name, action) => action({ update: () => undefined }),
        new AbortController().signal,
      )),
      nodeModules: join(root, "node_modules"),
      minute: 60_000,
      onFault: (error) => faults.push(error),
      onBreakdown: (error) => faults.push(error),
    });
    const hosts = new DatabaseHosts(state, region, faults);
    await hosts.createBuckets();
    await hosts.createSecret("owner", { username: "app_owner_1", password: "owner" });
    await hosts.createSecret("app", { username: "app_rw_1", password: "app" });
    await hosts.createSecret("backup", { passphrase: "a passphrase of many words" });
    const { owner, app } = hosts.secrets;
    const roles = { version: "1", authority: 1, owner, app };
    await hosts.put("reports", "database/postgres.test.internal/roles.json", JSON.stringify(roles));
    const { key, content } = fetchedScript("postgres");
    await hosts.put("reports", key, content);
    await hosts.createNetwork(webRegion, "10.10");
    await hosts.createNetwork(databaseRegion, "10.20");
    return hosts;
  }

  /** Ends everything; throws what went wrong meanwhile. */
  async stop(): Promise<void> {
    const problems: unknown[] = [];
    for (const { handler, id, state: own, region: where } of this.made.reverse())
      await handler.delete(id, own, where).catch((error: unknown) => problems.push(error));
    await this.region.close().catch((error: unknown) => problems.push(error));
    await sweep(this.state);
    this.state.release();
    assert.deepEqual(problems, []);
    assert.deepEqual(this.faults, []);
  }

  get buckets(): s3.S3Client {
    return this.region.clients.in(webRegion).s3;
  }

  put(Bucket: string, Key: string, Body: string | Uint8Array): Promise<unknown> {
    return this.buckets.send(new s3.PutObjectCommand({ Bucket, Key, Body }));
  }

  async get(Bucket: string, Key: string): Promise<Uint8Array | undefined> {
    try {
      const { Body } = await this.buckets.send(new s3.GetObjectCommand({ Bucket, Key }));
      return await Body!.transformToByteArray();
    } catch (error) {
      if (error instanceof s3.NoSuchKey) return undefined;
      throw error;
    }
  }

  async json(Bucket: string, Key: string): Promise<Record<string, unknown> | undefined> {
    const body = await this.get(Bucket, Key);
    return body && (JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>);
  }

  /** What the hosts tell of their last backup, drill or restore. */
  async record(name: "backup" | "drill" | "restore"): Promise<Record<string, unknown>> {
    return (await this.json("reports", `records/${name}.json`)) ?? {};
  }

  /** A host, booted, on a volume of its own if it is given none. */
  async boot(
    name: string,
    where: string,
    variables: Partial<BootVariables<"postgres">>,
    volume?: string,
  ): Promise<BootedHost> {
    const volumeId =
      volume ??
      (await this.create("aws:ebs/volume:Volume", name, { availabilityZone: `${where}a`, size: 8 }, where));
    const { arn } = this.secrets["backup"]!;
    const [image] = (
      await this.region.invokes["aws:ec2/getAmiIds:getAmiIds"]!(
        { filters: [{ name: "name", values: ["debian-13-amd64-20260914-2601"] }] },
        where,
      )
    )["ids"] as string[];
    const { subnetId, groupId } = this.networks[where]!;
    const id = await this.create(
      "aws:ec2/instance:Instance",
      name,
      {
        ami: image,
        instanceType: "t3.small",
        subnetId,
        vpcSecurityGroupIds: [groupId],
        iamInstanceProfile: "database",
        metadataOptions: { httpTokens: "required" },
        userDataBase64: renderBootScript("postgres", {
          REPORT_BUCKET: "reports",
          REPORT_REGION: webRegion,
          REPORT_ROLE_ID: roleId,
          DATA_VOLUME_ID: volumeId,
          HOST_VERSION: 1,
          DATABASE_NAME: "app",
          DATABASE_HOSTNAME: "postgres.test.internal",
          CLIENT_CIDRS: "10.10.0.0/16",
          OWNER_ROLE: "app_owner",
          APP_ROLE: "app_rw",
          PARAMETERS: "max_connections = 40\nshared_buffers = 64MB",
          TELEMETRY_LOG_GROUP: "",
          TELEMETRY_NAMESPACE: "",
          TELEMETRY_ROLE: "",
          GENERATION: 1,
          RESTORE_FROM: 0,
          RESTORE_TO: "",
          BACKUP_BUCKET: "backups",
          BACKUP_REGION: webRegion,
          BACKUP_SECRET_ARN: arn,
          BACKUP_FULLS: 2,
          SESSION_MANAGER: false,
          ...variables,
        }),
      },
      where,
    );
    await this.create(
      "aws:ec2/volumeAttachment:VolumeAttachment",
      name,
      { volumeId, instanceId: id, deviceName: "/dev/sdf" },
      where,
    );
    const key = bootReportKey(userIdOf(roleId, id));
    let report: BootReport | undefined;
    await eventually(`${name} has booted`, async () => {
      report = (await this.json("reports", key)) as unknown as BootReport | undefined;
      return report !== undefined;
    });
    return { id, volumeId, report: report! };
  }

  /** Ends a host, whatever it does; its volume stays. */
  async end(host: string): Promise<void> {
    const [instance] = this.made.splice(
      this.made.findIndex(({ id }) => id === host),
      1,
    );
    await instance!.handler.delete(instance!.id, instance!.state, instance!.region);
  }

  private async create(type: string, name: string, inputs: Properties, where: string): Promise<string> {
    const handler = this.region.handlers[type];
    assert.ok(handler, `no handler for ${type}`);
    const created = await handler.create(request(type, name, inputs, where));
    this.made.push({ handler, id: created.id, state: { ...inputs, ...created.outputs }, region: where });
    return created.id;
  }

  private async createBuckets(): Promise<void> {
    await this.buckets.send(new s3.CreateBucketCommand({ Bucket: "reports" }));
    // As a stack with backupLockDays has it.
    await this.create(
      "aws:s3/bucket:Bucket",
      "backups",
      { bucket: "backups", forceDestroy: true, objectLockEnabled: true },
      webRegion,
    );
    await this.create(
      "aws:s3/bucketVersioning:BucketVersioning",
      "backups",
      { bucket: "backups", versioningConfiguration: { status: "Enabled" } },
      webRegion,
    );
    await this.create(
      "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
      "backups",
      { bucket: "backups", rule: { defaultRetention: { mode: "GOVERNANCE", days: 1 } } },
      webRegion,
    );
    // It goes with its bucket: moto changes a lock only while the bucket is empty.
    this.made.pop();
  }

  private async createNetwork(where: string, range: string): Promise<void> {
    const vpcId = await this.create("aws:ec2/vpc:Vpc", where, { cidrBlock: `${range}.0.0/16` }, where);
    const subnetId = await this.create(
      "aws:ec2/subnet:Subnet",
      where,
      {
        vpcId,
        cidrBlock: `${range}.0.0/20`,
        availabilityZone: `${where}a`,
        mapPublicIpOnLaunch: true,
      },
      where,
    );
    const gatewayId = await this.create("aws:ec2/internetGateway:InternetGateway", where, { vpcId }, where);
    const routeTableId = await this.create("aws:ec2/routeTable:RouteTable", where, { vpcId }, where);
    await this.create(
      "aws:ec2/route:Route",
      where,
      { routeTableId, destinationCidrBlock: "0.0.0.0/0", gatewayId },
      where,
    );
    await this.create(
      "aws:ec2/routeTableAssociation:RouteTableAssociation",
      where,
      { subnetId, routeTableId },
      where,
    );
    const groupId = await this.create("aws:ec2/securityGroup:SecurityGroup", where, { vpcId }, where);
    await this.create(
      "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
      where,
      { securityGroupId: groupId, ipProtocol: "-1", cidrIpv4: "0.0.0.0/0" },
      where,
    );
    this.networks[where] = { subnetId, groupId };
  }

  private async createSecret(name: string, value: object): Promise<void> {
    const { ARN, VersionId } = await this.region.clients
      .in(databaseRegion)
      .secretsManager.send(new CreateSecretCommand({ Name: name, SecretString: JSON.stringify(value) }));
    this.secrets[name] = { arn: ARN!, versionId: VersionId! };
  }
}

/** Asks a host's database, as its superuser. */
export const sql = (host: string, statement: string, database = "app"): Promise<string> =>
  onHost(host, `runuser -u postgres -- psql -qXAt -v ON_ERROR_STOP=1 -d ${database} -c "${statement}"`).then(
    (output) => output.trim(),
  );

/** Runs a unit of a host, from beginning to end; whether it succeeded. */
export const runUnit = (host: string, unit: string): Promise<boolean> =>
  onHost(
    host,
    `while [[ $(systemctl is-active ${unit}) == activating ]]; do sleep 0.2; done; systemctl start ${unit}`,
  ).then(
    () => true,
    () => false,
  );
