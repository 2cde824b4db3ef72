/** What each host and the gate may do is what their sources do: each call is allowed, and nothing is allowed that nobody calls. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { before, describe, it } from "node:test";
import { find, type Graph, ofType, recordGraph } from "../../local/engine/recorder";
import { listOf, statementsOf } from "../../policy/statements";
import { types } from "../../policy/types";
import { scriptOf } from "../../policy/userData";
import { whole } from "../userdata/assembled";

const root = path.join(__dirname, "..", "..");

/** Services whose calls are compared with their resources; of the others the action is compared. */
const withResources = /^(s3|secretsmanager):/;

/** What a policy allows, as `action resource`. */
function allowed(graph: Graph, policy: string): string[] {
  const lines = statementsOf(find(graph, types.rolePolicy, policy), "policy").flatMap(
    ({ Action, Resource }) =>
      listOf(Action).flatMap((action) =>
        withResources.test(action) ? listOf(Resource).map((resource) => `${action} ${resource}`) : [action],
      ),
  );
  return [...new Set(lines)].sort();
}

/** The variables that a boot script is given. */
function variablesOf(script: string): Record<string, string> {
  const exported = script.matchAll(/^export ([A-Z][A-Z0-9_]*)='([^']*)'$/gm);
  return Object.fromEntries([...exported].map(([, name = "", value = ""]) => [name, value]));
}

/** IAM's word for each way in which a boot script asks AWS, by the name of its function. */
function requestsOf(script: string): Map<string, string> {
  const functions = script.split(/^(?=\w+\(\) )/m).filter((text) => /\baws_request \w/.test(text));
  return new Map(
    functions.map((text) => {
      const name = /^\w+/.exec(text)?.[0] ?? "";
      const target = /X-Amz-Target: (\w+)\.(\w+)/.exec(text);
      if (target) return [name, `${target[1]}:${target[2]}`];
      if (/\baws_request autoscaling /.test(text)) return [name, "autoscaling"];
      const figures = /\baws_request monitoring .*/.test(text) && /\bAction=(\w+)/.exec(text);
      if (figures) return [name, `cloudwatch:${figures[1]}`];
      assert.match(text, /\baws_request s3 /, `${name} asks AWS in a way that this test does not know`);
      return [name, text.includes("-X PUT") ? "s3:PutObject" : "s3:GetObject"];
    }),
  );
}

/** What a boot script asks of AWS, as `action resource`. */
function callsOf(script: string, documents: readonly string[]): string[] {
  const requests = requestsOf(script);
  const optional = ["auto_scaling", "put_figures", "read_secret"].filter((name) => requests.has(name));
  assert.deepEqual([...requests.keys()].sort(), [...optional, "s3_get", "s3_put"]);
  const variables = variablesOf(script);
  const known = (text: string) =>
    text
      .replace("$REPORT_ROLE_ID%3A$INSTANCE_ID", "${aws:userid}")
      .replace("records/$1.json", "records/*.json")
      .replace(
        /\$([A-Z][A-Z0-9_]*)/g,
        (_, name: string) => variables[name] ?? assert.fail(`${name} has no value`),
      )
      // Of any version: two fleets share a role, and the database's host finds its own out.
      .replace(/^(tls\/.*-ca-).*/, "$1*.pem");
  const objects = [...script.matchAll(/\b(s3_get|s3_put) "\$([A-Z]\w+)" "?([^\s"]+)"?/g)].map(
    ([, call = "", bucket = "", key = ""]) =>
      `${requests.get(call)} arn:aws:s3:::${variables[bucket]}/${known(key)}`,
  );
  const secrets = [...script.matchAll(/\bget_secret "(\$[^\n]*?)" "/g)].flatMap(([, arn = ""]) =>
    // One that the script finds in a document is one of those that the document names.
    (arn.startsWith("$(field") ? documents : [known(arn)]).map(
      (each) => `${requests.get("read_secret")} ${each}`,
    ),
  );
  const group = [...script.matchAll(/\bauto_scaling ([A-Z]\w+)/g)].map(
    ([, call]) => `${requests.get("auto_scaling")}:${call}`,
  );
  const figures = [...requests.values()].filter((action) => action.startsWith("cloudwatch:"));
  return [...objects, ...secrets, ...group, ...figures];
}

