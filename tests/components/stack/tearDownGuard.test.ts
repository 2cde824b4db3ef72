import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { TearDownGuard } from "../../../components/stack/tearDownGuard";
import { evaluate } from "../../support/component";
import { find } from "../../../local/engine/recorder";

class Group extends pulumi.ComponentResource {
  constructor(name: string, provider: aws.Provider) {
    super("test:Group", name, {}, { provider });
    const inner = new pulumi.ComponentResource("test:Group", `${name}-inner`, {}, { parent: this });
    new aws.ec2.Vpc(`${name}-vpc`, {}, { parent: inner });
  }
}

const guard = (protect: boolean) =>
  evaluate(
    (provider) => new TearDownGuard("guard", { protect, stack: [provider, new Group("one", provider)] }),
  );

describe("TearDownGuard", () => {
  it("depends on everything in the components that it is given, itself and not by way of another", async () => {
    const graph = await guard(true);
    const { dependencies } = find(graph, "django-on-ec2:components:TearDownGuard", "guard");
    const custom = graph.registrations.filter((resource) => resource.custom);
    assert.ok(custom.length >= 2);
    for (const { urn } of custom) assert.ok(dependencies.includes(urn), urn);
  });

  it("is there in any case, and protected if the stack is", async () => {
    for (const protect of [true, false]) {
      const resource = find(await guard(protect), "django-on-ec2:components:TearDownGuard", "guard");
      assert.deepEqual([resource.protect, resource.custom], [protect, false]);
    }
  });
});
