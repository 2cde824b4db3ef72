import { randomInt } from "node:crypto";
import type { Handler, Handlers, Properties } from "../engine/handler";
import { flagOr, numberOr, optionalText } from "../engine/properties";

const lowerCase = "abcdefghijklmnopqrstuvwxyz";
const upperCase = lowerCase.toUpperCase();
const digits = "0123456789";
const special = "!@#$%&*()-_=+[]{}<>:?";

function pick(characters: string, count: number): string[] {
  return Array.from({ length: count }, () => characters.charAt(randomInt(characters.length)));
}

/** A password by the rules of `random.RandomPassword`: as many of each kind as asked for, the rest of any kind. */
export function randomPassword(inputs: Properties): string {
  const length = numberOr(inputs, "length", 0);
  const kinds = [
    { characters: lowerCase, wanted: flagOr(inputs, "lower", true), least: numberOr(inputs, "minLower", 0) },
    { characters: upperCase, wanted: flagOr(inputs, "upper", true), least: numberOr(inputs, "minUpper", 0) },
    {
      characters: digits,
      wanted: flagOr(inputs, "numeric", flagOr(inputs, "number", true)),
      least: numberOr(inputs, "minNumeric", 0),
    },
    {
      // The provider takes an empty string for "not set".
      characters: optionalText(inputs, "overrideSpecial") || special,
      wanted: flagOr(inputs, "special", true),
      least: numberOr(inputs, "minSpecial", 0),
    },
  ];
  const least = kinds.reduce((sum, kind) => sum + kind.least, 0);
  if (length < 1 || length < least)
    throw new Error(`length (${length}) must be at least 1 and the sum of minimums (${least})`);
  const any = kinds.flatMap((kind) => (kind.wanted ? [kind.characters] : [])).join("");
  if (any === "" && length > least) throw new Error("a password needs at least one kind of characters");
  const characters = [
    ...kinds.flatMap((kind) => pick(kind.characters, kind.least)),
    ...pick(any, length - least),
  ];
  for (let last = characters.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [characters[last], characters[other]] = [characters[other] ?? "", characters[last] ?? ""];
  }
  return characters.join("");
}

/** Values that are made once: changes either replace the resource or mean nothing. */
function drawn(draw: (inputs: Properties) => { id: string; outputs: Properties }): Handler {
  return {
    create: ({ inputs }) => Promise.resolve(draw(inputs)),
    read: (id, state) => Promise.resolve({ id, outputs: state }),
    update: (id) => Promise.resolve({ id, outputs: {} }),
    delete: () => Promise.resolve(),
  };
}

/** Handlers of the `random` package. `RandomPassword.bcryptHash` is left out: nothing here can compute it. */
export function randomHandlers(): Handlers {
  return {
    "random:index/randomPassword:RandomPassword": drawn((inputs) => ({
      id: "none", // what the provider says too: an id is no secret
      outputs: { result: randomPassword(inputs) },
    })),
  };
}
