/**
 * A channel to services of the same process: no socket, no framing. Messages are encoded and
 * decoded all the same, so that neither side ever sees the other's objects.
 */
import type { CallOptions, Channel, DuplexCall } from "../channel.js";
import type {
  ClientStreamHandler,
  DuplexHandler,
  ServerCall,
  ServerStreamHandler,
  ServiceImplementation,
  UnaryHandler,
} from "../handler.js";
import { Interruption } from "../interruption.js";
import { MessageDecodeError } from "../message/decode-error.js";
import { type EncodedMessage, encodeMessage } from "../message/encoded-message.js";
import type { MessageType } from "../message/message-type.js";
import type { AnyMethod, MethodDescriptor } from "../message/method.js";
import { RpcError, StatusCode } from "../status.js";
import type { Clock, Timer } from "@sagong/base";
import { Pipe } from "./pipe.js";

/** Requests of a duplex call that may wait for the handler to read them. */
const PIPE_MESSAGES = 16;

export function createMemoryChannel(
  services: readonly ServiceImplementation[],
  { clock }: { readonly clock: Clock },
): Channel {
  return new MemoryChannel(services, clock);
}

interface OpenCall {
  readonly call: ServerCall;
  /** Resolves never; rejects when the call is cancelled, times out or the channel closes. */
  readonly cut: Promise<never>;
  abort(error: RpcError): void;
  done(): void;
}

class MemoryChannel implements Channel {
  readonly #handlers = new Map<string, unknown>();
  readonly #open = new Set<OpenCall>();
  readonly #clock: Clock;
  #closed = false;

  constructor(services: readonly ServiceImplementation[], clock: Clock) {
    this.#clock = clock;
    for (const { descriptor, handlers } of services) {
      for (const [name, method] of Object.entries(descriptor.methods)) {
        if (handlers[name] !== undefined) this.#handlers.set(method.path, handlers[name]);
      }
    }
  }

  async unary<Request, Response>(
    method: MethodDescriptor<Request, Response, "unary">,
    request: Request | EncodedMessage,
    options: CallOptions = {},
  ): Promise<Response> {
    const handler = this.#handler<UnaryHandler<Request, Response>>(method);
    const open = this.#begin(options);
    try {
      open.call.signal.throwIfAborted();
      const answer = (async () => handler(copy(method.request, request), open.call))();
      return copy(method.response, await Promise.race([answer, open.cut]));
    } catch (error) {
      throw rpcError(error);
    } finally {
      open.done();
    }
  }

  async *serverStream<Request, Response>(
    method: MethodDescriptor<Request, Response, "server-stream">,
    request: Request | EncodedMessage,
    options: CallOptions = {},
  ): AsyncGenerator<Response> {
    const handler = this.#handler<ServerStreamHandler<Request, Response>>(method);
    const open = this.#begin(options);
    try {
      open.call.signal.throwIfAborted();
      const responses = handler(copy(method.request, request), open.call);
      yield* this.#pull(responses, open, { type: method.response });
    } catch (error) {
      throw rpcError(error);
    } finally {
      open.abort(new RpcError(StatusCode.cancelled, "the client cancelled the call"));
      open.done();
    }
  }

  async clientStream<Request, Response>(
    method: MethodDescriptor<Request, Response, "client-stream">,
    requests: AsyncIterable<Request | EncodedMessage>,
    options: CallOptions = {},
  ): Promise<Response> {
    const handler = this.#handler<ClientStreamHandler<Request, Response>>(method);
    const open = this.#begin(options);
    try {
      open.call.signal.throwIfAborted();
      const answer = handler(copies(method.request, requests), open.call);
      return copy(method.response, await Promise.race([answer, open.cut]));
    } catch (error) {
      const failure = rpcError(error);
      open.abort(failure); // The requests' own error, or the handler's, which has ended then.
      throw failure;
    } finally {
      open.done();
    }
  }

  duplex<Request, Response>(
    method: MethodDescriptor<Request, Response, "duplex">,
    options: CallOptions = {},
  ): DuplexCall<Request, Response> {
    const open = this.#begin(options);
    const pipe = new Pipe<Request>(PIPE_MESSAGES);
    const { signal } = open.call;
    if (signal.aborted) pipe.fail(signal.reason);
    signal.addEventListener("abort", () => pipe.fail(signal.reason));
    return {
      send: (request) => pipe.push(copy(method.request, request)),
      end: () => pipe.end(),
      cancel: () => open.abort(new RpcError(StatusCode.cancelled, "the call was cancelled")),
      responses: this.#duplexResponses(method, pipe, open),
    };
  }

