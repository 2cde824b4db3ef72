/** Times and numbers as people read them, and elements that hold them. */
import { h } from "./dom.js";

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });

/**
 * A point in time, as the service gives it. Not how long ago: that would be wrong soon.
 * @param {string} text
 */
export const time = (text) => h("time", { class: "muted", datetime: text }, moment.format(new Date(text)));

/** @param {string} text */
export const dateOf = (text) => day.format(new Date(text));

/**
 * @param {number} count
 * @param {string} noun
 * @param {string} [plural]
 */
export const counted = (count, noun, plural = `${noun}s`) => `${count} ${count === 1 ? noun : plural}`;

/**
 * Pairs of a word and a value; those without a value are left out.
 * @param {[string, string][]} pairs
 */
export const facts = (pairs) =>
  h(
    "dl",
    { class: "facts" },
    pairs
      .filter(([, value]) => value)
      .map(([label, value]) => h("div", {}, h("dt", {}, label), " ", h("dd", {}, value))),
  );
