import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawnService } from "../service";
import type { Service } from "../service";
import type { StateDirectory } from "../state";
import { secureNames } from "./authority";
import { apiAddress } from "./endpoints";
import type { NetworkNamespace } from "./namespace";
import { uplinkResolver } from "./uplink";

/** Where hosts find their resolver, as on EC2. */
export const resolverAddress = "169.254.169.253";

/** A network's resolver: the names of its private zones and of what answers for AWS here, and whatever the machine's own resolver knows. */
export class Resolver {
  private readonly names = new Map<string, string>();

  private constructor(
    private readonly hostsFile: string,
    readonly service: Service,
  ) {}

  static async start(state: StateDirectory, router: NetworkNamespace): Promise<Resolver> {
    const hostsFile = join(state.folder("networks", router.name), "hosts");
    writeFileSync(hostsFile, "");
    const service = await spawnService(
      state,
      `${router.name}-resolver`,
      "ip",
      [
        ...["netns", "exec", router.name, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null"],
        ...["--no-resolv", `--server=${uplinkResolver}`, `--listen-address=${resolverAddress}`],
        ...["--bind-interfaces", "--no-hosts", `--addn-hosts=${hostsFile}`, "--local-ttl=5"],
        ...secureNames.map((name) => `--host-record=${name},${apiAddress}`),
        ...["--user=root", "--pid-file="],
      ],
      { isReady: async () => (await router.run("ss", ["-Hlun"])).includes(`${resolverAddress}:53`) },
    );
    return new Resolver(hostsFile, service);
  }

  /** Sets or, without an address, removes a name. */
  setName(name: string, address: string | undefined): void {
    if (address === undefined) this.names.delete(name);
    else this.names.set(name, address);
    const lines = [...this.names].map(([key, value]) => `${value} ${key}\n`);
    writeFileSync(this.hostsFile, lines.join(""));
    process.kill(this.service.pid, "SIGHUP"); // dnsmasq reads its hosts file again
  }
}