  async *#duplexResponses<Request, Response>(
    method: MethodDescriptor<Request, Response, "duplex">,
    requests: Pipe<Request>,
    open: OpenCall,
  ): AsyncGenerator<Response> {
    try {
      open.call.signal.throwIfAborted();
      const handler = this.#handler<DuplexHandler<Request, Response>>(method);
      const over = (): void =>
        requests.fail(new RpcError(StatusCode.unavailable, "the call has ended"));
      yield* this.#pull(handler(requests, open.call), open, { type: method.response, over });
    } catch (error) {
      throw rpcError(error);
    } finally {
      open.done();
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const open of this.#open) {
      open.abort(new RpcError(StatusCode.unavailable, "the channel was closed"));
    }
    return Promise.resolve();
  }

  async *#pull<Response>(
    responses: AsyncIterable<Response | EncodedMessage>,
    open: OpenCall,
    { type, over }: { readonly type: MessageType<Response>; readonly over?: () => void },
  ): AsyncGenerator<Response> {
    const iterator = responses[Symbol.asyncIterator]();
    const { signal } = open.call;
    const cut = new Interruption();
    const interrupt = (): void => cut.interrupt(signal.reason);
    if (signal.aborted) interrupt();
    signal.addEventListener("abort", interrupt);
    try {
      for (;;) {
        const next = await cut.until(iterator.next());
        if (next.done) return over?.();
        yield copy(type, next.value);
      }
    } finally {
      signal.removeEventListener("abort", interrupt);
      // No effect after a normal end. The handler cleans up, perhaps inside an await that ends later.
      open.abort(new RpcError(StatusCode.cancelled, "the client cancelled the call"));
      void iterator.return?.().catch(() => {});
    }
  }

  #handler<Handler>(method: AnyMethod): Handler {
    const handler = this.#handlers.get(method.path);
    if (handler === undefined) {
      throw new RpcError(
        StatusCode.unimplemented,
        `The server does not implement the method ${method.path}`,
      );
    }
    return handler as Handler; // implement() checked it against the same descriptor.
  }

  #begin(options: CallOptions): OpenCall {
    const controller = new AbortController();
    let reject: (error: RpcError) => void = () => {};
    const cut = new Promise<never>((_, fail) => {
      reject = fail;
    });
    cut.catch(() => {}); // Only those who wait for it care.
    let timer: Timer | undefined;
    const abort = (error: RpcError): void => {
      if (controller.signal.aborted) return;
      controller.abort(error);
      reject(error);
    };
    const cancelled = (): void =>
      abort(
        new RpcError(StatusCode.cancelled, "the call was cancelled", {
          cause: options.signal?.reason,
        }),
      );
    const done = (): void => {
      timer?.cancel();
      options.signal?.removeEventListener("abort", cancelled);
      this.#open.delete(open);
    };
    const call = { signal: controller.signal, metadata: options.metadata ?? {}, peer: "memory" };
    const open: OpenCall = { call, cut, abort, done };
    this.#open.add(open);
    if (options.timeoutMs !== undefined) {
      timer = this.#clock.schedule(options.timeoutMs, () =>
        abort(new RpcError(StatusCode.deadlineExceeded, "Deadline exceeded")),
      );
    }
    if (this.#closed) abort(new RpcError(StatusCode.unavailable, "the channel was closed"));
    if (options.signal?.aborted) cancelled();
    options.signal?.addEventListener("abort", cancelled, { once: true });
    return open;
  }
}

function copy<T>(type: MessageType<T>, message: T | EncodedMessage): T {
  return type.decode(encodeMessage(type, message));
}

async function* copies<T>(
  type: MessageType<T>,
  messages: AsyncIterable<T | EncodedMessage>,
): AsyncGenerator<T> {
  for await (const message of messages) yield copy(type, message);
}

function rpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof MessageDecodeError ? StatusCode.internal : StatusCode.unknown;
  return new RpcError(code, message, { cause: error });
}
