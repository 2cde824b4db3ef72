import { spawnService } from "../service";
import type { Service } from "../service";
import type { StateDirectory } from "../state";
import type { NetworkNamespace } from "./namespace";

/** Interface of a network's router towards the outside. */
export const uplink = "tap0";
/** slirp4netns gives these addresses to its own end: the gateway, and a forwarder to the machine's resolver. */
export const uplinkGateway = "10.0.2.2";
export const uplinkResolver = "10.0.2.3";

/** Starts a network's way out: slirp4netns, which needs nothing of the machine's own network. It sets a default route. */
export function startUplink(state: StateDirectory, router: NetworkNamespace): Promise<Service> {
  return spawnService(
    state,
    `${router.name}-uplink`,
    "slirp4netns",
    ["--configure", "--mtu=1500", "--disable-host-loopback", "--netns-type=path", router.path, uplink],
    { isReady: async () => (await router.ip("route", "show", "default")).includes(uplink) },
  );
}
