/** Memory of the smallest size of the burstable types, and of `large` for the others, in MiB. */
const burstableSizes: Readonly<Record<string, number>> = {
  nano: 512,
  micro: 1024,
  small: 2048,
  medium: 4096,
  large: 8192,
  xlarge: 16_384,
  "2xlarge": 32_768,
};
const largeMemory: Readonly<Record<string, number>> = { c: 4096, m: 8192, r: 16_384 };

export interface InstanceType {
  readonly memoryMiB: number;
  readonly architecture: "x86_64" | "arm64";
}

/** Memory and architecture of the t, c, m and r types, from the pattern of EC2's names; undefined for others. */
export function instanceType(name: string): InstanceType | undefined {
  const [, family = "", attributes = "", size = ""] = /^([a-z])\d+([a-z-]*)\.(\w+)$/.exec(name) ?? [];
  const architecture = attributes.includes("g") ? "arm64" : "x86_64";
  if (family === "t") {
    const memoryMiB = burstableSizes[size];
    return memoryMiB === undefined ? undefined : { memoryMiB, architecture };
  }
  const large = largeMemory[family];
  if (large === undefined) return undefined;
  const [, count] = /^(\d*)xlarge$/.exec(size) ?? [];
  if (size === "medium") return { memoryMiB: large / 2, architecture };
  if (size === "large") return { memoryMiB: large, architecture };
  return count === undefined ? undefined : { memoryMiB: large * 2 * Number(count || 1), architecture };
}
