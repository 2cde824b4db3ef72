/** Options that several commands have. */
import { InvalidArgumentError, Option } from "commander";

/** A whole number from a least one up. */
export function atLeast(least: number): (text: string) => number {
  return (text) => {
    if (!/^\d{1,9}$/.test(text) || Number(text) < least)
      throw new InvalidArgumentError(`Give a whole number from ${least} up.`);
    return Number(text);
  };
}

/** How long a list may be. */
export function limitOption(): Option {
  return new Option("--limit <number>", "at most so many").argParser(atLeast(1)).default(50);
}
