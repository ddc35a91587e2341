import { createGrpcJsServer } from "./grpc-js/server.js";
import { createHttp2Server } from "./http2/server.js";
import type { RpcServer, RpcServerOptions } from "./server.js";
import { DEFAULT_TRANSPORT } from "./transport.js";

/** A server on the transport that the options name. */
export function createServer(options: RpcServerOptions): RpcServer {
  switch (options.transport ?? DEFAULT_TRANSPORT) {
    case "http2":
      return createHttp2Server(options);
    case "grpc-js":
      return createGrpcJsServer(options);
  }
}
