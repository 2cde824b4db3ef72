/** What must hold for the graph of every stack, whether its values are known or not. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { Properties } from "../../local/engine/handler";
import type { Registration } from "../../local/engine/program";
import { ancestors, find, type Graph, ofType, recordGraph, secretMark } from "../../local/engine/recorder";
import { scriptOf } from "../../policy/userData";

const webRegion = "us-east-1";
const databaseRegion = "us-east-2";
const ingressRule = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const egressRule = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";
const instance = "aws:ec2/instance:Instance";
const launchTemplate = "aws:ec2/launchTemplate:LaunchTemplate";
const group = "aws:autoscaling/group:Group";
const invocation = "aws:lambda/invocation:Invocation";
const bucketObject = "aws:s3/bucketObjectv2:BucketObjectv2";

/** What a stack is expected to have. */
export interface Expectation {
  readonly stack: string;
  readonly protect: boolean;
  readonly openPorts: readonly number[];
  readonly webZones: number;
  readonly publicHosts: boolean;
  /** How many resources of each type: a tripwire for what comes or goes unnoticed. */
  readonly counts: Readonly<Record<string, number>>;
}

const names = (resources: readonly Registration[]) => resources.map(({ name }) => name).sort();
const nested = (inputs: Properties, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Properties | undefined)?.[key], inputs);

/** Runs the program for a stack, once as an update and once as a preview, and tests both graphs. */
export function testStack(expected: Expectation): void {
  testGraph(expected, false);
  testGraph(expected, true);
  it(`${expected.stack} has the same resources in a preview`, async () => {
    const urns = async (preview: boolean) =>
      (await recordGraph(expected.stack, preview)).registrations.map(({ urn }) => urn).sort();
    assert.deepEqual(await urns(true), await urns(false));
  });
}

