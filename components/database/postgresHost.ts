import { createHash } from "node:crypto";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { debianImageId } from "../host/debianImage";
import type { BootGate, HostBucket } from "../host/gates";
import { metadataOptions, rootDisk } from "../host/host";
import type { HostAccess } from "../host/hostAccess";
import { HostRole } from "../host/hostRole";
import { instanceTypeDetails } from "../host/instanceTypes";
import { fetchedScript, userDataFor } from "../host/userData";
import { putFigures, readObjects, readSecrets, readSecretVersion, writeObjects } from "../iam/policies";
import { Firewall, internetEgress } from "../network/firewall";
import type { ClientNetwork, HostNetwork } from "../network/networks";
import type { GeneratedSecret } from "../storage/generatedSecret";
import {
  authorityKey,
  type DatabaseAccess,
  postgresOpenings,
  postgresPort,
  recordKey,
  type RoleAccess,
  rolesKey,
} from "./databaseAccess";
import type { BackupAccess } from "./backupRepository";
import { PostgresRole } from "./postgresRole";
import { checkVersion } from "../storage/passwords";
import { figuresNamespace, noTelemetry, type Telemetry } from "../observability/telemetry";
import { connectionsThatFit, type PostgresParameters, tunePostgres } from "./tuning";

/** Arguments of a {@link PostgresHost}. */
export interface PostgresHostArgs {
  /** Where the host goes: into its first host subnet. */
  readonly network: HostNetwork;
  /** The network whose hosts may connect. */
  readonly clients: ClientNetwork;
  readonly gate: BootGate & HostBucket;
  readonly access: Pick<HostAccess, "sessionManager" | "keyName" | "openings">;
  /** Private DNS zone, made here; the host is `postgres` in it. */
  readonly domain: string;
  /** Exact name of Debian's image: the setting `databaseDebianImage`. */
  readonly debianImage: string;
  /** The setting `databaseInstanceType`. */
  readonly instanceType: string;
  /** Number of the host, from 1. Another one replaces it, after a snapshot: the setting `databaseHostVersion`. */
  readonly hostVersion: number;
  /** Size of the data volume, in GiB. */
  readonly volumeGiB: number;
  /** How many connections the clients open at most: the host's memory must suffice for them. */
  readonly neededConnections: number;
  /** PostgreSQL's parameters that are to be others than the host's size suggests: the setting `databaseParameters`. */
  readonly parameters: PostgresParameters;
  /** @default the host keeps its logs to itself */
  readonly telemetry?: Telemetry;
  /** Number of the owner's password, from 1. Raise it by one to rotate: {@link PostgresRole}. */
  readonly ownerPasswordVersion: number;
  /** Number of the service's password, from 1. */
  readonly appPasswordVersion: number;
  /** Number of the certificate authority, from 1. Raise it by one to rotate: `userdata/lib/certificates.sh`. */
  readonly authorityVersion: number;
  /** Where the cluster is backed up, and restored from. */
  readonly backups: BackupAccess;
  /** Which of the clusters this is that follow each other by restores, and where it came from. */
  readonly generation: Generation;
  /** Whether the database is to go back to another place: the stack then lets go of the data volume, which `protect` keeps in AWS. */
  readonly temporary: boolean;
  /**
   * Refuse to delete the data volume, keep it and its snapshots in AWS even when the stack forgets them, and refuse to terminate
   * the host by hand.
   */
  readonly protect: boolean;
  /** How long a deleted secret can be restored, in days. */
  readonly secretRecoveryDays: number;
  /** Tags of the instance's disk. */
  readonly tags: Readonly<Record<string, string>>;
}

/** A cluster among those that follow each other: each has a volume and a repository of its own. */
export interface Generation {
  /** From 1. */
  readonly number: number;
  /** Generation that its volume, while that is empty, is restored from; 0 for a new, empty cluster. */
  readonly restoreFrom: number;
  /** Generation whose volume is kept here, beside that of this one; 0 for none. */
  readonly before: number;
  /** How far: a time, or a restore point as `name:NAME`; empty for as late as there is. */
  readonly restoreTo: string;
}

const databaseName = "app";
const ownerRole = "app_owner";
const appRole = "app_rw";

/** A 200 GiB volume that was never copied before takes about this long, in AWS's own time. */
const snapshotTimeout = "4h";

