import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, it } from "node:test";
import { type BootScript, bootVariables } from "../../components/host/bootVariables";
import { assembleScript, userDataLimit } from "../../components/host/userData";
import { messageOf, scriptOf } from "../../policy/userData";
import { assemble, scripts } from "./assembled";

const directory = path.join(__dirname, "..", "..", "userdata");
for (const script of scripts)
  describe(`${script}.sh`, () => {
    const { userData, text } = assemble(script);

    it("reads every variable that it is given", () => {
      const body = text.replace(/^export .*$/gm, "");
      for (const name of Object.keys(bootVariables[script]))
        assert.match(body, new RegExp(`\\$\\{?${name}\\b`), `${name} is not read`);
    });

    it("has every part of the library that it names, once, and no function that it does not use", () => {
      assert.doesNotMatch(text, /^source /m);
      const functions = [...text.matchAll(/^(\w+)\(\) [{(]/gm)].map(([, name]) => name!);
      assert.equal(new Set(functions).size, functions.length);
      for (const name of functions) {
        const mentions = text.match(new RegExp(`(?<![\\w/.-])${name}(?![\\w.(-]|\\(\\))`, "g")) ?? [];
        assert.ok(mentions.length > 0, `${name} is not used`);
      }
    });

    it("leaves room in EC2's limit for user data", () => {
      const { length } = Buffer.from(userData, "base64");
      assert.ok(length < 0.95 * userDataLimit, `${length} bytes`);
    });

    it("has in its user data the hash of what it fetches", () => {
      const { fetched } = assembleScript(script);
      const pinned = /^export SCRIPT_SHA256='(\w+)'$/m.exec(scriptOf(userData))?.[1];
      assert.equal(pinned, fetched && createHash("sha256").update(fetched).digest("hex"));
    });

    it("keeps the mechanism by which it runs at every boot", () => {
      assert.match(messageOf(userData), /^cloud_final_modules:\n {2}- \[scripts-user, always\]$/m);
    });
  });

describe("a change of a comment", () => {
  it("replaces nothing", () => {
    const read = (name: string) => readFileSync(path.join(directory, name), "utf8");
    for (const script of scripts)
      assert.equal(
        JSON.stringify(assembleScript(script, (name) => `# a comment\n\n${read(name)}`)),
        JSON.stringify(assembleScript(script, read)),
      );
  });
});

describe("a change of a file", () => {
  const everywhere = { postgres: true, django: true, web: true, release: true };
  /** Which user data changes with it, and so which hosts are replaced. */
  const effects: Readonly<Record<string, Partial<Record<BootScript, boolean>>>> = {
    "fetch.sh": { postgres: true },
    "lib/core.sh": everywhere,
    "lib/certificates.sh": { postgres: true },
    "lib/agent.sh": { postgres: true, django: true },
    "lib/backup.sh": { postgres: true },
    "lib/confined.sh": { postgres: true },
    "lib/json.sh": { postgres: true, release: true },
    "lib/logins.sh": { postgres: true },
    "lib/packages.sh": { postgres: true, django: true },
    "lib/group.sh": { web: true },
    "lib/telemetry.sh": { postgres: true, web: true },
    "lib/secrets.sh": { postgres: true, web: true, release: true },
    "lib/watch.sh": { postgres: true },
    "lib/upgrade.sh": { postgres: true },
    "lib/wait.sh": { postgres: true },
    ...Object.fromEntries(scripts.map((script) => [`${script}.sh`, { [script]: true }])),
  };

  it("is looked at for every file there is", () => {
    const files = readdirSync(directory, { recursive: true, encoding: "utf8" });
    assert.deepEqual(files.filter((file) => file.endsWith(".sh")).sort(), Object.keys(effects).sort());
  });

  for (const [file, effect] of Object.entries(effects))
    it(`${file} replaces ${Object.keys(effect).join(", ")} and nothing else`, () => {
      const read = (name: string) => readFileSync(path.join(directory, name), "utf8");
      const changed = (name: string) => (name === file ? `${read(name)}true\n` : read(name));
      for (const script of scripts)
        assert.equal(
          JSON.stringify(assembleScript(script, changed)) !== JSON.stringify(assembleScript(script, read)),
          effect[script] ?? false,
          script,
        );
    });
});
