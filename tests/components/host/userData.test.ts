import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { it } from "node:test";
import * as fc from "fast-check";
import { parse } from "yaml";
import { renderUserData } from "../../../components/host/userData";
import { messageOf, scriptOf } from "../../../policy/userData";

const config = "#cloud-config\nruncmd: []\n";

it("a script gets its variables, exported before it", () => {
  const script = scriptOf(
    renderUserData(config, "echo one\necho two\n", { NAME: "value", COUNT: 3, ON: true }),
  );
  assert.equal(
    script,
    "#!/bin/bash\nexport NAME='value'\nexport COUNT='3'\nexport ON='true'\necho one\necho two",
  );
});

it("whatever a value is, the shell sees it unchanged", () => {
  const value = fc.string({ unit: fc.constantFrom(...Array.from("abc '\"$`\\!*?;|&<>(){}[]#~%=\t")) });
  fc.assert(
    fc.property(value, (text) => {
      const script = scriptOf(renderUserData(config, 'printf %s "$VALUE"', { VALUE: text }));
      assert.equal(execFileSync("bash", ["-c", script], { encoding: "utf8" }), text);
    }),
    { numRuns: 25 },
  );
});

it("user data is a compressed MIME message of a cloud-config and a script", () => {
  const message = messageOf(renderUserData(config, "true\n", {}));
  assert.match(message, /^Content-Type: multipart\/mixed; boundary="([^"]+)"\nMIME-Version: 1.0\n\n--\1\n/);
  assert.ok(message.includes(config.trimEnd()));
  assert.match(message, /^[\x20-\x7e\n]+$/);
  const python =
    "import email,sys; print([p.get_content_type() for p in email.message_from_file(sys.stdin).walk()])";
  const parts = execFileSync("python3", ["-c", python], { input: message, encoding: "utf8" });
  assert.equal(parts.trim(), "['multipart/mixed', 'text/cloud-config', 'text/x-shellscript']");
});

it("the same input gives the same bytes", () => {
  const render = () => renderUserData(config, "true\n".repeat(1000), { A: "b" });
  assert.equal(render(), render());
});

const refused: {
  title: string;
  body: string;
  variables: Parameters<typeof renderUserData>[2];
  message: RegExp;
}[] = [
  {
    title: "a name that the shell does not know",
    body: "",
    variables: { "a-b": "" },
    message: /a-b cannot name/,
  },
  { title: "a letter beyond ASCII", body: "echo ü\n", variables: {}, message: /plain ASCII.*echo ü/ },
  { title: "a newline in a value", body: "", variables: { A: "b\u0007" }, message: /plain ASCII/ },
  {
    title: "more than EC2 takes",
    body: Array.from({ length: 20_000 }, (_, index) => String((index * 7919) % 10_007)).join(""),
    variables: {},
    message: /bytes and EC2 takes 16384/,
  },
];
for (const { title, body, variables, message } of refused) {
  it(`${title} is refused`, () => assert.throws(() => renderUserData(config, body, variables), message));
}

it("the script runs at every boot", () => {
  const file = readFileSync(path.join(__dirname, "../../../userdata/cloud-config.yaml"), "utf8");
  assert.ok(file.startsWith("#cloud-config\n"));
  const { cloud_final_modules: modules } = parse(file) as { cloud_final_modules: unknown[] };
  assert.deepEqual(modules[0], ["scripts-user", "always"]);
});
