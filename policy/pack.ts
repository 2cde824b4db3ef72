/** The rules as a pack for Pulumi: `pulumi preview --policy-pack policy`. */
import { PolicyPack, type PolicyResource } from "@pulumi/policy";
import { judge, rules } from "./judge";
import { describe } from "./rule";
import { type Resource, Stack, unknown } from "./stack";

/** A copy in which what is not known yet is a value like others. The pack's own objects throw when they are asked for one. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, index) => plainAt(value, index));
  return Object.fromEntries(Object.keys(value).map((key) => [key, plainAt(value, key)]));
}

function plainAt(holder: object, key: string | number): unknown {
  let value: unknown;
  try {
    value = (holder as Record<string | number, unknown>)[key];
  } catch (error) {
    if (error instanceof Error && error.constructor.name === "UnknownValueError") return unknown;
    throw error;
  }
  return plain(value);
}

function toResource({
  type,
  name,
  urn,
  parent,
  props,
  opts,
  dependencies,
  ...rest
}: PolicyResource): Resource {
  return {
    type,
    name,
    urn,
    parent: parent?.urn ?? "",
    inputs: plain(props) as Resource["inputs"],
    protect: opts.protect,
    dependencies: dependencies.map((each) => each.urn),
    propertyDependencies: Object.fromEntries(
      Object.entries(rest.propertyDependencies).map(([property, on]) => [
        property,
        on.map((each) => each.urn),
      ]),
    ),
  };
}

new PolicyPack("django-on-ec2", {
  enforcementLevel: "mandatory",
  policies: rules.map((rule) => ({
    name: rule.id.toLowerCase().replace(/[^a-z0-9]+/g, "-"),
    description: `${rule.id}: ${rule.title}`,
    severity: rule.severity,
    validateStack: ({ resources }, report) => {
      const { findings } = judge(rule, new Stack(resources.map(toResource)));
      for (const { resource, finding, accepted } of findings)
        if (!accepted) report(describe(rule, resource, finding), resource.urn);
    },
  })),
});
