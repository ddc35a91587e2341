import { createHttp2Server } from "../http2/server.js";
import type { RpcServer, ServerTls } from "../server.js";
import { DEFAULT_TRANSPORT, type Transport } from "../transport.js";
import type { HttpHandler } from "./http-exchange.js";
import { createNodeHttp2ServerOf } from "./node-http2-server.js";

export interface HttpServerOptions {
  readonly handler: HttpHandler;
  readonly tls?: ServerTls;
  /** `DEFAULT_TRANSPORT` where left out; `grpc-js` stands for node:http2 here. */
  readonly transport?: Transport | undefined;
}

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
