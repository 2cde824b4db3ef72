import { existsSync, mkdirSync, rmdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
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

/**
 * Copies what is on a block device, as of one moment, to a file that is as sparse. A file system that a host has mounted stands
 * still meanwhile: what it holds is what a power cut would have left.
 */
export async function copyBlockDevice({ device, file }: BlockDevice, target: string): Promise<void> {
  const copy = () => run("cp", ["--sparse=always", "--reflink=auto", file, target]);
  // The kernel's list of mounted file systems, whatever the namespace.
  if (!["ext4", "xfs"].some((type) => existsSync(`/sys/fs/${type}/${basename(device)}`))) {
    await run("blockdev", ["--flushbufs", device]);
    await copy();
    return;
  }
  // A second mount of the same device is the same file system: freezing it here freezes it in the host.
  const mount = `${target}.mount`;
  mkdirSync(mount);
  try {
    await run("mount", [device, mount]);
    try {
      await run("fsfreeze", ["--freeze", mount]);
      try {
        await copy();
      } finally {
        await run("fsfreeze", ["--unfreeze", mount]);
      }
    } finally {
      await run("umount", [mount]);
    }
  } finally {
    rmdirSync(mount);
  }
}

/** Deletes a block device with its data; what fails can be tried again. */
export async function deleteBlockDevice(device: BlockDevice): Promise<void> {
  await run("losetup", ["--detach", device.device]);
  rmSync(device.file, { force: true });
}
