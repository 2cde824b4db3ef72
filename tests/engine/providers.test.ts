/** What the engine makes of providers whose resources end with a region, over a program of a few resources. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import * as aws from "@pulumi/aws";
import { LocalWorkspace, type Stack } from "@pulumi/pulumi/automation";
import { serveProviders } from "../../local/aws/providers";
import { recordedHandlers } from "../../local/aws/recorded";
import { LocalBackend } from "../../local/engine/backend";
import type { Handlers, Properties } from "../../local/engine/handler";
import { Progress } from "../../local/terminal/progress";
import { ignoreRefusals, needsCli } from "./deployment";
import { ownFolder } from "./folder";

const bucketType = "aws:s3/bucket:Bucket";

describe("the providers of a region, under the real engine", needsCli, () => {
  const home = ownFolder();
  after(() => rmSync(home, { recursive: true, force: true }));

  let stack: Stack;
  let handlers: Handlers;
  /** What buckets there are, by id. */
  let buckets: Map<string, Properties>;
  /** How often the function was asked, and what it waits for. */
  let asked: number;
  let answered: Promise<string> | undefined;
  let forceDestroy: boolean;
  let backend: LocalBackend;
  const stops: (() => void)[] = [];
  after(() => stops.forEach((stop) => stop()));
  before(ignoreRefusals);

  async function program(): Promise<void> {
    const provider = new aws.Provider("here", { region: "us-east-1" });
    const bucket = new aws.s3.Bucket("files", { forceDestroy, tags: { a: "b" } }, { provider });
    new aws.lambda.Invocation("gate", { functionName: "gate", input: bucket.id }, { provider });
  }

  /** Starts a region, and has the stack deploy to it. */
  async function startRegion(id: string): Promise<void> {
    buckets = new Map();
    asked = 0;
    answered = undefined;
    handlers = {
      ...recordedHandlers(),
      [bucketType]: {
        async create({ inputs }) {
          const name = String(inputs["bucket"]);
          buckets.set(name, { tags: inputs["tags"] });
          return { id: name, outputs: { arn: `arn:aws:s3:::${name}` } };
        },
        read: async (name) => {
          const found = buckets.get(name);
          return found && { id: name, outputs: found };
        },
        async update(name, _state, { inputs }) {
          buckets.set(name, { tags: inputs["tags"] });
          return { id: name, outputs: {} };
        },
        async delete(name) {
          buckets.delete(name);
        },
      },
      "aws:lambda/invocation:Invocation": {
        async create(_request, signal) {
          asked++;
          const stopped = new Promise<never>((_resolve, reject) =>
            signal?.addEventListener("abort", () => reject(new Error("not waited for any more"))),
          );
          const result = await Promise.race([answered ?? "{}", stopped]);
          return { id: "gate", outputs: { result } };
        },
        read: async (name, state) => ({ id: name, outputs: state }),
        update: async (name) => ({ id: name, outputs: {} }),
        delete: async () => undefined,
      },
    };
    const progress = new Progress({ screen: { write: () => true }, env: {} });
    backend = new LocalBackend({ handlers, invokes: {}, progress, signal: new AbortController().signal });
    const providers = await serveProviders(backend, id);
    stops.push(() => providers.stop());
    stack.workspace.envVars["PULUMI_DEBUG_PROVIDERS"] = providers.addresses;
  }

  before(async () => {
    stack = await LocalWorkspace.createStack(
      { stackName: "local", projectName: "sample", program },
      {
        workDir: home,
        pulumiHome: home,
        envVars: {
          PULUMI_BACKEND_URL: `file://${home}`,
          PULUMI_CONFIG_PASSPHRASE: "test",
          PULUMI_SKIP_UPDATE_CHECK: "true",
          PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        },
      },
    );
  });
  beforeEach(async () => {
    forceDestroy = false;
    await startRegion("first");
    await stack.up();
  });
  afterEach(() => forget());
  // What a test leaves in the state is forgotten with its region.
  const forget = () => stack.destroy();

  it("a region that has ended is told as such, until its state is forgotten", async () => {
    await startRegion("second");
    for (const command of [() => stack.preview(), () => stack.up()])
      await assert.rejects(command, /in a local region that has ended, and are gone.*`pulumi destroy`/s);
    assert.equal(buckets.size, 0);
    await forget();
    await stack.up();
    assert.equal(buckets.size, 1);
  });

  it("a refresh finds nothing in a region that has ended", async () => {
    await startRegion("second");
    await stack.refresh();
    const { deployment } = (await stack.exportStack()) as { deployment: { resources: { type: string }[] } };
    assert.deepEqual(
      deployment.resources.map(({ type }) => type).filter((type) => type.startsWith("aws:")),
      [],
    );
  });

  it("what is gone or changed behind its back is seen by a refresh, and mended by the next update", async () => {
    const [name = ""] = buckets.keys();
    buckets.set(name, { tags: { a: "not b" } });
    await stack.refresh();
    await stack.up();
    assert.deepEqual([...buckets], [[name, { tags: { a: "b" } }]]);
    buckets.clear();
    await stack.refresh();
    await stack.up();
    assert.deepEqual([...buckets.values()], [{ tags: { a: "b" } }]);
  });

  it("a change in place is in the state as it was asked for", async () => {
    forceDestroy = true;
    await stack.up();
    const { deployment } = (await stack.exportStack()) as {
      deployment: { resources: { type: string; outputs: Properties }[] };
    };
    const bucket = deployment.resources.find(({ type }) => type === bucketType);
    assert.equal(bucket?.outputs["forceDestroy"], true);
    assert.equal(bucket.outputs["arn"], `arn:aws:s3:::${[...buckets.keys()][0]}`);
  });

  it("a command that is stopped while a gate waits asks it again the next time", async () => {
    await forget();
    let answer: (value: string) => void = () => undefined;
    answered = new Promise((resolve) => (answer = resolve));
    asked = 0;
    const controlC = new AbortController();
    const outcome = assert.rejects(stack.up({ signal: controlC.signal }), /not waited for any more/);
    while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    controlC.abort();
    await outcome;
    answer("{}");
    answered = undefined;
    await stack.up();
    assert.equal(asked, 2);
  });

  it("a type that the region has not is refused in the preview", async () => {
    const bucket = handlers[bucketType];
    Object.assign(handlers, { [bucketType]: undefined });
    await assert.rejects(() => stack.preview(), /the local region has no aws:s3\/bucket:Bucket/);
    Object.assign(handlers, { [bucketType]: bucket });
    assert.equal(asked, 1);
  });
});
