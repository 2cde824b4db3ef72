import { mkdtemp, rm } from "node:fs/promises";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Properties, ResourceRequest } from "../../local/engine/handler";
import { spawnService } from "../../local/machine/service";
import { startApiFront } from "../../local/api/apiFront";
import type { ApiFront } from "../../local/api/apiFront";
import { awsClients } from "../../local/api/clients";
import type { AwsClients } from "../../local/api/clients";
import { motoPython, startMoto } from "../../local/api/moto";

/** A folder that a test may fill. */
export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "django-on-ec2-test-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** A request as the runner of programs would make it. */
export function request(
  type: string,
  name: string,
  inputs: Properties,
  region = "us-east-1",
): ResourceRequest {
  return { type, name, urn: `urn:pulumi:test::django-on-ec2::${type}::${name}`, region, inputs };
}

/** The AWS services of the local region, without its hosts. */
export interface Services {
  readonly front: ApiFront;
  readonly clients: AwsClients;
  readonly motoPort: number;
  stop(): Promise<void>;
}

/** Starts moto and the front before it. */
export async function startServices(): Promise<Services> {
  const folder = await temporaryFolder();
  const state = {
    folder: (...names: string[]) => {
      const path = join(folder.path, ...names);
      mkdirSync(path, { recursive: true });
      return path;
    },
  };
  const moto = await startMoto(await motoPython(), (name, command, args, options) =>
    spawnService(state, name, command, args, options),
  );
  const front = await startApiFront(moto.port);
  const clients = awsClients(front.endpoint);
  return {
    front,
    clients,
    motoPort: moto.port,
    async stop() {
      clients.destroy();
      await front.close();
      await moto.service.stop();
      await folder.remove();
    },
  };
}

/** Where a fake holds up whoever passes, until the test opens it. */
export class Gate {
  /** How many have come to it. */
  arrivals = 0;
  private readonly opened: Promise<void>;
  private resolve: () => void = () => undefined;
  private reject: (error: Error) => void = () => undefined;

  constructor() {
    this.opened = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** A gate at which everybody fails. */
  static failing(reason: string): Gate {
    const gate = new Gate();
    gate.opened.catch(() => undefined); // nobody may come
    gate.fail(reason);
    return gate;
  }

  pass(): Promise<void> {
    this.arrivals++;
    return this.opened;
  }

  open(): void {
    this.resolve();
  }

  /** Has everybody who waits fail. */
  fail(reason: string): void {
    this.reject(new Error(reason));
  }
}

/** Waits until everything has gone as far as it gets without time passing or a gate opening. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
