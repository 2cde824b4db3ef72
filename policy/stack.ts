/** A stack as rules see it: its resources, and how they refer to each other. */
import type { Properties } from "../local/engine/handler";
import { isProperties } from "../local/engine/properties";
import type { Registration } from "../local/engine/program";

/** What a rule may know of a resource: as much as the recorder and Pulumi's policy packs both tell. */
export type Resource = Pick<
  Registration,
  "type" | "name" | "urn" | "parent" | "inputs" | "dependencies" | "propertyDependencies" | "protect"
>;

/** A value that is not known yet, as in a preview, in the form in which the recorder keeps it. */
export const unknown: Properties = { __pulumiUnknown: true };

export const isUnknown = (value: unknown): boolean =>
  isProperties(value) && value["__pulumiUnknown"] === true;

/** The value at a path such as `blockDeviceMappings.0.ebs.encrypted`: unknown if anything on the way is. */
export function valueAt(properties: unknown, path: string): unknown {
  let value = properties;
  for (const key of path.split(".")) {
    if (isUnknown(value)) return value;
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Properties)[key];
  }
  return value;
}

/** The length of the list at a path: none, if there is no list. */
export function lengthAt(resource: Resource, path: string): number {
  const value = valueAt(resource.inputs, path);
  return Array.isArray(value) ? value.length : 0;
}

/** The resources of a stack. */
export class Stack {
  private readonly byUrn: ReadonlyMap<string, Resource>;
  private readonly referring = new Map<
    string,
    { readonly resource: Resource; readonly property: string }[]
  >();

  constructor(readonly resources: readonly Resource[]) {
    this.byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
    for (const resource of resources)
      for (const [property, urns] of Object.entries(resource.propertyDependencies))
        for (const urn of urns)
          this.referring.set(urn, [...(this.referring.get(urn) ?? []), { resource, property }]);
  }

  ofType(...types: readonly string[]): Resource[] {
    return this.resources.filter(({ type }) => types.includes(type));
  }

  /** What a property of a resource is made from. */
  referredBy(resource: Resource, property: string): Resource[] {
    return (resource.propertyDependencies[property] ?? []).flatMap((urn) => this.byUrn.get(urn) ?? []);
  }

  /** The resources of a type whose property is made from a resource. */
  referringTo({ urn }: Resource, type: string, property: string): Resource[] {
    return (this.referring.get(urn) ?? [])
      .filter(({ resource, property: own }) => resource.type === type && own === property)
      .map(({ resource }) => resource);
  }

  /** Everything with a property that is made from a resource. */
  usersOf({ urn }: Resource): Resource[] {
    return (this.referring.get(urn) ?? []).map(({ resource }) => resource);
  }
}
