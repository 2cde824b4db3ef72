/** Django on plain EC2 in two regions: the web tier in one, the database in the other, joined by a private peering. */
import * as aws from "@pulumi/aws";
import { AccountStore } from "./components/accounts/accountStore";
import { BackupRepository } from "./components/database/backupRepository";
import { DeployGate } from "./components/gate/deployGate";
import { DjangoImage } from "./components/release/djangoImage";
import { HostAccess } from "./components/host/hostAccess";
import { PostgresHost } from "./components/database/postgresHost";
import { HostTelemetry } from "./components/observability/telemetry";
import { Dashboard } from "./components/observability/dashboard";
import { OutsideCheck } from "./components/observability/outsideCheck";
import { RegionAlarms } from "./components/observability/regionAlarms";
import { RegionNetwork } from "./components/network/regionNetwork";
import { RegionPeering } from "./components/network/regionPeering";
import { ReleaseTask } from "./components/release/releaseTask";
import { ScalingWebTier } from "./components/web/scalingWebTier";
import { TearDownGuard } from "./components/stack/tearDownGuard";
import { WebEntrance } from "./components/web/webEntrance";
import * as alarms from "./components/observability/alarms";
import { neededConnections } from "./components/database/tuning";
import { databaseRegion, isOpenToAll, loadSettings, providerArgs, webRegion } from "./settings";

const settings = loadSettings();
const { stack, protect, tags } = settings;

const web = new aws.Provider(`${stack}-web`, providerArgs(settings, webRegion));

const webNetwork = new RegionNetwork(
  `${stack}-web-network`,
  {
    cidrBlock: settings.webCidr,
    zones: settings.webZones,
    egress: settings.egress,
    flowLogRetentionDays: settings.logRetentionDays,
    protect,
  },
  { provider: web },
);
/** The database's own region: its network, and the way to it. */
function databaseHome() {
  const provider = new aws.Provider(`${stack}-db`, providerArgs(settings, databaseRegion));
  const network = new RegionNetwork(
    `${stack}-db-network`,
    {
      cidrBlock: settings.databaseCidr,
      zones: [settings.databaseZone],
      egress: settings.egress,
      flowLogRetentionDays: settings.logRetentionDays,
      protect,
    },
    { provider },
  );
  const peering = new RegionPeering(`${stack}-peering`, {
    requester: { network: webNetwork, provider: web },
    accepter: { network, provider },
  });
  return { provider, network, path: [peering], own: [provider, network] };
}

// Where the database is: in its own region, or, once that is lost, with the web hosts, where everything of it has another name.
const home = settings.databaseIsInWebRegion
  ? {
      ...{ name: `${stack}-rescue`, domain: `rescue.${stack}.internal`, region: webRegion, provider: web },
      ...{ network: webNetwork, path: [], own: [] },
    }
  : { name: `${stack}-db`, domain: `${stack}.internal`, region: databaseRegion, ...databaseHome() };

const gate = new DeployGate(
  `${stack}-gate`,
  { region: webRegion, stackTags: settings.stackTags, logRetentionDays: settings.logRetentionDays, protect },
  { provider: web },
);
const accounts = new AccountStore(
  `${stack}-accounts`,
  {
    serviceKeyVersion: settings.serviceKeyVersion,
    protect,
    secretRecoveryDays: settings.secretRecoveryDays,
  },
  { provider: web },
);

const telemetryOf = (name: string, provider: aws.Provider) =>
  settings.hostAgent
    ? new HostTelemetry(`${name}-hosts`, { retentionDays: settings.logRetentionDays }, { provider })
    : undefined;
const webTelemetry = telemetryOf(`${stack}-web`, web);
const dbTelemetry = telemetryOf(home.name, home.provider);

const backups = new BackupRepository(
  `${stack}-backups`,
  {
    region: webRegion,
    hostRegion: databaseRegion,
    fullBackups: settings.backupFulls,
    lockDays: settings.backupLockDays,
    protect,
    secretRecoveryDays: settings.secretRecoveryDays,
  },
  { provider: web },
);
const database = new PostgresHost(
  home.name,
  {
    network: home.network,
    clients: webNetwork,
    gate,
    access: new HostAccess(`${home.name}-access`, settings, { provider: home.provider }),
    domain: home.domain,
    debianImage: settings.databaseDebianImage,
    instanceType: settings.databaseInstanceType,
    hostVersion: settings.databaseHostVersion,
    volumeGiB: settings.databaseVolumeGiB,
    neededConnections: neededConnections(settings.webMaxSize),
    parameters: settings.databaseParameters,
    telemetry: dbTelemetry,
    ownerPasswordVersion: settings.ownerPasswordVersion,
    appPasswordVersion: settings.appPasswordVersion,
    authorityVersion: settings.databaseCaVersion,
    backups,
    generation: settings.generation,
    temporary: settings.databaseIsInWebRegion,
    protect,
    secretRecoveryDays: settings.secretRecoveryDays,
    tags,
  },
  { provider: home.provider },
);

