import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isDue, isRecurrence, parseSchedule } from "../../../components/web/schedule";

describe("a schedule", () => {
  it("is five fields and two sizes", () => {
    assert.deepEqual(parseSchedule("0 7 * * MON-FRI 4 8", "Europe/Berlin"), {
      ...{ recurrence: "0 7 * * MON-FRI", timeZone: "Europe/Berlin", min: 4, max: 8 },
    });
    for (const wrong of [
      "",
      "0 7 * * 4 8",
      "0 7 * * * 8 4",
      "0 7 * * * 0 4",
      "0 7 * * * 4",
      "60 7 * * * 1 2",
    ])
      assert.equal(parseSchedule(wrong, "Etc/UTC"), undefined, wrong);
  });

  for (const wrong of [
    "* * * *",
    "* * * * * *",
    "*/0 * * * *",
    "5-1 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * * 13 *",
    "* * * * 8",
    "a * * * *",
    "* * * * FOO",
    "*-5 * * * *",
  ])
    it(`has no fields such as ${wrong}`, () => assert.equal(isRecurrence(wrong), false));

  for (const { recurrence, timeZone = "Etc/UTC", due, not } of [
    { recurrence: "* * * * *", due: ["2026-11-25T07:00:00Z"], not: [] },
    {
      recurrence: "0 7 * * *",
      due: ["2026-11-25T07:00:59Z"],
      not: ["2026-11-25T07:01:00Z", "2026-11-25T19:00:00Z"],
    },
    {
      recurrence: "*/20 6-8 * * *",
      due: ["2026-11-25T08:40:00Z"],
      not: ["2026-11-25T08:30:00Z", "2026-11-25T09:00:00Z"],
    },
    { recurrence: "5/30 * * * *", due: ["2026-11-25T08:35:00Z"], not: ["2026-11-25T08:30:00Z"] },
    { recurrence: "1,2 * * * *", due: ["2026-11-25T08:02:00Z"], not: ["2026-11-25T08:03:00Z"] },
    {
      recurrence: "0 0 1 12 *",
      due: ["2026-12-01T00:00:00Z"],
      not: ["2026-11-01T00:00:00Z", "2026-12-02T00:00:00Z"],
    },
    {
      recurrence: "0 7 * * MON-FRI",
      due: ["2026-11-27T07:00:00Z"],
      not: ["2026-11-28T07:00:00Z", "2026-11-29T07:00:00Z"],
    },
    { recurrence: "0 7 * * sun", due: ["2026-11-29T07:00:00Z"], not: ["2026-11-30T07:00:00Z"] },
    { recurrence: "0 7 * * 7", due: ["2026-11-29T07:00:00Z"], not: ["2026-11-28T07:00:00Z"] },
    {
      recurrence: "0 7 13 * 5",
      due: ["2026-11-13T07:00:00Z", "2026-11-27T07:00:00Z", "2026-12-13T07:00:00Z"],
      not: ["2026-11-26T07:00:00Z"],
    },
    {
      recurrence: "0 7 * * *",
      timeZone: "Europe/Berlin",
      due: ["2026-11-25T06:00:00Z", "2026-07-25T05:00:00Z"],
      not: ["2026-11-25T07:00:00Z"],
    },
    {
      recurrence: "0 0 * * *",
      timeZone: "Asia/Tokyo",
      due: ["2026-11-24T15:00:00Z"],
      not: ["2026-11-25T00:00:00Z"],
    },
  ])
    it(`${recurrence} in ${timeZone} is due when it says`, () => {
      for (const time of due) assert.equal(isDue({ recurrence, timeZone }, new Date(time)), true, time);
      for (const time of not) assert.equal(isDue({ recurrence, timeZone }, new Date(time)), false, time);
    });
});
