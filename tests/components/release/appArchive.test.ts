import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { it } from "node:test";
import { appArchive } from "../../../components/release/appArchive";

function tree(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(path.join(tmpdir(), "app-archive-"));
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), content);
  }
  return root;
}

it("takes what runs, and leaves what development made", () => {
  const root = tree({
    "manage.py": "a",
    "requirements.txt": "a",
    "requirements.in": "a",
    "ruff.toml": "a",
    "service/wsgi.py": "a",
    "service/__pycache__/wsgi.pyc": "a",
    "service/tests/test_wsgi.py": "a",
    "service/conftest.py": "a",
    ".pytest_cache/x": "a",
    "templates/a/b.html": "a",
  });
  assert.deepEqual(appArchive(root).files, [
    "manage.py",
    "requirements.txt",
    "service/wsgi.py",
    "templates/a/b.html",
  ]);
  rmSync(root, { recursive: true });
});

it("is named after its content, wherever it lies", () => {
  const [one, same, other, moved] = [
    ["a", "xy"],
    ["a", "xy"],
    ["a", "xz"],
    ["b", "xy"],
  ].map(([file, content]) => tree({ [file!]: content! }));
  const key = (root: string | undefined) => appArchive(root).key;
  assert.match(key(one), /^app\/[0-9a-f]{64}\.zip$/);
  assert.equal(key(one), key(same));
  assert.notEqual(key(one), key(other));
  assert.notEqual(key(one), key(moved));
  for (const root of [one, same, other, moved]) rmSync(root!, { recursive: true });
});

it("has what the image's boot script asks for", () => {
  const { files } = appArchive();
  for (const file of ["manage.py", "requirements.txt", "service/__main__.py", "service/openapi.json"]) {
    assert.ok(files.includes(file), file);
  }
});
