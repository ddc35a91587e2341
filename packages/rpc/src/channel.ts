/** The client's side: calls over one or several endpoints, whatever carries them. */
import type { EncodedMessage } from "./message/encoded-message.js";
import type { MethodDescriptor } from "./message/method.js";
import type { Metadata } from "./status.js";

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds from now after which the call ends with deadlineExceeded. */
  readonly timeoutMs?: number;
  readonly metadata?: Metadata;
}

export interface DuplexCall<Request, Response> {
  /** Resolves when the message is accepted by flow control; rejects when the call has ended. */
  send(request: Request | EncodedMessage): Promise<void>;
  /** Half-close: no more requests. */
  end(): void;
  cancel(): void;
  /** Ends when the server ends with ok; throws `RpcError` otherwise. May be iterated once. */
  readonly responses: AsyncIterable<Response>;
}

/** Rejections are always `RpcError`. */
export interface Channel {
  unary<Request, Response>(
    method: MethodDescriptor<Request, Response, "unary">,
    request: Request | EncodedMessage,
    options?: CallOptions,
  ): Promise<Response>;
  serverStream<Request, Response>(
    method: MethodDescriptor<Request, Response, "server-stream">,
    request: Request | EncodedMessage,
    options?: CallOptions,
  ): AsyncIterable<Response>;
  clientStream<Request, Response>(
    method: MethodDescriptor<Request, Response, "client-stream">,
    requests: AsyncIterable<Request | EncodedMessage>,
    options?: CallOptions,
  ): Promise<Response>;
  duplex<Request, Response>(
    method: MethodDescriptor<Request, Response, "duplex">,
    options?: CallOptions,
  ): DuplexCall<Request, Response>;
  /** Ends open calls with unavailable. */
  close(): Promise<void>;
}
