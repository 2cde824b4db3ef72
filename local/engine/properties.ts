import type { Properties } from "./handler";

function wrong(key: string, value: unknown, wanted: string): Error {
  // The value stays out of the message: it may be a secret.
  return new Error(`${key} must be ${wanted}, not ${value === undefined ? "missing" : typeof value}`);
}

/** A string that must be there. */
export function text(properties: Properties, key: string): string {
  const value = optionalText(properties, key);
  if (value === undefined) throw wrong(key, undefined, "a string");
  return value;
}

/** A string, or undefined when the program did not set it. */
export function optionalText(properties: Properties, key: string): string | undefined {
  const value = properties[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw wrong(key, value, "a string");
  return value;
}

/** A number, or the default when the program did not set it. Configuration values may arrive as decimal strings. */
export function numberOr(properties: Properties, key: string, fallback: number): number {
  const value = properties[key];
  if (value === undefined || value === null) return fallback;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number !== "number" || Number.isNaN(number)) throw wrong(key, value, "a number");
  return number;
}

/** A flag, or the default when the program did not set it. */
export function flagOr(properties: Properties, key: string, fallback: boolean): boolean {
  const value = properties[key];
  if (value === undefined || value === null) return fallback;
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw wrong(key, value, "true or false");
}

/** Whether a value is an object with properties. */
export function isProperties(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A nested object, empty when the program did not set it. */
export function nested(properties: Properties, key: string): Properties {
  const value = properties[key];
  if (value === undefined || value === null) return {};
  if (!isProperties(value)) throw wrong(key, value, "an object");
  return value;
}

/** A list of objects, empty when the program did not set it. */
export function nestedList(properties: Properties, key: string): Properties[] {
  const value = properties[key];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every(isProperties)) throw wrong(key, value, "a list of objects");
  return value;
}

/** A list of strings, empty when the program did not set it. */
export function textList(properties: Properties, key: string): string[] {
  const value = properties[key];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every((item): item is string => typeof item === "string")) {
    throw wrong(key, value, "a list of strings");
  }
  return value;
}

/** A map of strings, such as tags; empty when the program did not set it. */
export function textMap(properties: Properties, key: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(nested(properties, key)).map(([name, value]) => {
      if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
        return [name, String(value)];
      }
      throw wrong(`${key}.${name}`, value, "a string");
    }),
  );
}
