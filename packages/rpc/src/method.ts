/**
 * Services as data. A generated module exports one `ServiceDescriptor` per proto service; servers,
 * channels and adapters are generic over it, and know nothing else of a service.
 */

/** Encodes and decodes one message type; generated from a .proto file. */
export interface MessageType<T> {
  /** Full protobuf name, as `etcdserverpb.RangeRequest`. */
  readonly name: string;
  /** A message with every field present: those of `fields`, and proto3 defaults for the rest. */
  create(fields?: Partial<T>): T;
  encode(message: T): Uint8Array;
  /** Throws `MessageDecodeError` naming message and offset where `bytes` are malformed. */
  decode(bytes: Uint8Array): T;
}

export type MethodKind = "unary" | "server-stream" | "client-stream" | "duplex";

export interface MethodDescriptor<Request, Response, Kind extends MethodKind = MethodKind> {
  /** The HTTP/2 path, as `/etcdserverpb.KV/Range`. */
  readonly path: string;
  readonly kind: Kind;
  readonly request: MessageType<Request>;
  readonly response: MessageType<Response>;
}

export interface ServiceDescriptor {
  /** Full protobuf name, as `etcdserverpb.KV`. */
  readonly name: string;
  /** By the method's name with a lower-case first letter. */
  readonly methods: Readonly<Record<string, AnyMethod>>;
}

// A method whose message types are not known here. `never` and `unknown` would not accept a
// descriptor of both directions, so the message types are erased at this one place.
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyMethod = MethodDescriptor<any, any>;
