import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  PutSecretValueCommand,
  RemoveRegionsFromReplicationCommand,
  ReplicateSecretToRegionsCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateSecretCommand,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { DeleteParameterCommand, GetParameterCommand, PutParameterCommand } from "@aws-sdk/client-ssm";
import type { ParameterType } from "@aws-sdk/client-ssm";
import type { Handler, Handlers, Properties, ResourceRequest, ResourceState } from "../engine/handler";
import { arn, physicalName } from "./naming";
import { flagOr, nestedList, numberOr, optionalText, text, textList, textMap } from "../engine/properties";
import type { AwsClients } from "../api/clients";
import { unless } from "./errors";

function tagList(inputs: Properties): { Key: string; Value: string }[] {
  return Object.entries(textMap(inputs, "tags")).map(([Key, Value]) => ({ Key, Value }));
}

function replicaRegions(properties: Properties): string[] {
  return nestedList(properties, "replicas").map((replica) => text(replica, "region"));
}

function secretHandler(clients: AwsClients): Handler {
  return {
    async create(request) {
      const { inputs, region } = request;
      const name = physicalName(request, 512);
      const regions = replicaRegions(inputs);
      const created = await clients.in(region).secretsManager.send(
        new CreateSecretCommand({
          Name: name,
          Description: optionalText(inputs, "description"),
          Tags: tagList(inputs),
          AddReplicaRegions: regions.length > 0 ? regions.map((Region) => ({ Region })) : undefined,
          ForceOverwriteReplicaSecret: flagOr(inputs, "forceOverwriteReplicaSecret", false),
        }),
      );
      if (created.ARN === undefined)
        throw new Error(`${request.name}: Secrets Manager gave the secret no ARN`);
      return { id: created.ARN, outputs: { name, arn: created.ARN } };
    },
    async read(id, state, region) {
      const found = await unless("ResourceNotFoundException", () =>
        clients.in(region).secretsManager.send(new DescribeSecretCommand({ SecretId: id })),
      );
      return found && !found.DeletedDate
        ? { id, outputs: { ...state, name: found.Name, arn: found.ARN } }
        : undefined;
    },
    async update(id, state, { inputs, region }) {
      const { secretsManager } = clients.in(region);
      const description = optionalText(inputs, "description");
      await secretsManager.send(new UpdateSecretCommand({ SecretId: id, Description: description ?? "" }));
      const tags = textMap(inputs, "tags");
      const TagKeys = Object.keys(textMap(state, "tags")).filter((key) => !(key in tags));
      if (TagKeys.length > 0) await secretsManager.send(new UntagResourceCommand({ SecretId: id, TagKeys }));
      await secretsManager.send(new TagResourceCommand({ SecretId: id, Tags: tagList(inputs) }));
      const [before, after] = [replicaRegions(state), replicaRegions(inputs)];
      const added = after.filter((item) => !before.includes(item));
      const removed = before.filter((item) => !after.includes(item));
      if (removed.length > 0) {
        const command = new RemoveRegionsFromReplicationCommand({
          SecretId: id,
          RemoveReplicaRegions: removed,
        });
        await secretsManager.send(command);
      }
      if (added.length > 0) {
        const AddReplicaRegions = added.map((Region) => ({ Region }));
        await secretsManager.send(new ReplicateSecretToRegionsCommand({ SecretId: id, AddReplicaRegions }));
      }
      return { id, outputs: {} };
    },
    async delete(id, state, region) {
      const { secretsManager } = clients.in(region);
      const regions = replicaRegions(state);
      const days = numberOr(state, "recoveryWindowInDays", 30);
      await unless("ResourceNotFoundException", async () => {
        if (regions.length > 0) {
          const command = new RemoveRegionsFromReplicationCommand({
            SecretId: id,
            RemoveReplicaRegions: regions,
          });
          await secretsManager.send(command);
        }
        await secretsManager.send(
          new DeleteSecretCommand({
            SecretId: id,
            ForceDeleteWithoutRecovery: days === 0 ? true : undefined,
            RecoveryWindowInDays: days === 0 ? undefined : days,
          }),
        );
      });
    },
  };
}

/** The stage that a secret always has on one of its versions. */
const currentStage = "AWSCURRENT";

