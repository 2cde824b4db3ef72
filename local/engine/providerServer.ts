/**
 * A provider as Pulumi's engine talks to one, over gRPC. The engine of a running command finds it by
 * `PULUMI_DEBUG_PROVIDERS=aws:PORT`. It keeps to what the Terraform bridge does: secrets come in clear and are marked by
 * the engine, a preview's outputs are the planned inputs, names are made up in Check.
 */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { Server, ServerCredentials, status, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import * as pulumi from "@pulumi/pulumi";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import { type ChangeTable, type Difference, differences, knownType } from "./changes";
import type { Properties, ResourceRequest, ResourceState } from "./handler";
import { isProperties, nested, optionalText, textMap } from "./properties";
import { explain } from "../terminal/explain";

/** What stands behind a provider: it makes the resources of one package. Errors reach the user as they are thrown. */
export interface ProviderBackend {
  /** Throws when no resource of the type can be made. */
  checkType?(type: string): void;
  /** The signal is aborted when the command is stopped. */
  create(request: ResourceRequest, signal: AbortSignal): Promise<ResourceState>;
  /** Undefined when the resource is gone. */
  read(id: string, state: Properties, request: ResourceRequest): Promise<ResourceState | undefined>;
  update(id: string, state: Properties, request: ResourceRequest): Promise<ResourceState>;
  delete(id: string, state: Properties, request: ResourceRequest): Promise<void>;
  invoke(token: string, inputs: Properties, region: string): Promise<Properties>;
}

export interface ProviderServerOptions {
  /** Version that the plugin says it has. */
  readonly version: string;
  readonly changes: ChangeTable;
  readonly backend: ProviderBackend;
  /** Identifies the region that holds the resources, if they end with it. @default they last */
  readonly regionId?: string;
}

/** What `Configure` said on one connection. Each provider of the program has a connection of its own. */
interface Configuration {
  readonly region: string;
  readonly defaultTags: Properties;
  /** Whether it is of a region that has ended, so that nothing of its resources is left. */
  readonly hasEnded: boolean;
  /** Aborted when the command is stopped. */
  readonly stop: AbortController;
}

/** Outputs in which the tags of a taggable resource stand together with the provider's default tags. */
const allTags = "tagsAll";
/** Where the Terraform bridge notes which inputs it made up. */
const madeUp = "__defaults";
/** Input of a provider that says which local region its resources are in. */
const localRegion = "localRegion";

export class ProviderServer {
  private readonly server = new Server();
  private readonly configurations = new Map<string, Configuration>();

  private constructor(private readonly options: ProviderServerOptions) {}

  /** Starts a provider on a free port of this machine's loopback. */
  static async start(options: ProviderServerOptions): Promise<{ port: number; stop: () => void }> {
    const provider = new ProviderServer(options);
    provider.server.addService(ResourceProviderService, provider.methods());
    const port = await new Promise<number>((resolve, reject) => {
      const bound = (error: Error | null, chosen: number) => (error ? reject(error) : resolve(chosen));
      provider.server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), bound);
    });
    return { port, stop: () => provider.server.forceShutdown() };
  }

  private methods() {
    return {
      attach: answer(async () => new Empty()),
      cancel: answer(async (call: Call<Empty>) => {
        this.configurations.get(call.getPeer())?.stop.abort(new Error("the command was stopped"));
        return new Empty();
      }),
      getPluginInfo: answer(async () => {
        const info = new PluginInfo();
        info.setVersion(this.options.version);
        return info;
      }),
      checkConfig: answer(async (call: Call<messages.CheckRequest>) => {
        const { regionId } = this.options;
        const response = new messages.CheckResponse();
        const inputs = read(call.request.getNews());
        response.setInputs(write(regionId ? { ...inputs, [localRegion]: regionId } : inputs));
        return response;
      }),
      diffConfig: answer(async ({ request }: Call<messages.DiffRequest>) => this.diffConfig(request)),
      configure: answer(async (call: Call<messages.ConfigureRequest>) => this.configure(call)),
      invoke: answer(async (call: Call<messages.InvokeRequest>) => {
        const response = new messages.InvokeResponse();
        const inputs = read(call.request.getArgs());
        const region = this.region(call, inputs);
        response.setReturn(write(await this.options.backend.invoke(call.request.getTok(), inputs, region)));
        return response;
      }),
      check: answer(async ({ request }: Call<messages.CheckRequest>) => this.check(request)),
      diff: answer(async (call: Call<messages.DiffRequest>) => this.diff(call)),
      create: answer(async (call: Call<messages.CreateRequest>) => this.create(call)),
      read: answer(async (call: Call<messages.ReadRequest>) => this.read(call)),
      update: answer(async (call: Call<messages.UpdateRequest>) => this.update(call)),
      delete: answer(async (call: Call<messages.DeleteRequest>) => this.delete(call)),
    };
  }

  private diffConfig(request: messages.DiffRequest): messages.DiffResponse {
    const [olds, news] = [read(request.getOldInputs()), read(request.getNews())];
    if (olds[localRegion] !== news[localRegion])
      throw new Error(
        "the resources of this state were in a local region that has ended, and are gone. " +
          "Have them forgotten by `pulumi destroy`, which finds nothing to do, then deploy anew.",
      );
    const response = new messages.DiffResponse();
    const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
    response.setChanges(JSON.stringify(olds) === JSON.stringify(news) ? DIFF_NONE : DIFF_SOME);
    return response;
  }

  private configure(call: Call<messages.ConfigureRequest>): messages.ConfigureResponse {
    const args = read(call.request.getArgs());
    // Nested configuration comes as JSON.
    const tags = args["defaultTags"];
    const defaults: unknown = typeof tags === "string" ? JSON.parse(tags) : tags;
    this.configurations.set(call.getPeer(), {
      region: optionalText(args, "region") ?? "",
      defaultTags: isProperties(defaults) ? nested(defaults, "tags") : {},
      hasEnded: args[localRegion] !== this.options.regionId,
      stop: new AbortController(),
    });
    const response = new messages.ConfigureResponse();
    response.setSupportspreview(true);
    return response;
  }

  private check(request: messages.CheckRequest): messages.CheckResponse {
    const news = { ...read(request.getNews()) };
    const type = typeOf(request.getUrn());
    this.options.backend.checkType?.(type);
    const { autoName } = knownType(this.options.changes, type);
    if (autoName !== undefined && news[autoName.property] === undefined) {
      const olds = read(request.getOlds());
      const isNamedByUs = Array.isArray(olds[madeUp]) && olds[madeUp].includes(autoName.property);
      const seed = createHash("sha256").update(request.getRandomseed_asU8()).update(request.getUrn());
      news[autoName.property] = isNamedByUs
        ? olds[autoName.property]
        : limited(`${nameOf(request.getUrn())}-${seed.digest("hex").slice(0, 7)}`, autoName.limit);
      news[madeUp] = [autoName.property];
    }
    const response = new messages.CheckResponse();
    response.setInputs(write(news));
    return response;
  }

  private diff(call: Call<messages.DiffRequest>): messages.DiffResponse {
    const { request } = call;
    const { changes } = this.options;
    const type = typeOf(request.getUrn());
    const [olds, news] = [read(request.getOldInputs()), read(request.getNews())];
    const found: Difference[] = [
      ...differences(changes, type, olds, news),
      ...this.tagDifferences(call, read(request.getOlds()), news),
    ];
    const isReplaced = found.some(({ replaces }) => replaces);
    const response = new messages.DiffResponse();
    const { DIFF_NONE, DIFF_SOME } = messages.DiffResponse.DiffChanges;
    response.setChanges(found.length === 0 ? DIFF_NONE : DIFF_SOME);
    response.setHasdetaileddiff(true);
    response.setDiffsList(unique(found.map(({ path }) => topLevel(path))));
    response.setReplacesList(
      unique(found.filter(({ replaces }) => replaces).map(({ path }) => topLevel(path))),
    );
    response.setDeletebeforereplace(isReplaced && this.deletesFirst(type, olds, news));
    for (const { path, kind, replaces } of found) {
      const detail = new messages.PropertyDiff();
      detail.setKind(kinds[kind][replaces ? 1 : 0]);
      detail.setInputdiff(true);
      response.getDetaileddiffMap().set(path, detail);
    }
    return response;
  }

  /** Two resources can't have one name: the old one goes first if the program chose it, and it stays the same. */
  private deletesFirst(type: string, olds: Properties, news: Properties): boolean {
    const { autoName, deleteBeforeReplace } = knownType(this.options.changes, type);
    if (deleteBeforeReplace === true) return true;
    return (
      autoName !== undefined &&
      news[madeUp] === undefined &&
      news[autoName.property] === olds[autoName.property]
    );
  }

  private tagDifferences(
    call: Call<messages.DiffRequest>,
    state: Properties,
    news: Properties,
  ): Difference[] {
    const type = typeOf(call.request.getUrn());
    const wanted = this.tags(call, type, news)[allTags];
    if (wanted === undefined || JSON.stringify(sorted(wanted)) === JSON.stringify(sorted(state[allTags])))
      return [];
    return [{ path: allTags, kind: "update", replaces: false }];
  }

  private async create(call: Call<messages.CreateRequest>): Promise<messages.CreateResponse> {
    const { request } = call;
    const inputs = read(request.getProperties());
    const response = new messages.CreateResponse();
    if (request.getPreview()) {
      response.setProperties(write({ ...this.planned(call, inputs) }));
      return response;
    }
    const { id, outputs } = await this.options.backend.create(
      this.request(call, inputs),
      this.stopSignal(call),
    );
    response.setId(id);
    response.setProperties(write({ ...this.planned(call, inputs), ...outputs }));
    return response;
  }

  private async read(call: Call<messages.ReadRequest>): Promise<messages.ReadResponse> {
    const { request } = call;
    const response = new messages.ReadResponse();
    if (this.hasEnded(call)) return response;
    const state = read(request.getProperties());
    const inputs = read(request.getInputs());
    const found = await this.options.backend.read(request.getId(), state, this.request(call, inputs));
    if (found === undefined) return response;
    // What is not as the program wants it any more is an input of its own, so that the next update mends it.
    const drifted = Object.entries(found.outputs).filter(
      ([key, value]) => key in inputs && !isDeepStrictEqual(value, state[key]),
    );
    response.setId(found.id);
    response.setInputs(write({ ...inputs, ...(Object.fromEntries(drifted) as Properties) }));
    response.setProperties(write({ ...state, ...found.outputs }));
    return response;
  }

  private async update(call: Call<messages.UpdateRequest>): Promise<messages.UpdateResponse> {
    const { request } = call;
    const olds = read(request.getOlds());
    const news = read(request.getNews());
    const dropped = Object.keys(read(request.getOldInputs())).filter((key) => !(key in news));
    const kept = Object.fromEntries(Object.entries(olds).filter(([key]) => !dropped.includes(key)));
    const planned = { ...kept, ...this.planned(call, news) };
    const response = new messages.UpdateResponse();
    if (request.getPreview()) {
      const { changedByUpdate = [] } = knownType(this.options.changes, typeOf(request.getUrn()));
      const unknown = changedByUpdate.map((key) => [key, pulumi.runtime.unknownValue]);
      response.setProperties(write({ ...planned, ...(Object.fromEntries(unknown) as Properties) }));
      return response;
    }
    const { outputs } = await this.options.backend.update(request.getId(), olds, this.request(call, news));
    response.setProperties(write({ ...planned, ...outputs }));
    return response;
  }

  private async delete(call: Call<messages.DeleteRequest>): Promise<Empty> {
    const { request } = call;
    if (this.hasEnded(call)) return new Empty();
    const inputs = read(request.getOldInputs());
    await this.options.backend.delete(
      request.getId(),
      read(request.getProperties()),
      this.request(call, inputs),
    );
    return new Empty();
  }

  /** A resource's outputs as far as its inputs decide them. */
  private planned(call: Call<Named>, inputs: Properties): Properties {
    const type = typeOf(call.request.getUrn());
    const region = this.region(call, inputs);
    return { ...inputs, region: region || undefined, ...this.tags(call, type, inputs) };
  }

  private tags(call: Call<Named>, type: string, inputs: Properties): Properties {
    if (!(allTags in knownType(this.options.changes, type).properties)) return {};
    const { defaultTags = {} } = this.configurations.get(call.getPeer()) ?? {};
    return { [allTags]: { ...defaultTags, ...nested(inputs, "tags") } };
  }

  private request(call: Call<Named>, inputs: Properties): ResourceRequest {
    const urn = call.request.getUrn();
    const tags = this.tags(call, typeOf(urn), inputs)[allTags];
    return {
      type: typeOf(urn),
      name: nameOf(urn),
      urn,
      region: this.region(call, inputs),
      inputs: tags === undefined ? inputs : { ...inputs, tags: textMap({ tags }, "tags") },
    };
  }

  private hasEnded(call: Call<unknown>): boolean {
    return this.configurations.get(call.getPeer())?.hasEnded === true;
  }

  /** Aborted when the command is stopped, or ends without an answer. */
  private stopSignal(call: Call<unknown>): AbortSignal {
    const lost = new AbortController();
    call.on("cancelled", () => lost.abort(new Error("the command has ended")));
    const stop = this.configurations.get(call.getPeer())?.stop.signal;
    return AbortSignal.any([lost.signal, ...(stop ? [stop] : [])]);
  }

  private region(call: Call<unknown>, inputs: Properties): string {
    return optionalText(inputs, "region") ?? this.configurations.get(call.getPeer())?.region ?? "";
  }
}

