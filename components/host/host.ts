/** What every instance has, in the shape that instances and launch templates share. */

/** Only tokens open the metadata service, and they do not pass on to containers behind the host. */
export const metadataOptions = {
  httpEndpoint: "enabled",
  httpTokens: "required",
  httpPutResponseHopLimit: 1,
};

/** Root device of Debian's images. */
export const rootDevice = "/dev/xvda";

/** Size of the root disk, in GiB: that of Debian's images. */
export const rootDiskGiB = 8;

/** The root disk of an instance. Its tags are given here, as a provider's default tags do not reach it. */
export function rootDisk(tags: Readonly<Record<string, string>>) {
  return { encrypted: true, volumeType: "gp3", volumeSize: rootDiskGiB, deleteOnTermination: true, tags };
}
