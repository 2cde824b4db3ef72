/** A deployment of the local region that the tests of a file share, and what they ask of it. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DescribeTargetHealthCommand } from "@aws-sdk/client-elastic-load-balancing-v2";
import { GetSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { regionFolder } from "../../client/localRegion";
import { awsClients } from "../../local/api/clients";
import type { AwsClients } from "../../local/api/clients";
import { beginFault, type FaultName } from "../../local/faults";
import type { Undo } from "../../local/faults/fault";
import { slowService } from "../../local/faults/services";
import { type Member, members } from "../../local/faults/targets";
import { copyOfCheckout, leftovers, RegionProcess, root } from "./regionProcess";

export const password = "fifty-five tulips";

/** What the service answered. */
export interface Answer {
  readonly status: number;
  /** Seconds; undefined unless the service asks for it. */
  readonly retryAfter: number | undefined;
  readonly host: string;
  readonly body: Record<string, unknown>;
}

/** How a region differs from what `npm start` makes. */
export interface RegionChange {
  /** Arguments of `npm start`. */
  readonly args?: readonly string[];
  /** Settings beside those of Pulumi.local.yaml. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

export class RunningRegion {
  outputs: Record<string, string> = {};
  private started:
    { readonly process: RegionProcess; readonly api: AwsClients; readonly endpoint: string } | undefined;
  private count = 0;
  private copy: Awaited<ReturnType<typeof copyOfCheckout>> | undefined;

  constructor(private readonly change: RegionChange = {}) {}

  private get running() {
    assert.ok(this.started, "the region has not started");
    return this.started;
  }

  get process(): RegionProcess {
    return this.running.process;
  }

  get api(): AwsClients {
    return this.running.api;
  }

  /** Id of the database host. */
  get database(): string {
    return this.outputs["databaseInstanceId"]!;
  }

  async start(): Promise<void> {
    assert.deepEqual(await leftovers(), []);
    const { args = [], settings } = this.change;
    if (settings) this.copy = await copyOfCheckout();
    const directory = this.copy?.path ?? root;
    const lines = Object.entries(settings ?? {}).map(
      ([name, value]) => `  django-on-ec2:${name}: ${value}\n`,
    );
    const file = join(directory, "Pulumi.local.yaml");
    if (settings)
      writeFileSync(file, readFileSync(file, "utf8").replace(/^config:\n/m, `$&${lines.join("")}`));
    const process = new RegionProcess(directory, { args });
    const [, endpoint = ""] = await process.prints(/AWS_ENDPOINT_URL=(\S+)/);
    this.started = { process, api: awsClients(endpoint), endpoint };
    await process.prints(/Ctrl-C destroys everything/);
    this.outputs = process.outputs();
  }

  async stop(): Promise<void> {
    const { process, api } = this.running;
    process.kill("SIGTERM");
    api.destroy();
    const status = await process.ended;
    this.copy?.remove();
    assert.deepEqual(await leftovers(), [], process.output);
    assert.equal(status, 0);
    assert.equal(existsSync(join(root, regionFolder(), "outputs.json")), false);
  }

  /** Asks as a client does: what is busy is asked again when it says so, however slow the machine is. */
  async ask(method: string, uri: string, body?: unknown, token?: string): Promise<Answer> {
    for (let tries = 0; ; tries++) {
      const answer = await this.askOnce(method, uri, body, token);
      if (answer.status !== 503 || answer.retryAfter === undefined || tries === 100) return answer;
      await sleep(answer.retryAfter * 1000);
    }
  }

  async askOnce(method: string, uri: string, body?: unknown, token?: string): Promise<Answer> {
    const response = await fetch(`${this.outputs["serviceUrl"]}${uri}`, {
      method,
      headers: {
        // A connection of its own: the balancer chooses a host for each request.
        connection: "close",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    const retryAfter = response.headers.get("retry-after");
    return {
      status: response.status,
      retryAfter: retryAfter === null ? undefined : Number(retryAfter),
      host: response.headers.get("x-instance-id") ?? "",
      body: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : { text },
    };
  }

  /** Signs up a new account. */
  async newUser(): Promise<{ readonly login: string; readonly token: string }> {
    const login = `user-${++this.count}`;
    assert.equal((await this.ask("POST", "/v1/signup", { login, password })).status, 201);
    return { login, token: await this.signIn(login) };
  }

  /** The access token of an account. */
  async signIn(login: string): Promise<string> {
    const { status, body } = await this.ask("POST", "/v1/signin", { login, password });
    assert.equal(status, 200);
    return String(body["access"]);
  }

  /** The administrator's access token. */
  async administrator(): Promise<string> {
    const { SecretString } = await this.api
      .in("us-east-1")
      .secretsManager.send(new GetSecretValueCommand({ SecretId: this.outputs["adminSecretName"]! }));
    const { body } = await this.ask("POST", "/v1/signin", JSON.parse(SecretString!));
    return String(body["access"]);
  }

  /** The members of the group, and where they are. */
  members(): Promise<Member[]> {
    return members({ clients: this.api, outputs: this.outputs });
  }

  /** How the balancer finds each host. */
  async targetStates(): Promise<Map<string, string>> {
    const { TargetHealthDescriptions = [] } = await this.api
      .in("us-east-1")
      .loadBalancing.send(
        new DescribeTargetHealthCommand({ TargetGroupArn: this.outputs["targetGroupArn"]! }),
      );
    return new Map(
      TargetHealthDescriptions.map(({ Target, TargetHealth }) => [Target!.Id!, TargetHealth!.State!]),
    );
  }

  async webHosts(): Promise<string[]> {
    return (await this.members()).map(({ id }) => id).sort();
  }

  /** Ids of the hosts that the balancer sends requests to; it takes them in turn. */
  async servingHosts(): Promise<string[]> {
    const answers = await Promise.all(Array.from({ length: 12 }, () => this.askOnce("GET", "/livez")));
    return [...new Set(answers.filter(({ status }) => status === 200).map(({ host }) => host))].sort();
  }

  /** Has something go wrong, and answers what takes it back. */
  async fault(name: FaultName, target = ""): Promise<Undo> {
    const { endpoint, api: clients } = this.running;
    const undo = await beginFault(name, { endpoint, clients, outputs: this.outputs }, target);
    return undo ?? (() => Promise.resolve());
  }

  /** Has a service of the AWS API hang for the hosts. */
  async hang(service: "s3" | "secretsmanager" | "autoscaling", seconds: number): Promise<void> {
    await slowService(this.running, service, { seconds });
  }
}

/** Starts a region before the tests of a `describe`, and destroys it after them. */
export function useRegion(change?: RegionChange): RunningRegion {
  const region = new RunningRegion(change);
  before(() => region.start());
  after(() => region.stop());
  return region;
}
