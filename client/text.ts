/** Text from elsewhere, made fit for a terminal. */

// Control characters, which a terminal obeys; lone surrogates; and what changes the direction of what follows.
const unprintable = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

const escaped = (character: string) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;

/** A text with all that would steer the terminal shown as an escape. */
export function printable(text: string): string {
  return text.replace(unprintable, escaped);
}

/** JSON for programs, indented, that is as safe on a terminal: an escape means the character itself. */
export function printableJson(value: unknown): string {
  const lines = JSON.stringify(value, undefined, 2).split("\n");
  return lines.map(printable).join("\n");
}

/** A time of the service as people read it, in their own time zone. */
export function localTime(time: string): string {
  const date = new Date(time);
  // Sweden writes dates as ISO 8601 has them.
  return Number.isNaN(date.getTime())
    ? time
    : date.toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "short" });
}
