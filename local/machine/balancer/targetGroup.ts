import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CommandError, run } from "../exec";
import { spawnService } from "../service";
import type { Service } from "../service";
import type { StateDirectory } from "../state";
import { ask, parseStatistics, renderBalancer, serverName, slots } from "./haproxy";
import type { ListenerOptions, TargetGroupSettings } from "./haproxy";
import { portHolder } from "./ports";
import { Traffic } from "./traffic";

/** How often a new target is asked until its first healthy answer, in seconds. */
const admissionInterval = 1;

export type TargetState = "initial" | "healthy" | "unhealthy" | "draining" | "unused";

/** A target's health, with Elastic Load Balancing's reason codes. */
export interface TargetReport {
  readonly targetId: string;
  readonly port: number;
  readonly state: TargetState;
  readonly reason?: string;
  readonly description?: string;
}

interface Target {
  readonly id: string;
  readonly address: string;
  /** Its place in HAProxy, from the first healthy answer on. */
  slot: number | undefined;
  isDraining: boolean;
  /** Time of the first failed answer, if none was healthy before. */
  firstFailureAt: number | undefined;
  report: { state: TargetState; reason?: string; description?: string };
}

/** A HAProxy at work. */
interface Listener {
  readonly options: ListenerOptions;
  readonly service: Service;
  readonly socket: string;
}

/** A target group, served by at most one listener's HAProxy. */
export class TargetGroup {
  readonly traffic = new Traffic();
  private readonly targets = new Map<string, Target>();
  private listener: Listener | undefined;
  /** HAProxies that have handed over and answer what they have begun. */
  private readonly retired = new Set<Service>();
  private starts = 0;
  private timer: NodeJS.Timeout | undefined;
  private polling: Promise<void> | undefined;

  constructor(
    private readonly state: StateDirectory,
    private settings: TargetGroupSettings,
    /** Told when HAProxy does not answer. */
    private readonly onFault: (error: Error) => void,
  ) {}

  /** Starts the listener. A busy port is an error that names the process that holds it. */
  async listen(options: ListenerOptions): Promise<void> {
    const holder = await portHolder(options.address, options.port);
    if (holder)
      throw new Error(
        `port ${options.port} of ${options.address} is held by ${holder}: stop it, then start again`,
      );
    await this.takeOver(options);
  }

  /** Starts the listener beside that of another target group, which is then to be stopped: both may have the port. */
  async takeOver(options: ListenerOptions): Promise<void> {
    if (this.listener) throw new Error("a target group of the local region serves one listener");
    this.listener = await this.start(options);
    this.watch();
  }

  private async start(options: ListenerOptions): Promise<Listener> {
    const name = `${options.name}-${++this.starts}`;
    const folder = this.state.folder("balancers", options.name);
    const socket = join(folder, `${this.starts}.sock`);
    const config = join(folder, "haproxy.cfg");
    const places = [...this.targets.values()].flatMap(({ slot, isDraining, address }) =>
      slot === undefined || isDraining ? [] : [[slot, address] as const],
    );
    writeFileSync(config, renderBalancer(options, this.settings, socket, new Map(places)));
    const service = await spawnService(this.state, name, "haproxy", ["-db", "-f", config], {
      onOutput: (chunk) => this.traffic.take(chunk),
      isReady: async ({ pid }) => (await ask(socket, "show info")).includes(`Pid: ${pid}`),
    });
    void service.ended.then((reason) => {
      if (this.listener?.service === service)
        this.onFault(
          new Error(`the balancer ${options.name} ended with ${reason}: ${service.output().trim()}`),
        );
    });
    return { options, service, socket };
  }

  private watch(): void {
    this.timer = setInterval(() => {
      this.polling ??= this.poll().finally(() => (this.polling = undefined));
    }, admissionInterval * 1000);
  }

