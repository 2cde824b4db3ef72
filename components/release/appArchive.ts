import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";

/** The application, as the image gets it. */
export interface AppArchive {
  /** The same files have the same hash. */
  readonly contentHash: string;
  /** Named after the content. */
  readonly key: string;
  /** Paths within the archive, sorted. */
  readonly files: readonly string[];
  readonly archive: pulumi.asset.AssetArchive;
}

const directory = path.join(__dirname, "..", "..", "app");

/** What development leaves in a tree, and what only development needs. */
const excluded =
  /^(\..*|__pycache__|staticfiles|tests|conftest\.py|.*\.pyc|.*\.in|.*\.toml|.*\.md|requirements-.*|tsconfig\.json)$/;

/** Collects the application's files. */
export function appArchive(root = directory): AppArchive {
  const files = listFiles(root, "").sort();
  const hash = createHash("sha256");
  for (const file of files) {
    const content = readFileSync(path.join(root, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  const asset = (file: string) => new pulumi.asset.FileAsset(path.join(root, file));
  const contentHash = hash.digest("hex");
  return {
    contentHash,
    key: `app/${contentHash}.zip`,
    files,
    archive: new pulumi.asset.AssetArchive(Object.fromEntries(files.map((file) => [file, asset(file)]))),
  };
}

function listFiles(root: string, folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .filter(({ name }) => !excluded.test(name))
    .flatMap((entry) => {
      const file = path.posix.join(folder, entry.name);
      return entry.isDirectory() ? listFiles(root, file) : [file];
    });
}
