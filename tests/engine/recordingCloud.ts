/** An AWS that only keeps books: what exists, and every call that changed it, in order. It can be told to fail. */
import { isDeepStrictEqual } from "node:util";
import type { ProviderBackend } from "../../local/engine/providerServer";
import type { Properties, ResourceRequest, ResourceState } from "../../local/engine/handler";
import { ec2Prefixes, outputs, recorder, secretMark } from "../../local/engine/recorder";
import { createRow } from "../../tools/creates";

export type Method = "create" | "update" | "delete";

/** A call that changed something, or tried to. */
export interface Call {
  readonly method: Method;
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** Empty for a create that failed. */
  readonly id: string;
  readonly region: string;
  readonly inputs: Properties;
  readonly failed: boolean;
}

/** A call that is to fail. */
export interface Fault {
  readonly method: Method;
  /** Logical name, and the end of the type's name where one name has several types. */
  readonly name: string;
  readonly type?: string;
  /** Whether the effect happens nevertheless, and only the answer is lost. @default false */
  readonly afterEffect?: boolean;
  /** How often it fails. @default for ever */
  readonly times?: number;
  readonly message: string;
}

/** What exists. */
export interface Existing {
  readonly request: ResourceRequest;
  readonly id: string;
  state: Properties;
}

/** What exists at a time. */
export interface Books {
  readonly resources: ReadonlyMap<string, Existing>;
  readonly objects: ReadonlySet<string>;
}

export class RecordingCloud implements ProviderBackend {
  readonly calls: Call[] = [];
  /** By type and id. */
  resources = new Map<string, Existing>();
  /** Every secret value that was ever made. */
  readonly secrets: string[] = [];
  /** Keys of objects, after their bucket and a slash. */
  objects = new Set<string>();
  private faults: { fault: Fault; left: number }[] = [];
  /** Methods whose calls fail the first time, whether with or without their effect, and the calls that have. */
  private untried: { readonly methods: readonly Method[]; readonly afterEffect: boolean } | undefined;
  private readonly tried = new Set<string>();
  private made = 0;

  /** Has calls fail, until {@link mend}. */
  fail(fault: Fault): void {
    this.faults.push({ fault, left: fault.times ?? Infinity });
  }

  /** Has each call of a method fail the first time, before any effect. */
  failEachOnce(...methods: readonly Method[]): void {
    this.untried = { methods, afterEffect: false };
  }

  /** Has each call of a method fail the first time, after its effect. */
  loseEachReplyOnce(...methods: readonly Method[]): void {
    this.untried = { methods, afterEffect: true };
  }

  mend(): void {
    this.faults = [];
    this.untried = undefined;
    this.tried.clear();
  }

  /** A copy of what exists, for {@link open}. */
  books(): Books {
    return structuredClone({ resources: this.resources, objects: this.objects });
  }

  /** Goes back to what existed then, and forgets faults. */
  open(books: Books): void {
    const { resources, objects } = structuredClone(books);
    this.resources = new Map(resources);
    this.objects = new Set(objects);
    this.mend();
  }

  /** What exists of a type. */
  ofType(type: string): Existing[] {
    return [...this.resources.values()].filter(({ request }) => request.type.endsWith(`:${type}`));
  }

  /** A region that answers nothing. */
  lost: string | undefined;

  create(request: ResourceRequest): Promise<ResourceState> {
    return this.call("create", request, "", () => {
      const { type } = request;
      const state = this.outputs(request, ++this.made, this.same(request)?.id);
      const { id } = state;
      // A drawn value exists in the state alone.
      if (!type.startsWith("random:"))
        this.resources.set(`${type} ${id}`, { request, id, state: { ...request.inputs, ...state.outputs } });
      if (type === "aws:s3/bucketObjectv2:BucketObjectv2") this.objects.add(objectKey(request.inputs));
      return state;
    });
  }

  read(id: string, state: Properties, { type }: ResourceRequest): Promise<ResourceState | undefined> {
    if (type.startsWith("random:")) return Promise.resolve({ id, outputs: state });
    const found = this.resources.get(`${type} ${id}`);
    return Promise.resolve(found && { id, outputs: found.state });
  }

  update(id: string, _state: Properties, request: ResourceRequest): Promise<ResourceState> {
    return this.call("update", request, id, () => {
      const found = this.resources.get(`${request.type} ${id}`);
      if (!found) throw new Error(`there is no ${request.type} ${id}`);
      const added: Record<string, unknown> = {};
      if (request.type === "aws:ec2/launchTemplate:LaunchTemplate")
        added["latestVersion"] = Number(found.state["latestVersion"]) + 1;
      found.state = { ...found.state, ...request.inputs, ...added };
      return { id, outputs: added };
    });
  }

