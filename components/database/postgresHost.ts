import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { debianImageId } from "../host/debianImage";
import type { BootGate, HostBucket } from "../gate/gates";
import { Firewall, internetEgress } from "../network/firewall";
import type { GeneratedSecret } from "../storage/generatedSecret";
import { metadataOptions, rootDisk } from "../host/host";
import type { HostAccess } from "../host/hostAccess";
import { HostRole } from "../host/hostRole";
import { readSecrets, writeObjects } from "../iam/policies";
import { PostgresRole } from "./postgresRole";
import type { RegionNetwork } from "../network/regionNetwork";
import { connectionsThatFit, type PostgresTuning, tunePostgres } from "./tuning";
import { userDataFor } from "../host/userData";

/** Arguments of a {@link PostgresHost}. */
export interface PostgresHostArgs {
  /** Where the host goes: into its first host subnet. */
  readonly network: RegionNetwork;
  /** The network whose hosts may connect. */
  readonly clients: RegionNetwork;
  readonly gate: BootGate & HostBucket;
  readonly access: HostAccess;
  /** Private DNS zone, made here; the host is `postgres` in it. */
  readonly domain: string;
  /** Exact name of Debian's image. */
  readonly debianImage: string;
  readonly instanceType: string;
  /** Size of the data volume, in GiB. */
  readonly volumeGiB: number;
  /** How many connections the clients open at most: the host's memory must suffice for them. */
  readonly neededConnections: number;
  /** Refuse to delete the data volume, and keep it in AWS even when the stack forgets it. */
  readonly protect: boolean;
  /** How long a deleted secret can be restored, in days. */
  readonly secretRecoveryDays: number;
  /** Tags of the instance's disk. */
  readonly tags: Readonly<Record<string, string>>;
}

const port = 5432;
const databaseName = "app";

/**
 * A PostgreSQL 17 host. Stateful: its data are on an encrypted volume of their own, which outlives the host, as does its name
 * in a private DNS zone that both networks see. Port 5432 is open to the host subnets of the clients and to nobody else. The
 * passwords of the two roles (owner for migrations, reader and writer for the service) are generated and can be read in both
 * regions.
 *
 * A month costs, with the $0.50 zone and $1.60 for the secrets: in dev $15.18 for a t3.small and $2.24 for its disks ($20); in
 * prod $70.08 for an m6i.large and $16.64 for its disks ($89).
 *
 * | change | effect |
 * |---|---|
 * | `instanceType` | replaced, since its tuning changes with its memory: the old host goes first, as two cannot have the volume |
 * | `volumeGiB` | grows in place, and the file system at the next boot; it never shrinks |
 * | `debianImage`, `access`, `domain`, the range of either network, `userdata/postgres.sh`, `userdata/lib.sh` | replaced likewise |
 * | `neededConnections`, a zone of the clients more or less | in place |
 * | the zone of the network | a new, empty volume: refused while `protect` is on, all data lost otherwise |
 */
export class PostgresHost extends pulumi.ComponentResource {
  /** Host and port, known when the gate has seen the database accept connections. */
  readonly endpoint: pulumi.Output<string>;
  readonly instanceId: pulumi.Output<string>;
  /** The data volume: another one is another database. */
  readonly volumeId: pulumi.Output<string>;
  /** Secret of the role that owns the tables, readable in the clients' region. */
  readonly ownerSecretArn: pulumi.Output<string>;
  /** Secret of the service's role, readable in the clients' region. */
  readonly appSecretArn: pulumi.Output<string>;

  private readonly name: string;
  private readonly args: PostgresHostArgs;
  private readonly child = { parent: this };

  constructor(name: string, args: PostgresHostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("django-on-ec2:components:PostgresHost", name, {}, opts);
    this.name = name;
    this.args = args;
    const host = `postgres.${args.domain}`;
    const login = { dbname: databaseName, host, port };
    const role = { login, readerRegion: args.clients.region, recoveryDays: args.secretRecoveryDays };
    const owner = new PostgresRole(`${name}-owner`, { ...role, username: "app_owner" }, this.child).secret;
    const app = new PostgresRole(`${name}-app`, { ...role, username: "app_rw" }, this.child).secret;
    const volume = this.createVolume();
    const hostRole = this.createRole(owner, app);
    const instance = this.createInstance(hostRole, volume, host, owner, app);
    const attachment = this.attach(volume, instance);
    const record = this.createName(instance);
    const booted = args.gate.waitForBoot(
      `${name}-gate`,
      {
        label: "database host",
        roleId: hostRole.roleId,
        instanceId: instance.id,
        region: args.network.region,
      },
      { ...this.child, dependsOn: [attachment, record] },
    );
    this.endpoint = booted.result.apply(() => `${host}:${port}`);
    this.instanceId = instance.id;
    this.volumeId = volume.id;
    this.ownerSecretArn = owner.arnIn(args.clients.region);
    this.appSecretArn = app.arnIn(args.clients.region);
    this.registerOutputs({ endpoint: this.endpoint, instanceId: this.instanceId });
  }