function testGraph(expected: Expectation, preview: boolean): void {
  const { stack } = expected;
  describe(`${stack}, ${preview ? "in a preview" : "with everything known"}`, () => {
    let graph: Graph;
    before(async () => {
      graph = await recordGraph(stack, preview);
    });
    const aws = () => graph.registrations.filter(({ type }) => type.startsWith("aws:"));

    it("has exactly the resources it is known to have", () => {
      const counts: Record<string, number> = {};
      for (const { type } of graph.registrations) {
        const short = type.replace(/^aws:|^django-on-ec2:components:|\/.*(?=:)/g, "");
        counts[short] = (counts[short] ?? 0) + 1;
      }
      assert.deepEqual(counts, expected.counts);
    });

    it("has every resource in its provider's region, and none under a default provider", () => {
      for (const { name, provider, region, inputs } of aws()) {
        const isWeb = provider.endsWith(`::${stack}-web`);
        assert.ok(isWeb || provider.endsWith(`::${stack}-db`), `${name} has the provider ${provider}`);
        assert.equal(region, isWeb ? webRegion : databaseRegion, name);
        const zone = inputs["availabilityZone"];
        if (typeof zone === "string") assert.ok(zone.startsWith(region), `${name} is in ${zone}`);
      }
      for (const provider of ofType(graph, "pulumi:providers:aws")) {
        const expectedRegion = provider.name === `${stack}-web` ? webRegion : databaseRegion;
        assert.equal(provider.inputs["region"], expectedRegion);
      }
    });

    it("has the database in one region and the web tier in the other", () => {
      for (const { urn, name, type, region } of aws()) {
        // The gate's function and bucket are in the web region, whoever waits or publishes.
        const ofGate = type === invocation || type === bucketObject;
        if (urn.includes("PostgresHost$") && !ofGate) assert.equal(region, databaseRegion, name);
        if (ofGate) assert.equal(region, webRegion, name);
        if (/(ScalingWebTier|DjangoImage|ReleaseTask|AccountStore|DeployGate)\$/.test(urn)) {
          assert.equal(region, webRegion, name);
        }
      }
    });

    it("has everything below a component, named after it, and tagged", () => {
      for (const { name, parent, type, takesTags, inputs } of aws()) {
        assert.match(parent, /django-on-ec2:components:/, name);
        assert.ok(
          name.startsWith(parent.split("::")[3] ?? "?") || type === invocation,
          `${name} below ${parent}`,
        );
        if (!takesTags) continue;
        const tags = inputs["tags"] as Properties;
        assert.equal(tags["project"], "django-on-ec2", name);
        assert.equal(tags["stack"], stack, name);
      }
      const tags = find(graph, group, `${stack}-web`).inputs["tags"] as Properties[];
      const tagged = new Map(tags.map(({ key, value }) => [key, value]));
      assert.equal(tagged.get("stack"), stack);
      assert.equal(tagged.get("django-on-ec2:tier"), `${stack}-web`);
    });

    it("lets everybody reach the load balancer, and nobody anything else", () => {
      const open = ofType(graph, ingressRule).filter(({ inputs }) => inputs["cidrIpv4"] === "0.0.0.0/0");
      assert.deepEqual(open.map(({ inputs }) => inputs["fromPort"]).sort(), expected.openPorts);
      for (const { name } of open) assert.match(name, /-web-balancer-in-/);
      for (const { name, inputs } of [...ofType(graph, ingressRule), ...ofType(graph, egressRule)]) {
        assert.equal(inputs["ipProtocol"], "tcp", name);
        assert.equal(inputs["fromPort"], inputs["toPort"], name);
        assert.ok(inputs["description"], `${name} has no description`);
        assert.equal(inputs["cidrIpv6"], undefined, name);
      }
    });

    it("opens PostgreSQL to the web hosts' subnets only, and only they have a way there", () => {
      const hostSubnets = ofType(graph, "aws:ec2/subnet:Subnet")
        .filter(({ name }) => name.includes(`-web-network-${expected.publicHosts ? "public" : "private"}-`))
        .map(({ inputs }) => inputs["cidrBlock"]);
      assert.equal(hostSubnets.length, expected.webZones);
      const rules = ofType(graph, ingressRule).filter(({ inputs }) => inputs["fromPort"] === 5432);
      assert.deepEqual(rules.map(({ inputs }) => inputs["cidrIpv4"]).sort(), hostSubnets.sort());
      for (const { parent } of rules) assert.ok(parent.endsWith(`::${stack}-db-firewall`));
      const ways = ofType(graph, egressRule).filter(({ inputs }) => inputs["fromPort"] === 5432);
      const kind = expected.publicHosts ? "public" : "private";
      assert.deepEqual(names(ways), [
        `${stack}-release-host-firewall-out-postgresql-${kind}-a`,
        `${stack}-web-firewall-out-postgresql-${kind}-a`,
      ]);
    });

    it("routes between the regions lead to host subnets, never to a whole network", () => {
      const routes = ofType(graph, "aws:ec2/route:Route").filter(({ name }) => name.includes("-peering-"));
      assert.ok(routes.length >= 2 + expected.webZones - 1);
      for (const { name, inputs } of routes) {
        assert.match(String(inputs["destinationCidrBlock"]), /\/20$/, name);
        assert.equal(inputs["gatewayId"], undefined, name);
      }
    });

    it("starts its hosts where and as it should", () => {
      const hosts = [...ofType(graph, instance), ...ofType(graph, launchTemplate)];
      assert.equal(hosts.length, 4);
      for (const { name, inputs } of ofType(graph, instance)) {
        assert.equal(nested(inputs, "rootBlockDevice", "tags", "stack"), stack, name);
        // The subnet decides: a stopped host's own answer changes.
        assert.equal(inputs["associatePublicIpAddress"], undefined, name);
        assert.equal(inputs["userDataReplaceOnChange"], true, name);
      }
      for (const { name, inputs } of ofType(graph, "aws:ec2/subnet:Subnet"))
        assert.equal(inputs["mapPublicIpOnLaunch"], expected.publicHosts && name.includes("-public-"), name);
      const { inputs } = find(graph, launchTemplate, `${stack}-web`);
      const kinds = (inputs["tagSpecifications"] as Properties[]).map(({ resourceType }) => resourceType);
      assert.deepEqual(kinds, ["instance", "volume", "network-interface"]);
    });

    it("guards what holds data", () => {
      const volume = find(graph, "aws:ebs/volume:Volume", `${stack}-db-data`);
      assert.equal(volume.protect, expected.protect);
      assert.equal(volume.retainOnDelete, expected.protect);
      const bucket = find(graph, "aws:s3/bucket:Bucket", `${stack}-accounts`);
      assert.equal(bucket.protect, expected.protect);
      assert.equal(bucket.inputs["forceDestroy"], !expected.protect);
      const database = find(graph, instance, `${stack}-db`);
      assert.equal(database.deleteBeforeReplace, true);
      assert.deepEqual(database.ignoreChanges, []);
      assert.deepEqual(database.replaceOnChanges, ["instanceType"]);
      assert.equal(database.inputs["disableApiTermination"], expected.protect);
      assert.equal(database.inputs["forceDestroy"], true);
      const snapshot = find(graph, "aws:ebs/snapshot:Snapshot", `${stack}-db-before`);
      assert.equal(snapshot.retainOnDelete, expected.protect);
      assert.equal(snapshot.deleteBeforeReplace, false);
      assert.ok(ancestors(graph, database).has(snapshot.name));
    });

    it("makes the image without waiting for the database", () => {
      const before = ancestors(
        graph,
        find(graph, "aws:ec2/amiFromInstance:AmiFromInstance", `${stack}-image`),
      );
      assert.deepEqual(
        [...before].filter((name) => name.startsWith(`${stack}-db`) && name !== `${stack}-db`),
        [],
      );
      assert.ok(before.has(`${stack}-image-builder-gate`));
      assert.ok(before.has(`${stack}-image-builder-stopped`));
      assert.ok(!before.has(`${stack}-peering`));
    });

    it("starts no host before its way out, its rules and its permissions", () => {
      const hosts = { db: "db-network", "image-builder": "web-network", "release-host": "web-network" };
      for (const [host, network] of Object.entries(hosts)) {
        const before = ancestors(graph, find(graph, instance, `${stack}-${host}`));
        const way = expected.publicHosts ? "public-internet" : "private-a-internet";
        for (const name of [
          `${network}-${way}`,
          `${network}-s3`,
          `${host}-role-policy`,
          `${host}-firewall-out-https`,
        ]) {
          assert.ok(before.has(`${stack}-${name}`), `${host} does not wait for ${name}`);
        }
      }
    });

    it("starts the fleet after the release, and the release after everything it uses", () => {
      const release = ancestors(graph, find(graph, instance, `${stack}-release-host`));
      const needs = ["image", "db-gate", "peering-accepter", "peering-to-accepter-", "accounts-admin-value"];
      for (const need of needs) {
        assert.ok(
          [...release].some((name) => name.startsWith(`${stack}-${need}`)),
          `the release misses ${need}`,
        );
      }
      const fleet = ancestors(graph, find(graph, group, `${stack}-web`));
      const fleetNeeds = [
        "release-host-gate",
        "web-role-policy",
        "web-firewall-out-https",
        "web-firewall-in-balancer",
        "web-balancer-to-hosts",
        "web-http",
      ];
      for (const need of fleetNeeds) assert.ok(fleet.has(`${stack}-${need}`), `the fleet misses ${need}`);
    });

    it("leaves the hosts that have done their work alone", () => {
      for (const name of ["image-builder", "release-host"]) {
        const host = find(graph, instance, `${stack}-${name}`);
        assert.deepEqual(host.ignoreChanges, []);
        assert.deepEqual(host.replaceOnChanges, ["instanceType"]);
        const [state] = ofType(graph, "aws:ec2transitgateway/instanceState:InstanceState").filter(
          (resource) => resource.parent === host.parent,
        );
        assert.equal(state?.inputs["state"], "stopped");
        assert.ok(ancestors(graph, state).has(`${stack}-${name}-gate`));
      }
    });

    it("replaces the fleet create-first, and its policies wait for the cut-over", () => {
      const fleet = find(graph, group, `${stack}-web`);
      assert.deepEqual(fleet.replaceOnChanges, [
        "launchTemplate",
        "mixedInstancesPolicy",
        "vpcZoneIdentifiers",
        "initialLifecycleHooks",
      ]);
      assert.equal(fleet.deleteBeforeReplace, false);
      assert.equal(fleet.inputs["name"], undefined);
      assert.equal(fleet.inputs["desiredCapacity"], undefined);
      assert.equal(fleet.inputs["waitForCapacityTimeout"], "0");
      assert.equal(fleet.inputs["healthCheckType"], "ELB");
      for (const policy of ofType(graph, "aws:autoscaling/policy:Policy")) {
        assert.ok(ancestors(graph, policy).has(`${stack}-web-gate`), policy.name);
      }
    });

    it("takes away nothing that a fleet uses before the fleet: it depends on each of it directly", () => {
      const fleet = find(graph, group, `${stack}-web`);
      const direct = new Set(fleet.dependencies);
      const used = graph.registrations.filter(
        ({ name, type }) =>
          name.startsWith(`${stack}-web-network`) ||
          name.startsWith(`${stack}-peering`) ||
          name.startsWith(`${stack}-db-firewall`) ||
          name.startsWith(`${stack}-web-firewall`) ||
          ([ingressRule, egressRule].includes(type) && name.startsWith(`${stack}-web-`)),
      );
      const custom = used.filter((resource) => resource.custom);
      assert.ok(custom.length > 20);
      assert.deepEqual(names(custom.filter(({ urn }) => !direct.has(urn))), []);
    });

    it("names rules and routes after the subnets that they join", () => {
      const kind = expected.publicHosts ? "public" : "private";
      const joining = graph.registrations.filter(
        ({ name, type, inputs }) =>
          (type === "aws:ec2/route:Route" && name.includes("-peering-")) || inputs["fromPort"] === 5432,
      );
      assert.ok(joining.length >= 6);
      for (const { name } of joining) assert.match(name, new RegExp(`-${kind}-[a-h]$`));
    });

    it("refuses to be torn down or to have its network replaced, if it is protected", () => {
      const guard = find(graph, "django-on-ec2:components:TearDownGuard", `${stack}-guard`);
      assert.equal(guard.protect, expected.protect);
      assert.equal(guard.custom, false);
      const direct = new Set(guard.dependencies);
      const others = graph.registrations.filter(({ custom, urn }) => custom && !direct.has(urn));
      assert.deepEqual(names(others.filter(({ type }) => type !== "pulumi:pulumi:Stack")), []);
      for (const { name, dependencies } of graph.registrations)
        assert.ok(!dependencies.includes(guard.urn), `${name} depends on the guard`);
      const unreplaceable = [
        ...ofType(graph, "aws:ec2/vpc:Vpc"),
        ...ofType(graph, "aws:lb/loadBalancer:LoadBalancer"),
      ];
      assert.equal(unreplaceable.length, 3);
      for (const { name, protect } of unreplaceable) assert.equal(protect, expected.protect, name);
    });

    it("asks the gate for every host that must have booted", () => {
      assert.deepEqual(names(ofType(graph, invocation)), [
        `${stack}-db-gate`,
        `${stack}-image-builder-gate`,
        `${stack}-release-host-gate`,
        `${stack}-web-gate`,
      ]);
      const attachment = ancestors(graph, find(graph, invocation, `${stack}-db-gate`));
      assert.ok(attachment.has(`${stack}-db-data`) && attachment.has(`${stack}-db-name`));
    });

    it("keeps secrets where they belong: in no input, id or output that stands in clear in the state", () => {
      const homes = ["aws:secretsmanager/secretVersion:SecretVersion"];
      const shows = (value: unknown) => JSON.stringify(value ?? null).includes(secretMark);
      for (const { urn, name, type, inputs, secretInputs, additionalSecretOutputs } of graph.registrations) {
        const { id, outputs } = graph.states.get(urn) ?? { id: "", outputs: {} };
        assert.ok(!shows(id), `${name} has a secret as its id`);
        for (const [key, value] of Object.entries(outputs))
          assert.ok(
            !shows(value) || additionalSecretOutputs.includes(key),
            `${name} shows a secret as ${key}`,
          );
        if (homes.includes(type)) {
          if (!preview) assert.deepEqual(secretInputs, ["secretString"], name);
          continue;
        }
        assert.ok(!shows(inputs), `${name} has a secret in its inputs`);
        assert.deepEqual(secretInputs, [], name);
        const userData = inputs["userData"] ?? inputs["userDataBase64"];
        if (typeof userData === "string") assert.ok(!scriptOf(userData).includes(secretMark), name);
      }
      for (const [key, { value, secret }] of Object.entries(graph.outputs)) {
        assert.ok(secret || !String(value).includes(secretMark), `the output ${key} shows a secret`);
      }
    });

    it("has alarms in both regions, each telling the topic of its own, and saying what to do first", () => {
      const alarms = ofType(graph, "aws:cloudwatch/metricAlarm:MetricAlarm");
      assert.deepEqual([...new Set(alarms.map(({ region }) => region))].sort(), [webRegion, databaseRegion]);
      for (const { name, region, inputs, dependencies } of alarms) {
        const topics = ofType(graph, "aws:sns/topic:Topic").filter(({ urn }) => dependencies.includes(urn));
        assert.deepEqual(
          topics.map((topic) => topic.region),
          [region],
          name,
        );
        assert.match(String(inputs["alarmDescription"]), /\. First: .+\.$/, name);
      }
      for (const { name, region, inputs } of ofType(graph, "aws:sns/topicPolicy:TopicPolicy"))
        if (!preview) assert.ok(String(inputs["policy"]).includes(`"arn:aws:cloudwatch:${region}:`), name);
    });

    it("exports what an operator needs", () => {
      assert.deepEqual(Object.keys(graph.outputs).sort(), [
        "accountBucket",
        "adminSecretName",
        "albDnsName",
        "backupBucket",
        "bootReportBucket",
        "dashboardUrl",
        "databaseAlarmTopic",
        "databaseEndpoint",
        "databaseInstanceId",
        "databaseLogGroup",
        "gateFunctionName",
        "imageId",
        "serviceUrl",
        "targetGroupArn",
        "webAlarmTopic",
        "webGroupName",
        "webLogGroup",
      ]);
      if (!preview) assert.equal(graph.outputs["databaseEndpoint"]?.value, `postgres.${stack}.internal:5432`);
    });
  });
}
