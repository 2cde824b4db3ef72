/** Rules for roles and functions: who may do what, and who may take which role. */
import { check, control, type Finding, mustHave, type Rule } from "../rule";
import { isUnknown, lengthAt, type Resource, valueAt } from "../stack";
import { listOf, type PolicyStatement, statementsOf } from "../statements";
import { types } from "../types";
import { reasonFor } from "../wildcards";

/** Findings in the statements of a policy that allow something. */
const allowing =
  (wrong: (statement: PolicyStatement) => string | undefined) =>
  (policy: Resource): readonly Finding[] =>
    statementsOf(policy, "policy").flatMap((statement, index) => {
      const found = statement.Effect === "Allow" ? wrong(statement) : undefined;
      return found === undefined ? [] : [{ property: `policy.Statement.${index}`, found }];
    });

const rolePolicies = [types.rolePolicy, types.managedPolicy];

/** Services that act for another account's resources unless they are told whose: a function's, an alarm's and a log's, not EC2's. */
const deputies = /^(lambda|cloudwatch|vpc-flow-logs|logdelivery\.elasticloadbalancing)\.amazonaws\.com$/;

/** Findings in the statements that trust a service which can be made a confused deputy. */
const deputiesIn = (resource: Resource, property: string): readonly Finding[] =>
  statementsOf(resource, property).flatMap(({ Effect, Principal, Condition }, index) => {
    const service = valueAt(Principal, "Service");
    const isTold = Object.values(Condition ?? {}).some((keys) =>
      Object.keys(keys).some((key) => /^aws:Source(Account|Arn)$/.test(key)),
    );
    return Effect === "Allow" && deputies.test(String(service)) && !isTold
      ? [{ property: `${property}.Statement.${index}`, found: `trusts ${String(service)} for any account` }]
      : [];
  });

const decryptsAll = ({ Action, Resource }: PolicyStatement) =>
  listOf(Action).some((action) => /^kms:(\*|Decrypt|ReEncryptFrom)$/.test(action)) &&
  listOf(Resource).includes("*")
    ? "decrypts with every key"
    : undefined;

const runtimes =
  /^(nodejs(22|24)\.x|python3\.1[1-4]|java(17|21|25)|dotnet(8|10)|ruby3\.[34]|provided\.al2023)$/;

