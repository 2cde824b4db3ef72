import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { type Graph, ofType, recordGraph } from "../../../local/engine/recorder";

interface Statement {
  readonly Effect: string;
  readonly Principal?: unknown;
  readonly Action: string | string[];
  readonly Resource?: string | string[];
  readonly Condition?: Record<string, Record<string, string>>;
}

const list = (value: string | string[] | undefined) => (typeof value === "string" ? [value] : (value ?? []));

/** What rules and the comparison with the sources do not say: see tests/policy. */
describe("policies", () => {
  let graph: Graph;
  before(async () => {
    graph = await recordGraph("prod", false);
  });
  const policies = (type: string, property: string) =>
    ofType(graph, type).map((resource) => ({
      name: resource.name,
      statements: (JSON.parse(resource.inputs[property] as string) as { Statement: Statement[] }).Statement,
    }));
  const rolePolicies = () => policies("aws:iam/rolePolicy:RolePolicy", "policy");
  const allowed = (name: string) =>
    rolePolicies()
      .find((policy) => policy.name === `prod-${name}-policy`)!
      .statements.flatMap(({ Action, Resource }) =>
        list(Action).flatMap((action) => list(Resource).map((resource) => `${action} ${resource}`)),
      )
      .sort();

  it("let the web hosts do what the service does, and no more", () => {
    assert.deepEqual(
      allowed("web-role").map((line) => line.replace(/-1234567(-AbCdEf)?/g, "")),
      [
        "autoscaling:CompleteLifecycleAction arn:aws:autoscaling:*:*:autoScalingGroup:*",
        "autoscaling:DescribeAutoScalingGroups *",
        "autoscaling:DescribeAutoScalingInstances *",
        "autoscaling:DescribeScalingActivities *",
        "autoscaling:SetDesiredCapacity arn:aws:autoscaling:*:*:autoScalingGroup:*",
        "cloudwatch:PutMetricData *",
        "logs:CreateLogStream arn:aws:logs:us-east-1:123456789012:log-group:prod-web-hosts:*",
        "logs:PutLogEvents arn:aws:logs:us-east-1:123456789012:log-group:prod-web-hosts:*",
        "s3:DeleteObject arn:aws:s3:::prod-accounts/activity/*",
        "s3:DeleteObjectVersion arn:aws:s3:::prod-accounts/activity/*",
        "s3:GetObject arn:aws:s3:::prod-accounts/accounts/*",
        "s3:GetObject arn:aws:s3:::prod-accounts/activity/*",
        "s3:GetObject arn:aws:s3:::prod-gate-bucket/tls/postgres.prod.internal-ca-*.pem",
        "s3:ListBucket arn:aws:s3:::prod-accounts",
        "s3:PutObject arn:aws:s3:::prod-accounts/accounts/*",
        "s3:PutObject arn:aws:s3:::prod-accounts/activity/*",
        "s3:PutObject arn:aws:s3:::prod-gate-bucket/boot/${aws:userid}.json",
        "secretsmanager:GetSecretValue arn:aws:secretsmanager:us-east-1:123456789012:secret:prod-accounts-service",
        "secretsmanager:GetSecretValue arn:aws:secretsmanager:us-east-1:123456789012:secret:prod-db-app",
        "ssm:UpdateInstanceInformation *",
        "ssmmessages:CreateControlChannel *",
        "ssmmessages:CreateDataChannel *",
        "ssmmessages:OpenControlChannel *",
        "ssmmessages:OpenDataChannel *",
      ],
    );
  });

  it("let only the release read the owner's password from the web region", () => {
    const readers = rolePolicies().filter(({ statements }) =>
      statements.some(({ Resource }) => list(Resource).some((arn) => arn.includes("prod-db-owner"))),
    );
    assert.deepEqual(readers.map(({ name }) => name).sort(), [
      "prod-db-role-policy",
      "prod-release-host-role-policy",
    ]);
    assert.ok(allowed("release-host-role").some((line) => line.includes("secretsmanager:us-east-1:")));
    assert.ok(allowed("db-role").every((line) => !line.includes("secretsmanager:us-east-1:")));
  });

  it("are trusted to one service each", () => {
    for (const { name, statements } of policies("aws:iam/role:Role", "assumeRolePolicy")) {
      assert.equal(statements.length, 1, name);
      assert.match(
        JSON.stringify(statements[0]?.Principal),
        /^\{"Service":"(ec2|lambda|vpc-flow-logs)\.amazonaws\.com"\}$/,
      );
    }
  });

  it("are trusted to flow logs and functions of this account only", () => {
    const conditions = new Map(
      policies("aws:iam/role:Role", "assumeRolePolicy").map(({ name, statements }) => [
        name,
        statements[0]?.Condition,
      ]),
    );
    const account = { "aws:SourceAccount": "123456789012" };
    assert.deepEqual(conditions.get("prod-gate-role"), { StringEquals: account });
    assert.deepEqual(conditions.get("prod-db-network-flow-log-role"), {
      StringEquals: account,
      ArnLike: { "aws:SourceArn": "arn:aws:ec2:us-east-2:123456789012:vpc-flow-log/*" },
    });
  });

  it("let the load balancer write its logs, and nobody else into their bucket", () => {
    const [logs] = policies("aws:s3/bucketPolicy:BucketPolicy", "policy").filter(({ name }) =>
      name.includes("logs"),
    );
    const [, ...others] = logs!.statements;
    assert.deepEqual(
      others.map(({ Principal, Action, Resource, Condition }) => ({
        Principal,
        Action,
        Resource,
        Condition,
      })),
      [
        {
          Principal: { Service: "logdelivery.elasticloadbalancing.amazonaws.com" },
          Action: "s3:PutObject",
          Resource: "arn:aws:s3:::prod-web-logs-1234567/AWSLogs/123456789012/*",
          Condition: {
            ArnLike: {
              "aws:SourceArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/*",
            },
          },
        },
      ],
    );
  });

  it("let the hosts that people log in to open sessions, and read no parameters", () => {
    const allowing = rolePolicies().filter(({ statements }) =>
      statements.some(({ Action }) => list(Action).some((action) => action.startsWith("ssm"))),
    );
    assert.deepEqual(allowing.map(({ name }) => name).sort(), [
      "prod-db-role-policy",
      "prod-web-role-policy",
    ]);
    assert.deepEqual(
      allowed("db-role").filter((line) => line.startsWith("ssm")),
      [
        "ssm:UpdateInstanceInformation *",
        "ssmmessages:CreateControlChannel *",
        "ssmmessages:CreateDataChannel *",
        "ssmmessages:OpenControlChannel *",
        "ssmmessages:OpenDataChannel *",
      ],
    );
    assert.deepEqual(ofType(graph, "aws:iam/rolePolicyAttachment:RolePolicyAttachment"), []);
  });
});
