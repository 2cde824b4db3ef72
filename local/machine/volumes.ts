import { rmSync } from "node:fs";
import { join } from "node:path";
import { run } from "./exec";
import type { StateDirectory } from "./state";

/** A block device: a sparse file behind a loop device. */
export interface BlockDevice {
  /** Such as `/dev/loop3`. */
  readonly device: string;
  readonly file: string;
}

/** Makes an empty block device. */
export async function createBlockDevice(
  state: StateDirectory,
  id: string,
  sizeGiB: number,
): Promise<BlockDevice> {
  const file = join(state.folder("volumes"), `${id}.img`);
  await run("truncate", ["--size", `${sizeGiB}G`, file]);
  const device = (await run("losetup", ["--find", "--show", file])).trim();
  return { device, file };
}

/** Makes a block device larger; the data on it stays. */
export async function growBlockDevice(device: BlockDevice, sizeGiB: number): Promise<void> {
  await run("truncate", ["--size", `${sizeGiB}G`, device.file]);
  await run("losetup", ["--set-capacity", device.device]);
}

/** Deletes a block device with its data; what fails can be tried again. */
export async function deleteBlockDevice(device: BlockDevice): Promise<void> {
  await run("losetup", ["--detach", device.device]);
  rmSync(device.file, { force: true });
}
