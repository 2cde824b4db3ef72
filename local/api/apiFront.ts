import { createServer, request as httpRequest } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import {
  DescribeAutoScalingGroupsCommand,
  DescribeAutoScalingInstancesCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import type { AutoScalingGroup } from "@aws-sdk/client-auto-scaling";
import { Mutex } from "async-mutex";
import type { TargetReport } from "../machine/balancer/targetGroup";
import { sourceHeader } from "../machine/network/endpoints";
import { awsClients } from "./clients";
import {
  credentialScope,
  ec2Error,
  ec2Return,
  element,
  listParameter,
  queryAnswer,
  queryError,
} from "./queryProtocol";
import type { CredentialScope, XmlAnswer } from "./queryProtocol";

/** Power control over the hosts behind EC2 instance ids. */
export interface HostControl {
  /** Resolves once the restart is under way; rejects with `UnknownInstanceError` for an id that no host has. */
  reboot(instanceId: string): Promise<void>;
  start(instanceId: string): Promise<void>;
  stop(instanceId: string): Promise<void>;
  /** Told of an instance that is terminated; its host ends a while later, as on EC2. */
  endedByApi(instanceId: string): void;
}

/** No host has that instance id. */
export class UnknownInstanceError extends Error {
  constructor(instanceId: string) {
    super(`The instance ID '${instanceId}' does not exist`);
    this.name = "UnknownInstanceError";
  }
}

/** Where the truth about target health is known. */
export interface TargetHealthSource {
  /** Undefined for a target group that does not exist. */
  describe(targetGroupArn: string): readonly TargetReport[] | undefined;
}

/** Something that a group has done or is doing, as Auto Scaling tells it. */
export interface ScalingActivity {
  readonly id: string;
  readonly description: string;
  /** Why, in Auto Scaling's own words. */
  readonly cause: string;
  readonly startedAt: Date;
  readonly endedAt?: Date;
  readonly status: "InProgress" | "Successful" | "Failed" | "Cancelled";
  /** What went wrong. */
  readonly message?: string;
}

/** Where a member of a group stands between its launch and its end. */
export type LifecycleState = "Pending" | "Pending:Wait" | "InService" | "Terminating";

/** A host of a group, as the group sees it. */
export interface GroupMember {
  readonly lifecycle: LifecycleState;
  readonly isHealthy: boolean;
  /** Undefined for a host that is not there yet. */
  readonly zone: string | undefined;
}

/** Where it is known what auto scaling groups did, and why, and how their hosts are. */
export interface ScalingSource {
  /** The newest first; none for a group that does not exist. */
  activitiesOf(groupName: string): readonly ScalingActivity[];
  /** Undefined for an instance that no group has begun to start. */
  memberOf(instanceId: string): GroupMember | undefined;
  /** Which hosts of a group go when there are to be so many fewer. */
  leaving(groupName: string, count: number): readonly string[];
  /** Has nothing be started in a zone any more, or again. */
  setZone(zone: string, isLost: boolean): void;
  /** Keeps that somebody has begun a fault, and when it ended. */
  noteFault(id: string, what: string): void;
  endFault(id: string): void;
  /** Takes a host's answer to its group's hook for launches; false when nobody waits for it. */
  completeLaunch(groupName: string, instanceId: string, hook: string, result: string): boolean;
}

/** What the front asks instead of moto. */
export interface Truth {
  readonly hosts: HostControl;
  readonly targetHealth: TargetHealthSource;
  readonly scaling: ScalingSource;
}

/** The AWS API of the local region. */
export interface ApiFront {
  readonly port: number;
  /** For `AWS_ENDPOINT_URL` on this machine. */
  readonly endpoint: string;
  /** Names who answers for hosts, groups and target health; they need the endpoint to be made, so they come later. */
  attach(truth: Truth): void;
  close(): Promise<void>;
}

const autoScalingNamespace = "http://autoscaling.amazonaws.com/doc/2011-01-01/";
const loadBalancingNamespace = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";
const capacityActions = new Set(["SetDesiredCapacity", "UpdateAutoScalingGroup"]);
const queryServices = new Set(["ec2", "elasticloadbalancing", "autoscaling"]);
const queryLimit = 1024 ** 2;
const objectLimit = 512 * 1024 ** 2;
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "te",
  "trailer",
  "expect",
]);