/** What the service does with each of boto3's methods; a method without a row fails the test. */
const methods: Readonly<Record<string, (bucket: string, objects: string) => readonly string[]>> = {
  get_object: (bucket, objects) => [`s3:GetObject ${bucket}/${objects}`],
  put_object: (bucket, objects) => [`s3:PutObject ${bucket}/${objects}`],
  // Of the versions that were read.
  delete_objects: (bucket, objects) =>
    ["s3:DeleteObject", "s3:DeleteObjectVersion"].map((action) => `${action} ${bucket}/${objects}`),
  list_objects_v2: (bucket) => [`s3:ListBucket ${bucket}`],
  head_bucket: (bucket) => [`s3:ListBucket ${bucket}`],
  describe_auto_scaling_groups: () => ["autoscaling:DescribeAutoScalingGroups"],
  describe_auto_scaling_instances: () => ["autoscaling:DescribeAutoScalingInstances"],
  describe_scaling_activities: () => ["autoscaling:DescribeScalingActivities"],
  set_desired_capacity: () => ["autoscaling:SetDesiredCapacity"],
};

const pythonFiles = (folder: string) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".py"))
    .map((file) => path.join(folder, file));
const read = (file: string) => readFileSync(path.join(root, file), "utf8");

/** What parts of the service ask of AWS. Each keeps its objects under a prefix of its own. */
function callsOfService(folders: readonly string[], bucket: string): string[] {
  return folders.flatMap(pythonFiles).flatMap((file) => {
    const objects = file.startsWith(path.join("app", "activity")) ? "activity/*" : "accounts/*";
    return [...read(file).matchAll(/\baws\.(?:s3|autoscaling)\(\)\s*\.(\w+)\(/g)].flatMap(
      ([, method = ""]) =>
        methods[method]?.(bucket, objects) ?? assert.fail(`the service calls ${method}: add its row`),
    );
  });
}

/** What the agent of Session Manager asks: https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html. */
const agentCalls = [
  "ssm:UpdateInstanceInformation",
  "ssmmessages:CreateControlChannel",
  "ssmmessages:CreateDataChannel",
  "ssmmessages:OpenControlChannel",
  "ssmmessages:OpenDataChannel",
];

/** What CloudWatch's agent asks to send logs and figures: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/create-iam-roles-for-cloudwatch-agent.html. */
const telemetryCalls = ["cloudwatch:PutMetricData", "logs:CreateLogStream", "logs:PutLogEvents"];

/**
 * What pgBackRest asks of a repository in S3, of which it writes that of one generation: "S3-Compatible Object Store Support" of
 * its user guide. It tags nothing, and versions are left alone.
 */
function callsOfBackups(script: string): string[] {
  const { BACKUP_BUCKET: bucket, GENERATION: generation } = variablesOf(script);
  const arn = `arn:aws:s3:::${bucket}`;
  return [
    `s3:ListBucket ${arn}`,
    `s3:GetObject ${arn}/*`,
    ...["s3:PutObject", "s3:DeleteObject"].map((action) => `${action} ${arn}/${generation}/*`),
  ];
}

/** Services by the names of the SDK's packages. */
const services: Readonly<Record<string, string>> = {
  "auto-scaling": "autoscaling",
  ec2: "ec2",
  "elastic-load-balancing-v2": "elasticloadbalancing",
  s3: "s3",
};

/** What the gate's function asks of AWS, as actions. */
function callsOfGate(): string[] {
  const source = read("gate/index.mjs");
  const imports = [...source.matchAll(/import \{([^}]*)\} from "@aws-sdk\/client-([\w-]+)"/g)];
  const serviceOf = new Map(
    imports.flatMap(([, names = "", client = ""]) =>
      names.split(",").map((name) => [name.trim(), services[client] ?? assert.fail(client)] as const),
    ),
  );
  const commands = [...source.matchAll(/new (\w+)Command\(/g)].map(
    ([, name = ""]) => `${serviceOf.get(`${name}Command`) ?? assert.fail(name)}:${name}`,
  );
  // Only who may list a bucket is told that there is no such object.
  return source.includes("NoSuchKey") ? [...commands, "s3:ListBucket"] : commands;
}

for (const stack of ["dev", "prod"])
  describe(`what is allowed in ${stack}`, () => {
    let graph: Graph;
    before(async () => {
      graph = await recordGraph(stack, false);
    });
    const scriptFor = (type: string, name: string) => {
      const { userData, userDataBase64 } = find(graph, type, `${stack}-${name}`).inputs;
      return scriptOf(String(userDataBase64 ?? userData));
    };
    const accounts = () => `arn:aws:s3:::${String(graph.outputs["accountBucket"]?.value)}`;
    /** The secrets that the document of the database's roles names. */
    const roleSecrets = () => {
      const { inputs } = find(graph, "aws:s3/bucketObjectv2:BucketObjectv2", `${stack}-db-roles`);
      const { owner, app } = JSON.parse(inputs["content"] as string) as Record<
        "owner" | "app",
        { arn: string }
      >;
      return [owner.arn, app.arn];
    };
    const isExactly = (policy: string, calls: readonly string[]) =>
      assert.deepEqual(allowed(graph, `${stack}-${policy}`), [...new Set(calls)].sort());

    it("to the database host is what its boot script and its agents call", () => {
      const given = scriptFor(types.instance, "db");
      const [object] = ofType(graph, "aws:s3/bucketObjectv2:BucketObjectv2").filter(
        ({ inputs }) => inputs["key"] === `scripts/${variablesOf(given)["SCRIPT_SHA256"]}.sh`,
      );
      const script = whole(given, String(object?.inputs["content"]));
      assert.equal(variablesOf(script)["SESSION_MANAGER"], "true");
      assert.match(variablesOf(script)["TELEMETRY_LOG_GROUP"] ?? "", /-db-hosts-/);
      isExactly("db-role-policy", [
        ...callsOf(script, roleSecrets()),
        ...callsOfBackups(script),
        ...agentCalls,
        ...telemetryCalls,
      ]);
    });
    it("to the builder is what its boot script calls", () =>
      isExactly("image-builder-role-policy", callsOf(scriptFor(types.instance, "image-builder"), [])));
    it("to the release host is what its boot script and the service's commands call", () =>
      isExactly("release-host-role-policy", [
        ...callsOf(scriptFor(types.instance, "release-host"), []),
        ...callsOfService(["app/accounts", "app/core"], accounts()),
      ]));
    it("to a web host is what its boot script, the service and the agents in its image call", () =>
      isExactly("web-role-policy", [
        ...callsOf(scriptFor(types.launchTemplate, "web"), []),
        ...callsOfService(["app"], accounts()),
        ...agentCalls,
        ...telemetryCalls,
      ]));
    it("to the gate is what its function calls, and to write its log", () => {
      const actions = [...callsOfGate(), "logs:CreateLogStream", "logs:PutLogEvents"];
      const lines = allowed(graph, `${stack}-gate-policy`).map((line) => line.replace(/ .*/, ""));
      assert.deepEqual([...new Set(lines)].sort(), [...new Set(actions)].sort());
    });
    it("is looked at for every role that there is", () => {
      const names = ofType(graph, types.rolePolicy).map(({ name }) => name.replace(`${stack}-`, ""));
      assert.deepEqual(names.sort(), [
        "db-network-flow-log-policy",
        "db-role-policy",
        "gate-policy",
        "image-builder-role-policy",
        "release-host-role-policy",
        "web-network-flow-log-policy",
        "web-role-policy",
      ]);
    });
  });

describe("the sources ask AWS", () => {
  it("in the service by the clients of core/aws.py only", () => {
    const others = pythonFiles("app").filter((file) => /\bboto3\b|\.client\(/.test(read(file)));
    assert.deepEqual(others, ["app/core/aws.py"]);
    // A statement that is nothing else makes the client, before there are workers, and asks nothing.
    for (const file of pythonFiles("app"))
      assert.doesNotMatch(
        read(file).replace(/^ *aws\.\w+\(\)$/gm, ""),
        /\baws\.(s3|autoscaling)\(\)(?!\s*\.\w+\()/,
        `${file} keeps a client: its calls are not seen`,
      );
  });
  it("in boot scripts by aws_request only", () => {
    for (const file of readdirSync(path.join(root, "userdata"), { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".sh")) continue;
      const text = read(path.join("userdata", file));
      assert.doesNotMatch(text, /\baws (s3|ec2|secretsmanager|ssm|autoscaling)\b|boto3/, file);
      if (file !== path.join("lib", "core.sh")) assert.doesNotMatch(text, /--aws-sigv4/, file);
    }
  });
});