  /** Stops the listener; its targets become unused. What fails can be tried again. */
  async unlisten(): Promise<void> {
    clearInterval(this.timer);
    const { listener } = this;
    this.listener = undefined;
    await this.polling;
    for (const target of this.targets.values()) {
      target.slot = undefined;
      target.report = unused;
    }
    const services = [...(listener ? [listener.service] : []), ...this.retired];
    this.retired.clear();
    await Promise.all(services.map((service) => service.stop()));
  }

  /** Takes new settings; a listener takes them without losing a request. */
  async configure(settings: TargetGroupSettings): Promise<void> {
    this.settings = settings;
    if (this.listener) await this.relisten(this.listener.options);
  }

  /** Starts HAProxy anew beside the old one, which ends when it has answered what it has begun. */
  async relisten(options: ListenerOptions): Promise<void> {
    const old = this.listener;
    if (!old) throw new Error(`no listener to change: ${options.name}`);
    clearInterval(this.timer);
    await this.polling;
    try {
      this.listener = await this.start(options);
    } finally {
      this.watch();
    }
    this.retired.add(old.service);
    this.retire(old).catch((error: unknown) => {
      if (this.retired.has(old.service)) this.onFault(error as Error);
    });
  }

  /**
   * Lets a HAProxy take no new connection, and ends it when it has none, or has kept one as long as an idle one may be. It is
   * not told to end by SIGUSR1: from then on it reaches no other namespace.
   */
  private async retire({ service, socket, options }: Listener): Promise<void> {
    await ask(socket, "disable frontend listener");
    const deadline = Date.now() + options.idleTimeout * 1000;
    while (this.retired.has(service) && Date.now() < deadline) {
      const connections = parseStatistics(await ask(socket, "show stat")).get("FRONTEND")?.sessions ?? 0;
      if (connections === 0) break;
      await sleep(500);
    }
    await service.stop();
    this.retired.delete(service);
  }

  register(id: string, address: string): void {
    this.targets.set(id, {
      id,
      address,
      slot: undefined,
      isDraining: false,
      firstFailureAt: undefined,
      report: this.listener ? initial : unused,
    });
  }

  /** Takes a target out: no new request reaches it; resolves when its last one ended or the delay has passed. */
  async deregister(id: string): Promise<void> {
    const target = this.targets.get(id);
    if (!target) return;
    target.isDraining = true;
    if (this.serves() && target.slot !== undefined) {
      target.report = {
        state: "draining",
        reason: "Target.DeregistrationInProgress",
        description: "Target deregistration is in progress",
      };
      await this.command(`set server ${serverName(target.slot)} state drain`);
      const deadline = Date.now() + this.settings.deregistrationDelay * 1000;
      while (this.serves() && Date.now() < deadline && (await this.sessions(target.slot)) > 0)
        await sleep(200);
      if (this.serves()) await this.command(`set server ${serverName(target.slot)} state maint`);
    }
    this.targets.delete(id);
  }

  /** Takes a target out at once: its host is gone. */
  async drop(id: string): Promise<void> {
    const target = this.targets.get(id);
    if (!target) return;
    target.isDraining = true;
    // Its place is free for another only when HAProxy has left it.
    if (this.listener && target.slot !== undefined)
      await this.command(`set server ${serverName(target.slot)} state maint`);
    this.targets.delete(id);
  }

  /** Whether a listener asks its targets. */
  get isServing(): boolean {
    return this.listener !== undefined;
  }

  describe(): TargetReport[] {
    return [...this.targets.values()].map((target) => ({
      targetId: target.id,
      port: this.settings.port,
      ...target.report,
    }));
  }

  private async poll(): Promise<void> {
    const { listener } = this;
    if (!listener) return;
    try {
      const waiting = [...this.targets.values()].filter(
        (target) => target.slot === undefined && !target.isDraining,
      );
      await Promise.all(waiting.map((target) => this.admit(target, listener.options.namespace)));
      await this.readHealth();
    } catch (error) {
      // The listener may be stopped while a question to it is under way.
      if (this.serves()) this.onFault(error as Error);
    }
  }

