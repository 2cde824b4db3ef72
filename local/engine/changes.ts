/** What a change of a resource's properties does to it, by a table of the provider's own knowledge. */
import { isDeepStrictEqual } from "node:util";
import type { Properties } from "./handler";
import { isProperties } from "./properties";

/**
 * Whether a changed property is changed in place, or makes a new resource: always; if it comes or goes, while another value is
 * changed in place; or if another property is true.
 */
export type Effect = "update" | "replace" | "replaceIfSetOrUnset" | { readonly replaceIf: string };

/** What the provider says of a resource type. */
export interface TypeChanges {
  /** Where it says so. */
  readonly source: string;
  /**
   * By property; a nested one by its path, without indexes. A row holds for all that lies below it, unless a longer row
   * does. A property without a row is an error, never "no change".
   */
  readonly properties: Readonly<Record<string, Effect>>;
  /** Property that holds a name which the provider makes up, with its longest length, unless the program sets it. */
  readonly autoName?: { readonly property: string; readonly limit: number };
  /** Outputs that a change in place gives another value, so that a preview does not know them. */
  readonly changedByUpdate?: readonly string[];
  /** Whether the provider itself asks that the old resource goes before the new one is made. */
  readonly deleteBeforeReplace?: true;
}

/** By type token. */
export type ChangeTable = Readonly<Record<string, TypeChanges>>;

/** One difference between old and new inputs. */
export interface Difference {
  /** Pulumi's property path, such as `rules[0].filter.prefix`. */
  readonly path: string;
  readonly kind: "add" | "delete" | "update";
  readonly replaces: boolean;
}

/** Compares a resource's old and new inputs. An unknown new value counts as a changed one. */
export function differences(
  table: ChangeTable,
  type: string,
  olds: Properties,
  news: Properties,
): Difference[] {
  const known = knownType(table, type);
  return changedPaths(olds, news, "").map(({ path, kind }) => ({
    path,
    kind,
    replaces: replaces(effectOf(known, type, path), kind, news),
  }));
}

/** The table's entry of a type. */
export function knownType(table: ChangeTable, type: string): TypeChanges {
  const known = table[type];
  if (known === undefined)
    throw new Error(`the table of changes has no type ${type}: look it up in the provider, and add it`);
  return known;
}

function replaces(effect: Effect, kind: Difference["kind"], news: Properties): boolean {
  if (typeof effect === "object") return news[effect.replaceIf] === true;
  return effect === "replace" || (effect === "replaceIfSetOrUnset" && kind !== "update");
}

function effectOf({ properties }: TypeChanges, type: string, path: string): Effect {
  const plain = path.replace(/\[\d+\]/g, "");
  for (let row = plain; row !== ""; row = row.slice(0, Math.max(row.lastIndexOf("."), 0))) {
    const effect = properties[row];
    if (effect !== undefined) return effect;
  }
  throw new Error(
    `the table of changes has no row ${plain} of ${type}: look it up in the provider, and add it`,
  );
}

function changedPaths(old: unknown, next: unknown, path: string): Omit<Difference, "replaces">[] {
  if (isDeepStrictEqual(old, next)) return [];
  if (isUnset(old) && isUnset(next)) return [];
  // What holds rows of its own is told row by row.
  if (isUnset(old)) return holds(next) ? changedPaths(emptied(next), next, path) : [{ path, kind: "add" }];
  if (isUnset(next)) return holds(old) ? changedPaths(old, emptied(old), path) : [{ path, kind: "delete" }];
  if (Array.isArray(old) && Array.isArray(next)) {
    return Array.from({ length: Math.max(old.length, next.length) }, (_, index) =>
      changedPaths(old[index], next[index], `${path}[${index}]`),
    ).flat();
  }
  if (isPlain(old) && isPlain(next)) {
    return (
      [...new Set([...Object.keys(old), ...Object.keys(next)])]
        // What starts with two underscores is the provider's own note.
        .filter((key) => !key.startsWith("__"))
        .flatMap((key) => changedPaths(old[key], next[key], path === "" ? key : `${path}.${key}`))
    );
  }
  return [{ path, kind: "update" }];
}

const emptied = (value: unknown) => (Array.isArray(value) ? [] : {});
const holds = (value: unknown): boolean =>
  Array.isArray(value) ? value.some(holds) : isPlain(value) && Object.keys(value).length > 0;

const isUnset = (value: unknown) => value === undefined || value === null;

/** An object of the program's own: an asset or archive is one value, marked by a signature. */
const isPlain = (value: unknown): value is Properties =>
  isProperties(value) && !("4dabf18193072939515e22adb298388d" in value);
