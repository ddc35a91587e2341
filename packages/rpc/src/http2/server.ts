/**
 * Serves `ServiceImplementation`s with our own HTTP/2 engine, and HTTP/1.1 on the same port.
 * Options and behaviour are those of the grpc-js adapter.
 */
import { realClock } from "@sagong/base/real";
import type { ServiceImplementation } from "../handler.js";
import { notFound } from "../http/http-exchange.js";
import { adaptHttpHandler } from "../http/node-exchange.js";
import { ConnectionListener, type Http2Socket } from "../listener/connection-listener.js";
import type { ListenAddress, RpcServer, RpcServerOptions } from "../server.js";
import { type MethodEntry, ServerSocket } from "./server-socket.js";

const DEFAULT_MAX_REQUEST_BYTES = 2 * 1024 * 1024;
const DEFAULT_GRACE_MS = 5_000;

export function createHttp2Server(options: RpcServerOptions): RpcServer {
  return new Http2Server(options);
}

class Http2Server implements RpcServer {
  readonly #options: RpcServerOptions;
  readonly #methods = new Map<string, MethodEntry>();
  readonly #listener: ConnectionListener;
  readonly #connections = new Set<ServerSocket>();
  readonly #clock = realClock();
  #isClosing = false;

  constructor(options: RpcServerOptions) {
    this.#options = options;
    for (const service of options.services) this.#add(service);
    this.#listener = new ConnectionListener(
      {
        tls: options.tls,
        http1: options.http1 ?? adaptHttpHandler(options.http ?? notFound, { clock: this.#clock }),
        http2: (connection) => this.#serve(connection),
      },
      { clock: this.#clock },
    );
  }

  listen(address: ListenAddress): Promise<ListenAddress> {
    return this.#listener.listen(address);
  }

  async close(graceMs: number = DEFAULT_GRACE_MS): Promise<void> {
    this.#isClosing = true;
    for (const connection of this.#connections) connection.shutdown();
    await this.#listener.close(graceMs);
  }

  #serve({ socket, first, peerIdentity }: Http2Socket): void {
    const connection = new ServerSocket(
      socket,
      {
        methods: this.#methods,
        http: this.#options.http,
        requestBytesMax: this.#options.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES,
        peerIdentity,
      },
      { clock: this.#clock },
    );
    this.#connections.add(connection);
    socket.once("close", () => this.#connections.delete(connection));
    connection.start(first);
    if (this.#isClosing) connection.shutdown();
  }

  #add({ descriptor, handlers }: ServiceImplementation): void {
    for (const [name, method] of Object.entries(descriptor.methods)) {
      const handler = handlers[name];
      if (typeof handler === "function") this.#methods.set(method.path, { method, handler });
    }
  }
}
