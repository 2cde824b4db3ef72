import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawnService } from "../service";
import type { Service } from "../service";
import type { StateDirectory } from "../state";
import type { NetworkNamespace } from "./namespace";

/** Where hosts find the instance metadata service (as on EC2) and the AWS API. */
export const metadataAddress = "169.254.169.254";
export const apiAddress = "169.254.170.1";

/** Headers by which the metadata service and the API know who asks; HAProxy sets them, whatever the client sent. */
export const sourceHeader = "x-local-source";
export const vpcHeader = "x-local-vpc";

/** The platform's services, as a network's hosts reach them. */
export interface Endpoints {
  /** Port of the metadata service on the machine's loopback address. */
  readonly metadata: number;
  /** Port of the AWS API there. */
  readonly api: number;
  /** File with the key and the certificate by which the API answers over TLS, too. */
  readonly certificateFile: string;
}

function renderEndpoints(vpcId: string, router: NetworkNamespace, endpoints: Endpoints): string {
  const endpoint = (name: string, address: string, port: number, ...moreBinds: string[]) => [
    `frontend ${name}`,
    `  bind ${address}:80 namespace ${router.name}`,
    ...moreBinds,
    `  http-request set-header ${sourceHeader} %[src]`,
    `  http-request set-header ${vpcHeader} ${vpcId}`,
    `  default_backend ${name}`,
    `backend ${name}`,
    `  server machine 127.0.0.1:${port}`,
  ];
  return [
    "global",
    "  maxconn 2000",
    "defaults",
    "  mode http",
    "  timeout connect 5s",
    "  timeout client 120s",
    "  timeout server 120s",
    ...endpoint("metadata", metadataAddress, endpoints.metadata),
    ...endpoint(
      "api",
      apiAddress,
      endpoints.api,
      `  bind ${apiAddress}:443 ssl crt ${endpoints.certificateFile} namespace ${router.name}`,
    ),
    "",
  ].join("\n");
}

/** Has a network's hosts reach the metadata service and the AWS API, which are processes of the machine. */
export function startEndpoints(
  state: StateDirectory,
  vpcId: string,
  router: NetworkNamespace,
  endpoints: Endpoints,
): Promise<Service> {
  const config = join(state.folder("networks", router.name), "endpoints.cfg");
  writeFileSync(config, renderEndpoints(vpcId, router, endpoints));
  return spawnService(state, `${router.name}-endpoints`, "haproxy", ["-db", "-f", config], {
    isReady: async () => (await router.run("ss", ["-Hltn"])).includes(`${apiAddress}:80`),
  });
}
