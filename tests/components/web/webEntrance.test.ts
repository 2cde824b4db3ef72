import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import type { PublicNetwork } from "../../../components/network/networks";
import { WebEntrance, type WebEntranceArgs } from "../../../components/web/webEntrance";
import { evaluate, valueOf } from "../../support/component";
import { ancestors, find, ofType } from "../../../local/engine/recorder";

const network = (zones = 2): PublicNetwork => ({
  vpcId: pulumi.output("vpc-1"),
  region: "us-east-1",
  publicSubnetIds: Array.from({ length: zones }, (_, index) => pulumi.output(`subnet-${index}`)),
  ready: new pulumi.ComponentResource("test:Network", "network"),
});

const entrance = (change: Partial<Omit<WebEntranceArgs, "network">> = {}, zones = 2) =>
  evaluate(
    (provider) =>
      new WebEntrance(
        "web",
        {
          network: network(zones),
          domain: undefined,
          accessCidrs: ["0.0.0.0/0"],
          accessLogs: true,
          webFirewall: false,
          logRetentionDays: 7,
          protect: false,
          ...change,
        },
        { provider },
      ),
  );

const listener = "aws:lb/listener:Listener";
const ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const balancerType = "aws:lb/loadBalancer:LoadBalancer";
const domain = { name: "service.example.org", hostedZoneId: "Z1" };

