import * as s3 from "@aws-sdk/client-s3";
import { isPulumiArchive, readAsset, zipArchive } from "./archive";
import type { Handler, Handlers, Properties, ResourceRequest, ResourceState } from "../engine/handler";
import { physicalName } from "./naming";
import { flagOr, isProperties, nested, nestedList, optionalText, text, textMap } from "../engine/properties";
import type { AwsClients } from "../api/clients";
import { unless } from "./errors";

const goneErrors = ["NoSuchBucket", "NoSuchKey", "NotFound", "404"];

/** Hosted zone ids of S3's website endpoints, which are fixed by region. */
const hostedZones: Readonly<Record<string, string>> = {
  "us-east-1": "Z3AQBSTGFYJSTF",
  "us-east-2": "Z2O1EMRO9K5GLX",
};

/** Pulumi's property names are S3's with a small first letter, but for identifiers. */
function toS3(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toS3);
  if (!isProperties(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key === "id" ? "ID" : key.charAt(0).toUpperCase() + key.slice(1),
      toS3(item),
    ]),
  );
}

/** Locked ones as well, if the bucket can have such: as the provider does. */
async function removeVersions(
  client: s3.S3Client,
  bucket: string,
  { key, locked }: { readonly key?: string; readonly locked?: boolean } = {},
): Promise<void> {
  let next: { KeyMarker?: string; VersionIdMarker?: string } = {};
  for (;;) {
    const page = await client.send(
      new s3.ListObjectVersionsCommand({ Bucket: bucket, Prefix: key, ...next }),
    );
    const objects = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])]
      .filter((version) => key === undefined || version.Key === key)
      .map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (objects.length > 0) {
      const { Errors: [refused] = [] } = await client.send(
        new s3.DeleteObjectsCommand({
          Bucket: bucket,
          Delete: { Objects: objects, Quiet: true },
          BypassGovernanceRetention: locked,
        }),
      );
      if (refused) throw new Error(`${bucket}/${refused.Key}: ${refused.Code}: ${refused.Message}`);
      // From the beginning: hosts that are just ending may have written meanwhile.
      next = {};
    } else if (page.IsTruncated) {
      next = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    } else return;
  }
}

function bucketHandler(clients: AwsClients): Handler {
  async function tag(client: s3.S3Client, bucket: string, inputs: Properties): Promise<void> {
    const TagSet = Object.entries(textMap(inputs, "tags")).map(([Key, Value]) => ({ Key, Value }));
    if (TagSet.length > 0) {
      await client.send(new s3.PutBucketTaggingCommand({ Bucket: bucket, Tagging: { TagSet } }));
    } else {
      await client.send(new s3.DeleteBucketTaggingCommand({ Bucket: bucket }));
    }
  }
  const outputsOf = (bucket: string, region: string): Properties => ({
    bucket,
    arn: `arn:aws:s3:::${bucket}`,
    bucketDomainName: `${bucket}.s3.amazonaws.com`,
    bucketRegionalDomainName: `${bucket}.s3.${region}.amazonaws.com`,
    bucketRegion: region,
    region,
    hostedZoneId: hostedZones[region] ?? "",
  });
  return {
    async create(request) {
      const { inputs, region } = request;
      const bucket = physicalName(request, 63, "bucket").toLowerCase();
      const client = clients.in(region).s3;
      await client.send(
        new s3.CreateBucketCommand({
          Bucket: bucket,
          ObjectLockEnabledForBucket: flagOr(inputs, "objectLockEnabled", false),
          CreateBucketConfiguration:
            region === "us-east-1"
              ? undefined
              : { LocationConstraint: region as s3.BucketLocationConstraint },
        }),
      );
      await tag(client, bucket, inputs);
      return { id: bucket, outputs: outputsOf(bucket, region) };
    },
    async read(id, state, region) {
      const found = await unless(goneErrors, () =>
        clients.in(region).s3.send(new s3.HeadBucketCommand({ Bucket: id })),
      );
      return found && { id, outputs: state };
    },
    async update(id, _state, { inputs, region }) {
      await tag(clients.in(region).s3, id, inputs);
      return { id, outputs: {} };
    },
    async delete(id, state, region) {
      const client = clients.in(region).s3;
      await unless(goneErrors, async () => {
        if (flagOr(state, "forceDestroy", false))
          await removeVersions(client, id, { locked: flagOr(state, "objectLockEnabled", false) });
        await client.send(new s3.DeleteBucketCommand({ Bucket: id }));
      });
    },
  };
}

