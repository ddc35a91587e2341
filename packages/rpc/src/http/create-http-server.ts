import { createHttp2Server } from "../http2/server.js";
import type { RpcServer } from "../server.js";
import { DEFAULT_TRANSPORT } from "../transport.js";
import type { HttpServerOptions } from "./http-server-options.js";
import { createNodeHttp2ServerOf } from "./node-http2-server.js";

/** Serves HTTP/1.1 and HTTP/2 on one port. */
export function createHttpServer(options: HttpServerOptions): RpcServer {
  const { handler, tls, transport } = options;
  switch (transport ?? DEFAULT_TRANSPORT) {
    case "http2":
      return createHttp2Server({ services: [], http: handler, ...(tls ? { tls } : {}) });
    case "grpc-js":
      return createNodeHttp2ServerOf(options);
  }
}
