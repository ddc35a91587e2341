import type { ServerTls } from "../server.js";
import type { Transport } from "../transport.js";
import type { HttpHandler } from "./http-exchange.js";

export interface HttpServerOptions {
  readonly handler: HttpHandler;
  readonly tls?: ServerTls;
  /** `DEFAULT_TRANSPORT` where left out; `grpc-js` stands for node:http2 here. */
  readonly transport?: Transport | undefined;
}
