/**
 * The sockets of a member: clients (gRPC and HTTP/1.1 on one port), peers, metrics. Opens all or
 * none, and closes them in the order that a graceful end needs.
 */
import { errorText, hasCode } from "@sagong/base";
import {
  createServer,
  type RpcServer,
  type ServiceImplementation,
  type Transport,
} from "@sagong/rpc";
import type { StoreUrl } from "../config/store-url.js";
import type { HttpHandler } from "../http/http-handler.js";

export interface ListenerOptions {
  readonly urls: readonly StoreUrl[];
  /** The flag that gave the URLs, for the refusal. */
  readonly flag: string;
  readonly services: readonly ServiceImplementation[];
  readonly http1?: HttpHandler;
  readonly maxRequestBytes: number;
  readonly transport?: Transport | undefined;
}

/** A URL that cannot be listened on; the message names the flag and what to do. */
export class ListenError extends Error {
  override readonly name: string = "ListenError";
}

export interface Listener {
  /** With the port that the system chose where the flag said 0. */
  readonly urls: readonly string[];
  close(graceMs: number): Promise<void>;
}

export async function listen(options: ListenerOptions): Promise<Listener> {
  const server = createServer({
    services: options.services,
    maxRequestBytes: options.maxRequestBytes,
    transport: options.transport,
    ...(options.http1 ? { http1: options.http1 } : {}),
  });
  try {
    const urls: string[] = [];
    for (const url of options.urls) urls.push(await listenOn(server, url, options.flag));
    return { urls, close: (graceMs) => server.close(graceMs) };
  } catch (error) {
    await server.close(0);
    throw error;
  }
}

async function listenOn(server: RpcServer, url: StoreUrl, flag: string): Promise<string> {
  try {
    const { port } = await server.listen({ host: url.host, port: url.port });
    const host = url.host.includes(":") ? `[${url.host}]` : url.host;
    return `http://${host}:${port}`;
  } catch (error) {
    const inUse = hasCode(error, "EADDRINUSE");
    const why = inUse
      ? "the port is in use; stop the process that holds it, or choose another port"
      : errorText(error);
    throw new ListenError(`Cannot listen on ${url.text} (--${flag}): ${why}`, { cause: error });
  }
}