/** A resource that is one setting of a bucket. */
interface BucketSetting {
  put(client: s3.S3Client, bucket: string, inputs: Properties): Promise<unknown>;
  /** Takes the setting away; without it the setting goes with the bucket. */
  remove?(client: s3.S3Client, bucket: string): Promise<unknown>;
}

function settingHandler(clients: AwsClients, setting: BucketSetting): Handler {
  async function put({ inputs, region }: ResourceRequest): Promise<ResourceState> {
    const bucket = text(inputs, "bucket");
    await setting.put(clients.in(region).s3, bucket, inputs);
    return { id: bucket, outputs: {} };
  }
  return {
    create: put,
    async read(id, state, region) {
      const found = await unless(goneErrors, () =>
        clients.in(region).s3.send(new s3.HeadBucketCommand({ Bucket: id })),
      );
      return found && { id, outputs: state };
    },
    update: (_id, _state, request) => put(request),
    async delete(id, _state, region) {
      await unless(goneErrors, async () => setting.remove?.(clients.in(region).s3, id));
    },
  };
}

const bucketSettings: Readonly<Record<string, BucketSetting>> = {
  "aws:s3/bucketVersioning:BucketVersioning": {
    async put(client, Bucket, inputs) {
      const Status = text(nested(inputs, "versioningConfiguration"), "status");
      if (Status === "Disabled") return;
      const VersioningConfiguration = { Status: Status as s3.BucketVersioningStatus };
      await client.send(new s3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    },
    remove: (client, Bucket) =>
      client.send(
        new s3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Suspended" } }),
      ),
  },
  "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": {
    put: (client, Bucket, inputs) =>
      client.send(
        new s3.PutObjectLockConfigurationCommand({
          Bucket,
          ObjectLockConfiguration: {
            ObjectLockEnabled: "Enabled",
            Rule: toS3(nested(inputs, "rule")) as s3.ObjectLockRule,
          },
        }),
      ),
    remove: (client, Bucket) =>
      client.send(
        new s3.PutObjectLockConfigurationCommand({
          Bucket,
          ObjectLockConfiguration: { ObjectLockEnabled: "Enabled" },
        }),
      ),
  },
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
    put: (client, Bucket, inputs) =>
      client.send(
        new s3.PutBucketEncryptionCommand({
          Bucket,
          ServerSideEncryptionConfiguration: {
            Rules: nestedList(inputs, "rules").map((rule) => {
              const standard = nested(rule, "applyServerSideEncryptionByDefault");
              return {
                ApplyServerSideEncryptionByDefault: {
                  SSEAlgorithm: text(standard, "sseAlgorithm") as s3.ServerSideEncryption,
                  KMSMasterKeyID: optionalText(standard, "kmsMasterKeyId"),
                },
                BucketKeyEnabled: flagOr(rule, "bucketKeyEnabled", false),
              };
            }),
          },
        }),
      ),
    remove: (client, Bucket) => client.send(new s3.DeleteBucketEncryptionCommand({ Bucket })),
  },
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
    put: (client, Bucket, inputs) =>
      client.send(
        new s3.PutPublicAccessBlockCommand({
          Bucket,
          PublicAccessBlockConfiguration: {
            BlockPublicAcls: flagOr(inputs, "blockPublicAcls", false),
            BlockPublicPolicy: flagOr(inputs, "blockPublicPolicy", false),
            IgnorePublicAcls: flagOr(inputs, "ignorePublicAcls", false),
            RestrictPublicBuckets: flagOr(inputs, "restrictPublicBuckets", false),
          },
        }),
      ),
    remove: (client, Bucket) => client.send(new s3.DeletePublicAccessBlockCommand({ Bucket })),
  },
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
    put: (client, Bucket, inputs) =>
      client.send(
        new s3.PutBucketOwnershipControlsCommand({
          Bucket,
          OwnershipControls: {
            Rules: [
              { ObjectOwnership: text(nested(inputs, "rule"), "objectOwnership") as s3.ObjectOwnership },
            ],
          },
        }),
      ),
    remove: (client, Bucket) => client.send(new s3.DeleteBucketOwnershipControlsCommand({ Bucket })),
  },
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
    put: (client, Bucket, inputs) => {
      // A rule without a filter means every object, which S3 wants said.
      const rules = nestedList(inputs, "rules").map((rule) => ({ filter: { prefix: "" }, ...rule }));
      const Rules = toS3(rules) as s3.LifecycleRule[];
      return client.send(
        new s3.PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }),
      );
    },
    remove: (client, Bucket) => client.send(new s3.DeleteBucketLifecycleCommand({ Bucket })),
  },
};

