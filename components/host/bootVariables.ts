/**
 * The variables of the boot scripts, each with its type: what {@link userDataFor} takes for a script, no more and no less, and
 * what a test holds the scripts to. Nothing in them is secret: whoever may describe an instance can read its user data.
 */

/** By which a host reports. */
const report = { REPORT_BUCKET: String, REPORT_REGION: String, REPORT_ROLE_ID: String };

/** By which a host sends its logs and figures; empty if it does not. */
const telemetry = { TELEMETRY_LOG_GROUP: String, TELEMETRY_NAMESPACE: String, TELEMETRY_ROLE: String };

export const bootVariables = {
  /** The database host. The roles' passwords are named by a document in the bucket, so that a rotation leaves the host alone. */
  postgres: {
    ...report,
    ...telemetry,
    HOST_VERSION: Number,
    DATA_VOLUME_ID: String,
    DATABASE_NAME: String,
    DATABASE_HOSTNAME: String,
    /** Ranges of the clients, separated by spaces. */
    CLIENT_CIDRS: String,
    /** Role that owns the tables. */
    OWNER_ROLE: String,
    /** Role of the service. */
    APP_ROLE: String,
    /** Lines of `postgresql.conf` that follow the host's size. */
    PARAMETERS: String,
    /** Number of the cluster among those that followed each other by restores, from 1. */
    GENERATION: Number,
    /** The generation that a new volume is restored from; 0 for a new, empty cluster. */
    RESTORE_FROM: Number,
    /** A time, or a restore point as `name:NAME`; empty for as late as there is. */
    RESTORE_TO: String,
    BACKUP_BUCKET: String,
    BACKUP_REGION: String,
    BACKUP_SECRET_ARN: String,
    /** How many full backups are kept. */
    BACKUP_FULLS: Number,
    SESSION_MANAGER: Boolean,
  },
  /** The builder of the image. */
  django: {
    ...report,
    APP_BUCKET: String,
    APP_KEY: String,
    SESSION_MANAGER: Boolean,
    /** Whether the hosts of the image send logs and figures. */
    HOST_AGENT: Boolean,
  },
  /** A host of the fleet. */
  web: {
    ...report,
    ...telemetry,
    ACCOUNT_BUCKET: String,
    SERVICE_SECRET_ARN: String,
    SERVICE_SECRET_VERSION: String,
    /** Another volume has another certificate authority, which hosts read at boot. */
    DATABASE_VOLUME_ID: String,
    /** Where in the bucket the certificate authorities are. */
    DATABASE_CA_KEY: String,
    DATABASE_SECRET_ARN: String,
    DATABASE_SECRET_VERSION: String,
    /** Names under which clients may ask, separated by spaces. */
    ALLOWED_HOSTS: String,
    /** Whether the routes of the replaced systems are served. */
    LEGACY_ROUTES: Boolean,
    /** Origins whose pages may ask the API, separated by spaces. */
    CORS_ORIGINS: String,
    /** Hook of the group that waits for the host. */
    LAUNCH_HOOK: String,
  },
  /** The runner of the migrations. */
  release: {
    ...report,
    ACCOUNT_BUCKET: String,
    SERVICE_SECRET_ARN: String,
    SERVICE_SECRET_VERSION: String,
    /** Another volume is an empty database: the tables must be made again. */
    DATABASE_VOLUME_ID: String,
    DATABASE_CA_KEY: String,
    OWNER_SECRET_ARN: String,
    OWNER_SECRET_VERSION: String,
    ADMIN_SECRET_ARN: String,
    ADMIN_SECRET_VERSION: String,
    ACTIVITY_RETENTION_DAYS: Number,
  },
};

/** The boot scripts, by the name of their file in `userdata/`. */
export type BootScript = keyof typeof bootVariables;

/** The values that a script is given. */
export type BootVariables<S extends BootScript> = {
  readonly [
    Name in keyof (typeof bootVariables)[S]
  ]: (typeof bootVariables)[S][Name] extends () => infer Value ? Value : never;
};
