/**
 * Services as data. A generated module exports one `ServiceDescriptor` per proto service; servers,
 * channels and adapters are generic over it, and know nothing else of a service.
 */
import type { MessageType } from "./message-type.js";

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
