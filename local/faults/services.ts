/** What can happen to what the fleet relies on. */
import { StartInstancesCommand, StopInstancesCommand } from "@aws-sdk/client-ec2";
import {
  DeleteBucketPolicyCommand,
  GetBucketPolicyCommand,
  PutBucketPolicyCommand,
} from "@aws-sdk/client-s3";
import { databaseRegion, webRegion } from "../../settings/regions";
import type { Fault, Site, Undo } from "./fault";

/** How long a fault lasts that nobody takes back, in seconds. */
const longest = 120;
/** How much longer each call to the bucket takes when it is slow, in milliseconds; a sign-in makes several. */
const bucketDelay = 500;

/**
 * Has a service of the AWS API answer the hosts late, or, without a delay, not before the fault is over; this machine is answered as
 * ever. It ends by itself after so many seconds.
 */
export async function slowService(
  { endpoint }: Pick<Site, "endpoint">,
  service: string,
  { seconds = longest, delay }: { readonly seconds?: number; readonly delay?: number } = {},
): Promise<Undo> {
  const set = async (query: string) => {
    const answer = await fetch(`${endpoint}/_faults/${service}?${query}`, { method: "PUT" });
    if (answer.status !== 204) throw new Error(`the region refuses the fault: ${await answer.text()}`);
  };
  await set(`seconds=${seconds}${delay === undefined ? "" : `&delay=${delay}`}`);
  return () => set("seconds=0");
}

export const serviceFaults = {
  "stop-database": {
    what: "stops the database host through the API (StopInstances), and starts it again",
    watch: "tasks and /readyz answer 503; sign-in goes on, and no host is replaced",
    async begin({ clients, outputs }) {
      const { ec2 } = clients.in(databaseRegion);
      const InstanceIds = [outputs["databaseInstanceId"] ?? ""];
      await ec2.send(new StopInstancesCommand({ InstanceIds }));
      return async () => {
        await ec2.send(new StartInstancesCommand({ InstanceIds }));
      };
    },
  },
  "refuse-bucket": {
    what: "denies everybody the account bucket through the API (PutBucketPolicy)",
    watch: "sign-in and sign-up answer 503; whoever is signed in goes on with tasks",
    async begin({ clients, outputs }) {
      const { s3 } = clients.in(webRegion);
      const Bucket = outputs["accountBucket"] ?? "";
      const { Policy: before } = await s3
        .send(new GetBucketPolicyCommand({ Bucket }))
        .catch((error: unknown) => {
          if ((error as Error).name === "NoSuchBucketPolicy") return { Policy: undefined };
          throw error;
        });
      const deny = {
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*Object",
        Resource: `arn:aws:s3:::${Bucket}/*`,
      };
      const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [deny] });
      await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
      return async () => {
        if (before === undefined) await s3.send(new DeleteBucketPolicyCommand({ Bucket }));
        else await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: before }));
      };
    },
  },
  "slow-bucket": {
    what: `has each call of the hosts to S3 take ${bucketDelay / 1000} s longer, for two minutes at most`,
    watch:
      "sign-in takes that much longer for each of its calls, and answers 503 where too many wait; tasks take as long as before",
    begin: (site) => slowService(site, "s3", { delay: bucketDelay }),
  },
} as const satisfies Record<string, Fault>;
