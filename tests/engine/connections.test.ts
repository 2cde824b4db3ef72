import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { credentials, Server, ServerCredentials, type ServiceError, status } from "@grpc/grpc-js";
import { SupportsFeatureRequest } from "@pulumi/pulumi/proto/resource_pb";
import { ResourceMonitorClient } from "@pulumi/pulumi/proto/resource_grpc_pb";
import { keepConnectionsApart } from "./deployment";

/** A server without services. Answers its port. */
async function listen(server: Server, port = 0): Promise<number> {
  return promisify(server.bindAsync.bind(server))(`127.0.0.1:${port}`, ServerCredentials.createInsecure());
}

describe("a client of an engine", () => {
  it("is not met with the failure of another engine that had the same port", async (t) => {
    const first = new Server();
    const port = await listen(first);
    first.forceShutdown();
    const ask = () => {
      const address = `127.0.0.1:${port}`;
      const client = new ResourceMonitorClient(address, credentials.createInsecure(), keepConnectionsApart());
      t.after(() => client.close());
      return new Promise<number | undefined>((resolve) => {
        client.supportsFeature(new SupportsFeatureRequest(), (error: ServiceError | null) =>
          resolve(error?.code),
        );
      });
    };
    assert.equal(await ask(), status.UNAVAILABLE);
    const second = new Server();
    t.after(() => second.forceShutdown());
    await listen(second, port);
    assert.equal(await ask(), status.UNIMPLEMENTED);
  });
});