type Call<T> = ServerUnaryCall<T, never>;
interface Named {
  getUrn(): string;
}

/** A method of the service: what it throws is the error that the engine shows. */
function answer<Request, Response>(method: (call: Call<Request>) => Promise<Response>) {
  return (call: ServerUnaryCall<Request, Response>, respond: sendUnaryData<Response>): void => {
    method(call as Call<Request>).then(
      (response) => respond(null, response),
      (error: unknown) => respond({ code: status.UNKNOWN, details: explain(error) }),
    );
  };
}

const { Kind } = messages.PropertyDiff;
const kinds = {
  add: [Kind.ADD, Kind.ADD_REPLACE],
  delete: [Kind.DELETE, Kind.DELETE_REPLACE],
  update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
} as const;

const read = (struct: Struct | undefined): Properties => struct?.toJavaScript() ?? {};
/** What is undefined has no place in a message. */
const write = (properties: Properties): Struct =>
  Struct.fromJavaScript(JSON.parse(JSON.stringify(properties)) as Record<string, JavaScriptValue>);
const typeOf = (urn: string): string => (urn.split("::")[2] ?? "").split("$").at(-1) ?? "";
const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");
const topLevel = (path: string): string => path.split(/[.[]/)[0] ?? path;
const unique = (items: readonly string[]): string[] => [...new Set(items)].sort();
const sorted = (value: unknown): unknown =>
  isProperties(value) ? Object.entries(value).sort(([a], [b]) => a.localeCompare(b)) : [];

function limited(name: string, limit: number): string {
  if (name.length <= limit) return name;
  throw new Error(
    `the name ${name} is ${name.length} long, over the limit of ${limit}; shorten the stack's or the resource's name`,
  );
}