/**
 * A PostgreSQL 17 host. Stateful: its data are on an encrypted volume of their own, which outlives the host, as does its name
 * in a private DNS zone that both networks see. PostgreSQL's port is open to the host subnets of the clients and to nobody else.
 * Two roles, the tables' owner for migrations and a reader and writer for the service, have generated passwords, readable in both
 * regions. Which versions of them hold stands in a document that the host looks for while it runs, so that a rotation is no
 * reason to replace it.
 *
 * A snapshot of the volume is taken before another host gets it. While `protect` is on all snapshots are kept, else the newest.
 *
 * A month costs $23.17 in dev and $88.82 in prod: the host, its disks, its address under egress `public`, the zone and the secrets. A snapshot
 * costs $0.05 for each GB that the ones before lack.
 *
 * | change | effect |
 * |---|---|
 * | `ownerPasswordVersion`, `appPasswordVersion`, raised by one | the host makes the new login while it runs; then a release or a roll-out uses it |
 * | `authorityVersion`, raised by one | the host signs with the authority that clients trust already, while it runs; then a release and a roll-out, which trust the next |
 * | `volumeGiB` | grows in place, and the file system within a minute, while the cluster runs; it never shrinks |
 * | `hostVersion`, `instanceType`, `debianImage`, `parameters`, the key pair, `sessionManager`, `telemetry`, `domain`, the range of either network, `egress` between public and private, `userdata/postgres.sh`, `userdata/fetch.sh` and the parts of `userdata/lib/` that they name | a snapshot, then replaced: the old host goes first, as two cannot have the volume |
 * | `neededConnections`, SSH's networks, a zone of the clients more or less, `tags` | in place |
 * | `protect`, `secretRecoveryDays` | in place |
 * | `generation` | a new volume, restored from the backups of another generation, and a new host; the volume of the generation before stays |
 * | the zone of the network | a new, empty volume, which the host refuses while the generation has backups; refused before while `protect` is on. With another generation it is restored |
 */
export class PostgresHost extends pulumi.ComponentResource {
  /** Host and port, known when the gate has seen the database accept connections. */
  readonly endpoint: pulumi.Output<string>;
  readonly instanceId: pulumi.Output<string>;
  /** What clients need. */
  readonly access: DatabaseAccess;

  private readonly name: string;
  private readonly args: PostgresHostArgs;
  private readonly child = { parent: this };
  private readonly script = fetchedScript("postgres");

  constructor(name: string, args: PostgresHostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:PostgresHost", name, {}, opts);
    this.name = name;
    this.args = args;
    checkVersion("authorityVersion", args.authorityVersion);
    const host = `postgres.${args.domain}`;
    const owner = this.createSecret("owner", ownerRole, args.ownerPasswordVersion, host);
    const app = this.createSecret("app", appRole, args.appPasswordVersion, host);
    const roles = rolesDocument({ owner, app, authority: args.authorityVersion });
    const published = args.gate.publish(
      `${name}-roles`,
      { key: rolesKey(host), content: roles.content, contentType: "application/json" },
      this.child,
    );
    const script = this.publishScript();
    const volume = this.createVolumes();
    const role = this.createRole(owner, app, host);
    const instance = this.createInstance(volume, role, host, [published, script]);
    const attachment = this.attach(volume, instance);
    const record = this.createName(instance);
    const booted = args.gate.waitForBoot(
      `${name}-gate`,
      {
        label: "database host",
        roleId: role.roleId,
        instanceId: instance.id,
        region: args.network.region,
        applied: roles.version,
      },
      { ...this.child, dependsOn: [attachment, record, published] },
    );
    this.endpoint = booted.result.apply(() => `${host}:${postgresPort}`);
    this.instanceId = instance.id;
    this.access = this.accessFor(host, owner, app, volume, booted);
    this.registerOutputs({ endpoint: this.endpoint, instanceId: this.instanceId });
  }

  private createSecret(suffix: string, role: string, passwordVersion: number, host: string): GeneratedSecret {
    return new PostgresRole(
      `${this.name}-${suffix}`,
      {
        role,
        passwordVersion,
        database: { dbname: databaseName, host, port: postgresPort },
        region: this.args.network.region,
        readerRegion: this.args.clients.region,
        recoveryDays: this.args.secretRecoveryDays,
      },
      this.child,
    ).secret;
  }

  /** Named after its content: a host of an earlier one has it until it is gone. */
  private publishScript(): aws.s3.BucketObjectv2 {
    const { key, sha256, content } = this.script;
    return this.args.gate.publish(
      `${this.name}-script-${sha256.slice(0, 8)}`,
      { key, content, contentType: "text/x-shellscript" },
      this.child,
    );
  }

  /** The volume of this generation; that of the one before stays, for the way back, until the next lets go of it. */
  private createVolumes(): aws.ebs.Volume {
    const { generation, protect, temporary } = this.args;
    if (generation.before > 0) this.createVolume(generation.before, false);
    return this.createVolume(generation.number, protect && !temporary);
  }

