/** Times and numbers as people read them. */

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const units = [
  ["second", 60],
  ["minute", 60],
  ["hour", 24],
  ["day", 7],
];

/**
 * How long ago, for a week; then the date.
 * @param {Date} then
 * @param {Date} [now]
 */
export function ago(then, now = new Date()) {
  let distance = (then.getTime() - now.getTime()) / 1000;
  for (const [unit, count] of units) {
    if (Math.abs(distance) < count) return relative.format(Math.round(distance), unit);
    distance /= count;
  }
  return day.format(then);
}

/** @param {Date} then */
export const exactly = (then) => moment.format(then);

/** @param {Date} then */
export const dateOf = (then) => day.format(then);

/**
 * @param {number} count
 * @param {string} noun
 * @param {string} [plural]
 */
export const counted = (count, noun, plural = `${noun}s`) => `${count} ${count === 1 ? noun : plural}`;