/**
 * Where this machine may have a service hang for its hosts, `PUT /_faults/s3?seconds=20`, or answer them late, with `&delay=2000`
 * (milliseconds). No bucket has such a name.
 */
const faultPath = /^\/_faults\/([a-z0-9-]+)$/;
/** Where it may lose a zone (`PUT`) and get it back (`DELETE`). */
const zonePath = /^\/_faults\/zones\/([a-z0-9-]+)$/;
/** Where it may tell, under an id of its own, that a fault begins (`PUT`, with `?what=…`) and ends (`DELETE`). */
const notePath = /^\/_faults\/noted\/([a-z0-9-]+)$/;
/** Longest time, in seconds: a fault ends by itself. */
const longestFault = 120;

/** How a service treats its hosts for a while, in milliseconds. */
interface ServiceFault {
  readonly until: number;
  /** Undefined: no answer comes before the end. */
  readonly delay: number | undefined;
}

/** A call of the query protocol. */
interface Query {
  readonly service: string;
  readonly region: string;
  readonly action: string;
  readonly parameters: URLSearchParams;
}

class TooLargeError extends Error {}

async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if ((size += chunk.length) > limit)
      throw new TooLargeError(`request bodies over ${limit} bytes are refused`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name)));
}

function send(response: ServerResponse, answer: XmlAnswer): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${answer.body}`;
  response.writeHead(answer.status, {
    "content-type": "text/xml",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

function describeTargetHealth(source: TargetHealthSource, parameters: URLSearchParams): XmlAnswer {
  const targets = source.describe(parameters.get("TargetGroupArn") ?? "");
  if (!targets) return queryError("TargetGroupNotFound", "One or more target groups not found");
  const asked = listParameter(parameters, "Targets.member", ".Id");
  const answered: readonly TargetReport[] =
    asked.length === 0
      ? targets
      : asked.map(
          (targetId, index) =>
            targets.find((target) => target.targetId === targetId) ?? {
              targetId,
              port: Number(parameters.get(`Targets.member.${index + 1}.Port`) ?? targets[0]?.port ?? 80),
              state: "unused",
              reason: "Target.NotRegistered",
              description: "Target is not registered to the target group",
            },
        );
  const members = answered.map(
    (target) =>
      `<member>${element("HealthCheckPort", target.port)}` +
      `<Target>${element("Id", target.targetId)}${element("Port", target.port)}</Target>` +
      `<TargetHealth>${element("State", target.state)}${element("Reason", target.reason)}` +
      `${element("Description", target.description)}</TargetHealth></member>`,
  );
  return queryAnswer(
    "DescribeTargetHealth",
    loadBalancingNamespace,
    `<TargetHealthDescriptions>${members.join("")}</TargetHealthDescriptions>`,
  );
}

function describeScalingActivities(source: ScalingSource, parameters: URLSearchParams): XmlAnswer {
  const group = parameters.get("AutoScalingGroupName") ?? "";
  const activities = source.activitiesOf(group);
  const first = Number(parameters.get("NextToken") ?? 0);
  const end = first + Number(parameters.get("MaxRecords") ?? 100);
  const members = activities
    .slice(first, end)
    .map(
      ({ id, description, cause, startedAt, endedAt, status, message }) =>
        `<member>${element("ActivityId", id)}${element("AutoScalingGroupName", group)}` +
        `${element("Description", description)}${element("Cause", cause)}` +
        `${element("StartTime", startedAt.toISOString())}${element("EndTime", endedAt?.toISOString())}` +
        `${element("StatusCode", status)}${element("StatusMessage", message)}` +
        `${element("Progress", endedAt ? 100 : 50)}</member>`,
    );
  return queryAnswer(
    "DescribeScalingActivities",
    autoScalingNamespace,
    `<Activities>${members.join("")}</Activities>` +
      element("NextToken", end < activities.length ? end : undefined),
  );
}

const memberActions = new Set(["DescribeAutoScalingGroups", "DescribeAutoScalingInstances"]);

/** moto has all hosts of a group in its first zone, in service and healthy. */
function withMembers(source: ScalingSource, answer: string): string {
  return answer.replace(/<member>(?:(?!<\/?member>)[^])*<\/member>/g, (text) => {
    const [, id] = /<InstanceId>([^<]+)/.exec(text) ?? [];
    if (id === undefined) return text;
    const { lifecycle = "Pending", isHealthy = true, zone } = source.memberOf(id) ?? {};
    const set = (within: string, name: string, value: string) =>
      within.replace(new RegExp(`(<${name}>)[^<]*`), `$1${value}`);
    const told = set(
      set(text, "LifecycleState", lifecycle),
      "HealthStatus",
      isHealthy ? "Healthy" : "Unhealthy",
    );
    return zone === undefined ? told : set(told, "AvailabilityZone", zone);
  });
}

function completeLifecycleAction(source: ScalingSource, parameters: URLSearchParams): XmlAnswer {
  const of = (name: string) => parameters.get(name) ?? "";
  const id = of("InstanceId");
  const isTaken = source.completeLaunch(
    of("AutoScalingGroupName"),
    id,
    of("LifecycleHookName"),
    of("LifecycleActionResult"),
  );
  return isTaken
    ? queryAnswer("CompleteLifecycleAction", autoScalingNamespace, "")
    : queryError("ValidationError", `No active Lifecycle Action found with instance ID ${id}`);
}

/** The power action behind an EC2 action; moto's own record of the state follows for all but a reboot. */
function powerAction(
  hosts: HostControl,
  action: string,
): ((instanceId: string) => Promise<void>) | undefined {
  if (action === "RebootInstances") return (id) => hosts.reboot(id);
  if (action === "StartInstances") return (id) => hosts.start(id);
  if (action === "StopInstances") return (id) => hosts.stop(id);
  if (action === "TerminateInstances") return async (id) => hosts.endedByApi(id);
  return undefined;
}

/** Refuses sizes outside the group's limits in AWS's words; moto would take them. */
function checkCapacity(
  action: string,
  parameters: URLSearchParams,
  group: AutoScalingGroup,
): XmlAnswer | undefined {
  const minimum = Number(parameters.get("MinSize") ?? group.MinSize);
  const maximum = Number(parameters.get("MaxSize") ?? group.MaxSize);
  const desired = parameters.get("DesiredCapacity");
  if (minimum > maximum) {
    return queryError(
      "ValidationError",
      `Max bound, ${maximum}, must be greater than or equal to min bound, ${minimum}`,
    );
  }
  if (desired === null) return undefined;
  if (!/^\d+$/.test(desired))
    return queryError("ValidationError", "Desired capacity must be a non-negative integer");
  const size = Number(desired);
  if (size >= minimum && size <= maximum) return undefined;
  if (action === "UpdateAutoScalingGroup") {
    return queryError(
      "ValidationError",
      `Desired capacity:${size} must be between the specified min size:${minimum} and max size:${maximum}`,
    );
  }
  const bound = size < minimum ? `below min value ${minimum}` : `above max value ${maximum}`;
  return queryError(
    "ValidationError",
    `New SetDesiredCapacity value ${size} is ${bound} for the AutoScalingGroup.`,
  );
}

/** The size that a group is to have after a call. */
function desiredOf(parameters: URLSearchParams, group: AutoScalingGroup): number {
  const desired = Number(parameters.get("DesiredCapacity") ?? group.DesiredCapacity);
  return Math.min(desired, Number(parameters.get("MaxSize") ?? group.MaxSize));
}

/** A write to an object or to several of a bucket; parts of multipart uploads are not visible until completed. */
function writtenBucket(request: IncomingMessage, url: URL): string | undefined {
  const [, bucket, key] = /^\/([^/]+)\/?(.*)$/.exec(url.pathname) ?? [];
  const { method } = request;
  if (!bucket || method === "GET" || method === "HEAD" || url.searchParams.has("partNumber"))
    return undefined;
  return key || url.searchParams.has("delete") ? bucket : undefined;
}

/**
 * Starts the AWS API of the local region: moto, with the answers corrected that moto gives untruthfully.
 * - target health comes from the load balancer that really checks the hosts;
 * - reboot, start, stop and terminate reach the host;
 * - what a group did, and why, comes from the group, and so do the zones and states of its hosts, who answer to its hook;
 * - when a group shrinks, it chooses who goes;
 * - a desired capacity outside the group's limits is refused, and the end of a host that is in no group;
 * - writes to a bucket are done one at a time: moto checks `If-None-Match` and `If-Match` and then writes, in two steps;
 * - a service hangs for the hosts, or is slow, while it is told to, to see what then happens;
 * - calls of the query protocol are done one at a time: moto changes its records without locks.
 */
export async function startApiFront(motoPort: number): Promise<ApiFront> {
  const moto = awsClients(`http://127.0.0.1:${motoPort}`);
  const queries = new Mutex();
  const writes = new Map<string, Mutex>();
  /** Services that hang or are slow, by name. */
  const faulty = new Map<string, ServiceFault>();
  let truth: Truth | undefined;

  /** Has a service hang for the hosts, or be slow; no seconds end that. */
  function setFault(service: string, url: URL, response: ServerResponse): void {
    const [seconds, delay] = ["seconds", "delay"].map((name) => url.searchParams.get(name));
    const isInBounds = [seconds, delay ?? "0"].every((text) => /^\d+(\.\d+)?$/.test(text ?? ""));
    if (!isInBounds || Number(seconds) > longestFault) {
      response.writeHead(400).end(`seconds: give a number up to ${longestFault}; delay: milliseconds\n`);
      return;
    }
    const until = Date.now() + Number(seconds) * 1000;
    faulty.set(service, { until, delay: delay === null ? undefined : Number(delay) });
    response.writeHead(204).end();
  }

  /** Comes back when a call may be answered: the fault may be taken back, or another begun, meanwhile. */
  async function holdUp(service: string): Promise<void> {
    const since = Date.now();
    for (;;) {
      const { until = 0, delay = Infinity } = faulty.get(service) ?? {};
      const left = Math.min(until, since + delay) - Date.now();
      if (left <= 0) return;
      await sleep(Math.min(left, 100), undefined, { ref: false });
    }
  }

  async function forward(
    request: IncomingMessage,
    response: ServerResponse,
    body?: Buffer,
    correct?: (answer: string) => string,
  ): Promise<void> {
    const upstream = httpRequest({
      host: "127.0.0.1",
      port: motoPort,
      method: request.method,
      path: request.url,
      headers: {
        ...endToEnd(request.headers),
        // moto reads a bucket's name out of any host that is not plainly its own.
        host: `127.0.0.1:${motoPort}`,
      },
    });
    if (body) upstream.setHeader("content-length", body.length);
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      upstream.once("response", resolve);
      upstream.once("error", reject);
    });
    response.once("close", () => upstream.destroy());
    if (body) upstream.end(body);
    // Whatever happens to the upload is told by the answer, which may come before its end, or by the lack of one.
    else void pipeline(request, upstream).catch(() => undefined);
    const received = await answer;
    const headers = endToEnd(received.headers);
    if (correct) {
      const corrected = Buffer.from(correct((await readBody(received, queryLimit)).toString("utf8")));
      response.writeHead(received.statusCode ?? 502, { ...headers, "content-length": corrected.length });
      response.end(corrected);
      return;
    }
    response.writeHead(received.statusCode ?? 502, headers);
    await pipeline(received, response);
  }

  /** What the hosts and the balancer answer; undefined where moto has the word, too. */
  async function answerTruly(
    { hosts, targetHealth, scaling }: Truth,
    { service, action, parameters }: Query,
  ): Promise<XmlAnswer | undefined> {
    if (service === "elasticloadbalancing" && action === "DescribeTargetHealth") {
      return describeTargetHealth(targetHealth, parameters);
    }
    if (service === "autoscaling" && action === "DescribeScalingActivities") {
      return describeScalingActivities(scaling, parameters);
    }
    if (service === "autoscaling" && action === "CompleteLifecycleAction") {
      return completeLifecycleAction(scaling, parameters);
    }
    const power = service === "ec2" ? powerAction(hosts, action) : undefined;
    if (!power || parameters.get("DryRun") === "true") return undefined;
    try {
      await Promise.all(listParameter(parameters, "InstanceId").map(power));
    } catch (error) {
      const isUnknown = error instanceof UnknownInstanceError;
      const message = error instanceof Error ? error.message : String(error);
      return ec2Error(isUnknown ? "InvalidInstanceID.NotFound" : "IncorrectInstanceState", message);
    }
    return action === "RebootInstances" ? ec2Return(action) : undefined;
  }

  async function refuseCapacity({
    service,
    region,
    action,
    parameters,
  }: Query): Promise<XmlAnswer | undefined> {
    if (service !== "autoscaling" || !capacityActions.has(action)) return undefined;
    const name = parameters.get("AutoScalingGroupName") ?? "";
    const { AutoScalingGroups } = await moto
      .in(region)
      .autoScaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }));
    const [group] = AutoScalingGroups ?? [];
    if (!group)
      return queryError("ValidationError", `AutoScalingGroup name not found - AutoScalingGroup: ${name}`);
    const refusal = checkCapacity(action, parameters, group);
    if (!refusal) await takeOut(name, region, (group.DesiredCapacity ?? 0) - desiredOf(parameters, group));
    return refusal;
  }

  /** moto would take out the hosts that it lists first, whatever zone they are in. */
  async function takeOut(name: string, region: string, count: number): Promise<void> {
    for (const id of truth?.scaling.leaving(name, count) ?? [])
      await moto.in(region).autoScaling.send(
        new TerminateInstanceInAutoScalingGroupCommand({
          InstanceId: id,
          ShouldDecrementDesiredCapacity: true,
        }),
      );
  }

  /** moto fails of itself at an instance that is in no group any more. */
  async function refuseTermination({ region, action, parameters }: Query): Promise<XmlAnswer | undefined> {
    if (action !== "TerminateInstanceInAutoScalingGroup") return undefined;
    const id = parameters.get("InstanceId") ?? "";
    const { AutoScalingInstances = [] } = await moto
      .in(region)
      .autoScaling.send(new DescribeAutoScalingInstancesCommand({ InstanceIds: [id] }));
    return AutoScalingInstances.length > 0
      ? undefined
      : queryError(
          "ValidationError",
          `Instance Id not found - No managed instance found for instance ID: ${id}`,
        );
  }

  async function handleQuery(
    request: IncomingMessage,
    response: ServerResponse,
    { service, region }: CredentialScope,
  ): Promise<void> {
    const body = await readBody(request, queryLimit);
    const parameters = new URLSearchParams(body.toString("utf8"));
    const query: Query = { service, region, action: parameters.get("Action") ?? "", parameters };
    const answer = truth && (await answerTruly(truth, query));
    if (answer) {
      send(response, answer);
      return;
    }
    await queries.runExclusive(async () => {
      const refusal = (await refuseCapacity(query)) ?? (await refuseTermination(query));
      if (refusal) {
        send(response, refusal);
        return;
      }
      const scaling =
        service === "autoscaling" && memberActions.has(query.action) ? truth?.scaling : undefined;
      await forward(request, response, body, scaling && ((text) => withMembers(scaling, text)));
    });
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://local");
    const isFromHost = request.headers[sourceHeader] !== undefined;
    const [, named] = faultPath.exec(url.pathname) ?? [];
    if (named !== undefined && request.method === "PUT" && !isFromHost) {
      setFault(named, url, response);
      return;
    }
    const [, zone] = zonePath.exec(url.pathname) ?? [];
    if (zone !== undefined && !isFromHost) {
      truth?.scaling.setZone(zone, request.method === "PUT");
      response.writeHead(204).end();
      return;
    }
    const [, note] = notePath.exec(url.pathname) ?? [];
    if (note !== undefined && !isFromHost) {
      if (request.method === "PUT") truth?.scaling.noteFault(note, url.searchParams.get("what") ?? "");
      else truth?.scaling.endFault(note);
      response.writeHead(204).end();
      return;
    }
    const scope = credentialScope(request.headers.authorization, url);
    // A request that its sender gives up meanwhile cannot be read any more: nothing of it happens late.
    if (scope && isFromHost) await holdUp(scope.service);
    if (scope && queryServices.has(scope.service) && request.method === "POST") {
      return handleQuery(request, response, scope);
    }
    const bucket = scope?.service === "s3" ? writtenBucket(request, url) : undefined;
    if (bucket === undefined) return forward(request, response);
    // Received whole before its turn: a host that is killed while it sends must not hold up the others.
    const body = await readBody(request, objectLimit);
    const turns = writes.get(bucket) ?? new Mutex();
    writes.set(bucket, turns);
    await turns.runExclusive(() => forward(request, response, body));
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) {
        response.destroy();
        return;
      }
      const message = error instanceof Error ? error.message : String(error);
      const status = error instanceof TooLargeError ? 413 : 503; // 503: SDKs try again
      send(response, {
        ...queryError(status === 413 ? "EntityTooLarge" : "ServiceUnavailable", message),
        status,
      });
    });
  });
  // Longer than SDKs keep idle connections, so that none is closed just as a request is sent on it.
  server.keepAliveTimeout = 120_000;
  server.headersTimeout = 125_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    port,
    endpoint: `http://127.0.0.1:${port}`,
    attach(answers) {
      truth = answers;
    },
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      moto.destroy();
      return closed;
    },
  };
}
