import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HostRole } from "../../../components/host/hostRole";
import { readObjects } from "../../../components/iam/policies";
import { evaluate, valueOf } from "../../support/component";
import { find, ofType } from "../../../local/engine/recorder";

const role = (sessionManager: boolean) =>
  evaluate(
    (provider) =>
      new HostRole(
        "role",
        { statements: [readObjects("arn:aws:s3:::box", "key")], sessionManager },
        { provider },
      ),
  );
const actions = async (sessionManager: boolean) => {
  const policy = find(await role(sessionManager), "aws:iam/rolePolicy:RolePolicy", "role-policy");
  const document = JSON.parse(String(policy.inputs["policy"])) as {
    Statement: { Action: string | string[] }[];
  };
  return document.Statement.flatMap(({ Action }) => Action);
};

describe("HostRole", () => {
  it("is carried by a profile, and trusted to instances", async () => {
    const graph = await role(false);
    const { inputs } = find(graph, "aws:iam/role:Role", "role");
    assert.match(String(inputs["assumeRolePolicy"]), /"Service":"ec2\.amazonaws\.com"/);
    const profile = find(graph, "aws:iam/instanceProfile:InstanceProfile", "role-profile");
    assert.equal(profile.inputs["role"], "role-1234567");
    assert.equal(await valueOf(graph.made.profileName), "role-profile-1234567");
    assert.match(await valueOf(graph.made.roleId), /^AROA/);
  });

  it("may do what it is told, and no more", async () => {
    assert.deepEqual(await actions(false), ["s3:GetObject"]);
    assert.deepEqual(ofType(await role(false), "aws:iam/rolePolicyAttachment:RolePolicyAttachment"), []);
  });

  it("opens sessions when it is to, and reads no parameters then either", async () => {
    const more = (await actions(true)).filter((action) => action !== "s3:GetObject");
    assert.equal(more.length, 5);
    for (const action of more)
      assert.match(action, /^(ssmmessages:(Create|Open)|ssm:UpdateInstanceInformation$)/);
  });
});