  /** As the real balancer: one healthy answer lets a new target in, from then on the thresholds count. */
  private async admit(target: Target, namespace: string): Promise<void> {
    const { path: uri, port, timeout, matcher, interval, unhealthyThreshold } = this.settings.healthCheck;
    const answer = await run("ip", [
      ...["netns", "exec", namespace, "curl", "--silent", "--output", "/dev/null"],
      ...[
        "--max-time",
        String(timeout),
        "--user-agent",
        "ELB-HealthChecker/2.0",
        "--write-out",
        "%{http_code}",
      ],
      `http://${target.address}:${port}${uri}`,
    ]).catch((error: unknown) => {
      if (error instanceof CommandError) return "000"; // curl's own word for no answer
      throw error;
    });
    if (!this.serves() || target.isDraining || !this.targets.has(target.id)) return;
    if (matches(answer, matcher)) {
      const taken = new Set([...this.targets.values()].map((other) => other.slot));
      const slot = Array.from({ length: slots }, (_, index) => index + 1).find((place) => !taken.has(place));
      if (slot === undefined) throw new Error(`the local region's balancer holds at most ${slots} targets`);
      target.slot = slot;
      const server = serverName(slot);
      await this.command(`set server ${server} addr ${target.address} port ${this.settings.port}`);
      await this.command(`set server ${server} state ready`);
      target.report = { state: "healthy" };
      return;
    }
    target.firstFailureAt ??= Date.now();
    if (Date.now() - target.firstFailureAt >= interval * unhealthyThreshold * 1000)
      target.report = {
        state: "unhealthy",
        reason: answer === "000" ? "Target.Timeout" : "Target.ResponseCodeMismatch",
        description:
          answer === "000" ? "Request timed out" : `Health checks failed with these codes: [${answer}]`,
      };
  }

  private async readHealth(): Promise<void> {
    const rows = parseStatistics(await this.command("show stat"));
    for (const target of this.targets.values()) {
      if (target.slot === undefined || target.isDraining) continue;
      const row = rows.get(`target${target.slot}`);
      if (!row) continue;
      target.report = row.status.startsWith("UP")
        ? { state: "healthy" }
        : {
            state: "unhealthy",
            reason: row.code ? "Target.ResponseCodeMismatch" : "Target.FailedHealthChecks",
            description: row.code
              ? `Health checks failed with these codes: [${row.code}]`
              : `Health checks failed (${row.check})`,
          };
    }
  }

  private async sessions(slot: number): Promise<number> {
    return parseStatistics(await this.command("show stat")).get(`target${slot}`)?.sessions ?? 0;
  }

  /** Whether a listener is there now: it may be stopped while an answer is awaited. */
  private serves(): boolean {
    return this.listener !== undefined;
  }

  /** Tells HAProxy something; an answer to a `set` is a complaint. */
  private async command(command: string): Promise<string> {
    if (!this.listener) throw new Error(`no listener to tell "${command}"`);
    const { socket } = this.listener;
    const answer = await ask(socket, command);
    // Setting an address answers with what it changed, or that nothing changed.
    if (
      command.startsWith("set ") &&
      answer !== "" &&
      !/changed from|no need to change|nothing changed/.test(answer)
    )
      throw new Error(`haproxy refused "${command}": ${answer}`);
    return answer;
  }
}

const unused = {
  state: "unused",
  reason: "Target.NotInUse",
  description: "No listener uses the target group",
} as const;
const initial = {
  state: "initial",
  reason: "Elb.InitialHealthChecking",
  description: "Initial health checks in progress",
} as const;

function matches(code: string, matcher: string): boolean {
  return matcher.split(",").some((part) => {
    const [low = "", high = low] = part.split("-");
    return Number(code) >= Number(low) && Number(code) <= Number(high);
  });
}
