/** The systems that this one replaces, as far as benches compare with them: hosts that install at boot, and a loop that polls. */
import { gunzipSync, gzipSync } from "node:zlib";
import { setTimeout as sleep } from "node:timers/promises";
import type { Properties, ResourceState } from "../local/engine/handler";
import { onHost } from "../local/faults/onHost";
import type { BenchRegion } from "./region";

const instanceType = "aws:ec2/instance:Instance";
const attachmentType = "aws:lb/targetGroupAttachment:TargetGroupAttachment";

const size = 2;
/** How often the loop asks each host, and how long it waits for an answer, in seconds. */
export const pollSeconds = 20;
const patienceSeconds = 5;

const decoded = (userData: unknown) => gunzipSync(Buffer.from(String(userData), "base64")).toString();
const scriptOf = (message: string) => /#!\/bin\/bash\n[^]*?(?=--==)/.exec(message)?.[0] ?? "";

/**
 * User data of a host that installs what the image holds, by the builder's own script, and then starts the service by the web
 * hosts' own, up to where that joins its group.
 */
export function installAtBoot(builder: unknown, web: unknown): string {
  const message = decoded(web);
  const script = scriptOf(message);
  const [start = "", rest] = script.split('step "wait for /livez"');
  if (rest === undefined) throw new Error("userdata/web.sh waits for /livez no more: the bench goes by that");
  const install = `cat >/run/install.sh <<'INSTALL'\n${scriptOf(decoded(builder))}\nINSTALL\nbash /run/install.sh\n`;
  const whole = message.replace(script, () => `#!/bin/bash\nset -e\n${install}${start}`);
  return gzipSync(whole).toString("base64");
}

/** A host of the replaced system. */
interface Replaced {
  readonly name: string;
  readonly state: ResourceState;
}

/** Two hosts behind a balancer with ELB's defaults, and the loop that looks after them. */
export class ReplacedSystem {
  private hosts: Replaced[] = [];
  private count = 0;
  private targetGroupArn = "";
  url = "";
  /** Seconds from a host's launch until it answered. */
  readonly launches: number[] = [];
  private readonly ends: Promise<PromiseSettledResult<void>[]>[] = [];
  /** When the loop has asked all hosts last, in milliseconds. */
  private askedAt = 0;
  private readonly stopping = new AbortController();
  private looping: Promise<void> | undefined;

  constructor(private readonly region: BenchRegion) {}

  get ids(): string[] {
    return this.hosts.map(({ state }) => state.id);
  }

  private get inputs(): Properties {
    const { region } = this;
    const builder = region.ofType(instanceType).find(({ name }) => name === "local-image-builder");
    const [template] = region.ofType("aws:ec2/launchTemplate:LaunchTemplate");
    const [balancer] = region.ofType("aws:lb/loadBalancer:LoadBalancer");
    if (!builder || !template || !balancer) throw new Error("the stack has no builder, template or balancer");
    const [card] = template.inputs["networkInterfaces"] as readonly Properties[];
    return {
      ...builder.inputs,
      vpcSecurityGroupIds: card?.["securityGroups"],
      iamInstanceProfile: (template.inputs["iamInstanceProfile"] as Properties)["name"],
      userDataBase64: installAtBoot(builder.inputs["userDataBase64"], template.inputs["userData"]),
    };
  }

  /** Makes a host, from its creation to its first answer. */
  private async launch(): Promise<Replaced> {
    const name = `replaced-${++this.count}`;
    const inputs = { ...this.inputs, tags: { Name: name } };
    const since = performance.now();
    const state = await this.region.create(instanceType, name, inputs);
    this.launches.push(((await this.region.firstAnswer(state.id)) - since) / 1000);
    return { name, state };
  }

  private attach(host: Replaced): Promise<ResourceState> {
    return this.region.create(attachmentType, host.name, this.attachment(host));
  }

  private readonly attachment = ({ state }: Replaced): Properties => ({
    targetGroupArn: this.targetGroupArn,
    targetId: state.id,
  });

  /** Makes balancer and hosts, one after another, unless they are there. */
  async start(): Promise<void> {
    if (this.hosts.length > 0) return;
    const { region } = this;
    const [balancer] = region.ofType("aws:lb/loadBalancer:LoadBalancer");
    const targets = await region.create("aws:lb/targetGroup:TargetGroup", "replaced", {
      port: 8000,
      // Elastic Load Balancing's own but for the path.
      healthCheck: { path: "/livez" },
    });
    this.targetGroupArn = targets.id;
    const { subnets, securityGroups } = balancer?.inputs ?? {};
    const made = await region.create("aws:lb/loadBalancer:LoadBalancer", "replaced", {
      subnets,
      securityGroups,
    });
    await region.create("aws:lb/listener:Listener", "replaced", {
      loadBalancerArn: made.id,
      port: 80,
      protocol: "HTTP",
      defaultActions: [{ type: "forward", targetGroupArn: targets.id }],
    });
    this.url = `http://${String(made.outputs["dnsName"])}`;
    while (this.hosts.length < size) {
      const host = await this.launch();
      await this.attach(host);
      this.hosts.push(host);
    }
    await region.until("healthy replaced hosts", () => this.healthy.length === size);
  }

  /** Ids of the hosts that its balancer finds healthy. */
  get healthy(): string[] {
    const { ids } = this;
    return this.region.hosts
      .filter(({ id, health, state }) => ids.includes(id) && state === "running" && health === "healthy")
      .map(({ id }) => id);
  }

  /** Polls, and makes a host anew that does not answer. */
  loop(): void {
    this.looping = this.keepPolling();
  }

  private async keepPolling(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      for (const host of [...this.hosts]) if (!(await this.answers(host))) await this.replace(host);
      this.askedAt = performance.now();
      await sleep(pollSeconds * 1000, undefined, { signal }).catch(() => undefined); // stopped: nothing to wait for
    }
  }

  /** Waits for the middle between two polls: what happens then waits as long for the loop as is usual. */
  async midway(): Promise<void> {
    const { askedAt } = this;
    await this.region.until("the loop's next poll", () => this.askedAt > askedAt);
    await sleep((pollSeconds * 1000) / 2);
  }

  private async answers({ state }: Replaced): Promise<boolean> {
    const ask = `curl -sf -m ${patienceSeconds} -o /dev/null http://127.0.0.1:8000/livez`;
    return onHost(state.id, ask).then(
      () => true,
      (error: unknown) => {
        this.region.say(`the loop finds ${state.id} away: ${(error as Error).message.slice(-60)}`);
        return false;
      },
    );
  }

  /** Terminates, creates, provisions. */
  private async replace(host: Replaced): Promise<void> {
    this.hosts = this.hosts.filter((other) => other !== host);
    // The API answers before a host has ended, and the balancer sends nothing to one that ends.
    this.ends.push(
      Promise.allSettled([
        this.region.delete(
          attachmentType,
          host.name,
          { id: `${this.targetGroupArn}-${host.state.id}`, outputs: {} },
          this.attachment(host),
        ),
        this.region.delete(instanceType, host.name, host.state, {}),
      ]),
    );
    const successor = await this.launch();
    await this.attach(successor);
    this.hosts.push(successor);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.looping;
    for (const result of (await Promise.all(this.ends)).flat())
      if (result.status === "rejected") throw result.reason;
  }
}
