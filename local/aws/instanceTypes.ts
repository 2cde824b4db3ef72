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
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly architecture: "x86_64" | "arm64";
}

/** Processors, memory and architecture of the t, c, m and r types, from the pattern of EC2's names; undefined for others. */
export function instanceType(name: string): InstanceType | undefined {
  const [, family = "", attributes = "", size = ""] = /^([a-z])\d+([a-z-]*)\.(\w+)$/.exec(name) ?? [];
  const architecture = attributes.includes("g") ? "arm64" : "x86_64";
  if (family === "t") {
    const memoryMiB = burstableSizes[size];
    if (memoryMiB === undefined) return undefined;
    return { vcpus: Math.max(memoryMiB / 4096, 2), memoryMiB, architecture };
  }
  const large = largeMemory[family];
  if (large === undefined) return undefined;
  const [, count] = /^(\d*)xlarge$/.exec(size) ?? [];
  const times = (factor: number) => ({ vcpus: 2 * factor, memoryMiB: large * factor, architecture }) as const;
  if (size === "medium") return times(0.5);
  if (size === "large") return times(1);
  return count === undefined ? undefined : times(2 * Number(count || 1));
}
