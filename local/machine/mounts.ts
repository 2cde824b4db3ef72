import { readFileSync } from "node:fs";
import { run } from "./exec";
import { patiently } from "./patiently";

/** Mount points of the machine, in the order in which they were mounted. */
const mountPoints = () =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => (line.split(" ")[4] ?? "").replace(/\\040/g, " "));

/** Mount points at or below a folder, the deepest first. */
export function mountsBelow(folder: string): string[] {
  return mountPoints()
    .filter((point) => point === folder || point.startsWith(`${folder}/`))
    .reverse();
}

/** Unmounts a file system that ended processes may still hold; safe to call when none is mounted there. */
export async function unmount(point: string): Promise<void> {
  if (mountPoints().includes(point)) await patiently(() => run("umount", [point]));
}
