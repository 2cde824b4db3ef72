import type { Progress } from "../terminal/progress";
import { changes, type RegionStatus, renderStatus } from "../terminal/status";

/** How often the region is looked at, in milliseconds. */
const interval = 1000;

/**
 * Shows how a region is doing until the signal is aborted: redrawn where there is a terminal, and where there is none a line for
 * each change.
 */
export async function watch(
  status: () => RegionStatus,
  progress: Progress,
  signal: AbortSignal,
  note: (status: RegionStatus) => void = () => undefined,
): Promise<void> {
  let last: RegionStatus | undefined;
  const look = () => {
    const now = status();
    if (progress.isLive)
      progress.show((columns, rows) =>
        renderStatus(now, columns, rows, (colour, text) => progress.paint(colour, text)),
      );
    else
      for (const line of changes(last, now))
        progress.print(`${new Date().toISOString().slice(11, 19)}  ${line}`);
    last = now;
    note(now);
  };
  look();
  const timer = setInterval(look, interval);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  clearInterval(timer);
  progress.show(undefined);
}