const image = new DjangoImage(
  `${stack}-image`,
  {
    network: webNetwork,
    gate,
    debianImage: settings.debianImage,
    instanceType: settings.webInstanceType,
    sessionManager: settings.sessionManager,
    hostAgent: settings.hostAgent,
    tags,
  },
  { provider: web },
);
const release = new ReleaseTask(
  `${stack}-release`,
  {
    network: webNetwork,
    path: home.path,
    gate,
    database: database.access,
    accounts,
    activityRetentionDays: settings.activityRetentionDays,
    imageId: image.imageId,
    instanceType: settings.webInstanceType,
    tags,
  },
  { provider: web },
);
const entrance = new WebEntrance(
  `${stack}-web`,
  {
    network: webNetwork,
    domain: settings.domain,
    accessCidrs: settings.accessCidrs,
    accessLogs: !settings.legacyRoutes,
    webFirewall: settings.webFirewall,
    logRetentionDays: settings.logRetentionDays,
    protect,
  },
  { provider: web },
);
const webTier = new ScalingWebTier(
  `${stack}-web`,
  {
    network: webNetwork,
    entrance,
    gate,
    host: {
      access: new HostAccess(`${stack}-web-access`, settings, { provider: web }),
      database: database.access,
      accounts,
      imageId: image.imageId,
      instanceType: settings.webInstanceType,
      legacyRoutes: settings.legacyRoutes,
      corsOrigins: settings.corsOrigins,
      telemetry: webTelemetry,
    },
    after: [...home.path, database, release],
    size: { min: settings.webMinSize, max: settings.webMaxSize },
    load: { requestsPerTarget: settings.requestsPerTarget, cpuPercent: settings.cpuTargetPercent },
    schedules: settings.schedules,
    supply: {
      otherTypes: settings.webOtherInstanceTypes,
      spotPercent: settings.webSpotPercent,
      maxLifetimeDays: settings.webMaxLifetimeDays,
      warmupSeconds: settings.webWarmupSeconds,
    },
    tags,
  },
  { provider: web },
);
const fleet = {
  balancer: entrance.balancerLabel,
  targetGroup: entrance.targetGroupLabel,
  groupName: webTier.groupName,
  requestsPerTarget: settings.requestsPerTarget,
  cpuPercent: settings.cpuTargetPercent,
};
const outsideCheck = isOpenToAll(settings)
  ? new OutsideCheck(
      `${stack}-outside`,
      { hostName: entrance.publicName, https: settings.domain !== undefined },
      { provider: web },
    )
  : undefined;
const databaseHost = `postgres.${home.domain}`;
const webAlarms = new RegionAlarms(
  `${stack}-web-alarms`,
  {
    region: webRegion,
    email: settings.alarmEmail || undefined,
    alarms: [
      ...alarms.fleetAlarms(fleet),
      ...(webTelemetry ? alarms.hostAlarms(webTelemetry.role) : []),
      ...(outsideCheck ? [alarms.outsideAlarm(outsideCheck.healthCheckId)] : []),
      ...(entrance.certificateArn ? [alarms.certificateAlarm(entrance.certificateArn)] : []),
      alarms.gateAlarm(gate.functionName),
    ],
  },
  { provider: web },
);
const dbAlarms = new RegionAlarms(
  `${home.name}-alarms`,
  {
    region: home.region,
    email: settings.alarmEmail || undefined,
    alarms: [
      ...alarms.databaseHostAlarms(database.instanceId),
      ...alarms.databaseAlarms(databaseHost),
      ...alarms.backupAlarms(databaseHost, settings.databaseVolumeGiB),
      ...(dbTelemetry ? alarms.hostAlarms(dbTelemetry.role) : []),
    ],
  },
  { provider: home.provider },
);
const dashboard = new Dashboard(
  `${stack}-dashboard`,
  {
    title: stack,
    web: {
      region: webRegion,
      alarms: webAlarms.arns,
      fleet,
      gateFunction: gate.functionName,
      healthCheckId: outsideCheck?.healthCheckId,
      hosts: webTelemetry?.role,
    },
    database: {
      region: home.region,
      alarms: dbAlarms.arns,
      instanceId: database.instanceId,
      hostName: databaseHost,
      hosts: dbTelemetry?.role,
    },
  },
  { provider: web },
);
new TearDownGuard(`${stack}-guard`, {
  protect,
  stack: [
    web,
    webNetwork,
    ...home.own,
    ...home.path,
    gate,
    accounts,
    backups,
    database,
    image,
    release,
    entrance,
    webTier,
    ...[outsideCheck, webTelemetry, dbTelemetry].filter((part) => part !== undefined),
    webAlarms,
    dbAlarms,
    dashboard,
  ],
});

/** Where clients reach the service. */
export const serviceUrl = entrance.url;
/** The load balancer's own name. */
export const albDnsName = entrance.dnsName;
/** The auto scaling group that serves. */
export const webGroupName = webTier.groupName;
/** The target group: `aws elbv2 describe-target-health` tells by it how the balancer finds each host. */
export const targetGroupArn = entrance.targetGroupArn;
/** The baked image. */
export const imageId = image.imageId;
/** Host and port of PostgreSQL, inside the two networks. */
export const databaseEndpoint = database.endpoint;
/** The database host, for Session Manager. */
export const databaseInstanceId = database.instanceId;
/** The bucket of the user accounts. */
export const accountBucket = accounts.bucketName;
/** The secret with the administrator's login and password. */
export const adminSecretName = accounts.adminSecretName;
/** The bucket of the database's backups, in another region than its own. */
export const backupBucket = backups.bucketName;
/** The bucket that tells how each host's last boot went: `boot/<role id>:<instance id>.json`. */
export const bootReportBucket = gate.bucketName;
/** The dashboard, in the console of AWS. */
export const dashboardUrl = dashboard.url;
/** The log group of the web hosts; empty without the agent. */
export const webLogGroup = webTelemetry?.logGroupName ?? "";
/** The log group of the database host; empty without the agent. */
export const databaseLogGroup = dbTelemetry?.logGroupName ?? "";
/** The topic that alarms of the web region tell. */
export const webAlarmTopic = webAlarms.topicArn;
/** The topic that alarms of the database region tell. */
export const databaseAlarmTopic = dbAlarms.topicArn;
/** The function that makes deployments wait; its log tells what it saw. */
export const gateFunctionName = gate.functionName;
