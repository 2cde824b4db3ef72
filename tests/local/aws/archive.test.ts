import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { asset } from "@pulumi/pulumi";
import { readAsset, unzipTo, zip, zipArchive } from "../../../local/aws/archive";
import { temporaryFolder } from "../support";

const text = (value: string) => Buffer.from(value, "utf8");

describe("archives", () => {
  it("depend on names and contents alone", async (t) => {
    const folder = await temporaryFolder();
    t.after(() => folder.remove());
    const packed: Uint8Array[] = [];
    for (const [index, name] of ["one", "two"].entries()) {
      const root = join(folder.path, name);
      await mkdir(join(root, "sub"), { recursive: true });
      const names = index === 0 ? ["a.txt", "sub/b.txt"] : ["sub/b.txt", "a.txt"];
      for (const file of names) {
        await writeFile(join(root, file), `content of ${file}`);
        await utimes(join(root, file), new Date(), new Date(2001 + index, 1, 1));
      }
      packed.push(await zipArchive(new asset.FileArchive(root)));
    }
    assert.deepEqual(packed[0], packed[1]);
  });

  it("hold nested assets and archives and open with common tools", async (t) => {
    const folder = await temporaryFolder();
    t.after(() => folder.remove());
    await writeFile(join(folder.path, "file"), "from a file");
    const inner = join(folder.path, "inner.zip");
    await writeFile(inner, zip(new Map([["deep.txt", text("deep")]])));
    const bytes = await zipArchive(
      new asset.AssetArchive({
        "manage.py": new asset.StringAsset("print('ü')"),
        "copy/file": new asset.FileAsset(join(folder.path, "file")),
        nested: new asset.AssetArchive({ "x.txt": new asset.StringAsset("x") }),
        zipped: new asset.FileArchive(inner),
      }),
    );
    const path = join(folder.path, "all.zip");
    await writeFile(path, bytes);
    const listed = execFileSync("python3", ["-m", "zipfile", "--list", path], { encoding: "utf8" });
    for (const name of ["manage.py", "copy/file", "nested/x.txt", "zipped/deep.txt"])
      assert.ok(listed.includes(name));
    await unzipTo(bytes, join(folder.path, "out"));
    assert.equal(await readFile(join(folder.path, "out", "manage.py"), "utf8"), "print('ü')");
    assert.equal(await readFile(join(folder.path, "out", "copy/file"), "utf8"), "from a file");
  });

  it("can't write outside their folder", async (t) => {
    const folder = await temporaryFolder();
    t.after(() => folder.remove());
    const evil = zip(new Map([["../evil", text("x")]]));
    await assert.rejects(unzipTo(evil, join(folder.path, "out")), /points outside/);
  });

  it("refuse what they can't read", async () => {
    await assert.rejects(
      readAsset(new asset.RemoteAsset("https://example.com/x")),
      /only FileAsset and StringAsset/,
    );
    await assert.rejects(zipArchive("not an archive"), /only FileArchive and AssetArchive/);
  });
});
