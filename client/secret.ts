/** The administrator's login and password, from where the deployment keeps them. */
import { webRegion } from "../settings/regions";
import { Failure } from "./failure";
import type { Outputs } from "./service";

/** Login and password of an account. */
export interface Credentials {
  readonly login: string;
  readonly password: string;
}

/** Reads the secret that a deployment's outputs name, with the credentials that the AWS CLI would use. */
export async function administrator(outputs: Outputs): Promise<Credentials> {
  // It tells when it will ask for a newer Node.js; its version is pinned, so that is no news.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  // Loading it takes longer than all else that the client does.
  const { GetSecretValueCommand, SecretsManagerClient } = await import("@aws-sdk/client-secrets-manager");
  const { adminSecretName, awsEndpointUrl } = outputs;
  // The local region takes any credentials, and must not be shown real ones.
  const credentials = awsEndpointUrl ? { accessKeyId: "any", secretAccessKey: "any" } : undefined;
  const client = new SecretsManagerClient({ region: webRegion, endpoint: awsEndpointUrl, credentials });
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: adminSecretName }));
    return JSON.parse(SecretString ?? "") as Credentials;
  } catch (error) {
    const { message } = error as Error;
    throw new Failure("fault", `AWS did not give the secret ${adminSecretName} in ${webRegion}: ${message}`, {
      cause: error,
    });
  } finally {
    client.destroy();
  }
}
