import { zipSync, unzipSync, type Zippable } from "fflate";
import { lstat, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { runtime } from "@pulumi/pulumi";
import { isProperties } from "../engine/properties";

type Files = Map<string, Uint8Array>;

// ZIP stores local time without a zone, from 1980 on; a fixed one makes equal content equal bytes.
const modified = new Date(1980, 0, 1);
const regularFile0644 = 0o100644 << 16;
const unixHost = 3;

const { specialSigKey, specialAssetSig, specialArchiveSig } = runtime;

/** An asset of the SDK, or what the engine makes of it. */
function isAsset(value: unknown): value is Record<string, unknown> {
  return isProperties(value) && (value["__pulumiAsset"] === true || value[specialSigKey] === specialAssetSig);
}

function isArchive(value: unknown): value is Record<string, unknown> {
  return (
    isProperties(value) && (value["__pulumiArchive"] === true || value[specialSigKey] === specialArchiveSig)
  );
}

async function readDirectory(directory: string, prefix: string, into: Files): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await readDirectory(path, `${prefix}${entry.name}/`, into);
    else if (entry.isFile()) into.set(`${prefix}${entry.name}`, await readFile(path));
    else throw new Error(`${path} is neither a file nor a directory: it cannot be put into an archive`);
  }
}

async function readPath(path: string, prefix: string, into: Files): Promise<void> {
  if ((await lstat(path)).isDirectory()) return readDirectory(path, prefix, into);
  if (!path.endsWith(".zip"))
    throw new Error(`${path}: only directories and .zip files can be archives here`);
  for (const [name, content] of Object.entries(unzipSync(await readFile(path)))) {
    if (!name.endsWith("/")) into.set(`${prefix}${name}`, content);
  }
}

/** The bytes of a Pulumi asset (`FileAsset`, `StringAsset`). */
export async function readAsset(asset: unknown): Promise<Uint8Array> {
  if (isAsset(asset)) {
    const content = await asset["text"];
    if (typeof content === "string") return Buffer.from(content, "utf8");
    const path = await asset["path"];
    if (typeof path === "string") return readFile(path);
  }
  throw new Error("only FileAsset and StringAsset can be read here: put the content beside the program");
}

async function collect(archive: unknown, prefix: string, into: Files): Promise<void> {
  if (!isArchive(archive)) throw new Error("only FileArchive and AssetArchive can be read here");
  const path = await archive["path"];
  if (typeof path === "string") return readPath(path, prefix, into);
  const assets = await archive["assets"];
  if (!isProperties(assets)) throw new Error("only FileArchive and AssetArchive can be read here");
  for (const [name, member] of Object.entries(assets)) {
    if (isArchive(member)) await collect(member, `${prefix}${name}/`, into);
    else into.set(`${prefix}${name}`, await readAsset(member));
  }
}

/** Packs files as a ZIP file whose bytes depend on names and contents alone. */
export function zip(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const entries: Zippable = {};
  for (const name of [...files.keys()].sort()) {
    entries[name] = [
      files.get(name) ?? new Uint8Array(),
      { mtime: modified, os: unixHost, attrs: regularFile0644 },
    ];
  }
  return zipSync(entries, { level: 6 });
}

/** The ZIP file of a Pulumi archive (`FileArchive`, `AssetArchive`). */
export async function zipArchive(archive: unknown): Promise<Uint8Array> {
  const files: Files = new Map();
  await collect(archive, "", files);
  return zip(files);
}

/** Whether a value is a Pulumi archive rather than an asset. */
export function isPulumiArchive(value: unknown): boolean {
  return isArchive(value);
}

/** Unpacks a ZIP file below a directory, which is made. */
export async function unzipTo(bytes: Uint8Array, directory: string): Promise<void> {
  const root = resolve(directory);
  await mkdir(root, { recursive: true });
  for (const [name, content] of Object.entries(unzipSync(bytes))) {
    const path = resolve(root, name);
    if (!path.startsWith(root + sep)) throw new Error(`archive member ${name} points outside the archive`);
    if (name.endsWith("/")) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}