export const identityRules: readonly Rule[] = [
  control("IAM.1", {
    title: 'IAM policies should not allow full "*" administrative privileges',
    severity: "high",
    types: rolePolicies,
    remedy: "Name the actions.",
    check: allowing(({ Action, Resource }) =>
      listOf(Action).includes("*") && listOf(Resource).includes("*") ? "allows everything" : undefined,
    ),
  }),
  control("IAM.2", {
    title: "IAM users should not have IAM policies attached",
    severity: "low",
    cis: "1.14",
    types: [types.user],
    remedy: "Attach policies to roles or groups.",
    check: (user, stack) =>
      stack
        .usersOf(user)
        .filter(({ type }) => type.startsWith("aws:iam/userPolicy"))
        .map(({ name }) => ({ property: name, found: "is attached" })),
  }),
  control("IAM.21", {
    title: "IAM customer managed policies that you create should not allow wildcard actions for services",
    severity: "low",
    types: rolePolicies,
    remedy: "Name the actions.",
    check: allowing(({ Action }) => {
      const open = listOf(Action).find((action) => action.includes("*"));
      return open === undefined ? undefined : `allows ${open}`;
    }),
  }),
  control("KMS.1", {
    title: "IAM customer managed policies should not allow decryption actions on all KMS keys",
    severity: "medium",
    types: [types.managedPolicy],
    remedy: "Name the key.",
    check: allowing(decryptsAll),
  }),
  control("KMS.2", {
    title: "IAM principals should not have IAM inline policies that allow decryption actions on all KMS keys",
    severity: "medium",
    types: [types.rolePolicy],
    remedy: "Name the key.",
    check: allowing(decryptsAll),
  }),
  control("Lambda.1", {
    title: "Lambda function policies should prohibit public access",
    severity: "critical",
    types: [types.function],
    remedy: "Name who may call it.",
    check: (lambda, stack) =>
      stack
        .referringTo(lambda, types.functionPermission, "function")
        .flatMap((permission) => check(permission, "principal", (principal) => principal !== "*")),
  }),
  control("Lambda.2", {
    title: "Lambda functions should use supported runtimes",
    severity: "medium",
    types: [types.function],
    remedy: "Take one that AWS supports: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html.",
    check: (lambda) => check(lambda, "runtime", (runtime) => runtimes.test(String(runtime))),
  }),
  control("Lambda.3", {
    title: "Lambda functions should be in a VPC",
    severity: "low",
    types: [types.function],
    remedy: "Set vpcConfig.",
    check: (lambda) => check(lambda, "vpcConfig", (value) => value !== undefined),
  }),
  control("Lambda.5", {
    title: "VPC Lambda functions should operate in multiple Availability Zones",
    severity: "medium",
    types: [types.function],
    applies: ({ inputs }) => inputs["vpcConfig"] !== undefined,
    remedy: "Name subnets in two zones.",
    check: (lambda) =>
      check(lambda, "vpcConfig.subnetIds", (subnets) => Array.isArray(subnets) && subnets.length >= 2),
  }),
  {
    id: "Stack.5",
    title: "Policies name every action and resource, or there is a reason for the wildcard",
    severity: "high",
    source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
    types: [...rolePolicies, types.bucketPolicy, types.topicPolicy],
    remedy: "Name it, or say in policy/wildcards.ts why it cannot be.",
    check: (policy) =>
      statementsOf(policy, "policy").flatMap((statement, index) =>
        statement.Effect === "Allow" ? unreasoned(statement, `policy.Statement.${index}`) : [],
      ),
  },
  {
    id: "Stack.6",
    title: "Services that are trusted are told for whose resources",
    severity: "medium",
    source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
    types: [types.role, types.bucketPolicy, types.topicPolicy],
    remedy: "Add a condition on aws:SourceAccount or aws:SourceArn.",
    check: (resource) => deputiesIn(resource, resource.type === types.role ? "assumeRolePolicy" : "policy"),
  },
  {
    id: "Stack.7",
    title: "A host writes no other host's boot report",
    severity: "medium",
    source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html",
    types: [types.rolePolicy],
    remedy: "Allow boot/${aws:userid}.json only.",
    check: allowing(({ Action, Resource }) => {
      const writes = listOf(Action).some((action) => /^s3:(Put|\*)/.test(action));
      const wide = listOf(Resource).find(
        (arn) => /^arn:aws:s3:::[^/]+\/(\*|boot\/)/.test(arn) && !arn.endsWith("/boot/${aws:userid}.json"),
      );
      return writes && wide !== undefined ? `writes ${wide}` : undefined;
    }),
  },
  {
    id: "Stack.8",
    title: "Roles have policies of their own only: AWS's managed ones allow more than one host needs",
    severity: "medium",
    source:
      "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#bp-use-aws-defined-policies",
    types: [types.role],
    remedy: "Write what the role needs into components/iam.",
    check: (role, stack) => [
      ...stack
        .referringTo(role, types.policyAttachment, "role")
        .map(({ name }) => ({ property: name, found: "attaches a managed policy" })),
      ...(lengthAt(role, "managedPolicyArns") > 0
        ? [{ property: "managedPolicyArns", found: "is not empty" }]
        : []),
    ],
  },
  {
    id: "Stack.9",
    title: "Everything that takes tags says of which project and stack it is",
    severity: "low",
    source:
      "https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-best-practices.html",
    types: [
      types.instance,
      types.volume,
      types.bucket,
      types.secret,
      types.vpc,
      types.balancer,
      types.function,
      types.role,
    ],
    remedy: "Use the program's provider, whose default tags say so.",
    check: (resource) => {
      const tags = resource.inputs["tagsAll"] ?? resource.inputs["tags"];
      return ["project", "stack"].flatMap((tag) =>
        isUnknown(tags)
          ? []
          : mustHave(
              `tags.${tag}`,
              [valueAt(tags, tag)].filter((value) => value !== undefined),
            ),
      );
    },
  },
];

/** The wildcards of a statement that nobody has given a reason for. */
function unreasoned(statement: PolicyStatement, property: string): Finding[] {
  const actions = listOf(statement.Action);
  const wildActions = actions.filter((action) => action.includes("*"));
  const wild = listOf(statement.Resource).filter((arn) => arn.includes("*"));
  return [
    ...wildActions.map((action) => ({ property, found: `allows ${action}` })),
    ...wild.flatMap((arn) =>
      actions
        .filter((action) => reasonFor(action, arn, statement) === undefined)
        .map((action) => ({ property, found: `allows ${action} on ${arn}` })),
    ),
  ];
}
