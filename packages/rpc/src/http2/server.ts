/**
 * Serves `ServiceImplementation`s with our own HTTP/2 engine, and plain HTTP/1.1 on the same port:
 * the first bytes of a connection say which it is. Options and behaviour are those of the grpc-js
 * adapter's `createServer`.
 */
import { once } from "node:events";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import { realClock } from "@sagong/base/real";
import type { PeerIdentity, ServiceImplementation } from "../handler.js";
import type { ListenAddress, RpcServer, RpcServerOptions } from "../server.js";
import { type MethodEntry, ServerSocket } from "./server-socket.js";

/** What begins every HTTP/2 connection (RFC 9113 §3.4). */
const HTTP2_PREFACE = "PRI * HTTP/2";
/** A connection that has not sent its first bytes by then is closed. */
const FIRST_BYTES_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 10_000;
const DEFAULT_MAX_REQUEST_BYTES = 2 * 1024 * 1024;
const DEFAULT_GRACE_MS = 5_000;

export function createHttp2Server(options: RpcServerOptions): RpcServer {
  return new Http2Server(options);
}

class Http2Server implements RpcServer {
  readonly #options: RpcServerOptions;
  readonly #methods = new Map<string, MethodEntry>();
  readonly #http: HttpServer;
  readonly #listeners: NetServer[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #connections = new Set<ServerSocket>();
  readonly #clock = realClock();
  #isClosing = false;
  #onLastClose: (() => void) | undefined;

  constructor(options: RpcServerOptions) {
    this.#options = options;
    for (const service of options.services) this.#add(service);
    this.#http = createHttpServer((request, response) => {
      if (options.http1) return options.http1(request, response);
      response.writeHead(404).end();
    });
  }

  async listen(address: ListenAddress): Promise<ListenAddress> {
    const { tls } = this.#options;
    const accept = (socket: Socket): void => this.#accept(socket);
    const listener = tls
      ? createTlsServer(
          {
            key: tls.key,
            cert: tls.cert,
            ALPNProtocols: ["h2", "http/1.1"],
            ...(tls.clientCa === undefined
              ? {}
              : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
          },
          accept,
        )
      : createNetServer({ noDelay: true }, accept);
    listener.maxConnections = MAX_CONNECTIONS;
    listener.listen({ host: address.host, port: address.port });
    await once(listener, "listening");
    this.#listeners.push(listener);
    const bound = listener.address();
    const port = typeof bound === "object" && bound ? bound.port : address.port;
    return { host: address.host, port };
  }

  async close(graceMs: number = DEFAULT_GRACE_MS): Promise<void> {
    this.#isClosing = true;
    const closed = this.#listeners.map(async (listener) => {
      if (!listener.listening) return;
      const end = once(listener, "close");
      listener.close();
      await end;
    });
    for (const connection of this.#connections) connection.shutdown();
    this.#http.closeIdleConnections();
    if (this.#sockets.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.schedule(graceMs, resolve);
        this.#onLastClose = () => {
          timer.cancel();
          resolve();
        };
      });
    }
    this.#http.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #accept(socket: Socket): void {
    if (this.#isClosing) return void socket.destroy();
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onLastClose?.();
    });
    socket.on("error", () => socket.destroy()); // A broken connection is the client's affair.
    socket.setTimeout(FIRST_BYTES_TIMEOUT_MS, () => socket.destroy());
    socket.once("readable", () => this.#sniff(socket));
  }

  #sniff(socket: Socket): void {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) {
      if (!socket.readableEnded && !socket.destroyed)
        socket.once("readable", () => this.#sniff(socket));
      return;
    }
    socket.setTimeout(0);
    const start = chunk.subarray(0, HTTP2_PREFACE.length).toString("latin1");
    if (!HTTP2_PREFACE.startsWith(start)) {
      socket.unshift(chunk);
      this.#http.emit("connection", socket);
      return;
    }
    const connection = new ServerSocket(
      socket,
      {
        methods: this.#methods,
        requestBytesMax: this.#options.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES,
        peerIdentity: socket instanceof TLSSocket ? identityOf(socket) : undefined,
      },
      { clock: this.#clock },
    );
    this.#connections.add(connection);
    socket.once("close", () => this.#connections.delete(connection));
    connection.start(chunk);
    if (this.#isClosing) connection.shutdown();
  }

  #add({ descriptor, handlers }: ServiceImplementation): void {
    for (const [name, method] of Object.entries(descriptor.methods)) {
      const handler = handlers[name];
      if (typeof handler === "function") this.#methods.set(method.path, { method, handler });
    }
  }
}

function identityOf(socket: TLSSocket): PeerIdentity | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  if (!subject) return undefined;
  const organizations: string | string[] = subject.O ?? [];
  return {
    commonName: String(subject.CN ?? ""),
    organizations: typeof organizations === "string" ? [organizations] : organizations,
  };
}