describe("WebEntrance", () => {
  it("is a balancer in the public subnets that may write its logs before it starts", async () => {
    const graph = await entrance({ logRetentionDays: 30 });
    const balancer = find(graph, balancerType, "web");
    assert.deepEqual(balancer.inputs["subnets"], ["subnet-0", "subnet-1"]);
    assert.equal(balancer.inputs["internal"], false);
    assert.equal(balancer.inputs["dropInvalidHeaderFields"], true);
    assert.equal(balancer.inputs["desyncMitigationMode"], "defensive");
    assert.equal(balancer.inputs["enableHttp2"], true);
    assert.equal(balancer.inputs["xffHeaderProcessingMode"], "append");
    assert.deepEqual(balancer.inputs["accessLogs"], { enabled: true, bucket: "web-logs-1234567" });
    assert.ok(ancestors(graph, balancer).has("web-logs-policy"));
    const lifecycle = find(
      graph,
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
      "web-logs-lifecycle",
    );
    assert.match(
      JSON.stringify(lifecycle.inputs["rules"]),
      /"expiration":\{"days":30\},"filter":\{"prefix":"AWSLogs\/"\}/,
    );
  });

  it("logs no addresses of requests where they hold passwords", async () => {
    const balancer = find(await entrance({ accessLogs: false }), balancerType, "web");
    assert.deepEqual(balancer.inputs["accessLogs"], { enabled: false, bucket: "web-logs-1234567" });
  });

  it("asks hosts for /livez, on the port that it tells the fleet", async () => {
    const graph = await entrance();
    const targets = find(graph, "aws:lb/targetGroup:TargetGroup", "web");
    assert.equal(targets.inputs["port"], graph.made.hostPort);
    assert.deepEqual(targets.inputs["healthCheck"], {
      path: "/livez",
      matcher: "200",
      ...{ interval: 5, timeout: 2, healthyThreshold: 2, unhealthyThreshold: 2 },
    });
    assert.equal(targets.inputs["deregistrationDelay"], 30);
    assert.equal(
      await valueOf(graph.made.targetGroupArn),
      "arn:aws:elasticloadbalancing:us-east-1:123456789012:web-1234567",
    );
  });

  it("has a firewall of AWS's before it only where that is wanted", async () => {
    const association = "aws:wafv2/webAclAssociation:WebAclAssociation";
    assert.deepEqual(ofType(await entrance(), association), []);
    const graph = await entrance({ webFirewall: true });
    const [associated] = ofType(graph, association);
    assert.ok(
      associated?.propertyDependencies["resourceArn"]?.includes(find(graph, balancerType, "web").urn),
    );
  });

  it("lets nothing out by itself: the fleet's own rule does", async () => {
    assert.deepEqual(ofType(await entrance(), "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"), []);
  });

  it("speaks plain HTTP without a domain", async () => {
    const graph = await entrance();
    assert.deepEqual(
      ofType(graph, listener).map(({ inputs }) => [inputs["port"], inputs["protocol"]]),
      [[80, "HTTP"]],
    );
    assert.equal(await valueOf(graph.made.url), "http://web-1234567.us-east-1.elb.amazonaws.com");
    assert.equal(await valueOf(graph.made.hostNames), "web-1234567.us-east-1.elb.amazonaws.com");
    assert.deepEqual(ofType(graph, "aws:acm/certificate:Certificate"), []);
    assert.equal(graph.made.certificateArn, undefined);
    assert.equal(await valueOf(graph.made.publicName), "web-1234567.us-east-1.elb.amazonaws.com");
  });

  it("speaks HTTPS with a domain, and sends HTTP there", async () => {
    const graph = await entrance({ domain });
    const https = find(graph, listener, "web-https").inputs;
    assert.deepEqual([https["port"], https["protocol"]], [443, "HTTPS"]);
    assert.match(String(https["sslPolicy"]), /TLS13-1-2/);
    assert.match(
      JSON.stringify(find(graph, listener, "web-http").inputs["defaultActions"]),
      /"redirect".*"443"/,
    );
    assert.equal(await valueOf(graph.made.url), "https://service.example.org");
    assert.match(await valueOf(graph.made.hostNames), / service\.example\.org$/);
    assert.equal(await valueOf(graph.made.publicName), domain.name);
    const name = find(graph, "aws:route53/record:Record", "web-name").inputs;
    assert.deepEqual([name["zoneId"], name["name"], name["type"]], ["Z1", domain.name, "A"]);
    assert.equal(ofType(graph, "aws:acm/certificate:Certificate").length, 1);
  });

  it("takes a certificate that is there, and leaves a name alone that is kept elsewhere", async () => {
    const certificateArn = "arn:aws:acm:us-east-1:123456789012:certificate/1";
    const graph = await entrance({ domain: { name: domain.name, certificateArn } });
    assert.equal(await valueOf(graph.made.certificateArn!), certificateArn);
    assert.equal(find(graph, listener, "web-https").inputs["certificateArn"], certificateArn);
    assert.deepEqual(ofType(graph, "aws:acm/certificate:Certificate"), []);
    assert.deepEqual(ofType(graph, "aws:route53/record:Record"), []);
  });

  it("opens its ports to the named networks only", async () => {
    const open = async (change: Partial<WebEntranceArgs>) =>
      ofType(await entrance(change), ingress).map(({ inputs }) =>
        [inputs["fromPort"], inputs["cidrIpv4"]].join(" "),
      );
    const accessCidrs = ["192.0.2.0/24", "198.51.100.0/24"];
    assert.deepEqual(await open({ accessCidrs }), ["80 192.0.2.0/24", "80 198.51.100.0/24"]);
    assert.deepEqual((await open({ domain })).sort(), ["443 0.0.0.0/0", "80 0.0.0.0/0"]);
  });

  it("is refused its deletion and its replacement if it is protected", async () => {
    for (const protect of [true, false]) {
      const graph = await entrance({ protect });
      const balancer = find(graph, balancerType, "web");
      assert.deepEqual([balancer.protect, balancer.inputs["enableDeletionProtection"]], [protect, protect]);
      assert.equal(find(graph, "aws:s3/bucket:Bucket", "web-logs").protect, protect);
    }
  });

  it("refuses one zone, and a domain that no certificate can be had for", async () => {
    await assert.rejects(entrance({}, 1), { propertyPath: "network", message: /two zones/ });
    await assert.rejects(entrance({ domain: { name: "service.example.org" } }), {
      propertyPath: "domain",
      message: /service\.example\.org needs a hosted zone or a certificate/,
    });
  });
});
