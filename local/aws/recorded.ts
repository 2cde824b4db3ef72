import { createHash, randomUUID } from "node:crypto";
import type { Handler, Handlers, Properties, ResourceRequest } from "../engine/handler";
import { arn, iamUniqueId, physicalName, resourceId } from "./naming";
import { optionalText, text } from "../engine/properties";

interface Recorded {
  readonly id: string;
  readonly outputs: Properties;
}

/** Keeps what the program said and makes up what AWS would add; nothing acts on it. */
function recorded(answer: (request: ResourceRequest) => Recorded): Handler {
  return {
    create: (request) => Promise.resolve(answer(request)),
    read: (id, state) => Promise.resolve({ id, outputs: state }),
    // What AWS added stays what it was.
    update: (id) => Promise.resolve({ id, outputs: {} }),
    delete: () => Promise.resolve(),
  };
}

function iamPath(request: ResourceRequest): string {
  return optionalText(request.inputs, "path") ?? "/";
}

function named(limit: number, arnOf: (request: ResourceRequest, name: string) => string): Handler {
  return recorded((request) => {
    const name = physicalName(request, limit);
    return { id: name, outputs: { name, arn: arnOf(request, name) } };
  });
}

/** The fingerprint that EC2 shows for an imported OpenSSH key: the MD5 digest of its public part. */
function keyFingerprint(publicKey: string): string {
  const [, blob = ""] = publicKey.trim().split(/\s+/);
  return (createHash("md5").update(Buffer.from(blob, "base64")).digest("hex").match(/../g) ?? []).join(":");
}

/** Handlers of the types that the local region only records. */
export function recordedHandlers(): Handlers {
  return {
    "aws:iam/role:Role": recorded((request) => {
      const name = physicalName(request, 64);
      return {
        id: name,
        outputs: {
          name,
          arn: arn("iam", "", `role${iamPath(request)}${name}`),
          uniqueId: iamUniqueId("AROA"),
          path: iamPath(request),
          createDate: new Date().toISOString(),
        },
      };
    }),
    "aws:iam/rolePolicy:RolePolicy": recorded((request) => {
      const name = physicalName(request, 128);
      return { id: `${text(request.inputs, "role")}:${name}`, outputs: { name } };
    }),
    // moto would enforce the statement and overlook its condition: "deny what is not TLS" would deny everything.
    "aws:s3/bucketPolicy:BucketPolicy": recorded(({ inputs }) => ({
      id: text(inputs, "bucket"),
      outputs: {},
    })),
    "aws:iam/instanceProfile:InstanceProfile": recorded((request) => {
      const name = physicalName(request, 128);
      return {
        id: name,
        outputs: {
          name,
          arn: arn("iam", "", `instance-profile${iamPath(request)}${name}`),
          uniqueId: iamUniqueId("AIPA"),
          path: iamPath(request),
          createDate: new Date().toISOString(),
        },
      };
    }),
    "aws:cloudwatch/logGroup:LogGroup": named(512, ({ region }, name) =>
      arn("logs", region, `log-group:${name}`),
    ),
    "aws:cloudwatch/dashboard:Dashboard": recorded(({ inputs }) => {
      const name = text(inputs, "dashboardName");
      return { id: name, outputs: { dashboardArn: arn("cloudwatch", "", `dashboard/${name}`) } };
    }),
    "aws:cloudwatch/metricAlarm:MetricAlarm": named(255, ({ region }, name) =>
      arn("cloudwatch", region, `alarm:${name}`),
    ),
    "aws:route53/healthCheck:HealthCheck": recorded(() => {
      const id = randomUUID();
      return { id, outputs: { arn: arn("route53", "", `healthcheck/${id}`) } };
    }),
    "aws:sns/topic:Topic": recorded((request) => {
      const name = physicalName(request, 256);
      const topicArn = arn("sns", request.region, name);
      return { id: topicArn, outputs: { name, arn: topicArn } };
    }),
    "aws:sns/topicPolicy:TopicPolicy": recorded(({ inputs }) => ({ id: text(inputs, "arn"), outputs: {} })),
    "aws:sns/topicSubscription:TopicSubscription": recorded(({ inputs }) => {
      const id = `${text(inputs, "topic")}:${randomUUID()}`;
      return { id, outputs: { arn: id, pendingConfirmation: true } };
    }),
    "aws:wafv2/webAcl:WebAcl": recorded((request) => {
      const [id, name] = [randomUUID(), physicalName(request, 128)];
      return { id, outputs: { name, arn: arn("wafv2", request.region, `regional/webacl/${name}/${id}`) } };
    }),
    "aws:wafv2/webAclAssociation:WebAclAssociation": recorded(({ inputs }) => ({
      id: `${text(inputs, "webAclArn")},${text(inputs, "resourceArn")}`,
      outputs: {},
    })),
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration": recorded(({ inputs }) => ({
      id: text(inputs, "resourceArn"),
      outputs: {},
    })),
    "aws:ec2/flowLog:FlowLog": recorded(({ region }) => {
      const id = resourceId("fl");
      return { id, outputs: { arn: arn("ec2", region, `vpc-flow-log/${id}`) } };
    }),
    "aws:ec2/keyPair:KeyPair": recorded((request) => {
      const name = physicalName(request, 255, "keyName");
      const publicKey = text(request.inputs, "publicKey");
      return {
        id: name,
        outputs: {
          keyName: name,
          keyPairId: resourceId("key"),
          keyType: publicKey.startsWith("ssh-ed25519") ? "ed25519" : "rsa",
          fingerprint: keyFingerprint(publicKey),
          arn: arn("ec2", request.region, `key-pair/${name}`),
        },
      };
    }),
  };
}

/**
 * Types that other handlers keep where the API shows them, but that have no effect here: signatures and policies are not
 * checked, nothing expires, and what lies in a bucket is not encrypted.
 */
export const shownOnly: readonly string[] = [
  "aws:ec2/vpcEndpoint:VpcEndpoint",
  "aws:ec2/eip:Eip",
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
];
