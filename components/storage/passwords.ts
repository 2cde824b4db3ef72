import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

/**
 * A generated password or key: 43 letters and digits, which hold 256 bits. As `RandomPassword`, since a state keeps its value
 * encrypted; the id of a `RandomBytes` is its value, and ids stand in clear.
 */
export function generatedPassword(name: string, opts: pulumi.CustomResourceOptions): pulumi.Output<string> {
  return new random.RandomPassword(name, { length: 43, special: false }, opts).result;
}

/** Throws unless a version is a whole number from 1 to 9999. `argument` is its name. */
export function checkVersion(argument: string, version: number): void {
  if (Number.isInteger(version) && version >= 1 && version <= 9999) return;
  throw new pulumi.InputPropertyError({
    propertyPath: argument,
    reason: `${version} is no whole number from 1 to 9999.`,
  });
}
