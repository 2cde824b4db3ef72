/** Plain values as they stand in a resource's inputs and outputs: no Outputs, no secret wrappers. */
export type Properties = Readonly<Record<string, unknown>>;

/** A resource as the program registered it. */
export interface ResourceRequest {
  /** Pulumi type token, such as `aws:ec2/vpc:Vpc`. */
  readonly type: string;
  /** Logical name. */
  readonly name: string;
  readonly urn: string;
  /** AWS region: the resource's own, else its provider's; empty for resources of other providers. */
  readonly region: string;
  /** Inputs, with the provider's default tags merged into `tags` where the program set tags or the type takes them. */
  readonly inputs: Properties;
}

/** What is there of a resource after a create, a read or an update. */
export interface ResourceState {
  readonly id: string;
  /** What AWS adds to the inputs (after a read or an update: what of it is new); the caller knows the rest. */
  readonly outputs: Properties;
}

/**
 * One resource type of the local region. Handlers know nothing of who drives them, the in-process runner or a provider's
 * server. Every method throws an `Error` that names the resource and the remedy.
 */
export interface Handler {
  /** Aborting the signal ends what only waits, such as for a function's answer. */
  create(request: ResourceRequest, signal?: AbortSignal): Promise<ResourceState>;
  /** Undefined when the resource is gone. */
  read(id: string, state: Properties, region: string): Promise<ResourceState | undefined>;
  /** Changes the resource in place: all that a create heeds, or an error that names the property. */
  update(id: string, state: Properties, request: ResourceRequest): Promise<ResourceState>;
  /** Safe to call when the resource is already gone. */
  delete(id: string, state: Properties, region: string): Promise<void>;
}

/** Handlers by type token. */
export type Handlers = Readonly<Record<string, Handler>>;

/** A data source, such as `aws:ec2/getAmi:getAmi`. */
export type Invoke = (inputs: Properties, region: string) => Promise<Properties>;
export type Invokes = Readonly<Record<string, Invoke>>;
