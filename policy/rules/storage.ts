/** Rules for buckets, logs and secrets. */
import { check, checkov, control, type Finding, mustBe, mustHave, type Rule } from "../rule";
import { isUnknown, type Resource, type Stack, valueAt } from "../stack";
import { listOf, type PolicyStatement, statementsOf } from "../statements";
import { types } from "../types";

/** A resource that sets something of a bucket. */
const settingOf = (bucket: Resource, stack: Stack, type: string) => stack.referringTo(bucket, type, "bucket");

/** What is wrong with the resource that sets something of a bucket; that it is missing, if it is. */
function inSetting(
  bucket: Resource,
  stack: Stack,
  type: string,
  find: (setting: Resource) => readonly Finding[],
): readonly Finding[] {
  const settings = settingOf(bucket, stack, type);
  return [...mustHave(`its ${type.split(":").at(-1) ?? type}`, settings), ...settings.flatMap(find)];
}

const isEverybody = (principal: unknown) =>
  principal === "*" || valueAt(principal, "AWS") === "*" || valueAt(principal, "AWS.0") === "*";

/** The statements of a bucket's policy that are as they should not be. */
const inPolicy =
  (wrong: (statement: PolicyStatement) => boolean, found: string) =>
  (policy: Resource): readonly Finding[] =>
    statementsOf(policy, "policy").flatMap((statement, index) =>
      statement.Effect === "Allow" && wrong(statement)
        ? [{ property: `policy.Statement.${index}`, found }]
        : [],
    );

const matches = (statement: PolicyStatement, verbs: RegExp) =>
  listOf(statement.Action).some((action) => verbs.test(action));

const refusesPlainHttp = ({ Effect, Principal, Action, Condition }: PolicyStatement) =>
  Effect === "Deny" &&
  Principal === "*" &&
  listOf(Action).includes("s3:*") &&
  valueAt(Condition, "Bool.aws:SecureTransport") === "false";

const isVersioned = (bucket: Resource, stack: Stack) =>
  settingOf(bucket, stack, types.bucketVersioning).some(
    ({ inputs }) => valueAt(inputs, "versioningConfiguration.status") === "Enabled",
  );

const lifecycleRules = ({ inputs }: Resource) => {
  const rules = inputs["rules"];
  return Array.isArray(rules) ? (rules as unknown[]) : [];
};

const closed = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];

