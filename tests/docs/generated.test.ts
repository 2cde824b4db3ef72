import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { before, describe, it } from "node:test";
import { type Generated, generatedFiles, root } from "../../tools/generate";

describe("what npm run docs writes", () => {
  let files: Map<string, Generated>;
  before(async () => (files = await generatedFiles()));

  for (const file of [
    "Pulumi.yaml",
    "docs/settings.md",
    "docs/outputs.md",
    "docs/costs.md",
    "docs/controls.md",
    "docs/operations.md",
    "docs/updates.md",
    "docs/alarms.md",
    "docs/benchmarks.md",
    "docs/limits.md",
    "docs/images/graph-prod.svg",
    "docs/deployment.md",
    "client/schema.d.ts",
  ])
    it(`${file} is as the program says`, () => {
      const generated = files.get(file);
      assert.ok(generated);
      assert.equal(generated.current, generated.written, `run "npm run docs" and commit ${file}`);
    });

  it("is all that is told to be written", () => {
    const marked = readdirSync(path.join(root, "docs")).filter(
      (name) =>
        name.endsWith(".md") &&
        readFileSync(path.join(root, "docs", name), "utf8").includes(": written by npm run docs -->"),
    );
    assert.deepEqual(
      marked.map((name) => `docs/${name}`),
      [...files.keys()].filter((file) => file.endsWith(".md")).sort(),
    );
  });
});

/** Files of a folder that end in a text, with their paths from the root. */
const filesOf = (folder: string, ending: string) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending))
    .map((file) => path.join(folder, file));
const read = (file: string) => readFileSync(path.join(root, file), "utf8");

describe("prices", () => {
  const amounts = (text: string) => [...text.matchAll(/\$\d+(\.\d+)?/g)].map(([amount]) => amount);
  const page = new Set(amounts(read("docs/costs.md")));
  for (const file of filesOf("components", ".ts"))
    it(`${file} names none that docs/costs.md does not`, () => {
      const comments = read(file).match(/\/\*\*[^]*?\*\//g) ?? [];
      const others = amounts(comments.join("\n")).filter((amount) => !page.has(amount));
      assert.deepEqual(others, [], "correct the comment");
    });
});

describe("pages", () => {
  const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...filesOf("docs", ".md")];
  /** Headings as GitHub names them in links. */
  const anchors = (page: string) =>
    [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} -]/gu, "")
        .replaceAll(" ", "-"),
    );
  const exists = (file: string) => {
    try {
      return readdirSync(path.join(root, path.dirname(file))).includes(path.basename(file));
    } catch {
      return false;
    }
  };
  for (const page of pages)
    it(`${page} links to what is there`, () => {
      for (const [, link = ""] of read(page).matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
        const [to = "", anchor] = link.split("#");
        const target = to === "" ? page : path.join(path.dirname(page), to);
        assert.ok(exists(target), `${link} leads nowhere`);
        if (anchor) assert.ok(anchors(target).includes(anchor), `${link} has no such heading`);
      }
    });

  it("name no npm script that does not exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    for (const page of pages)
      for (const [, script = ""] of read(page).matchAll(/npm run (?:-s )?([\w:-]+)/g))
        assert.ok(script in scripts, `${page} names npm run ${script}`);
  });

  for (const record of filesOf("docs/decisions", ".md"))
    it(`${record} has a date and a status`, () =>
      assert.match(
        read(record),
        /^# .+\n\nDate: \d{4}-\d{2}-\d{2}\nStatus: (accepted|superseded by \d{3})\n/,
      ));
});
