/**
 * Serves `ServiceImplementation`s with @grpc/grpc-js, the reference that our own engine is held
 * against. The listener, TLS and connection limits are ours; grpc-js gets whole connections handed
 * in.
 */
import { setMaxListeners } from "node:events";
import {
  compressionAlgorithms,
  type ConnectionInjector,
  type handleClientStreamingCall,
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server as GrpcServer,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { realClock } from "@sagong/base/real";
import type { ServiceImplementation } from "../handler.js";
import { notFound } from "../http/http-exchange.js";
import { adaptHttpHandler } from "../http/node-exchange.js";
import { ConnectionListener, type Http2Socket } from "../listener/connection-listener.js";
import { encodeMessage } from "../message/encoded-message.js";
import type { ListenAddress, RpcServer, RpcServerOptions } from "../server.js";
import {
  adaptClientStream,
  adaptDuplex,
  adaptServerStream,
  adaptUnary,
  type PeerLookup,
} from "./server-calls.js";

const DEFAULT_MAX_REQUEST_BYTES = 2 * 1024 * 1024;
const DEFAULT_GRACE_MS = 5_000;

export function createGrpcJsServer(options: RpcServerOptions): RpcServer {
  return new GrpcJsServer(options);
}

class GrpcJsServer implements RpcServer {
  readonly #grpc: GrpcServer;
  readonly #injector: ConnectionInjector;
  readonly #listener: ConnectionListener;
  readonly #identities: PeerLookup = new Map();
  readonly #closing = new AbortController();

  constructor(options: RpcServerOptions) {
    // Every open stream listens for the end of the server.
    setMaxListeners(0, this.#closing.signal);
    this.#grpc = new GrpcServer({
      "grpc.max_receive_message_length": options.maxRequestBytes ?? DEFAULT_MAX_REQUEST_BYTES,
      "grpc.max_send_message_length": -1,
      "grpc.max_concurrent_streams": 0xffffffff,
      "grpc-node.max_session_memory": 1024,
      // Its own statistics of every call, which nobody asks for.
      "grpc.enable_channelz": 0,
      ...(options.responseCompression === "gzip"
        ? { "grpc.default_compression_algorithm": compressionAlgorithms.gzip }
        : {}),
    });
    for (const service of options.services) this.#add(service);
    this.#injector = this.#grpc.createConnectionInjector(ServerCredentials.createInsecure());
    const clock = realClock();
    this.#listener = new ConnectionListener(
      {
        tls: options.tls,
        http1: options.http1 ?? adaptHttpHandler(options.http ?? notFound, { clock }),
        http2: (connection) => this.#serve(connection),
      },
      { clock },
    );
  }

  listen(address: ListenAddress): Promise<ListenAddress> {
    return this.#listener.listen(address);
  }

  async close(graceMs: number = DEFAULT_GRACE_MS): Promise<void> {
    this.#closing.abort(new Error("server closed"));
    this.#injector.drain(graceMs);
    this.#grpc.tryShutdown(() => {}); // Refuses new calls; the listener has the limit of time.
    await this.#listener.close(graceMs);
    this.#grpc.forceShutdown();
  }

  #serve({ socket, first, peerIdentity }: Http2Socket): void {
    if (peerIdentity) {
      const key = `${socket.remoteAddress}:${socket.remotePort}`;
      this.#identities.set(key, peerIdentity);
      socket.once("close", () => this.#identities.delete(key));
    }
    if (first.length > 0) socket.unshift(first);
    this.#injector.injectConnection(socket);
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
          implementation[name] = adaptClientStream(context) as handleClientStreamingCall<
            unknown,
            unknown
          >;
          break;
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
