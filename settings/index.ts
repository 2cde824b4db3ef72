/** Stack configuration: typed, defaulted, and checked all at once before anything is created. */
import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { Generation } from "../components/database/postgresHost";
import type { Ssh } from "../components/host/hostAccess";
import type { Domain } from "../components/web/webEntrance";
import { parseSchedule, type Schedule } from "../components/web/schedule";
import { readValues } from "./read";
import type { Region } from "./regions";
import type { Values } from "./schema";
export { databaseRegion, webRegion } from "./regions";

/** The settings as the program uses them. */
export interface Settings extends Omit<
  Values,
  | "databaseGeneration"
  | "databaseRestoreFrom"
  | "databaseRestoreTo"
  | "databaseWebGeneration"
  | "domainName"
  | "hostedZoneId"
  | "certificateArn"
  | "sshPublicKey"
  | "sshCidrs"
  | "webSchedules"
  | "webScheduleZone"
> {
  readonly stack: string;
  /** Which of the database's clusters this is, and what its volume, while empty, is restored from. */
  readonly generation: Generation;
  /** Whether the database is in the web region, as its own is lost. */
  readonly databaseIsInWebRegion: boolean;
  /** Undefined for plain HTTP. */
  readonly domain: Domain | undefined;
  /** Limits of the fleet at certain times, by name. */
  readonly schedules: Readonly<Record<string, Schedule>>;
  /** Undefined for no SSH. */
  readonly ssh: Ssh | undefined;
  /** Tags by which the stack's resources are told from all others. */
  readonly stackTags: Readonly<Record<"project" | "stack", string>>;
}

/** Reads the settings of the stack that is being deployed. */
export function loadSettings(): Settings {
  return readSettings(pulumi.getProject(), pulumi.getStack(), pulumi.runtime.allConfig());
}

/** Reads settings from a configuration, or throws one error that lists everything that is wrong with them. */
export function readSettings(
  project: string,
  stack: string,
  config: Readonly<Record<string, string>>,
): Settings {
  const values = readValues(project, stack, config);
  const {
    domainName,
    hostedZoneId,
    certificateArn,
    sshPublicKey,
    sshCidrs,
    databaseGeneration,
    databaseRestoreFrom,
    databaseRestoreTo,
    databaseWebGeneration,
    webSchedules,
    webScheduleZone,
    ...rest
  } = values;
  const stackTags = { project, stack };
  const isInWebRegion = databaseWebGeneration === databaseGeneration;
  // Not of one that was in the other region.
  const before = databaseGeneration - (databaseWebGeneration === databaseGeneration - 1 ? 2 : 1);
  return {
    ...rest,
    stack,
    generation: {
      number: databaseGeneration,
      // The first has none before it: 0.
      restoreFrom: databaseRestoreFrom || databaseGeneration - 1,
      before: isInWebRegion ? 0 : Math.max(before, 0),
      restoreTo: databaseRestoreTo,
    },
    databaseIsInWebRegion: isInWebRegion,
    domain:
      domainName === ""
        ? undefined
        : {
            name: domainName,
            hostedZoneId: hostedZoneId || undefined,
            certificateArn: certificateArn || undefined,
          },
    schedules: Object.fromEntries(
      Object.entries(webSchedules).flatMap(([name, text]) => {
        const schedule = parseSchedule(text, webScheduleZone);
        return schedule ? [[name, schedule]] : [];
      }),
    ),
    ssh: sshPublicKey === "" ? undefined : { publicKey: sshPublicKey, cidrBlocks: sshCidrs },
    stackTags,
    tags: { ...values.tags, ...stackTags },
  };
}

/** Whether anybody on the internet may ask the service, Route 53's health checkers among them. */
export const isOpenToAll = ({ accessCidrs }: Pick<Settings, "accessCidrs">): boolean =>
  accessCidrs.includes("0.0.0.0/0");

/** How to reach one region of the stack's account. */
export function providerArgs(settings: Settings, region: Region): aws.ProviderArgs {
  const { profile, allowedAccountIds, tags } = settings;
  return {
    region,
    defaultTags: { tags },
    profile: profile || undefined,
    allowedAccountIds: allowedAccountIds.length > 0 ? [...allowedAccountIds] : undefined,
  };
}
