import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { onHost } from "../local/faults/onHost";
import { newUser } from "./client";
import type { BenchRegion } from "./region";
import type { Report } from "./report";
import { wrk } from "./wrk";

const sizes = [1, 2, 4] as const;
const seconds = 6;
const connections = 16;
/** Processor that a small host has: a tenth of one, so that four of them leave the machine time for all else. */
const smallShare = 10;
const growthGoal = 0.8;

interface Growth {
  readonly size: number;
  readonly rate: number;
  /** Of all processors of the machine, from 0 to 1. */
  readonly busy: number;
}

/** Busy and whole time of the machine's processors so far. */
function processorTime(): { readonly busy: number; readonly all: number } {
  const [, ...fields] = readFileSync("/proc/stat", "utf8").split("\n", 1)[0]?.split(/\s+/) ?? [];
  // Guests' time is in that of users already.
  const times = fields.slice(0, 8).map(Number);
  const all = times.reduce((sum, time) => sum + time, 0);
  return { busy: all - (times[3] ?? 0) - (times[4] ?? 0), all };
}

/** Reading tasks with one, two and four hosts: as many as share the machine, and small ones that each have their own. */
export async function benchGrowth(region: BenchRegion): Promise<Report> {
  const { token } = await newUser(region.url, `grower-${Date.now()}`, 5);
  const small: Growth[] = [];
  const whole: Growth[] = [];
  const measure = async (size: number): Promise<Growth> => {
    const load = { url: `${region.url}/v1/tasks`, method: "GET", token, connections } as const;
    await wrk({ ...load, seconds: 1 });
    const before = processorTime();
    const { rate } = await wrk({ ...load, seconds });
    const after = processorTime();
    return { size, rate, busy: (after.busy - before.busy) / (after.all - before.all) };
  };
  for (const size of sizes) {
    await region.resize(size);
    const limit = (quota: string) =>
      Promise.all(
        region.healthy.map((id) =>
          onHost(id, `systemctl set-property --runtime app.service CPUQuota=${quota}`),
        ),
      );
    region.say(`${size} hosts`);
    whole.push(await measure(size));
    await limit(`${smallShare}%`);
    small.push(await measure(size));
    await limit("");
  }
  await region.resize(2);
  return report(small, whole);
}

function report(small: readonly Growth[], whole: readonly Growth[]): Report {
  const gain = (all: readonly Growth[]) => (all.at(-1)?.rate ?? 0) / (all[0]?.rate ?? 1);
  const times = (sizes.at(-1) ?? 1) / sizes[0];
  const most = whole.at(-1);
  const chart = (title: string, all: readonly Growth[]) => ({
    kind: "bars" as const,
    title,
    y: "requests/s",
    series: ["requests/s"],
    rows: all.map(({ size, rate }) => ({ label: `${size} hosts`, values: [rate] })),
  });
  return {
    name: "growth",
    title: "Growth with the number of hosts",
    summary:
      `Reading tasks over ${connections} connections. Hosts that share the machine are limited by its ${cpus().length} processors, ` +
      `which also run the database, the balancer and the load: ${((most?.busy ?? 0) * 100).toFixed(0)} % busy with ${most?.size} hosts. ` +
      `Small hosts have ${smallShare} % of a processor each.`,
    goals: [
      {
        what: `requests a second of ${times} small hosts, by those of one`,
        wanted: `at least ${(times * growthGoal).toFixed(1)} x`,
        measured: `${gain(small).toFixed(1)} x`,
        isHeld: gain(small) >= times * growthGoal,
      },
      {
        what: "processors busy when hosts share the machine: they, not the design, are the limit",
        wanted: "at least 90 %",
        measured: `${((most?.busy ?? 0) * 100).toFixed(0)} %`,
        isHeld: (most?.busy ?? 0) >= 0.9,
      },
    ],
    charts: [
      chart("Small hosts", small),
      chart("Hosts that share the machine", whole),
      {
        kind: "bars",
        title: "Processors of the machine",
        y: "% busy",
        series: ["small hosts", "hosts that share it"],
        rows: small.map(({ size, busy }, index) => ({
          label: `${size} hosts`,
          values: [busy * 100, (whole[index]?.busy ?? 0) * 100],
        })),
      },
    ],
  };
}
