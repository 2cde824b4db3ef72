import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { it } from "node:test";
import { credentials } from "@grpc/grpc-js";
import { LanguageRuntimeClient } from "@pulumi/pulumi/proto/language_grpc_pb";
import { RunRequest } from "@pulumi/pulumi/proto/language_pb";
import { startLanguageHost } from "../../tools/languageHost";
import { temporaryFolder } from "../local/support";

it("a program runs under the runtime options of its own Pulumi.yaml, which the CLI does not pass on", async (t) => {
  const folder = await temporaryFolder();
  t.after(() => folder.remove());
  const file = (name: string) => path.join(folder.path, name);
  const runtime = "{ name: nodejs, options: { typescript: false, nodeargs: --require ./first.cjs } }";
  writeFileSync(file("Pulumi.yaml"), `name: sample\nruntime: ${runtime}\n`);
  writeFileSync(
    file("first.cjs"),
    `require("node:fs").writeFileSync("told", [process.env.PULUMI_NODEJS_TYPESCRIPT, ...process.argv].join("\\n"));
     process.exit(0);`,
  );
  const host = await startLanguageHost();
  t.after(() => host.stop());
  const client = new LanguageRuntimeClient(`127.0.0.1:${host.port}`, credentials.createInsecure());
  t.after(() => client.close());
  const request = new RunRequest();
  request.setPwd(folder.path);
  request.setStack("dev");
  request.setDryrun(true);
  request.setArgsList(["127.0.0.1:7"]);
  await new Promise<void>((resolve, reject) =>
    client.run(request, (error) => (error ? reject(error) : resolve())),
  );
  const [typescript, ...args] = readFileSync(file("told"), "utf8").split("\n");
  assert.equal(typescript, "false");
  const after = (flag: string) => args[args.indexOf(flag) + 1];
  assert.deepEqual([after("--engine"), after("--stack")], ["127.0.0.1:7", "dev"]);
  assert.ok(args.includes("--dry-run"));
});
