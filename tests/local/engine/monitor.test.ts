import assert from "node:assert/strict";
import * as path from "node:path";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { type Backend, loadStack, runProgram, type StackConfig } from "../../../local/engine/program";
import { recorder } from "../../../local/engine/recorder";

const delay = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const backend: Backend = {
  create: async ({ name }) => {
    await delay(5);
    return { id: name, outputs: { hex: `${name}-hex` } };
  },
  invoke: () => Promise.reject(new Error("no lookups")),
};
const stack = (name: string): StackConfig => ({
  project: "sample",
  stack: name,
  config: { "sample:word": name },
});

/** Registers some resources over several turns of the event loop, each below the last. */
class Chain extends pulumi.ComponentResource {
  readonly hex: pulumi.Output<string>;
  constructor(name: string) {
    super("sample:index:Chain", name);
    const first = new random.RandomId(`${name}-first`, { byteLength: 4 }, { parent: this });
    const second = new random.RandomId(
      `${name}-second`,
      { byteLength: 4, prefix: first.hex },
      { parent: this },
    );
    this.hex = second.hex;
    this.registerOutputs({ hex: this.hex });
  }
}

const program = () => {
  const word = new pulumi.Config().require("word");
  return { word, hex: new Chain(word).hex };
};

/** Runs while `listener` is the only one of the process, as far as the runner of these tests leaves one. */
async function withListener<T>(listener: (reason: unknown) => void, work: () => Promise<T>): Promise<T> {
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection").on("unhandledRejection", listener);
  try {
    return await work();
  } finally {
    process.removeAllListeners("unhandledRejection");
    for (const other of others) process.on("unhandledRejection", other);
  }
}

describe("what a run takes from inside Pulumi's SDK", () => {
  it("keeps runs at the same time apart: configuration, resources, names, outputs", async () => {
    const names = ["one", "two", "three"];
    const results = await Promise.all(
      names.map((name) => runProgram({ stack: stack(name), backend, program })),
    );
    for (const [index, name] of names.entries()) {
      const { outputs, registrations } = results[index]!;
      assert.deepEqual(outputs, {
        word: { value: name, secret: false },
        hex: { value: `${name}-second-hex`, secret: false },
      });
      const urn = (type: string, resource: string) => `urn:pulumi:${name}::sample::${type}::${resource}`;
      const child = (resource: string) =>
        urn("sample:index:Chain$random:index/randomId:RandomId", `${name}-${resource}`);
      assert.deepEqual(
        registrations.map((registration) => registration.urn),
        [
          urn("pulumi:pulumi:Stack", `sample-${name}`),
          urn("sample:index:Chain", name),
          child("first"),
          child("second"),
        ],
      );
      assert.deepEqual(registrations[3]?.propertyDependencies["prefix"], [child("first")]);
    }
  });

  it("does not fail one run for what another does", async () => {
    const failing = () => {
      void pulumi.output(1).apply(() => Promise.reject(new Error("lost")));
      return program();
    };
    const [bad, good] = await Promise.allSettled([
      runProgram({ stack: stack("bad"), backend, program: failing }),
      runProgram({ stack: stack("good"), backend, program }),
    ]);
    assert.equal(bad.status === "rejected" && (bad.reason as Error).message, "lost");
    assert.equal(good.status, "fulfilled");
  });

  it("takes no rejection that arose elsewhere, and gives the listeners back", async () => {
    const heard: unknown[] = [];
    const listener = (reason: unknown) => heard.push(reason);
    await withListener(listener, async () => {
      const run = runProgram({
        stack: stack("run"),
        backend,
        program: () => {
          void Promise.reject(new Error("of the run"));
          return delay(20);
        },
      });
      void Promise.reject(new Error("of others"));
      await assert.rejects(run, /^Error: of the run$/);
      assert.deepEqual(
        heard.map((reason) => (reason as Error).message),
        ["of others"],
      );
      assert.deepEqual(process.listeners("unhandledRejection"), [listener]);
    });
  });

  it("hands over what the program logs, and fails a run that logs an error", async () => {
    const logged: string[] = [];
    const onLog = (message: string) => void logged.push(message);
    const logging = (name: "warn" | "error") => () => void pulumi.log[name](`a ${name}`);
    await runProgram({ stack: stack("warns"), backend, onLog, program: logging("warn") });
    await assert.rejects(
      runProgram({ stack: stack("errs"), backend, onLog, program: logging("error") }),
      /logged an error/,
    );
    assert.deepEqual(logged, ["a warn", "a error"]);
  });

  it("loads the program for each run, and leaves no trace in the cache of modules", async () => {
    const file = path.resolve(__dirname, "../../../index.ts");
    const run = (preview: boolean) =>
      runProgram({ stack: loadStack("dev"), backend: recorder, preview, onLog: () => undefined });
    const [preview, update] = [await run(true), await run(false)];
    assert.ok(update.registrations.length > 100);
    const urns = ({ registrations }: typeof update) => registrations.map(({ urn }) => urn).sort();
    assert.deepEqual(urns(preview), urns(update));
    assert.ok(!(file in require.cache));
  });
});
