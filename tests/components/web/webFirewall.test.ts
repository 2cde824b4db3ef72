import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { before, describe, it } from "node:test";
import { passwordPaths, WebFirewall } from "../../../components/web/webFirewall";
import { find } from "../../../local/engine/recorder";
import { type Evaluation, evaluate } from "../../support/component";

interface Rule {
  readonly name: string;
  readonly priority: number;
  readonly action?: { readonly block?: { readonly customResponse: { readonly responseCode: number } } };
  readonly statement: {
    readonly rateBasedStatement?: {
      readonly aggregateKeyType: string;
      readonly limit: number;
      readonly evaluationWindowSec: number;
    };
  };
}

describe("WebFirewall", () => {
  let graph: Evaluation<unknown>;
  before(async () => {
    graph = await evaluate(
      (provider) =>
        new WebFirewall("web-waf", { balancerArn: "arn:balancer", logRetentionDays: 30 }, { provider }),
    );
  });
  const acl = () => find(graph, "aws:wafv2/webAcl:WebAcl", "web-waf").inputs;
  const rules = () => acl()["rules"] as readonly Rule[];

  it("stands before the load balancer, and lets through what no rule refuses", () => {
    const { inputs } = find(graph, "aws:wafv2/webAclAssociation:WebAclAssociation", "web-waf");
    assert.equal(inputs["resourceArn"], "arn:balancer");
    assert.deepEqual([acl()["scope"], acl()["defaultAction"]], ["REGIONAL", { allow: {} }]);
  });

  it("has AWS's rules before its own, each in its place", () => {
    assert.deepEqual(
      rules().map(({ name, priority }) => [priority, name]),
      [
        [0, "AWSManagedRulesAmazonIpReputationList"],
        [1, "AWSManagedRulesKnownBadInputsRuleSet"],
        [2, "AWSManagedRulesCommonRuleSet"],
        [3, "passwords"],
      ],
    );
  });

  it("limits passwords by the address that the balancer sees, and says 429", () => {
    const own = rules()[3];
    const rate = own?.statement.rateBasedStatement;
    assert.deepEqual([rate?.aggregateKeyType, rate?.limit, rate?.evaluationWindowSec], ["IP", 300, 300]);
    assert.equal(own?.action?.block?.customResponse.responseCode, 429);
  });

  it("limits the paths of the service that take a password, and no others", () => {
    const description = JSON.parse(
      readFileSync(path.join(__dirname, "../../../app/service/openapi.json"), "utf8"),
    ) as { paths: Readonly<Record<string, unknown>> };
    const limited = Object.keys(description.paths).filter((each) => new RegExp(passwordPaths).test(each));
    assert.deepEqual(limited, ["/v1/account/password", "/v1/session", "/v1/signin", "/v1/signup"]);
  });

  it("logs what it refused or would have, without what lets a reader sign in", () => {
    const { inputs } = find(
      graph,
      "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
      "web-waf-log",
    );
    assert.deepEqual(inputs["redactedFields"], [
      { singleHeader: { name: "authorization" } },
      { singleHeader: { name: "cookie" } },
    ]);
    assert.match(JSON.stringify(inputs["loggingFilter"]), /"defaultBehavior":"DROP".*"BLOCK".*"COUNT"/);
    const log = find(graph, "aws:cloudwatch/logGroup:LogGroup", "web-waf-log").inputs;
    assert.deepEqual([log["namePrefix"], log["retentionInDays"]], ["aws-waf-logs-web-waf-", 30]);
  });
});
