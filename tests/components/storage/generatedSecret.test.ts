import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { GeneratedSecret, type GeneratedSecretArgs } from "../../../components/storage/generatedSecret";
import { evaluate, valueOf } from "../../support/component";
import { find } from "../../../local/engine/recorder";

const construct = (changed: Partial<GeneratedSecretArgs> = {}) =>
  evaluate(
    (provider) =>
      new GeneratedSecret(
        "secret",
        { description: "A secret", value: { password: pulumi.secret("tulip") }, recoveryDays: 7, ...changed },
        { provider },
      ),
  );

describe("GeneratedSecret", () => {
  it("is a secret and its value, which is JSON and encrypted in the state", async () => {
    const graph = await construct();
    const { inputs } = find(graph, "aws:secretsmanager/secret:Secret", "secret");
    assert.equal(inputs["description"], "A secret");
    assert.equal(inputs["recoveryWindowInDays"], 7);
    assert.equal(inputs["replicas"], undefined);
    const value = find(graph, "aws:secretsmanager/secretVersion:SecretVersion", "secret-value");
    assert.deepEqual(JSON.parse(String(value.inputs["secretString"])), { password: "tulip" });
    assert.deepEqual(value.secretInputs, ["secretString"]);
  });

  it("has the same ARN whatever its value, and another version for another one", async () => {
    const [one, other] = [await construct(), await construct({ value: { password: pulumi.secret("rose") } })];
    assert.equal(await valueOf(one.made.arn), await valueOf(other.made.arn));
    assert.notEqual(await valueOf(one.made.versionId), await valueOf(other.made.versionId));
  });

  it("names itself without waiting for its value", async () => {
    const { made } = await construct();
    const urns = async (output: pulumi.Output<unknown>) => {
      const resources = await (
        output as unknown as { allResources(): Promise<Set<pulumi.Resource>> }
      ).allResources();
      return Promise.all([...resources].map(({ urn }) => valueOf(urn)));
    };
    assert.ok(!(await urns(made.arn)).some((urn) => urn.includes("SecretVersion")));
    assert.ok((await urns(made.versionId)).some((urn) => urn.includes("SecretVersion")));
  });

  it("is replicated to another region, where only the ARN differs", async () => {
    const graph = await construct({ replicaRegion: "us-east-2" });
    const { inputs } = find(graph, "aws:secretsmanager/secret:Secret", "secret");
    assert.deepEqual(inputs["replicas"], [{ region: "us-east-2" }]);
    const { made } = graph;
    const replica = made.in("us-east-2");
    assert.equal(await valueOf(replica.arn), (await valueOf(made.arn)).replace("us-east-1", "us-east-2"));
    assert.equal(await valueOf(replica.versionId), await valueOf(made.versionId));
  });
});
