/**
 * What a service implementation is: functions of requests, free of any transport. An adapter
 * (grpc-js today, our own HTTP/2 engine later, the in-memory channel in one process) calls them.
 */
import type { EncodedMessage } from "./message/encoded-message.js";
import type { MethodDescriptor, MethodKind, ServiceDescriptor } from "./message/method.js";
import type { Metadata } from "./status.js";

/** One call as its handler sees it. */
export interface ServerCall {
  /** Aborted when the client cancels, the connection breaks, the deadline passes or we close. */
  readonly signal: AbortSignal;
  readonly metadata: Metadata;
  /** A unary request's bytes as they came, where the transport still has them. */
  readonly encodedRequest?: Uint8Array | undefined;
  /** The caller's address, for logs; `memory` for in-process calls. */
  readonly peer: string;
  /** The verified client certificate's subject, where TLS asked for one. */
  readonly peerIdentity?: PeerIdentity | undefined;
}

export interface PeerIdentity {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

/**
 * Answers one request. A synchronous answer costs no promise, nor does a `Deferred`. Throws
 * `RpcError` to refuse.
 */
export type UnaryHandler<Request, Response> = (
  request: Request,
  call: ServerCall,
) => Response | EncodedMessage | PromiseLike<Response | EncodedMessage>;

/** Answers one request with a stream; pulled only as fast as the client reads. */
export type ServerStreamHandler<Request, Response> = (
  request: Request,
  call: ServerCall,
) => AsyncIterable<Response | EncodedMessage>;

export type ClientStreamHandler<Request, Response> = (
  requests: AsyncIterable<Request>,
  call: ServerCall,
) => Promise<Response | EncodedMessage>;

/** Both directions; `requests` ends when the client half-closes and throws when it cancels. */
export type DuplexHandler<Request, Response> = (
  requests: AsyncIterable<Request>,
  call: ServerCall,
) => AsyncIterable<Response | EncodedMessage>;

export type HandlerOf<Method> =
  Method extends MethodDescriptor<infer Request, infer Response, infer Kind>
    ? HandlerByKind<Request, Response>[Kind]
    : never;

interface HandlerByKind<Request, Response> extends Record<MethodKind, unknown> {
  readonly unary: UnaryHandler<Request, Response>;
  readonly "server-stream": ServerStreamHandler<Request, Response>;
  readonly "client-stream": ClientStreamHandler<Request, Response>;
  readonly duplex: DuplexHandler<Request, Response>;
}

/** Handlers by method name; a method left out answers Unimplemented. */
export type Handlers<Service extends ServiceDescriptor> = {
  readonly [Name in keyof Service["methods"]]?: HandlerOf<Service["methods"][Name]>;
};

/** A service with its handlers, ready to be served. Built by `implement()`. */
export interface ServiceImplementation {
  readonly descriptor: ServiceDescriptor;
  readonly handlers: Readonly<Record<string, unknown>>;
}

export function implement<Service extends ServiceDescriptor>(
  descriptor: Service,
  handlers: Handlers<Service>,
): ServiceImplementation {
  return { descriptor, handlers };
}
