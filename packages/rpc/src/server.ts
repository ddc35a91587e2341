/** The server's side: what any transport that serves `ServiceImplementation`s looks like. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServiceImplementation } from "./handler.js";

export interface ServerTls {
  readonly key: string;
  readonly cert: string;
  /** Certificates that clients must chain to; where given, a client certificate is required. */
  readonly clientCa?: string;
}

export interface RpcServerOptions {
  readonly services: readonly ServiceImplementation[];
  /** HTTP/1.1 requests on the same port (health, metrics, version); 404 where left out. */
  readonly http1?: (request: IncomingMessage, response: ServerResponse) => void;
  readonly tls?: ServerTls;
  /** A larger request message ends its call with resourceExhausted. */
  readonly maxRequestBytes?: number;
}

export interface ListenAddress {
  readonly host: string;
  /** 0 asks the system for a free port. */
  readonly port: number;
}

export interface RpcServer {
  /** May be called several times. Rejects with the system's error (EADDRINUSE, …). */
  listen(address: ListenAddress): Promise<ListenAddress>;
  /** Refuses new calls, waits for unary ones in flight at most `graceMs`, then cuts the rest. */
  close(graceMs?: number): Promise<void>;
}
