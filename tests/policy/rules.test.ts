/** The rules hold for the stacks that the project has, and nothing stands in their tables that no stack needs. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { recordGraph } from "../../local/engine/recorder";
import { absentControls, accountControls, declinedControls } from "../../policy/elsewhere";
import { exceptions } from "../../policy/exceptions";
import { judge, rules } from "../../policy/judge";
import { describe as describeFinding } from "../../policy/rule";
import { Stack } from "../../policy/stack";
import { listOf, statementsOf } from "../../policy/statements";
import { types } from "../../policy/types";
import { reasonFor, wildcards } from "../../policy/wildcards";

/** The stacks of the project, and dev as it is with what it leaves out. */
const settings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  dev: {},
  prod: {},
  local: {},
  "dev with a web ACL": { webFirewall: "true" },
  "dev with SSH": { sshPublicKey: `ssh-ed25519 ${"A".repeat(68)}`, sshCidrs: '["192.0.2.0/24"]' },
};

describe("the rules", () => {
  const stacks = new Map<string, Stack>();
  const previews = new Map<string, Stack>();
  before(async () => {
    for (const [name, overrides] of Object.entries(settings)) {
      const [stack = ""] = name.split(" ");
      stacks.set(name, new Stack((await recordGraph(stack, false, overrides)).registrations));
      previews.set(name, new Stack((await recordGraph(stack, true, overrides)).registrations));
    }
  });
  const broken = (stack: Stack) =>
    rules.flatMap((rule) =>
      judge(rule, stack)
        .findings.filter(({ accepted }) => !accepted)
        .map(({ resource, finding }) => describeFinding(rule, resource, finding)),
    );

  for (const name of Object.keys(settings)) {
    it(`are kept by ${name}`, () => assert.deepEqual(broken(stacks.get(name)!), []));
    it(`take nothing in a preview of ${name} that is not known yet for a violation`, () =>
      assert.deepEqual(broken(previews.get(name)!), []));
  }

  it("have every id once", () => {
    const ids = [...rules, ...absentControls, ...accountControls, ...declinedControls].map(({ id }) => id);
    assert.deepEqual(
      ids.filter((id, index) => ids.indexOf(id) !== index),
      [],
    );
  });

  it("leave out no control whose resources a stack has", () => {
    const had = absentControls.filter(({ types: about }) =>
      [...stacks.values()].some((stack) => stack.ofType(...about).length > 0),
    );
    assert.deepEqual(
      had.map(({ id }) => id),
      [],
    );
  });

  it("make exceptions of rules that there are, each of which some stack needs", () => {
    const needed = new Set(
      [...stacks.values()].flatMap((stack) =>
        rules.flatMap((rule) =>
          judge(rule, stack).findings.map(({ accepted }) =>
            JSON.stringify([rule.id, exceptions.indexOf(accepted!)]),
          ),
        ),
      ),
    );
    const made = exceptions.flatMap(({ controls }, index) =>
      controls.map((id) => JSON.stringify([id, index])),
    );
    assert.deepEqual([...needed].sort(), made.sort());
  });

  it("except nothing in prod for what only trials are allowed", () => {
    const trial = ["EC2.9", "EC2.15", "EC2.25", "ELB.1", "ELB.5", "ELB.18", "ELB.6", "Stack.1", "Stack.4"];
    for (const rule of rules.filter(({ id }) => trial.includes(id)))
      assert.deepEqual(
        judge(rule, stacks.get("prod")!).findings.filter(({ accepted }) => accepted?.when !== undefined),
        [],
        rule.id,
      );
  });

  it("know no wildcard that no policy has", () => {
    const used = [...stacks.values()].flatMap((stack) =>
      stack
        .ofType(types.rolePolicy, types.bucketPolicy)
        .flatMap((policy) => statementsOf(policy, "policy"))
        .flatMap((statement) =>
          listOf(statement.Action).flatMap((action) =>
            listOf(statement.Resource).flatMap((resource) => {
              const reason = resource.includes("*") && reasonFor(action, resource, statement);
              return reason ? [`${action} ${wildcards.indexOf(reason)}`] : [];
            }),
          ),
        ),
    );
    const known = wildcards.flatMap(({ actions }, index) => actions.map((action) => `${action} ${index}`));
    assert.deepEqual([...new Set(used)].sort(), known.sort());
  });
});
