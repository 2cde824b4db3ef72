/** Limits that a fleet gets at certain times. */
export interface Schedule {
  /** Minute, hour, day of the month, month and day of the week, as cron(8) has them. */
  readonly recurrence: string;
  /** Name of the IANA database, such as `Europe/Berlin`. */
  readonly timeZone: string;
  readonly min: number;
  readonly max: number;
}

/** Smallest and largest value of each field. */
const bounds = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const;
const days = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/** The values that a field stands for; undefined for one that is none. */
function valuesOf(field: string, [low, high]: readonly [number, number]): Set<number> | undefined {
  const values = new Set<number>();
  for (const part of field.split(",")) {
    const [, from = "", to, step = "1"] = /^(\*|\d{1,2})(?:-(\d{1,2}))?(?:\/(\d{1,2}))?$/.exec(part) ?? [];
    if (from === "" || Number(step) === 0 || (from === "*" && to !== undefined)) return undefined;
    const first = from === "*" ? low : Number(from);
    const last = from === "*" || (to === undefined && part.includes("/")) ? high : Number(to ?? from);
    if (first < low || last > high || first > last) return undefined;
    for (let value = first; value <= last; value += Number(step)) values.add(value);
  }
  return values;
}

/** The values of the five fields; undefined for what is no recurrence. */
function parse(recurrence: string): readonly ReadonlySet<number>[] | undefined {
  const fields = recurrence
    .toUpperCase()
    .replace(/[A-Z]{3}/g, (name) => (days.includes(name) ? String(days.indexOf(name)) : name))
    .split(" ");
  const parsed = bounds.map((bound, index) => valuesOf(fields[index] ?? "", bound));
  return fields.length === bounds.length && parsed.every((values) => values !== undefined)
    ? parsed
    : undefined;
}

export const isRecurrence = (text: string): boolean => parse(text) !== undefined;

/** A setting such as `0 7 * * MON-FRI 4 8`: a recurrence, then the smallest and the largest size. Undefined for what is none. */
export function parseSchedule(text: string, timeZone: string): Schedule | undefined {
  const [, recurrence = "", min, max] = /^(\S+(?: \S+){4}) (\d{1,2}) (\d{1,2})$/.exec(text) ?? [];
  return isRecurrence(recurrence) && Number(min) >= 1 && Number(min) <= Number(max)
    ? { recurrence, timeZone, min: Number(min), max: Number(max) }
    : undefined;
}

/** Whether a schedule is due in a minute. */
export function isDue(
  { recurrence, timeZone }: Pick<Schedule, "recurrence" | "timeZone">,
  now: Date,
): boolean {
  const fields = parse(recurrence);
  if (!fields) throw new Error(`${recurrence} is no recurrence`);
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat("en-US", {
      ...({ timeZone, hourCycle: "h23", weekday: "short" } as const),
      ...({ month: "numeric", day: "numeric", hour: "numeric", minute: "numeric" } as const),
    })
      .formatToParts(now)
      .map(({ type, value }) => [type, value]),
  );
  const weekday = days.indexOf(String(parts["weekday"]).toUpperCase());
  const [minutes, hours, dates, months, weekdays] = fields as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ];
  const isDate = dates.has(Number(parts["day"]));
  const isWeekday = weekdays.has(weekday) || (weekday === 0 && weekdays.has(7));
  // Where both are restricted, either will do, as cron has it.
  const [, , date = "", , day = ""] = recurrence.split(" ");
  const isDay = date.startsWith("*") || day.startsWith("*") ? isDate && isWeekday : isDate || isWeekday;
  return (
    minutes.has(Number(parts["minute"])) &&
    hours.has(Number(parts["hour"])) &&
    months.has(Number(parts["month"])) &&
    isDay
  );
}