  private createVolume(generation: number, protect: boolean): aws.ebs.Volume {
    return new aws.ebs.Volume(
      `${this.name}-data${generation > 1 ? `-${generation}` : ""}`,
      {
        availabilityZone: this.subnet.zone,
        type: "gp3",
        size: this.args.volumeGiB,
        encrypted: true,
        tags: { Name: `${this.name}-data` },
      },
      { ...this.child, protect, retainOnDelete: this.args.protect },
    );
  }

  private createRole(owner: GeneratedSecret, app: GeneratedSecret, host: string): HostRole {
    const { access, gate, backups, generation, telemetry } = this.args;
    return new HostRole(
      `${this.name}-role`,
      {
        statements: [
          gate.reportStatement(),
          readObjects(gate.bucketArn, this.script.key),
          readObjects(gate.bucketArn, rolesKey(host)),
          writeObjects(gate.bucketArn, authorityKey(host, "*")),
          readSecrets(owner.arn, app.arn),
          ...(telemetry?.statements ?? []),
          writeObjects(gate.bucketArn, recordKey("*")),
          ...backups.statements(generation.number, this.args.network.region),
          putFigures(figuresNamespace),
        ],
        sessionManager: access.sessionManager,
      },
      this.child,
    );
  }

  private createInstance(
    volume: aws.ebs.Volume,
    role: HostRole,
    host: string,
    fetched: readonly pulumi.Resource[],
  ): aws.ec2.Instance {
    const { network, access, backups, protect } = this.args;
    const firewall = this.createFirewall();
    const tags = { ...this.args.tags, Name: this.name };
    // Each of them replaces the instance.
    const identity = {
      ami: debianImageId(this.args.debianImage, "databaseDebianImage", this),
      instanceType: this.args.instanceType,
      subnetId: this.subnet.id,
      userDataBase64: this.userData(volume, role, host),
      keyName: access.keyName,
    };
    const snapshot = this.snapshotBefore(volume, identity);
    return new aws.ec2.Instance(
      this.name,
      {
        ...identity,
        vpcSecurityGroupIds: [firewall.securityGroupId],
        iamInstanceProfile: role.profileName,
        metadataOptions,
        rootBlockDevice: rootDisk(tags),
        userDataReplaceOnChange: true,
        // By hand nobody ends it; the provider, which takes the protection off first, still replaces it.
        disableApiTermination: protect,
        // EC2 moves it to other hardware when its own fails; as it is by default, but for accounts that say otherwise.
        maintenanceOptions: { autoRecovery: "default" },
        forceDestroy: true,
        tags,
      },
      {
        ...this.child,
        dependsOn: [network.ready, role, firewall, ...fetched, backups.ready, snapshot],
        deleteBeforeReplace: true,
        replaceOnChanges: ["instanceType"],
      },
    );
  }

  /** Taken of the volume as it is before a host of this identity gets it: another description is another snapshot. */
  private snapshotBefore(
    volume: aws.ebs.Volume,
    identity: Readonly<Record<string, pulumi.Input<string> | undefined>>,
  ): aws.ebs.Snapshot {
    const fingerprint = pulumi.all(identity).apply((known) => hash(JSON.stringify(known)));
    return new aws.ebs.Snapshot(
      `${this.name}-before`,
      {
        volumeId: volume.id,
        description: pulumi.interpolate`Before ${this.name} is a host of ${fingerprint}`,
        tags: { Name: `${this.name}-before` },
      },
      { ...this.child, retainOnDelete: this.args.protect, customTimeouts: { create: snapshotTimeout } },
    );
  }

  private createFirewall(): Firewall {
    const { network, clients, access } = this.args;
    return new Firewall(
      `${this.name}-firewall`,
      {
        vpcId: network.vpcId,
        description: "Database host",
        ingress: [...postgresOpenings(clients.hostSubnets, "from the hosts"), ...access.openings],
        egress: internetEgress,
      },
      this.child,
    );
  }

  private userData(volume: aws.ebs.Volume, role: HostRole, host: string): pulumi.Output<string> {
    const { network, clients, access, gate, backups, generation, telemetry } = this.args;
    return userDataFor("postgres", {
      ...gate.reportVariables(role.roleId),
      ...(telemetry?.variables ?? noTelemetry),
      HOST_VERSION: this.args.hostVersion,
      DATA_VOLUME_ID: volume.id,
      DATABASE_NAME: databaseName,
      DATABASE_HOSTNAME: host,
      // Wider than the firewall, which knows the subnets: a zone more must not replace the host.
      CLIENT_CIDRS: clients.hostRange,
      OWNER_ROLE: ownerRole,
      APP_ROLE: appRole,
      PARAMETERS: this.tune().apply((parameters) =>
        Object.entries(parameters)
          .map(([name, value]) => `${name} = ${value}`)
          .join("\n"),
      ),
      GENERATION: generation.number,
      RESTORE_FROM: generation.restoreFrom,
      RESTORE_TO: generation.restoreTo,
      BACKUP_BUCKET: backups.bucketName,
      BACKUP_REGION: backups.region,
      BACKUP_SECRET_ARN: backups.passphraseIn(network.region),
      BACKUP_FULLS: backups.fullBackups,
      SESSION_MANAGER: access.sessionManager,
    });
  }

