/** The server's side: what any transport that serves `ServiceImplementation`s looks like. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ServiceImplementation } from "./handler.js";
import type { HttpHandler } from "./http/http-exchange.js";
import type { Transport } from "./transport.js";

export interface ServerTls {
  readonly key: string;
  readonly cert: string;
  /** Certificates that clients' must chain to; without them no client is asked for one. */
  readonly clientCa?: string;
  /**
   * `required`, where left out: a client without a certificate of that CA is not let in. `optional`:
   * it is let in, and its calls have no `peerIdentity`.
   */
  readonly clientCertificate?: "required" | "optional";
}

export interface RpcServerOptions {
  readonly services: readonly ServiceImplementation[];
  /** `DEFAULT_TRANSPORT` where left out. */
  readonly transport?: Transport | undefined;
  /**
   * Requests on the same port that are no gRPC; 404 where left out. Of HTTP/1.1 and HTTP/2, but
   * grpc-js serves no such requests of HTTP/2: see `createHttpServer` where that matters.
   */
  readonly http?: HttpHandler;
  /** In its stead for HTTP/1.1: Node's own request and response. */
  readonly http1?: (request: IncomingMessage, response: ServerResponse) => void;
  readonly tls?: ServerTls;
  /** A larger request message ends its call with resourceExhausted; 2 MiB where left out. */
  readonly maxRequestBytes?: number;
  /** Compresses large responses to clients that take it; none where left out: it costs time. */
  readonly responseCompression?: "gzip";
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
