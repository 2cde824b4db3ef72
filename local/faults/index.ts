/** What can go wrong in a running region, by name. */
import { randomUUID } from "node:crypto";
import type { Fault, Site, Undo } from "./fault";
import { hostFaults } from "./hosts";
import { networkFaults } from "./network";
import { serviceFaults } from "./services";

export const faults = { ...hostFaults, ...networkFaults, ...serviceFaults };
export type FaultName = keyof typeof faults;

/** Undefined for a name that no fault has. */
export const faultNamed = (name: string): Fault | undefined =>
  Object.hasOwn(faults, name) ? faults[name as FaultName] : undefined;

/** Has a fault happen, of which the region's live view then tells; answers what takes it back, if anything is to be. */
export async function beginFault(name: FaultName, site: Site, target: string): Promise<Undo | undefined> {
  const fault: Fault = faults[name];
  const note = `${site.endpoint}/_faults/noted/${randomUUID()}`;
  const what = encodeURIComponent([name, target].filter(Boolean).join(" "));
  await fetch(`${note}?what=${what}`, { method: "PUT" });
  const end = async () => {
    await fetch(note, { method: "DELETE" }).catch(() => undefined); // the region may have ended before
  };
  const undo = await fault.begin(site, target).catch(async (error: unknown) => {
    await end();
    throw error;
  });
  if (undo)
    return async () => {
      await undo();
      await end();
    };
  await end();
  return undefined;
}