  /** By itself, so that a preview, which does not know the other variables, refuses what does not fit. */
  private tune(): pulumi.Output<PostgresParameters> {
    const { instanceType, neededConnections, parameters } = this.args;
    const refuse = (message: string) => new pulumi.ResourceError(message, this, true);
    const details = instanceTypeDetails(instanceType, "databaseInstanceType", this);
    return details.apply(({ memorySize, defaultVcpus, hypervisor }) => {
      // Older types show volumes under other names than the boot script looks for.
      if (hypervisor === "xen")
        throw refuse(
          `${instanceType} is not of the Nitro system: set databaseInstanceType to one such as t3.small.`,
        );
      const { max_connections: wanted } = parameters;
      const connections = wanted === undefined ? connectionsThatFit(memorySize) : Number(wanted);
      if (neededConnections > connections)
        throw refuse(
          wanted === undefined
            ? `${instanceType} has memory for ${connections} connections, and the web hosts open ${neededConnections}: set a larger databaseInstanceType or a smaller webMaxSize.`
            : `databaseParameters sets max_connections to ${wanted}, and the web hosts open ${neededConnections}: raise it or set a smaller webMaxSize.`,
        );
      return { ...tunePostgres({ memoryMiB: memorySize, vcpus: defaultVcpus }, connections), ...parameters };
    });
  }

  private attach(volume: aws.ebs.Volume, instance: aws.ec2.Instance): aws.ec2.VolumeAttachment {
    return new aws.ec2.VolumeAttachment(
      `${this.name}-data`,
      {
        deviceName: "/dev/sdf",
        volumeId: volume.id,
        instanceId: instance.id,
        stopInstanceBeforeDetaching: true,
      },
      { ...this.child, deleteBeforeReplace: true },
    );
  }

  private createName(instance: aws.ec2.Instance): aws.route53.Record {
    const { domain, network, clients } = this.args;
    const zone = new aws.route53.Zone(
      `${this.name}-zone`,
      {
        name: domain,
        comment: "Private names of the stack",
        // One network, when the database is where its clients are.
        vpcs: [...new Set<HostNetwork | ClientNetwork>([network, clients])].map(({ vpcId, region }) => ({
          vpcId,
          vpcRegion: region,
        })),
      },
      this.child,
    );
    return new aws.route53.Record(
      `${this.name}-name`,
      { zoneId: zone.zoneId, name: `postgres.${domain}`, type: "A", ttl: 30, records: [instance.privateIp] },
      this.child,
    );
  }

  private accessFor(
    host: string,
    owner: GeneratedSecret,
    app: GeneratedSecret,
    volume: aws.ebs.Volume,
    ready: pulumi.Resource,
  ): DatabaseAccess {
    const { network, clients, gate } = this.args;
    // Two fleets share the role of the hosts, each with a version of its own, of this and of the secret.
    const certificate = readObjects(gate.bucketArn, authorityKey(host, "*"));
    const [ownerSecret, appSecret] = [owner.in(clients.region), app.in(clients.region)];
    const roleAccess = (secret: RoleAccess["secret"], statement: RoleAccess["statements"][number]) => ({
      secret,
      statements: [certificate, statement],
    });
    return {
      openings: postgresOpenings(network.hostSubnets, "to the database"),
      app: roleAccess(appSecret, readSecrets(appSecret.arn)),
      owner: roleAccess(ownerSecret, readSecretVersion(ownerSecret.arn, ownerSecret.versionId)),
      volumeId: volume.id,
      authorityKey: authorityKey(host, this.args.authorityVersion),
      ready,
    };
  }

  private get subnet() {
    const [subnet] = this.args.network.hostSubnets;
    if (!subnet) throw new pulumi.ResourceError("The network has no host subnet.", this, true);
    return subnet;
  }
}

/** What `userdata/lib/logins.sh` reads: where each role's login is to be found, and more. Its version names its content. */
function rolesDocument({
  owner,
  app,
  authority,
}: Readonly<Record<"owner" | "app", GeneratedSecret> & { authority: number }>) {
  const place = ({ arn, versionId }: GeneratedSecret) => ({ arn, versionId });
  const roles = pulumi.output({ owner: place(owner), app: place(app), authority });
  const version = roles.apply((known) => hash(JSON.stringify(known)));
  const content = pulumi
    .all([roles, version])
    .apply(([known, name]) => JSON.stringify({ version: name, ...known }));
  return { version, content };
}

const hash = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 16);
