import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type BootReport, bootReportKey, tierTag, userIdOf } from "../../gate/contract.cjs";

/** The role of every host of the fake. */
export const roleId = "AROAEXAMPLE";

/** An auto scaling group of the fake. */
export interface FakeGroup {
  tier: string;
  min: number;
  max: number;
  desired: number;
  status?: string;
  instances: { id: string; lifecycle: string }[];
}

const escapeXml = (text: string): string =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const element = (name: string, ...content: string[]): string => `<${name}>${content.join("")}</${name}>`;
const list = (name: string, item: string, members: readonly string[]): string =>
  element(name, ...members.map((each) => element(item, each)));

/** The calls that the gate makes, answered from plain fields that a test sets. */
export class FakeAws {
  /** Objects by `bucket/key`. */
  readonly objects = new Map<string, string>();
  /** State of each instance that EC2 knows. */
  readonly instances = new Map<string, string>();
  readonly groups = new Map<string, FakeGroup>();
  /** Health of each registered target. */
  readonly targets = new Map<string, { state: string; reason?: string }>();
  /** Changing calls, in their order. */
  readonly changes: string[] = [];
  /** Actions that fail, with the error code. */
  readonly failing = new Map<string, string>();
  failureMessage = "refused by the test";
  /** What a group does when one of its hosts was taken out. */
  onTerminate: (id: string, group: FakeGroup) => void = () => undefined;
  private readonly server: Server = createServer((request, response) => {
    void this.answer(request).then(([status, body]) => {
      response.writeHead(status, { "content-type": "text/xml" }).end(body);
    });
  });

  /** Listens, and returns the endpoint's URL. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Stops listening. */
  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  /** Puts a host's boot report where its boot script would. */
  putReport(bucket: string, instanceId: string, report: Partial<BootReport>): void {
    const complete: BootReport = {
      instanceId,
      script: "web",
      succeeded: true,
      step: "wait for /livez",
      message: "",
      logTail: "",
      bootId: "boot-1",
      finishedAt: "2026-01-01T00:00:00+00:00",
      ...report,
    };
    this.objects.set(`${bucket}/${bootReportKey(userIdOf(roleId, instanceId))}`, JSON.stringify(complete));
  }

  private async answer(request: IncomingMessage): Promise<[number, string]> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    if (request.method === "GET") {
      const key = decodeURIComponent(new URL(request.url ?? "/", "http://fake").pathname.slice(1));
      const object = this.objects.get(key);
      const failure = this.failing.get("GetObject");
      if (failure !== undefined)
        return [403, element("Error", element("Code", failure), element("Message", "no"))];
      return object === undefined
        ? [404, element("Error", element("Code", "NoSuchKey"), element("Message", "no such key"))]
        : [200, object];
    }
    const form = new URLSearchParams(body);
    const action = form.get("Action") ?? "";
    const failure = this.failing.get(action);
    if (failure !== undefined) return this.queryError(action, failure, this.failureMessage);
    switch (action) {
      case "DescribeInstances":
        return this.describeInstances(form.get("InstanceId.1") ?? "");
      case "RebootInstances":
      case "StartInstances":
        this.changes.push(`${action} ${form.get("InstanceId.1")}`);
        return [200, element(`${action}Response`)];
      case "DescribeAutoScalingGroups":
        return this.describeGroups(form);
      case "UpdateAutoScalingGroup":
        return this.updateGroup(form);
      case "TerminateInstanceInAutoScalingGroup":
        return this.terminate(form);
      case "DescribeTargetHealth":
        return this.describeTargetHealth();
      default:
        return this.queryError(action, "InvalidAction", `the fake has no ${action}`);
    }
  }

  private queryError(action: string, code: string, message: string): [number, string] {
    const error = element("Error", element("Code", code), element("Message", message));
    const isEc2 = action.endsWith("Instances");
    return [400, isEc2 ? element("Response", element("Errors", error)) : element("ErrorResponse", error)];
  }

  private describeInstances(id: string): [number, string] {
    const state = this.instances.get(id);
    if (state === undefined)
      return this.queryError("DescribeInstances", "InvalidInstanceID.NotFound", "unknown");
    const instance = element("instanceId", id) + element("instanceState", element("name", state));
    const reservation = list("instancesSet", "item", [instance]);
    return [200, element("DescribeInstancesResponse", list("reservationSet", "item", [reservation]))];
  }

  private describeGroups(form: URLSearchParams): [number, string] {
    const name = form.get("AutoScalingGroupNames.member.1");
    const tag = form.get("Filters.member.1.Name");
    const tier = form.get("Filters.member.1.Values.member.1");
    const found = [...this.groups].filter(([each, group]) =>
      name === null ? tag === `tag:${tierTag}` && group.tier === tier : each === name,
    );
    // One group a page: whoever forgets the token misses the others.
    const page = Number(form.get("NextToken") ?? 0);
    const members = found.slice(page, page + 1).map(([each, group]) =>
      [
        element("AutoScalingGroupName", each),
        element("DesiredCapacity", String(group.desired)),
        group.status === undefined ? "" : element("Status", group.status),
        list(
          "Instances",
          "member",
          group.instances.map(
            (one) => element("InstanceId", one.id) + element("LifecycleState", one.lifecycle),
          ),
        ),
      ].join(""),
    );
    const next = page + 1 < found.length ? element("NextToken", String(page + 1)) : "";
    const result = element(
      "DescribeAutoScalingGroupsResult",
      list("AutoScalingGroups", "member", members),
      next,
    );
    return [200, element("DescribeAutoScalingGroupsResponse", result)];
  }

  private updateGroup(form: URLSearchParams): [number, string] {
    const name = form.get("AutoScalingGroupName") ?? "";
    const group = this.groups.get(name);
    if (group === undefined)
      return this.queryError("UpdateAutoScalingGroup", "ValidationError", "unknown group");
    group.min = Number(form.get("MinSize"));
    group.max = Number(form.get("MaxSize"));
    group.desired = Number(form.get("DesiredCapacity"));
    this.changes.push(`${name}: min ${group.min}, max ${group.max}, desired ${group.desired}`);
    return [200, element("UpdateAutoScalingGroupResponse")];
  }

  /** Takes the host out at once; its group gets another when the test gives it one. */
  private terminate(form: URLSearchParams): [number, string] {
    const action = "TerminateInstanceInAutoScalingGroup";
    const id = form.get("InstanceId") ?? "";
    const group = [...this.groups.values()].find(({ instances }) => instances.some((each) => each.id === id));
    if (group === undefined)
      return this.queryError(action, "ValidationError", `Instance Id not found - No managed instance ${id}`);
    group.instances = group.instances.filter((each) => each.id !== id);
    this.targets.delete(id);
    const decrement = form.get("ShouldDecrementDesiredCapacity") === "true";
    this.changes.push(`${action} ${id}${decrement ? ", and one fewer" : ""}`);
    this.onTerminate(id, group);
    return [200, element(`${action}Response`)];
  }

  private describeTargetHealth(): [number, string] {
    const members = [...this.targets].map(([id, health]) =>
      [
        element("Target", element("Id", id), element("Port", "8000")),
        element(
          "TargetHealth",
          element("State", health.state),
          health.reason === undefined ? "" : element("Reason", escapeXml(health.reason)),
        ),
      ].join(""),
    );
    const result = element("DescribeTargetHealthResult", list("TargetHealthDescriptions", "member", members));
    return [200, element("DescribeTargetHealthResponse", result)];
  }
}
