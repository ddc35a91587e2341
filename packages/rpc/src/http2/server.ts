/**
 * Serves `ServiceImplementation`s with our own HTTP/2 engine, and HTTP/1.1 on the same port.
 * Options and behaviour are those of the grpc-js adapter.
 */
import { realClock } from "@sagong/base/real";
import type { ServiceImplementation } from "../handler.js";
import { type HttpHandler, notFound } from "../http/http-exchange.js";
import { adaptHttpHandler } from "../http/node-exchange.js";
import { ConnectionListener, type Http2Socket } from "../listener/connection-listener.js";
import type { ListenAddress, RpcServer, RpcServerOptions } from "../server.js";
import { Deadlines } from "./deadlines.js";
import { ReceiveBudget } from "./receive-budget.js";
import type { MethodEntry } from "./request-meanings.js";
import { ServerSocket } from "./server-socket.js";

const DEFAULT_MAX_REQUEST_BYTES = 2 * 1024 * 1024;
const DEFAULT_GRACE_MS = 5_000;
/** Requests that have not come whole, of one connection and of all: at least, and in requests. */
const CONNECTION_UNFINISHED_BYTES_MIN = 64 * 1024 * 1024;
const CONNECTION_UNFINISHED_REQUESTS = 2;
const SERVER_UNFINISHED_BYTES_MIN = 256 * 1024 * 1024;
const SERVER_UNFINISHED_REQUESTS = 8;

export function createHttp2Server(options: RpcServerOptions): RpcServer {
  return new Http2Server(options);
}

class Http2Server implements RpcServer {
  readonly #methods = new Map<string, MethodEntry>();
  readonly #http: HttpHandler | undefined;
  readonly #requestBytesMax: number;
  readonly #compresses: boolean;
  readonly #budget: ReceiveBudget;
  readonly #listener: ConnectionListener;
  readonly #connections = new Set<ServerSocket>();
  readonly #clock = realClock();
  readonly #deadlines = new Deadlines(this.#clock);
  #isClosing = false;

  constructor(options: RpcServerOptions) {
    this.#http = options.http;
    this.#requestBytesMax = options.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES;
    this.#compresses = options.responseCompression === "gzip";
    this.#budget = new ReceiveBudget(
      Math.max(SERVER_UNFINISHED_BYTES_MIN, SERVER_UNFINISHED_REQUESTS * this.#requestBytesMax),
    );
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
    this.#deadlines.stop();
  }

  #serve({ socket, first, peerIdentity }: Http2Socket): void {
    const budget = new ReceiveBudget(
      Math.max(
        CONNECTION_UNFINISHED_BYTES_MIN,
        CONNECTION_UNFINISHED_REQUESTS * this.#requestBytesMax,
      ),
      this.#budget,
    );
    const connection = new ServerSocket(
      { socket, peerIdentity },
      {
        methods: this.#methods,
        http: this.#http,
        requestBytesMax: this.#requestBytesMax,
        compresses: this.#compresses,
        budget,
      },
      { clock: this.#clock, deadlines: this.#deadlines },
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
