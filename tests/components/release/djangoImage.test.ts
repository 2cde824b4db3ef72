import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { appArchive } from "../../../components/release/appArchive";
import { DjangoImage, type DjangoImageArgs } from "../../../components/release/djangoImage";
import { type Evaluation, evaluate } from "../../support/component";
import { ancestors, find, ofType, unknownImage, unknownType } from "../../../local/engine/recorder";
import { stubGate, stubNetwork } from "../../support/stubs";

const construct = (changed: Partial<DjangoImageArgs> = {}) =>
  evaluate(
    (provider) =>
      new DjangoImage(
        "image",
        {
          network: stubNetwork("us-east-1"),
          gate: stubGate(provider),
          debianImage: "debian-13-amd64-20260914-2601",
          instanceType: "t3.micro",
          sessionManager: false,
          hostAgent: false,
          tags: {},
          ...changed,
        },
        { provider },
      ),
  );
const builder = (graph: Evaluation<unknown>) => find(graph, "aws:ec2/instance:Instance", "image-builder");
const image = (graph: Evaluation<unknown>) => find(graph, "aws:ec2/amiFromInstance:AmiFromInstance", "image");

describe("DjangoImage", () => {
  it("is made of a builder's disk once the builder has succeeded and stands still", async () => {
    const graph = await construct();
    const before = ancestors(graph, image(graph));
    assert.ok(before.has("image-builder-gate") && before.has("image-builder-stopped"));
  });

  it("leaves its name to Pulumi: one that is taken would stop each attempt after one that was not reported", async () => {
    assert.equal(image(await construct()).inputs["name"], undefined);
  });

  it("has its archive under a name that its content gives, so that going back to it does not delete it", async () => {
    const graph = await construct();
    const { contentHash } = appArchive();
    const [object] = ofType(graph, "aws:s3/bucketObjectv2:BucketObjectv2");
    assert.equal(object?.name, `image-app-${contentHash.slice(0, 8)}`);
    assert.equal(object.inputs["key"], `app/${contentHash}.zip`);
    assert.ok(ancestors(graph, builder(graph)).has(object.name));
  });

  const contentOf = (graph: Evaluation<unknown>) =>
    (image(graph).inputs["tags"] as Record<string, string>)["django-on-ec2:content"];

  it("is the same image for the same content, and needs another builder for another agent", async () => {
    const [one, same, other, third] = [
      await construct(),
      await construct(),
      await construct({ sessionManager: true }),
      await construct({ hostAgent: true }),
    ];
    assert.deepEqual(image(one).inputs, image(same).inputs);
    assert.deepEqual(builder(one).inputs, builder(same).inputs);
    assert.equal(new Set([one, other, third].map(contentOf)).size, 3);
    assert.notEqual(builder(one).inputs["userDataBase64"], builder(other).inputs["userDataBase64"]);
    assert.deepEqual(builder(one).replaceOnChanges, ["instanceType"]);
  });

  it("lets the builder read its archive and nothing else", async () => {
    const { inputs } = find(await construct(), "aws:iam/rolePolicy:RolePolicy", "image-builder-role-policy");
    const { Statement } = JSON.parse(String(inputs["policy"])) as { Statement: { Resource: string }[] };
    assert.deepEqual(
      Statement.map(({ Resource }) => Resource),
      ["arn:aws:s3:::bucket/boot", `arn:aws:s3:::bucket/${appArchive().key}`],
    );
  });

  it("refuses a type that EC2 does not offer and an image that Debian does not publish, naming the setting", async () => {
    await assert.rejects(construct({ instanceType: unknownType }), /webInstanceType is t9\.large, which EC2/);
    await assert.rejects(
      construct({ debianImage: unknownImage }),
      /debianImage is debian-13-\S+, which Debian/,
    );
  });
});