  private createVolume(): aws.ebs.Volume {
    return new aws.ebs.Volume(
      `${this.name}-data`,
      {
        availabilityZone: this.subnet.zone,
        type: "gp3",
        size: this.args.volumeGiB,
        encrypted: true,
        tags: { Name: `${this.name}-data` },
      },
      { ...this.child, protect: this.args.protect, retainOnDelete: this.args.protect },
    );
  }

  private createRole(owner: GeneratedSecret, app: GeneratedSecret): HostRole {
    const { access, gate } = this.args;
    return new HostRole(
      `${this.name}-role`,
      {
        statements: [
          gate.reportStatement(),
          writeObjects(gate.bucketArn, "tls/postgres-ca.pem"),
          readSecrets(owner.arn, app.arn),
        ],
        sessionManager: access.sessionManager,
      },
      this.child,
    );
  }

  private createInstance(
    role: HostRole,
    volume: aws.ebs.Volume,
    host: string,
    owner: GeneratedSecret,
    app: GeneratedSecret,
  ): aws.ec2.Instance {
    const { network, access } = this.args;
    const firewall = this.createFirewall();
    const tags = { ...this.args.tags, Name: this.name };
    return new aws.ec2.Instance(
      this.name,
      {
        ami: debianImageId(this.args.debianImage, this),
        instanceType: this.args.instanceType,
        subnetId: this.subnet.id,
        vpcSecurityGroupIds: [firewall.securityGroupId],
        iamInstanceProfile: role.profileName,
        metadataOptions,
        rootBlockDevice: rootDisk(tags),
        userData: this.userData(role, volume, host, owner, app),
        userDataReplaceOnChange: true,
        tags,
        ...(access.keyName && { keyName: access.keyName }),
      },
      {
        ...this.child,
        dependsOn: [network, role, firewall],
        deleteBeforeReplace: true,
      },
    );
  }

  private createFirewall(): Firewall {
    const { network, clients, access } = this.args;
    const openings = clients.hostSubnets.map(({ name, zone, cidrBlock }) => ({
      name: `postgresql-${name}`,
      description: `PostgreSQL from the hosts in ${zone}`,
      port,
      cidrBlock,
    }));
    return new Firewall(
      `${this.name}-firewall`,
      {
        vpcId: network.vpcId,
        description: "Database host",
        ingress: [...openings, ...access.openings],
        egress: internetEgress,
      },
      this.child,
    );
  }

  private userData(
    role: HostRole,
    volume: aws.ebs.Volume,
    host: string,
    owner: GeneratedSecret,
    app: GeneratedSecret,
  ): pulumi.Output<string> {
    const { clients, access, gate } = this.args;
    const variables = pulumi.all({
      ...gate.reportVariables(role.roleId),
      DATA_VOLUME_ID: volume.id,
      DATABASE_NAME: databaseName,
      DATABASE_HOSTNAME: host,
      // Wider than the firewall, which knows the subnets: a zone more must not replace the host.
      CLIENT_CIDRS: clients.hostRange,
      OWNER_SECRET_ARN: owner.arn,
      APP_SECRET_ARN: app.arn,
      SESSION_MANAGER: access.sessionManager,
    });
    return pulumi
      .all([variables, this.tune()])
      .apply(([known, memory]) => userDataFor("postgres", { ...known, ...memory }));
  }

  /** By itself, so that a preview, which does not know the other variables, refuses what does not fit. */
  private tune(): pulumi.Output<PostgresTuning> {
    const { instanceType, neededConnections } = this.args;
    const refuse = (message: string) => new pulumi.ResourceError(message, this, true);
    return aws.ec2.getInstanceTypeOutput({ instanceType }, this.child).apply(({ memorySize, hypervisor }) => {
      // Older types show volumes under other names than the boot script looks for.
      if (hypervisor === "xen")
        throw refuse(
          `${instanceType} is not of the Nitro system: set databaseInstanceType to one such as t3.small.`,
        );
      const fitting = connectionsThatFit(memorySize);
      if (neededConnections > fitting)
        throw refuse(
          `${instanceType} has memory for ${fitting} connections, and the web hosts open ${neededConnections}: set a larger databaseInstanceType or a smaller webMaxSize.`,
        );
      return tunePostgres(memorySize);
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
        vpcs: [network, clients].map(({ vpcId, region }) => ({ vpcId, vpcRegion: region })),
      },
      this.child,
    );
    return new aws.route53.Record(
      `${this.name}-name`,
      { zoneId: zone.zoneId, name: `postgres.${domain}`, type: "A", ttl: 30, records: [instance.privateIp] },
      this.child,
    );
  }

  private get subnet() {
    const [subnet] = this.args.network.hostSubnets;
    if (!subnet) throw new pulumi.ResourceError("The network has no host subnet.", this, true);
    return subnet;
  }
}
