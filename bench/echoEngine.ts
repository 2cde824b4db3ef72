/** Stands for Pulumi's engine, in a preview, before the program under the language host's own runner. */
import { promisify } from "node:util";
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import * as pulumi from "@pulumi/pulumi";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { InvokeResponse } from "@pulumi/pulumi/proto/provider_pb";
import { ResourceMonitorService } from "@pulumi/pulumi/proto/resource_grpc_pb";
import {
  type RegisterResourceRequest,
  RegisterResourceResponse,
  type ResourceInvokeRequest,
  SupportsFeatureResponse,
} from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { recorder } from "../local/engine/recorder";

type Method<Request, Response> = (
  call: ServerUnaryCall<Request, Response>,
  done: sendUnaryData<Response>,
) => void;

const empty: Method<unknown, Empty> = (_, done) => {
  done(null, new Empty());
};
/** No feature beyond the protocol's first: inputs come as they can be given back. */
const supportsFeature: Method<unknown, SupportsFeatureResponse> = (_, done) => {
  done(null, new SupportsFeatureResponse());
};
const registerResource: Method<RegisterResourceRequest, RegisterResourceResponse> = ({ request }, done) => {
  const response = new RegisterResourceResponse();
  response.setUrn(`urn:pulumi:bench::bench::${request.getType()}::${request.getName()}`);
  response.setObject(request.getObject());
  done(null, response);
};
const invoke: Method<ResourceInvokeRequest, InvokeResponse> = ({ request }, done) => {
  recorder
    .invoke(request.getTok(), pulumi.runtime.deserializeProperties(request.getArgs() ?? new Struct()), "")
    .then(
      (answer) => {
        const response = new InvokeResponse();
        response.setReturn(Struct.fromJavaScript(answer as Record<string, string>));
        done(null, response);
      },
      (error: unknown) => {
        done(error instanceof Error ? error : new Error(String(error)));
      },
    );
};

/** Listens on this machine only; methods that are missing here are refused. */
export async function startEchoEngine(): Promise<{ readonly address: string; stop(): void }> {
  const server = new Server();
  server.addService(ResourceMonitorService, {
    supportsFeature,
    registerResource,
    invoke,
    registerResourceOutputs: empty,
    signalAndWaitForShutdown: empty,
  });
  server.addService(EngineService, { log: empty });
  const port = await promisify<string, ServerCredentials, number>(server.bindAsync.bind(server))(
    "127.0.0.1:0",
    ServerCredentials.createInsecure(),
  );
  return {
    address: `127.0.0.1:${port}`,
    stop() {
      server.forceShutdown();
    },
  };
}
