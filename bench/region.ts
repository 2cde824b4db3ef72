/** A region with the stack `local` in it, in this process, for benches that need hosts. */
import { setTimeout as sleep } from "node:timers/promises";
import { UpdateAutoScalingGroupCommand } from "@aws-sdk/client-auto-scaling";
import type { Region } from "../local/aws/region";
import type { LocalBackend } from "../local/engine/backend";
import type { Properties, ResourceRequest, ResourceState } from "../local/engine/handler";
import { loadStack, runProgram } from "../local/engine/program";
import { beginFault, type FaultName } from "../local/faults";
import type { Undo } from "../local/faults/fault";
import { onHost } from "../local/faults/onHost";
import type { Circumstances } from "../local/run/command";
import { openRegion } from "../local/run/openRegion";
import { installPackages, missingPackages } from "../local/run/preflight";
import type { HostStatus } from "../local/terminal/status";
import { webRegion } from "../settings/regions";

/** Seconds of a minute of the scaling policies. */
export const minuteSeconds = 10;
/** Requests a minute that a host is to have: few, as what the policies decide is measured, not what a host can bear. */
export const requestsPerTarget = 600;
/** What nothing here takes as long as. */
const patienceSeconds = 300;

/** A deployed stack, and what benches do with it. */
export class BenchRegion {
  private constructor(
    private readonly region: Region,
    private readonly backend: LocalBackend,
    readonly outputs: Readonly<Record<string, string>>,
    /** What the program made, with all values known. */
    readonly made: readonly ResourceRequest[],
    private readonly circumstances: Circumstances,
  ) {}

  /** Deploys; what that makes, the teardown of the circumstances undoes. */
  static async open(circumstances: Circumstances): Promise<BenchRegion> {
    const { signal } = circumstances.interrupt;
    const { region, backend } = await openRegion(
      circumstances,
      "Preparing a region",
      () => Promise.resolve(),
      minuteSeconds * 1000,
    );
    const missing = await missingPackages(["wrk"]);
    if (missing.length > 0) await installPackages(missing, signal);
    circumstances.progress.heading("Deploying stack local");
    const stack = loadStack("local", { overrides: { requestsPerTarget: String(requestsPerTarget) } });
    const { outputs, registrations } = await runProgram({ stack, backend, signal });
    const plain = Object.entries(outputs).map(([name, { value }]) => [name, String(value)]);
    return new BenchRegion(
      region,
      backend,
      Object.fromEntries(plain) as Record<string, string>,
      registrations,
      circumstances,
    );
  }

  /** Tells what is being done. */
  say(text: string): void {
    this.circumstances.progress.print(text);
  }

  get url(): string {
    return this.outputs["serviceUrl"] ?? "";
  }

  get hosts(): readonly HostStatus[] {
    return this.region.status().hosts;
  }

  /** The hosts of the fleet that the balancer finds healthy. */
  get healthy(): string[] {
    return this.fleet.filter(({ health }) => health === "healthy").map(({ id }) => id);
  }

  /** Whether a balancer sends requests to a host, whatever has become of that. */
  sendsTo(id: string): boolean {
    return this.hosts.some((host) => host.id === id && host.health === "healthy");
  }

  /** The hosts of the fleet, those included that come or go. */
  get fleet(): readonly HostStatus[] {
    const [template] = this.ofType("aws:autoscaling/group:Group");
    return this.hosts.filter(
      ({ label, state }) => label === template?.name && (state === "running" || state === "starting"),
    );
  }

  get decisions() {
    return this.region.status().decisions;
  }

  ofType(type: string): readonly ResourceRequest[] {
    return this.made.filter((request) => request.type === type);
  }

  /** Makes a resource beside those of the program. */
  create(type: string, name: string, inputs: Properties): Promise<ResourceState> {
    return this.backend.create(requestOf(type, name, inputs));
  }

  delete(type: string, name: string, { id }: ResourceState, inputs: Properties): Promise<void> {
    return this.backend.delete(id, inputs, requestOf(type, name, inputs));
  }

  /** Sets the size of the fleet, and the limits of the policies. Answers when so many hosts serve and no other is there. */
  async resize(size: number, { min = size, max = size } = {}): Promise<void> {
    await this.region.clients.in(webRegion).autoScaling.send(
      new UpdateAutoScalingGroupCommand({
        AutoScalingGroupName: this.outputs["webGroupName"],
        MinSize: min,
        MaxSize: max,
        DesiredCapacity: size,
      }),
    );
    await this.until(`${size} hosts`, () => this.healthy.length === size && this.fleet.length === size);
  }

  /** Waits, looking often; throws when it takes too long. Answers when it was, in milliseconds. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<number> {
    const deadline = performance.now() + patienceSeconds * 1000;
    for (;;) {
      if (await holds()) return performance.now();
      if (performance.now() > deadline) throw new Error(`${what}: not so after ${patienceSeconds} s`);
      await sleep(50, undefined, { signal: this.circumstances.interrupt.signal });
    }
  }

  /** When a host has first answered /livez, asked by itself, in milliseconds. */
  firstAnswer(id: string): Promise<number> {
    const ask = `until [[ $(curl -s -m 1 -o /dev/null -w '%{http_code}' http://127.0.0.1:8000/livez) == 200 ]]; do sleep 0.05; done`;
    return this.until(`an answer of ${id}`, () =>
      onHost(id, ask).then(
        () => true,
        () => false, // it does not run yet
      ),
    );
  }

  async fault(name: FaultName, target = ""): Promise<Undo> {
    const { apiEndpoint: endpoint, clients } = this.region;
    const undo = await beginFault(name, { endpoint, clients, outputs: this.outputs }, target);
    return undo ?? (() => Promise.resolve());
  }
}

function requestOf(type: string, name: string, inputs: Properties): ResourceRequest {
  return { type, name, urn: `urn:pulumi:local::bench::${type}::${name}`, region: webRegion, inputs };
}
