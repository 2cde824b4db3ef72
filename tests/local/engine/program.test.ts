import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import type { ResourceRequest } from "../../../local/engine/handler";
import {
  type Backend,
  type StackConfig,
  loadStack,
  ResourceFailure,
  runProgram,
} from "../../../local/engine/program";
import { temporaryFolder } from "../support";

const stack: StackConfig = {
  project: "sample",
  stack: "test",
  config: { "sample:size": "3", "pulumi:disable-default-providers": '["aws"]' },
};

/** Makes everything at once; what `make` answers comes on top. */
function backend(make: (request: ResourceRequest) => object | Promise<object> = () => ({})): Backend {
  return {
    create: async (request) => ({ id: `${request.name}-id`, outputs: { ...(await make(request)) } }),
    invoke: () => Promise.resolve({ id: "ami-1" }),
  };
}

const provider = () =>
  new aws.Provider("east", {
    region: "us-east-1",
    defaultTags: { tags: { project: "sample", tier: "none" } },
  });
const delay = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const run = (program: () => unknown, make?: Parameters<typeof backend>[0], preview = false) =>
  runProgram({ stack, backend: backend(make), preview, program });

describe("a run of the program", () => {
  it("answers the outputs, secrets marked, with configuration and ids resolved", async () => {
    const { outputs } = await run(
      () => {
        const vpc = new aws.ec2.Vpc("vpc", { cidrBlock: "10.0.0.0/16" }, { provider: provider() });
        const password = new random.RandomPassword("password", { length: 8 });
        return {
          size: new pulumi.Config().requireNumber("size"),
          id: vpc.id,
          cidr: vpc.cidrBlock,
          password: password.result,
          url: pulumi.interpolate`postgres://app:${password.result}@db`,
        };
      },
      ({ type }) => (type.startsWith("random:") ? { result: "s3cret" } : {}),
    );
    assert.deepEqual(outputs, {
      size: { value: 3, secret: false },
      id: { value: "vpc-id", secret: false },
      cidr: { value: "10.0.0.0/16", secret: false },
      password: { value: "s3cret", secret: true },
      url: { value: "postgres://app:s3cret@db", secret: true },
    });
  });

  it("hands the backend plain inputs, the region and the merged tags", async () => {
    const requests: ResourceRequest[] = [];
    const { registrations } = await run(
      () => {
        const options = { provider: provider() };
        new aws.ec2.Vpc("vpc", { tags: { tier: "web" } }, options);
        new aws.ec2.Vpc("elsewhere", { region: "us-west-2" }, options);
        new aws.iam.RolePolicy("policy", { role: "r", policy: pulumi.secret("{}") }, options);
        new random.RandomId("id", { byteLength: 4 });
      },
      (request) => {
        requests.push(request);
        return {};
      },
    );
    const seen = Object.fromEntries(requests.map(({ name, region, inputs }) => [name, { region, inputs }]));
    assert.deepEqual(seen, {
      vpc: { region: "us-east-1", inputs: { tags: { project: "sample", tier: "web" } } },
      elsewhere: {
        region: "us-west-2",
        inputs: { region: "us-west-2", tags: { project: "sample", tier: "none" } },
      },
      policy: { region: "us-east-1", inputs: { role: "r", policy: "{}" } },
      id: { region: "", inputs: { byteLength: 4 } },
    });
    assert.deepEqual(registrations.find(({ name }) => name === "policy")?.secretInputs, ["policy"]);
  });

  it("records parents, dependencies, providers and options, with the URNs of the engine", async () => {
    class Box extends pulumi.ComponentResource {
      constructor(name: string, options: pulumi.ComponentResourceOptions) {
        super("sample:index:Box", name, {}, options);
        const vpc = new aws.ec2.Vpc(
          `${name}-vpc`,
          {},
          { parent: this, protect: true, ignoreChanges: ["tags"] },
        );
        new aws.ec2.Subnet(
          `${name}-subnet`,
          { vpcId: vpc.id },
          { parent: this, deleteBeforeReplace: true, retainOnDelete: true, replaceOnChanges: ["cidrBlock"] },
        );
        this.registerOutputs({});
      }
    }
    const { registrations } = await run(() => {
      const box = new Box("box", { provider: provider() });
      new random.RandomId("after", { byteLength: 4 }, { dependsOn: box });
    });
    const byName = new Map(registrations.map((registration) => [registration.name, registration]));
    const vpcUrn = "urn:pulumi:test::sample::sample:index:Box$aws:ec2/vpc:Vpc::box-vpc";
    assert.equal(byName.get("box-vpc")?.urn, vpcUrn);
    assert.equal(byName.get("box-vpc")?.parent, byName.get("box")?.urn);
    assert.equal(byName.get("box-vpc")?.provider, byName.get("east")?.urn);
    assert.equal(byName.get("box-vpc")?.protect, true);
    assert.deepEqual(byName.get("box-vpc")?.ignoreChanges, ["tags"]);
    assert.deepEqual(byName.get("box-subnet")?.propertyDependencies["vpcId"], [vpcUrn]);
    assert.equal(byName.get("box-subnet")?.deleteBeforeReplace, true);
    assert.equal(byName.get("box-subnet")?.retainOnDelete, true);
    assert.deepEqual(byName.get("box-subnet")?.replaceOnChanges, ["cidrBlock"]);
    assert.ok(byName.get("after")?.dependencies.includes(vpcUrn));
  });

  it("a preview leaves ids and outputs unknown, and registers the same resources", async () => {
    const program = () => {
      const vpc = new aws.ec2.Vpc("vpc", { cidrBlock: "10.0.0.0/16" }, { provider: provider() });
      const subnet = new aws.ec2.Subnet("subnet", { vpcId: vpc.id }, { provider: provider2() });
      return { vpc: vpc.id, cidr: vpc.cidrBlock, arn: subnet.arn };
    };
    const provider2 = () => new aws.Provider("west", { region: "us-west-2" });
    const preview = await run(program, undefined, true);
    const update = await run(program);
    assert.equal(preview.outputs["cidr"]?.value, "10.0.0.0/16");
    assert.equal(preview.outputs["vpc"]?.value, undefined);
    const urns = (result: typeof preview) => result.registrations.map(({ urn }) => urn).sort();
    assert.deepEqual(urns(preview), urns(update));
  });

  it("waits for resources that no output leads to", async () => {
    const { registrations } = await run(
      () => {
        const first = new random.RandomId("first", { byteLength: 4 });
        first.id.apply(() => new random.RandomId("late", { byteLength: 4 }));
      },
      () => delay(20).then(() => ({})),
    );
    assert.ok(registrations.some(({ name }) => name === "late"));
  });

  it("rejects with the failed resource's error, after what was under way has settled", async () => {
    const made: string[] = [];
    const error = await run(
      () => {
        const broken = new random.RandomId("broken", { byteLength: 4 });
        new random.RandomId("slow", { byteLength: 4 });
        const dependent = new random.RandomId("dependent", { byteLength: 4 }, { dependsOn: broken });
        return { hex: pulumi.interpolate`${broken.hex} ${dependent.hex}` };
      },
      async ({ name }) => {
        if (name === "broken") throw Object.assign(new Error("no such thing"), { code: 1 });
        await delay(50);
        made.push(name);
        return {};
      },
    ).then(
      () => assert.fail("the run passed"),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ResourceFailure);
    assert.equal(error.message, "broken [random:index/randomId:RandomId]: no such thing");
    assert.equal(error.resource.urn, "urn:pulumi:test::sample::random:index/randomId:RandomId::broken");
    assert.ok(!("code" in error));
    assert.deepEqual(made, ["slow"]);
  });

  it("reports every failed resource once", async () => {
    const program = () => {
      const one = new random.RandomId("one", { byteLength: 4 });
      const two = new random.RandomId("two", { byteLength: 4 });
      for (const name of ["a", "b", "c"])
        new random.RandomId(name, { byteLength: 4 }, { dependsOn: [one, two] });
    };
    const make = async ({ name }: ResourceRequest) => {
      await delay(name === "one" ? 5 : 15);
      throw new Error(`${name} is broken`);
    };
    await assert.rejects(run(program, make), (error: unknown) => {
      assert.ok(error instanceof AggregateError);
      assert.equal(error.errors.length, 2);
      assert.match(error.message, /^one .*one is broken\ntwo .*two is broken$/s);
      return true;
    });
  });

  const failures: { title: string; program: () => unknown; message: RegExp }[] = [
    {
      title: "an error that the program throws",
      program: () => {
        throw new pulumi.RunError("two settings are wrong");
      },
      message: /^two settings are wrong$/,
    },
    {
      title: "an error in an apply that nothing waits for",
      program: () => void pulumi.output(1).apply(() => Promise.reject(new Error("lost"))),
      message: /^lost$/,
    },
    {
      title: "a duplicate URN",
      program: () => [1, 2].map(() => new random.RandomId("same", { byteLength: 4 }).id),
      message: /^Duplicate resource URN .*::same/,
    },
    {
      title: "a forgotten provider",
      program: () => new aws.ec2.Vpc("vpc", {}).id,
      message: /default provider for "aws" is disabled/,
    },
    {
      title: "a failed lookup",
      program: () => aws.ec2.getAmiOutput({}, { provider: provider() }).id,
      message: /^aws:ec2\/getAmi:getAmi: no image$/,
    },
    {
      title: "a program that waits for ever",
      program: () => new Promise(() => undefined),
      message: /waits for something that never comes/,
    },
  ];

  for (const { title, program, message } of failures) {
    it(`rejects ${title}`, async () => {
      const failing: Backend = { ...backend(), invoke: () => Promise.reject(new Error("no image")) };
      await assert.rejects(
        runProgram({ stack, backend: failing, program: () => ({ out: program() }), stuckAfterSeconds: 0.1 }),
        (error: unknown) => error instanceof Error && message.test(error.message),
      );
    });
  }

  it("an interrupted run starts nothing more", async () => {
    const controller = new AbortController();
    const made: string[] = [];
    const program = () => {
      const first = new random.RandomId("first", { byteLength: 4 });
      new random.RandomId("second", { byteLength: 4 }, { dependsOn: first });
    };
    const make = async ({ name }: ResourceRequest) => {
      controller.abort();
      await delay(10);
      made.push(name);
      return {};
    };
    await assert.rejects(
      runProgram({ stack, backend: backend(make), program, signal: controller.signal }),
      /interrupted/,
    );
    assert.deepEqual(made, ["first"]);
  });

  it("reads defaults and the stack's own values, structured ones as JSON", async (t) => {
    const folder = await temporaryFolder();
    t.after(() => folder.remove());
    const directory = folder.path;
    writeFileSync(
      path.join(directory, "Pulumi.yaml"),
      "name: sample\nconfig:\n  size: { type: integer, default: 3 }\n  zones: { type: array, items: { type: string }, default: [a] }\n  name: { type: string }\n",
    );
    writeFileSync(
      path.join(directory, "Pulumi.dev.yaml"),
      "config:\n  sample:size: 4\n  pulumi:disable-default-providers: [aws]\n",
    );
    writeFileSync(path.join(directory, "Pulumi.sealed.yaml"), "config:\n  sample:size: { secure: abc }\n");
    assert.deepEqual(loadStack("dev", { directory }), {
      project: "sample",
      stack: "dev",
      config: { "sample:size": "4", "sample:zones": '["a"]', "pulumi:disable-default-providers": '["aws"]' },
    });
    assert.throws(() => loadStack("sealed", { directory }), /sample:size is encrypted/);
    assert.throws(() => loadStack("none", { directory }), /There is no stack "none".*Stacks: dev, sealed/);
  });
});