async function objectBody(inputs: Properties): Promise<Uint8Array> {
  const content = optionalText(inputs, "content");
  if (content !== undefined) return Buffer.from(content, "utf8");
  const encoded = optionalText(inputs, "contentBase64");
  if (encoded !== undefined) return Buffer.from(encoded, "base64");
  const { source } = inputs;
  if (source === undefined) return new Uint8Array();
  return isPulumiArchive(source) ? zipArchive(source) : readAsset(source);
}

function objectHandler(clients: AwsClients): Handler {
  async function put({ inputs, region, name }: ResourceRequest): Promise<ResourceState> {
    const bucket = text(inputs, "bucket");
    const key = optionalText(inputs, "key") ?? name;
    const tags = new URLSearchParams(textMap(inputs, "tags")).toString();
    const answer = await clients.in(region).s3.send(
      new s3.PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: await objectBody(inputs),
        ContentType: optionalText(inputs, "contentType") ?? "application/octet-stream",
        CacheControl: optionalText(inputs, "cacheControl"),
        ContentDisposition: optionalText(inputs, "contentDisposition"),
        ContentEncoding: optionalText(inputs, "contentEncoding"),
        ContentLanguage: optionalText(inputs, "contentLanguage"),
        Metadata: textMap(inputs, "metadata"),
        ServerSideEncryption: optionalText(inputs, "serverSideEncryption") as
          s3.ServerSideEncryption | undefined,
        StorageClass: optionalText(inputs, "storageClass") as s3.StorageClass | undefined,
        Tagging: tags || undefined,
      }),
    );
    return {
      id: `${bucket}/${key}`,
      outputs: {
        bucket,
        key,
        arn: `arn:aws:s3:::${bucket}/${key}`,
        etag: answer.ETag?.replace(/"/g, ""),
        versionId: answer.VersionId ?? "",
        contentType: optionalText(inputs, "contentType") ?? "application/octet-stream",
      },
    };
  }
  const place = (id: string) => {
    const slash = id.indexOf("/");
    return { Bucket: id.slice(0, slash), Key: id.slice(slash + 1) };
  };
  return {
    create: put,
    async read(id, _state, region) {
      const found = await unless(goneErrors, () =>
        clients.in(region).s3.send(new s3.HeadObjectCommand(place(id))),
      );
      if (!found) return undefined;
      const etag = found.ETag?.replace(/"/g, "");
      return { id, outputs: { etag, versionId: found.VersionId ?? "" } };
    },
    update: (_id, _state, request) => put(request),
    async delete(id, _state, region) {
      const { Bucket, Key } = place(id);
      await unless(goneErrors, () => removeVersions(clients.in(region).s3, Bucket, { key: Key }));
    },
  };
}

/** Handlers of S3's buckets, their settings and their objects. */
export function storageHandlers(clients: AwsClients): Handlers {
  return {
    "aws:s3/bucket:Bucket": bucketHandler(clients),
    "aws:s3/bucketObjectv2:BucketObjectv2": objectHandler(clients),
    ...Object.fromEntries(
      Object.entries(bucketSettings).map(([type, setting]) => [type, settingHandler(clients, setting)]),
    ),
  };
}
