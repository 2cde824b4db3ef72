import { AutoScalingClient } from "@aws-sdk/client-auto-scaling";
import { EC2Client } from "@aws-sdk/client-ec2";
import { ElasticLoadBalancingV2Client } from "@aws-sdk/client-elastic-load-balancing-v2";
import { S3Client } from "@aws-sdk/client-s3";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SSMClient } from "@aws-sdk/client-ssm";

// The SDK announces on standard error when it will ask for a newer Node.js; its version is pinned, so that is no news.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";

/** Credentials that every caller of the local region may use: it does not check signatures. */
export const localCredentials = {
  accessKeyId: "AKIALOCALREGION00000",
  secretAccessKey: "local-region",
} as const;

/** AWS SDK clients of one region. */
export interface RegionClients {
  readonly s3: S3Client;
  readonly ec2: EC2Client;
  readonly autoScaling: AutoScalingClient;
  readonly loadBalancing: ElasticLoadBalancingV2Client;
  readonly secretsManager: SecretsManagerClient;
  readonly ssm: SSMClient;
}

/** AWS SDK clients by region, all against the local region's endpoint. */
export interface AwsClients {
  in(region: string): RegionClients;
  /** Closes the connections. */
  destroy(): void;
}

/** Clients for an endpoint such as `http://127.0.0.1:4566`; a region's are made when it is first asked for. */
export function awsClients(endpoint: string): AwsClients {
  const regions = new Map<string, RegionClients>();
  const made: { destroy(): void }[] = [];

  function connect(region: string): RegionClients {
    const configuration = {
      endpoint,
      region,
      credentials: localCredentials,
      // Settings that the user's own AWS configuration may turn on, and that exclude an endpoint of one's own.
      useFipsEndpoint: false,
      useDualstackEndpoint: false,
    };
    const keep = <Client extends { destroy(): void }>(client: Client): Client => {
      made.push(client);
      return client;
    };
    return {
      s3: keep(new S3Client({ ...configuration, forcePathStyle: true })),
      ec2: keep(new EC2Client(configuration)),
      autoScaling: keep(new AutoScalingClient(configuration)),
      loadBalancing: keep(new ElasticLoadBalancingV2Client(configuration)),
      secretsManager: keep(new SecretsManagerClient(configuration)),
      ssm: keep(new SSMClient(configuration)),
    };
  }

  return {
    in(region) {
      let clients = regions.get(region);
      if (!clients) regions.set(region, (clients = connect(region)));
      return clients;
    },
    destroy() {
      for (const client of made) client.destroy();
    },
  };
}
