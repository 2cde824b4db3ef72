import { readFileSync } from "node:fs";
import type { ChangeTable } from "../engine/changes";
import { type ProviderBackend, ProviderServer } from "../engine/providerServer";
import { awsChanges, randomChanges } from "./changes";

/** Providers of a backend, for Pulumi's engine. */
export interface Providers {
  /** For `PULUMI_DEBUG_PROVIDERS`. */
  readonly addresses: string;
  stop(): void;
}

const packages: Readonly<Record<string, ChangeTable>> = { aws: awsChanges, random: randomChanges };

/**
 * Serves a backend as the providers that the program uses. `regionId` identifies the region that its `aws` resources end with;
 * what `random` drew stays true without it.
 */
export async function serveProviders(backend: ProviderBackend, regionId?: string): Promise<Providers> {
  const servers = await Promise.all(
    Object.entries(packages).map(async ([name, changes]) => {
      const { port, stop } = await ProviderServer.start({
        version: versionOf(name),
        changes,
        backend,
        regionId: name === "aws" ? regionId : undefined,
      });
      return { address: `${name}:${port}`, stop };
    }),
  );
  return {
    addresses: servers.map(({ address }) => address).join(),
    stop() {
      for (const { stop } of servers) stop();
    },
  };
}

function versionOf(name: string): string {
  const file = require.resolve(`@pulumi/${name}/package.json`);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