  async delete(id: string, state: Properties, request: ResourceRequest): Promise<void> {
    await this.call("delete", request, id, () => {
      const refusal = this.refusal(state, request);
      if (refusal !== undefined) throw new Error(refusal);
      this.resources.delete(`${request.type} ${id}`);
      if (request.type === "aws:s3/bucketObjectv2:BucketObjectv2") this.objects.delete(objectKey(state));
      return { id, outputs: {} };
    });
  }

  invoke(token: string, inputs: Properties, region: string): Promise<Properties> {
    if (region === this.lost) return Promise.reject(new Error(`${region} does not answer`));
    return recorder.invoke(token, inputs, region);
  }

  /** What exists already and is taken for what is asked for; an error where AWS would refuse a second one. */
  private same({ type, region, inputs }: ResourceRequest): Existing | undefined {
    if (type.startsWith("random:")) return undefined;
    const { identity, refusal, takenIf } = createRow(type);
    const found = [...this.resources.values()].find(
      ({ request }) =>
        request.type === type &&
        request.region === region &&
        identity?.every((key) => isDeepStrictEqual(request.inputs[key], inputs[key])),
    );
    if (found === undefined || refusal === undefined) return found;
    if (takenIf !== undefined && inputs[takenIf] === true) return found;
    throw new Error(`${refusal}: there is ${type} ${found.id}`);
  }

  /** What AWS would say to a deletion that it refuses. */
  private refusal(state: Properties, { type, inputs }: ResourceRequest): string | undefined {
    if (type === "aws:lb/loadBalancer:LoadBalancer" && state["enableDeletionProtection"] === true)
      return "OperationNotPermitted: deletion protection is enabled";
    if (
      type === "aws:ec2/instance:Instance" &&
      state["disableApiTermination"] === true &&
      state["forceDestroy"] !== true
    )
      return "OperationNotPermitted: the instance may not be terminated";
    if (type === "aws:s3/bucket:Bucket" && inputs["forceDestroy"] !== true) {
      if ([...this.objects].some((key) => key.startsWith(`${String(state["bucket"])}/`)))
        return "BucketNotEmpty";
    }
    return undefined;
  }

  private outputs(request: ResourceRequest, number: number, taken: string | undefined): ResourceState {
    const { type, name } = request;
    if (type.startsWith("random:")) return this.drawn(type, name, number);
    const physical = taken ?? physicalId(request, number);
    const added: Properties = {
      ...outputs(request, physical),
      // Another host has another address.
      ...(type === "aws:ec2/instance:Instance" && { privateIp: `10.20.128.${number % 256}` }),
    };
    // A secret's id is its ARN.
    const id = type === "aws:secretsmanager/secret:Secret" ? added["arn"] : physical;
    return { id: id as string, outputs: added };
  }

  private drawn(type: string, name: string, number: number): ResourceState {
    const value = `${secretMark}-${name}-${number}`;
    this.secrets.push(value);
    // As the provider does it: the bytes' id is their value.
    return type === "random:index/randomBytes:RandomBytes"
      ? { id: value, outputs: { base64: value, hex: value } }
      : { id: "none", outputs: { result: value } };
  }

  private async call(
    method: Method,
    request: ResourceRequest,
    id: string,
    effect: () => ResourceState,
  ): Promise<ResourceState> {
    const due = this.faults.find(
      ({ fault, left }) =>
        left > 0 &&
        fault.method === method &&
        fault.name === request.name &&
        request.type.endsWith(fault.type ?? ""),
    );
    const record = (failed: boolean, made: string) => {
      const { type, name, urn, region, inputs } = request;
      this.calls.push({ method, type, name, urn, id: made, region, inputs, failed });
    };
    try {
      if (request.region === this.lost) throw new Error(`${this.lost} does not answer`);
      if (due !== undefined) {
        due.left--;
        if (due.fault.afterEffect) effect();
        throw new Error(due.fault.message);
      }
      const attempt = `${method} ${request.urn} ${id}`;
      if (this.untried?.methods.includes(method) && !this.tried.has(attempt)) {
        this.tried.add(attempt);
        if (!this.untried.afterEffect) throw new Error(`the first ${method} fails`);
        effect();
        throw new Error(`the reply of the first ${method} is lost`);
      }
      const state = effect();
      record(false, state.id);
      return state;
    } catch (error) {
      record(true, id);
      throw error;
    }
  }
}

/** What AWS calls a resource: by the name that it has, or by a number of its own. */
function physicalId({ type, name, inputs }: ResourceRequest, number: number): string {
  if (type === "aws:s3/bucketObjectv2:BucketObjectv2") return objectKey(inputs);
  const prefix = ec2Prefixes[type.split(":").at(-1) ?? ""];
  if (prefix !== undefined) return `${prefix}-0${number.toString(16).padStart(16, "0")}`;
  const given = [inputs["name"], inputs["bucket"], inputs["keyName"]].find(
    (value) => typeof value === "string",
  );
  return given ?? `${name}-${number}`;
}

const objectKey = ({ bucket, key }: Properties) => `${String(bucket)}/${String(key)}`;