function secretVersionHandler(clients: AwsClients): Handler {
  async function put({ inputs, region, name }: ResourceRequest): Promise<ResourceState> {
    const secretId = text(inputs, "secretId");
    const binary = optionalText(inputs, "secretBinary");
    const stages = textList(inputs, "versionStages");
    const version = await clients.in(region).secretsManager.send(
      new PutSecretValueCommand({
        SecretId: secretId,
        SecretString: binary === undefined ? text(inputs, "secretString") : undefined,
        SecretBinary: binary === undefined ? undefined : Buffer.from(binary, "base64"),
        VersionStages: stages.length > 0 ? stages : undefined,
      }),
    );
    if (!version.VersionId) throw new Error(`${name}: Secrets Manager gave the secret's value no version`);
    return {
      id: `${secretId}|${version.VersionId}`,
      outputs: {
        arn: version.ARN,
        secretArn: version.ARN,
        versionId: version.VersionId,
        versionStages: version.VersionStages,
        hasSecretStringWo: false,
      },
    };
  }
  const moveStage = async (id: string, VersionStage: string, region: string) => {
    const [SecretId, MoveToVersionId = ""] = id.split("|");
    const { secretsManager } = clients.in(region);
    const { VersionIdsToStages } = await secretsManager.send(new DescribeSecretCommand({ SecretId }));
    const holder = Object.entries(VersionIdsToStages ?? {}).find(([, has]) => has.includes(VersionStage));
    await secretsManager.send(
      new UpdateSecretVersionStageCommand({
        SecretId,
        VersionStage,
        MoveToVersionId,
        RemoveFromVersionId: holder?.[0],
      }),
    );
  };
  const dropStage = async (id: string, VersionStage: string, region: string) => {
    const [SecretId, RemoveFromVersionId] = id.split("|");
    await clients
      .in(region)
      .secretsManager.send(
        new UpdateSecretVersionStageCommand({ SecretId, VersionStage, RemoveFromVersionId }),
      );
  };
  return {
    create: put,
    async read(id, state, region) {
      const [secretId, versionId = ""] = id.split("|");
      const secret = await unless("ResourceNotFoundException", () =>
        clients.in(region).secretsManager.send(new DescribeSecretCommand({ SecretId: secretId })),
      );
      const stages = secret?.VersionIdsToStages?.[versionId];
      return stages && { id, outputs: { ...state, versionStages: stages } };
    },
    // Another value is another version; what can change of one is where its stages are.
    async update(id, state, { inputs, region }) {
      const [before, after] = [textList(state, "versionStages"), textList(inputs, "versionStages")];
      for (const stage of after.filter((item) => !before.includes(item))) await moveStage(id, stage, region);
      for (const stage of before.filter((item) => !after.includes(item)))
        if (stage !== currentStage) await dropStage(id, stage, region);
      return { id, outputs: {} };
    },
    // The current version of a secret can't be taken away; it goes with the secret.
    async delete(id, state, region) {
      for (const stage of textList(state, "versionStages"))
        if (stage !== currentStage)
          await unless("ResourceNotFoundException", () => dropStage(id, stage, region));
    },
  };
}

function parameterHandler(clients: AwsClients): Handler {
  async function put(
    name: string,
    { inputs, region }: ResourceRequest,
    overwrite: boolean,
  ): Promise<ResourceState> {
    const answer = await clients.in(region).ssm.send(
      new PutParameterCommand({
        Name: name,
        Type: text(inputs, "type") as ParameterType,
        Value: optionalText(inputs, "value") ?? text(inputs, "insecureValue"),
        Description: optionalText(inputs, "description"),
        Overwrite: overwrite,
        // The API refuses tags together with Overwrite.
        Tags: overwrite ? undefined : tagList(inputs),
      }),
    );
    const outputs = {
      name,
      arn: arn("ssm", region, `parameter/${name.replace(/^\//, "")}`),
      version: answer.Version,
    };
    return { id: name, outputs };
  }
  return {
    create: (request) =>
      put(physicalName(request, 1011), request, flagOr(request.inputs, "overwrite", false)),
    async read(id, state, region) {
      const found = await unless("ParameterNotFound", () =>
        clients.in(region).ssm.send(new GetParameterCommand({ Name: id, WithDecryption: true })),
      );
      return (
        found && {
          id,
          outputs: { ...state, value: found.Parameter?.Value, version: found.Parameter?.Version },
        }
      );
    },
    update: (id, _state, request) => put(id, request, true),
    async delete(id, _state, region) {
      await unless("ParameterNotFound", () =>
        clients.in(region).ssm.send(new DeleteParameterCommand({ Name: id })),
      );
    },
  };
}

/** Handlers of Secrets Manager's secrets and Systems Manager's parameters. */
export function secretHandlers(clients: AwsClients): Handlers {
  return {
    "aws:secretsmanager/secret:Secret": secretHandler(clients),
    "aws:secretsmanager/secretVersion:SecretVersion": secretVersionHandler(clients),
    "aws:ssm/parameter:Parameter": parameterHandler(clients),
  };
}
