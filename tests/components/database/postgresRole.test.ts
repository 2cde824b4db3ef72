import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PostgresRole, type PostgresRoleArgs } from "../../../components/database/postgresRole";
import { type Evaluation, evaluate, valueOf } from "../../support/component";
import { find, ofType, secretMark } from "../../../local/engine/recorder";

const database = { dbname: "app", host: "postgres.test.internal", port: 5432 };
const construct = (changed: Partial<PostgresRoleArgs> = {}) =>
  evaluate(
    (provider) =>
      new PostgresRole(
        "db-app",
        {
          role: "app_rw",
          passwordVersion: 1,
          database,
          region: "us-east-1",
          readerRegion: "us-east-2",
          recoveryDays: 0,
          ...changed,
        },
        { provider },
      ),
  );
const secretOf = (graph: Evaluation<unknown>) => {
  const { inputs } = find(graph, "aws:secretsmanager/secretVersion:SecretVersion", "db-app-value");
  return JSON.parse(String(inputs["secretString"])) as unknown;
};

describe("PostgresRole", () => {
  it("is a login with the number of its password, and what a client needs", async () => {
    const graph = await construct();
    assert.deepEqual(secretOf(graph), {
      username: "app_rw_1",
      password: `${secretMark}-db-app-password-1`,
      ...database,
    });
    assert.match(await valueOf(graph.made.secret.in("us-east-2").arn), /:us-east-2:/);
  });

  it("keeps the login of the version before, with the password that it had", async () => {
    const graph = await construct({ passwordVersion: 3 });
    assert.deepEqual(secretOf(graph), {
      username: "app_rw_3",
      password: `${secretMark}-db-app-password-3`,
      ...database,
      previous: { username: "app_rw_2", password: `${secretMark}-db-app-password-2` },
    });
    assert.equal(ofType(graph, "random:index/randomPassword:RandomPassword").length, 2);
  });

  for (const version of [0, 2.5])
    it(`refuses ${version} as a version`, async () => {
      await assert.rejects(construct({ passwordVersion: version }), /whole number from 1 to 9999/);
    });
});
