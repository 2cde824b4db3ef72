/** The two regions. Another pair is a change here: zones, prices and the pages follow. */

/** Where the web tier is. */
export const webRegion = "us-east-1";

/** Where the database is. */
export const databaseRegion = "us-east-2";

/** One of the two regions. */
export type Region = typeof webRegion | typeof databaseRegion;

const zoneLetters: Readonly<Record<Region, string>> = { [webRegion]: "abcdef", [databaseRegion]: "abc" };

/** The zones of a region that an account can have. */
export function zonesOf(region: Region): string[] {
  return Array.from(zoneLetters[region], (letter) => region + letter);
}
