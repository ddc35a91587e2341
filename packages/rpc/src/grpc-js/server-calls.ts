/** Our handlers as grpc-js's: one function per kind of method. */
import type {
  sendUnaryData,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
} from "@grpc/grpc-js";
import type { PeerIdentity, ServerCall } from "../handler.js";
import { Interruption } from "../interruption.js";
import type { AnyMethod } from "../message/method.js";
import { type Metadata, RpcError, StatusCode } from "../status.js";
import { fromGrpcMetadata, toGrpcMetadata, toRpcError } from "./status-mapping.js";

/** Verified client certificates by `address:port` of their connection. */
export type PeerLookup = Map<string, PeerIdentity>;

export interface HandlerContext {
  readonly method: AnyMethod;
  /** A function of the kind that `method.kind` says; the types were checked by `implement()`. */
  readonly handler: unknown;
  readonly identities: PeerLookup;
  /** Aborted when the server closes: streams then end. */
  readonly closing: AbortSignal;
}

type AnyCall =
  | ServerUnaryCall<Buffer, unknown>
  | ServerReadableStream<Buffer, unknown>
  | ServerWritableStream<Buffer, unknown>
  | ServerDuplexStream<Buffer, unknown>;

/** A call whose signal and metadata are made only when a handler asks: most unary ones do not. */
class LazyServerCall implements ServerCall {
  readonly #call: AnyCall;
  readonly #context: HandlerContext;
  #abort: AbortController | undefined;
  #metadata: Metadata | undefined;

  constructor(call: AnyCall, context: HandlerContext) {
    this.#call = call;
    this.#context = context;
  }

  get signal(): AbortSignal {
    if (this.#abort) return this.#abort.signal;
    const abort = new AbortController();
    this.#abort = abort;
    const cancelled = (): void =>
      abort.abort(new RpcError(StatusCode.cancelled, "the client cancelled the call"));
    if (this.#call.cancelled) cancelled();
    // All kinds are emitters of this event; their unions of signatures cannot be called.
    (this.#call as NodeJS.EventEmitter).on("cancelled", cancelled);
    return abort.signal;
  }

  get metadata(): Metadata {
    this.#metadata ??= fromGrpcMetadata(this.#call.metadata);
    return this.#metadata;
  }

  get peer(): string {
    return this.#call.getPeer();
  }

  get peerIdentity(): PeerIdentity | undefined {
    return this.#context.identities.get(this.peer);
  }
}

type UnaryCall = ServerUnaryCall<Buffer, unknown>;

export function adaptUnary(
  context: HandlerContext,
): (call: UnaryCall, callback: sendUnaryData<unknown>) => void {
  // By `method.kind`; see HandlerContext.
  const handler = context.handler as (request: unknown, call: ServerCall) => unknown;
  return (call: UnaryCall, callback: sendUnaryData<unknown>): void => {
    const fail = (error: unknown): void => {
      const { code, message, trailers } = toRpcError(error);
      callback({ code, details: message, metadata: toGrpcMetadata(trailers) });
    };
    try {
      const request = context.method.request.decode(call.request);
      const result = handler(request, new LazyServerCall(call, context));
      if (isPromise(result)) void result.then((response) => callback(null, response), fail);
      else callback(null, result);
    } catch (error) {
      fail(error);
    }
  };
}

export function adaptServerStream(
  context: HandlerContext,
): (call: ServerWritableStream<Buffer, unknown>) => void {
  // By `method.kind`; see HandlerContext.
  const handler = context.handler as (request: unknown, call: ServerCall) => AsyncIterable<unknown>;
  return (call): void => {
    const serverCall = new LazyServerCall(call, context);
    const start = (): AsyncIterable<unknown> =>
      handler(context.method.request.decode(call.request), serverCall);
    void respond(call, start, { serverCall, context });
  };
}

export function adaptClientStream(
  context: HandlerContext,
): (call: ServerReadableStream<Buffer, unknown>, callback: sendUnaryData<unknown>) => void {
  // By `method.kind`; see HandlerContext.
  const handler = context.handler as (
    requests: AsyncIterable<unknown>,
    call: ServerCall,
  ) => Promise<unknown>;
  return (call, callback): void => {
    const serverCall = new LazyServerCall(call, context);
    const ended = new Interruption();
    const stop = (): void => ended.interrupt(shuttingDown());
    if (context.closing.aborted) stop();
    context.closing.addEventListener("abort", stop);
    const answered = (async () => handler(requestsOf(call, context), serverCall))();
    void ended
      .until(answered)
      .then(
        (response) => callback(null, response),
        (error: unknown) => {
          const { code, message, trailers } = toRpcError(error);
          callback({ code, details: message, metadata: toGrpcMetadata(trailers) });
        },
      )
      .finally(() => context.closing.removeEventListener("abort", stop));
  };
}

export function adaptDuplex(
  context: HandlerContext,
): (call: ServerDuplexStream<Buffer, unknown>) => void {
  // By `method.kind`; see HandlerContext.
  const handler = context.handler as (
    requests: AsyncIterable<unknown>,
    call: ServerCall,
  ) => AsyncIterable<unknown>;
  return (call): void => {
    const serverCall = new LazyServerCall(call, context);
    const start = (): AsyncIterable<unknown> => handler(requestsOf(call, context), serverCall);
    void respond(call, start, { serverCall, context });
  };
}

/** Writes what the handler yields, as fast as the client reads it. Never rejects. */
async function respond(
  call: ServerWritableStream<Buffer, unknown> | ServerDuplexStream<Buffer, unknown>,
  start: () => AsyncIterable<unknown>,
  { serverCall, context }: { serverCall: ServerCall; context: HandlerContext },
): Promise<void> {
  const { signal } = serverCall;
  const { closing } = context;
  const ended = new Interruption();
  const stop = (): void => ended.interrupt(shuttingDown());
  if (signal.aborted || closing.aborted) stop();
  signal.addEventListener("abort", stop);
  closing.addEventListener("abort", stop);
  let iterator: AsyncIterator<unknown> | undefined;
  try {
    iterator = start()[Symbol.asyncIterator]();
    for (;;) {
      const next = await ended.until(iterator.next());
      if (next.done) break;
      if (!call.write(next.value)) await ended.until(drained(call));
    }
    call.end();
  } catch (error) {
    // The handler is told to clean up; it may be inside an await that ends only later. One that
    // threw has ended, and does nothing more.
    void iterator?.return?.().catch(() => {});
    if (signal.aborted) return;
    const { code, message, trailers } = toRpcError(error);
    call.emit("error", { code, details: message, metadata: toGrpcMetadata(trailers) });
  } finally {
    signal.removeEventListener("abort", stop);
    closing.removeEventListener("abort", stop);
  }
}

function drained(call: { once(event: "drain", listener: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => void call.once("drain", () => resolve()));
}

/** The requests of a stream; ends when the client half-closes, throws when it goes away. */
async function* requestsOf(
  call: ServerReadableStream<Buffer, unknown> | ServerDuplexStream<Buffer, unknown>,
  { method }: HandlerContext,
): AsyncGenerator<unknown> {
  try {
    // Plain iteration would destroy the stream at the client's half-close, replies and all.
    for await (const bytes of call.iterator({ destroyOnReturn: false })) {
      yield method.request.decode(bytes);
    }
  } catch (error) {
    if (call.cancelled) throw new RpcError(StatusCode.cancelled, "the client cancelled the call");
    throw toRpcError(error);
  }
}

function shuttingDown(): RpcError {
  return new RpcError(StatusCode.unavailable, "the server is shutting down");
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value;
}