export const storageRules: readonly Rule[] = [
  control("S3.2", {
    title: "S3 general purpose buckets should block public read access",
    severity: "critical",
    types: [types.bucketPolicy, types.bucketAcl],
    remedy: "Name who may read.",
    check: (resource) =>
      resource.type === types.bucketAcl
        ? check(resource, "acl", (acl) => !String(acl).startsWith("public-read"))
        : inPolicy(
            (statement) => isEverybody(statement.Principal) && matches(statement, /^(\*|s3:(\*|Get|List))/),
            "lets everybody read",
          )(resource),
  }),
  control("S3.3", {
    title: "S3 general purpose buckets should block public write access",
    severity: "critical",
    types: [types.bucketPolicy, types.bucketAcl],
    remedy: "Name who may write.",
    check: (resource) =>
      resource.type === types.bucketAcl
        ? check(resource, "acl", (acl) => acl !== "public-read-write")
        : inPolicy(
            (statement) => isEverybody(statement.Principal) && matches(statement, /^(\*|s3:(\*|Put|Delete))/),
            "lets everybody write",
          )(resource),
  }),
  control("S3.5", {
    title: "S3 general purpose buckets should require requests to use SSL",
    severity: "medium",
    cis: "2.1.1",
    types: [types.bucket],
    remedy: "Deny s3:* to everybody where aws:SecureTransport is false.",
    check: (bucket, stack) =>
      inSetting(bucket, stack, types.bucketPolicy, (policy) =>
        isUnknown(policy.inputs["policy"])
          ? []
          : mustHave(
              "policy.Statement that denies plain HTTP",
              statementsOf(policy, "policy").filter(refusesPlainHttp),
            ),
      ),
  }),
  control("S3.6", {
    title: "S3 general purpose bucket policies should restrict access to other AWS accounts",
    severity: "high",
    types: [types.bucketPolicy],
    remedy: "Give access by roles of this account.",
    check: inPolicy(({ Principal }) => valueAt(Principal, "AWS") !== undefined, "gives access to an account"),
  }),
  control("S3.7", {
    title: "S3 general purpose buckets should use cross-Region replication",
    severity: "low",
    types: [types.bucket],
    remedy: "Replicate it.",
    check: (bucket, stack) =>
      inSetting(bucket, stack, "aws:s3/bucketReplicationConfig:BucketReplicationConfig", () => []),
  }),
  control("S3.8", {
    title: "S3 general purpose buckets should block public access",
    severity: "high",
    cis: "2.1.4",
    types: [types.bucket],
    remedy: "Set all four of its BucketPublicAccessBlock.",
    check: (bucket, stack) =>
      inSetting(bucket, stack, types.bucketPublicAccess, (block) =>
        closed.flatMap((property) => mustBe(block, property, true)),
      ),
  }),
  control("S3.9", {
    title: "S3 general purpose buckets should have server access logging enabled",
    severity: "medium",
    types: [types.bucket],
    remedy: "Log to another bucket.",
    check: (bucket, stack) => inSetting(bucket, stack, "aws:s3/bucketLogging:BucketLogging", () => []),
  }),
  control("S3.10", {
    title: "S3 general purpose buckets with versioning enabled should have Lifecycle configurations",
    severity: "medium",
    types: [types.bucket],
    applies: isVersioned,
    remedy: "Let earlier versions expire.",
    check: (bucket, stack) =>
      inSetting(bucket, stack, types.bucketLifecycle, (lifecycle) =>
        mustHave(
          "rules with noncurrentVersionExpiration",
          lifecycleRules(lifecycle).filter(
            (rule) => valueAt(rule, "noncurrentVersionExpiration.noncurrentDays") !== undefined,
          ),
        ),
      ),
  }),
  control("S3.12", {
    title: "ACLs should not be used to manage user access to S3 general purpose buckets",
    severity: "medium",
    types: [types.bucket],
    remedy: 'Set the objectOwnership of its BucketOwnershipControls to "BucketOwnerEnforced".',
    check: (bucket, stack) =>
      inSetting(bucket, stack, types.bucketOwnership, (ownership) =>
        mustBe(ownership, "rule.objectOwnership", "BucketOwnerEnforced"),
      ),
  }),
  control("S3.13", {
    title: "S3 general purpose buckets should have Lifecycle configurations",
    severity: "low",
    types: [types.bucket],
    remedy: "Give it a rule, at least for uploads that are never finished.",
    check: (bucket, stack) =>
      inSetting(bucket, stack, types.bucketLifecycle, (lifecycle) =>
        mustHave(
          "rules that are enabled",
          lifecycleRules(lifecycle).filter((rule) => valueAt(rule, "status") === "Enabled"),
        ),
      ),
  }),
  control("S3.14", {
    title: "S3 general purpose buckets should have versioning enabled",
    severity: "low",
    types: [types.bucket],
    remedy: "Give it a BucketVersioning.",
    check: (bucket, stack) =>
      inSetting(bucket, stack, types.bucketVersioning, (versioning) =>
        mustBe(versioning, "versioningConfiguration.status", "Enabled"),
      ),
  }),
  control("S3.15", {
    title: "S3 general purpose buckets should have Object Lock enabled",
    severity: "medium",
    types: [types.bucket],
    remedy: "Set objectLockEnabled.",
    check: (bucket) => mustBe(bucket, "objectLockEnabled", true),
  }),
  control("S3.17", {
    title: "S3 general purpose buckets should be encrypted at rest with AWS KMS keys",
    severity: "medium",
    types: [types.bucket],
    remedy: "Encrypt with a key of your own.",
    check: (bucket, stack) =>
      inSetting(bucket, stack, types.bucketEncryption, (encryption) =>
        mustBe(encryption, "rules.0.applyServerSideEncryptionByDefault.sseAlgorithm", "aws:kms"),
      ),
  }),
  {
    id: "CKV_AWS_19",
    title: "Buckets encrypt what they hold",
    severity: "high",
    source: checkov,
    types: [types.bucket],
    remedy: "Give it a BucketServerSideEncryptionConfiguration.",
    check: (bucket, stack) =>
      inSetting(bucket, stack, types.bucketEncryption, (encryption) =>
        check(encryption, "rules.0.applyServerSideEncryptionByDefault.sseAlgorithm", (value) =>
          ["AES256", "aws:kms", "aws:kms:dsse"].includes(String(value)),
        ),
      ),
  },
  control("CloudWatch.16", {
    title: "CloudWatch log groups should be retained for a specified time period",
    severity: "medium",
    types: [types.logGroup],
    remedy: "Keep logs for a year (setting logRetentionDays).",
    check: (group) => check(group, "retentionInDays", (days) => Number(days) >= 365),
  }),
  {
    id: "CKV_AWS_66",
    title: "Log groups say for how long they keep what they are told",
    severity: "low",
    source: checkov,
    types: [types.logGroup],
    remedy: "Set retentionInDays: without it a log is kept, and paid for, for ever.",
    check: (group) => check(group, "retentionInDays", (days) => Number(days) > 0),
  },
  {
    id: "CKV_AWS_158",
    title: "Log groups are encrypted with a customer key",
    severity: "low",
    source: checkov,
    types: [types.logGroup],
    remedy: "Set kmsKeyId.",
    check: (group) => check(group, "kmsKeyId", (key) => key !== undefined),
  },
  control("SecretsManager.1", {
    title: "Secrets Manager secrets should have automatic rotation enabled",
    severity: "medium",
    types: [types.secret],
    remedy: "Give it a SecretRotation.",
    check: (secret, stack) =>
      mustHave("its SecretRotation", stack.referringTo(secret, types.secretRotation, "secretId")),
  }),
  control("SecretsManager.2", {
    title: "Secrets Manager secrets configured with automatic rotation should rotate successfully",
    severity: "medium",
    types: [types.secretRotation],
    remedy: "Name the function that rotates it.",
    check: (rotation) => check(rotation, "rotationLambdaArn", (arn) => arn !== undefined),
  }),
  control("SecretsManager.4", {
    title: "Secrets Manager secrets should be rotated within a specified number of days",
    severity: "medium",
    types: [types.secret],
    remedy: "Rotate it every 90 days.",
    check: (secret, stack) =>
      mustHave("its SecretRotation", stack.referringTo(secret, types.secretRotation, "secretId")),
  }),
  {
    id: "Stack.4",
    title: "A secret that was deleted can be restored for a week or longer",
    severity: "medium",
    source: "https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html",
    types: [types.secret],
    remedy: "Set recoveryWindowInDays to 7 or more (setting secretRecoveryDays).",
    check: (secret) => check(secret, "recoveryWindowInDays", (days) => Number(days) >= 7),
  },
];
