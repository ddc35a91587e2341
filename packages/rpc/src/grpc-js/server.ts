/**
 * Serves `ServiceImplementation`s with @grpc/grpc-js, and plain HTTP/1.1 on the same port: the
 * first bytes of a connection say which it is. The listener, TLS and connection limits are ours;
 * grpc-js gets whole connections handed in.
 */
import { once, setMaxListeners } from "node:events";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer as createNetServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import {
  type ConnectionInjector,
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server as GrpcServer,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { ServiceImplementation } from "../handler.js";
import { encodeMessage } from "../message/encoded-message.js";
import type { ListenAddress, RpcServer, RpcServerOptions } from "../server.js";
import { adaptDuplex, adaptServerStream, adaptUnary, type PeerLookup } from "./server-calls.js";

/** What begins every HTTP/2 connection (RFC 9113 §3.4). */
const HTTP2_PREFACE = "PRI * HTTP/2";
/** A connection that has not sent its first bytes by then is closed. */
const FIRST_BYTES_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 10_000;
const DEFAULT_MAX_REQUEST_BYTES = 2 * 1024 * 1024;
const DEFAULT_GRACE_MS = 5_000;

export function createServer(options: RpcServerOptions): RpcServer {
  return new GrpcJsServer(options);
}

class GrpcJsServer implements RpcServer {
  readonly #grpc: GrpcServer;
  readonly #injector: ConnectionInjector;
  readonly #http: HttpServer;
  readonly #options: RpcServerOptions;
  readonly #listeners: NetServer[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #identities: PeerLookup;
  readonly #closing = new AbortController();

  constructor(options: RpcServerOptions) {
    this.#options = options;
    // Every open stream listens for the end of the server.
    setMaxListeners(0, this.#closing.signal);
    this.#identities = new Map();
    this.#grpc = new GrpcServer({
      "grpc.max_receive_message_length": options.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES,
      "grpc.max_send_message_length": -1,
      "grpc.max_concurrent_streams": 0xffffffff,
      "grpc-node.max_session_memory": 1024,
      // Its own statistics of every call, which nobody asks for.
      "grpc.enable_channelz": 0,
    });
    for (const service of options.services) this.#add(service);
    this.#injector = this.#grpc.createConnectionInjector(ServerCredentials.createInsecure());
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
    const closed = this.#listeners.map(async (listener) => {
      if (!listener.listening) return;
      const end = once(listener, "close");
      listener.close();
      await end;
    });
    this.#closing.abort(new Error("server closed"));
    this.#injector.drain(graceMs);
    await new Promise<void>((resolve) => {
      this.#grpc.tryShutdown(() => resolve());
      // Neither tryShutdown nor drain() has a limit for connections that carry no session of theirs.
      AbortSignal.timeout(graceMs).addEventListener("abort", () => resolve(), { once: true });
      if (this.#sockets.size === 0) resolve();
      for (const socket of this.#sockets) {
        socket.once("close", () => {
          if (this.#sockets.size === 0) resolve();
        });
      }
    });
    this.#grpc.forceShutdown();
    this.#http.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    const key = `${socket.remoteAddress}:${socket.remotePort}`;
    const identity = "getPeerCertificate" in socket ? identityOf(socket as TLSSocket) : undefined;
    if (identity) this.#identities.set(key, identity);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#identities.delete(key);
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
    socket.unshift(chunk);
    socket.setTimeout(0);
    const start = chunk.subarray(0, HTTP2_PREFACE.length).toString("latin1");
    if (HTTP2_PREFACE.startsWith(start)) this.#injector.injectConnection(socket);
    else this.#http.emit("connection", socket);
  }

  #add({ descriptor, handlers }: ServiceImplementation): void {
    const definition: Record<string, ServiceDefinition[string]> = {};
    const implementation: Record<string, UntypedServiceImplementation[string]> = {};
    const closing = this.#closing.signal;
    for (const [name, method] of Object.entries(descriptor.methods)) {
      const handler = handlers[name];
      const requestStream = method.kind === "client-stream" || method.kind === "duplex";
      const responseStream = method.kind === "server-stream" || method.kind === "duplex";
      definition[name] = {
        path: method.path,
        requestStream,
        responseStream,
        requestSerialize: toBuffer((message: unknown) => encodeMessage(method.request, message)),
        // Decoded where errors become statuses: grpc-js would keep to itself what is wrong.
        requestDeserialize: (bytes: Buffer) => bytes,
        responseSerialize: toBuffer((message: unknown) => encodeMessage(method.response, message)),
        responseDeserialize: (bytes: Buffer) => method.response.decode(bytes),
      };
      if (typeof handler !== "function") continue; // grpc-js answers Unimplemented.
      const context = { method, handler, identities: this.#identities, closing };
      switch (method.kind) {
        case "unary":
          implementation[name] = adaptUnary(context) as handleUnaryCall<unknown, unknown>;
          break;
        case "server-stream":
          implementation[name] = adaptServerStream(context) as handleServerStreamingCall<
            unknown,
            unknown
          >;
          break;
        case "duplex":
          implementation[name] = adaptDuplex(context) as handleBidiStreamingCall<unknown, unknown>;
          break;
        case "client-stream":
          throw new TypeError(`Cannot serve ${method.path}: client streams are not adapted yet`);
      }
    }
    this.#grpc.addService(definition, implementation);
  }
}

function toBuffer(encode: (message: unknown) => Uint8Array): (message: unknown) => Buffer {
  return (message) => {
    const bytes = encode(message);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

function identityOf(
  socket: TLSSocket,
): { commonName: string; organizations: string[] } | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  if (!subject) return undefined;
  const organizations: string | string[] = subject.O ?? [];
  return {
    commonName: String(subject.CN ?? ""),
    organizations: typeof organizations === "string" ? [organizations] : organizations,
  };
}
