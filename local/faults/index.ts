/** What can go wrong in a running region, by name. */
import type { Fault } from "./fault";
import { hostFaults } from "./hosts";
import { networkFaults } from "./network";
import { serviceFaults } from "./services";

export const faults = { ...hostFaults, ...networkFaults, ...serviceFaults };
export type FaultName = keyof typeof faults;

/** Undefined for a name that no fault has. */
export const faultNamed = (name: string): Fault | undefined =>
  Object.hasOwn(faults, name) ? faults[name as FaultName] : undefined;
