import { setTimeout as sleep } from "node:timers/promises";

/** Tries a hundred times in ten seconds: on a busy machine a killed process frees what it held long after its death. */
export async function patiently(action: () => unknown): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await action();
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(100);
    }
  }
}
