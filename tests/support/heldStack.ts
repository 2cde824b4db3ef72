/** A stack of the local region under Pulumi's engine, by the commands that a user has, in a checkout that a test may change. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { regionFolder } from "../../client/localRegion";
import { awsClients, type RegionClients } from "../../local/api/clients";
import { parseEnvironment } from "../../local/run/engineEnvironment";
import { type Deployed, deploy, type PulumiCommand, run } from "./pulumiCommands";
import { copyOfCheckout, HeldRegion, leftovers } from "./regionProcess";
import { RequestLoad } from "./requestLoad";

export class HeldStack {
  private copy: Awaited<ReturnType<typeof copyOfCheckout>> | undefined;
  private held: HeldRegion | undefined;

  /** Folder of the checkout. */
  get path(): string {
    assert.ok(this.copy, "the checkout is not there yet");
    return this.copy.path;
  }

  /** Makes the checkout. */
  async start(): Promise<void> {
    this.copy = await copyOfCheckout();
    await this.hold();
  }

  /** Starts a region. */
  async hold(): Promise<void> {
    assert.deepEqual(await leftovers(), []);
    this.held = new HeldRegion(this.path);
    await this.held.isUp();
  }

  /** Ends the region, of which nothing is left. */
  async release(): Promise<void> {
    const { held } = this;
    this.held = undefined;
    if (!held) return;
    held.kill("SIGINT");
    assert.equal(await held.ended, 0, held.output);
    assert.doesNotMatch(held.output, /was still there/);
    assert.deepEqual(await leftovers(), []);
  }

  async stop(): Promise<void> {
    try {
      await this.release();
    } finally {
      this.copy?.remove();
    }
  }

  /** Changes a file of the checkout. */
  edit(name: string, change: (text: string) => string): void {
    const file = join(this.path, name);
    writeFileSync(file, change(readFileSync(file, "utf8")));
  }

  /** Sets settings of the stack. */
  set(settings: Readonly<Record<string, number | string>>): void {
    this.edit("Pulumi.local.yaml", (text) => {
      const lines = Object.entries(settings).map(([name, value]) => `  django-on-ec2:${name}: ${value}\n`);
      const others = Object.keys(settings).reduce(
        (rest, name) => rest.replace(new RegExp(`^ {2}django-on-ec2:${name}:.*\n`, "m"), ""),
        text,
      );
      return others.replace(/^config:\n/m, `$&${lines.join("")}`);
    });
  }

  deploy(command: PulumiCommand, options?: Parameters<typeof deploy>[2]): Promise<Deployed> {
    return deploy(this.path, command, options);
  }

  async succeeds(command: PulumiCommand): Promise<Deployed> {
    const outcome = await this.deploy(command);
    assert.equal(outcome.status, 0, outcome.output);
    return outcome;
  }

  /** A command of the CLI itself, in a shell that has read what the region wrote. */
  async plain(command: string): Promise<string> {
    const script = `. ${regionFolder()}/engine.env && ${command}`;
    const { status, output } = await run(this.path, "bash", ["-c", script]);
    assert.equal(status, 0, output);
    return output;
  }

  /** An output of the stack. */
  async output(name: string): Promise<string> {
    return (await this.plain(`pulumi stack output ${name} --stack local --show-secrets`)).trim();
  }

  /** Asks the region's AWS API. */
  async inRegion<T>(name: string, ask: (clients: RegionClients) => Promise<T>): Promise<T> {
    const text = readFileSync(join(this.path, regionFolder(), "engine.env"), "utf8");
    const clients = awsClients(parseEnvironment(text)["AWS_ENDPOINT_URL"] ?? "");
    try {
      return await ask(clients.in(name));
    } finally {
      clients.destroy();
    }
  }

  /** Signs in to the service, and up before where that is still to do. */
  async signIn(login: string): Promise<Session> {
    const url = await this.output("serviceUrl");
    const account = { login, password: "fifty-five tulips" };
    await post(`${url}/v1/signup`, account);
    const answer = await post(`${url}/v1/signin`, account);
    return { url, ...((await answer.json()) as Omit<Session, "url">) };
  }

  /** Does something while requests come in, and asserts that none of them failed. */
  async underLoad<T>(action: () => Promise<T>): Promise<T> {
    const { url, access } = await this.signIn(`load-${Date.now()}`);
    const loads = [
      new RequestLoad(`${url}/v1/tasks`, 50, { headers: bearer(access), atOnce: 1 }),
      new RequestLoad(`${url}/livez`, 50, { atOnce: 1 }),
    ];
    let result: T;
    try {
      result = await action();
    } finally {
      const failed = await Promise.all(loads.map((load) => load.stop(0)));
      assert.deepEqual(failed, [[], []]);
      for (const { sent } of loads) assert.ok(sent > 10, String(sent));
    }
    return result;
  }
}

/** Somebody who is signed in. */
export interface Session {
  readonly url: string;
  readonly access: string;
  readonly refresh: string;
}

export const bearer = (access: string) => ({ authorization: `Bearer ${access}` });

export const post = (url: string, body: object, headers = {}): Promise<Response> =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

/** Holds a region before the tests of a `describe`, and ends it after them. */
export function useHeldStack(): HeldStack {
  const stack = new HeldStack();
  before(() => stack.start());
  after(() => stack.stop());
  return stack;
}
