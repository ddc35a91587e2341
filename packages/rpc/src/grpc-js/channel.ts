/**
 * Our `Channel` over a @grpc/grpc-js client. Several endpoints: the first that answers is kept
 * until it fails (pick first), as grpc-js does for the addresses of one name.
 */
import { checkServerIdentity } from "node:tls";
import {
  type CallOptions as GrpcCallOptions,
  type ChannelCredentials,
  Client,
  credentials,
  type ClientDuplexStream,
} from "@grpc/grpc-js";
import type { Clock } from "@sagong/base";
import { backgroundClock } from "@sagong/base/real";
import type { CallOptions, Channel, DuplexCall } from "../channel.js";
import {
  type ChannelOptions,
  type Endpoint,
  DEFAULT_PATIENCE,
  parseEndpoint,
  RECONNECT_MAX_MS,
  RECONNECT_MIN_MS,
} from "../channel-options.js";
import { Interruption } from "../interruption.js";
import { type EncodedMessage, encodeMessage } from "../message/encoded-message.js";
import type { MessageType } from "../message/message-type.js";
import type { MethodDescriptor } from "../message/method.js";
import { RpcError, StatusCode } from "../status.js";
import { ConnectingClient } from "./connecting-client.js";
import { toGrpcMetadata, toRpcError } from "./status-mapping.js";

/** Throws `TypeError` where the endpoint is not an http or https URL. */
export function createGrpcJsChannel(
  options: ChannelOptions,
  { clock = backgroundClock() }: { readonly clock?: Clock } = {},
): Channel {
  const endpoint = parseEndpoint(options.endpoint);
  const { authority, ipVersion, serverName } = endpoint;
  const { connectMs, silenceMs, answerMs } = options.patience ?? DEFAULT_PATIENCE;
  const target = ipVersion === 0 ? `dns:${authority}` : `ipv${ipVersion}:${authority}`;
  const clientOptions = {
    "grpc.max_receive_message_length": options.maxResponseBytes ?? -1,
    "grpc.max_send_message_length": -1,
    "grpc.initial_reconnect_backoff_ms": RECONNECT_MIN_MS,
    "grpc.min_reconnect_backoff_ms": RECONNECT_MIN_MS,
    "grpc.max_reconnect_backoff_ms": RECONNECT_MAX_MS,
    "grpc.keepalive_time_ms": silenceMs,
    "grpc.keepalive_timeout_ms": answerMs,
    "grpc.keepalive_permit_without_calls": 0,
    "grpc.enable_retries": 0,
    "grpc.enable_channelz": 0,
    "grpc.service_config_disable_resolution": 1,
    // Connections are ours alone: a closed channel must not leave a shared one open.
    "grpc.use_local_subchannel_pool": 1,
    ...(ipVersion === 0 ? {} : { "grpc.ssl_target_name_override": serverName }),
  };
  const createClient = (): Client =>
    new Client(target, credentialsOf(endpoint, options), clientOptions);
  return new GrpcJsChannel(createClient, { clock, connectMs });
}

function credentialsOf({ isTls, host }: Endpoint, { tls }: ChannelOptions): ChannelCredentials {
  if (!isTls) return credentials.createInsecure();
  const buffer = (text: string | undefined): Buffer | null =>
    text === undefined ? null : Buffer.from(text);
  return credentials.createSsl(buffer(tls?.ca), buffer(tls?.key), buffer(tls?.cert), {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  });
}

/** A call that is open, as far as the end of its channel goes. */
interface Cancellable {
  cancel(): void;
}

class GrpcJsChannel implements Channel {
  readonly #clients: ConnectingClient;
  readonly #connectMs: number;
  /** grpc-js leaves open calls as they are when their client is closed. */
  readonly #open = new Set<Cancellable>();
  /** Calls that were ended since their client got no connection. */
  readonly #unconnected = new WeakSet<Cancellable>();
  #isClosed = false;

  constructor(
    createClient: () => Client,
    { clock, connectMs }: { readonly clock: Clock; readonly connectMs: number },
  ) {
    this.#connectMs = connectMs;
    this.#clients = new ConnectingClient(createClient, {
      clock,
      connectMs,
      onGivenUp: () => this.#giveUp(),
    });
  }

  unary<Request, Response>(
    method: MethodDescriptor<Request, Response, "unary">,
    request: Request | EncodedMessage,
    options: CallOptions = {},
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal(options);
      if (refusal) return reject(refusal);
      const call = this.#client.makeUnaryRequest(
        ...argumentsFor(method),
        request,
        toGrpcMetadata(options.metadata),
        grpcOptions(options),
        (error, response) => {
          done();
          if (error) reject(this.#failure(error, call, options));
          else if (response === undefined) reject(new RpcError(StatusCode.internal, "no response"));
          else resolve(response);
        },
      );
      const done = this.#track(call, options);
    });
  }

  async *serverStream<Request, Response>(
    method: MethodDescriptor<Request, Response, "server-stream">,
    request: Request | EncodedMessage,
    options: CallOptions = {},
  ): AsyncGenerator<Response> {
    const refusal = this.#refusal(options);
    if (refusal) throw refusal;
    const call = this.#client.makeServerStreamRequest(
      ...argumentsFor(method),
      request,
      toGrpcMetadata(options.metadata),
      grpcOptions(options),
    );
    const done = this.#track(call, options);
    try {
      for await (const response of call) yield response;
    } catch (error) {
      throw this.#failure(error, call, options);
    } finally {
      done();
      call.cancel();
    }
  }

  async clientStream<Request, Response>(
    method: MethodDescriptor<Request, Response, "client-stream">,
    requests: AsyncIterable<Request | EncodedMessage>,
    options: CallOptions = {},
  ): Promise<Response> {
    const refusal = this.#refusal(options);
    if (refusal) throw refusal;
    const over = new Interruption();
    let settle: { resolve(response: Response): void; reject(error: unknown): void } | undefined;
    const result = new Promise<Response>((resolve, reject) => {
      settle = { resolve, reject };
    });
    const call = this.#client.makeClientStreamRequest(
      ...argumentsFor(method),
      toGrpcMetadata(options.metadata),
      grpcOptions(options),
      (error, response) => {
        over.interrupt(undefined);
        if (error) settle?.reject(error);
        else if (response !== undefined) settle?.resolve(response);
      },
    );
    const done = this.#track(call, options);
    const iterator = requests[Symbol.asyncIterator]();
    const send = async (): Promise<void> => {
      for (;;) {
        const next = await over.until(iterator.next());
        if (next.done) return void call.end();
        await write(call, next.value);
      }
    };
    send().catch((error: unknown) => {
      settle?.reject(error); // No effect where the call is over, and that interrupted us.
      void iterator.return?.().catch(() => {}); // What it throws now is of no one's concern.
    });
    try {
      return await result;
    } catch (error) {
      throw this.#failure(error, call, options);
    } finally {
      done();
      call.cancel();
    }
  }

  duplex<Request, Response>(
    method: MethodDescriptor<Request, Response, "duplex">,
    options: CallOptions = {},
  ): DuplexCall<Request, Response> {
    const refusal = this.#refusal(options);
    if (refusal) return refusedCall(refusal);
    const call = this.#client.makeBidiStreamRequest(
      ...argumentsFor(method),
      toGrpcMetadata(options.metadata),
      grpcOptions(options),
    );
    const done = this.#track(call, options);
    return new GrpcJsDuplexCall(call, {
      done,
      refusal: () => this.#refusal(options),
      failure: (error) => this.#failure(error, call, options),
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const call of this.#open) call.cancel();
    this.#clients.close();
    return Promise.resolve();
  }

  /** For a call that begins. */
  get #client(): Client {
    return this.#clients.forCall();
  }

  #giveUp(): void {
    for (const call of this.#open) {
      this.#unconnected.add(call);
      call.cancel();
    }
  }

  /** Why a call is not even begun. */
  #refusal({ signal }: CallOptions): RpcError | undefined {
    if (this.#isClosed) return closedError();
    return signal?.aborted ? cancelled(signal) : undefined;
  }

  /** Ends the call with its signal or its channel. Returns what is to be called when it is over. */
  #track(call: Cancellable, { signal }: CallOptions): () => void {
    const cancel = (): void => call.cancel();
    this.#open.add(call);
    signal?.addEventListener("abort", cancel, { once: true });
    return () => {
      this.#open.delete(call);
      signal?.removeEventListener("abort", cancel);
    };
  }

  #failure(error: unknown, call: Cancellable, { signal }: CallOptions): RpcError {
    if (this.#isClosed) return closedError();
    if (this.#unconnected.has(call)) {
      const text = `The connection was given up: no answer within ${this.#connectMs} ms`;
      return new RpcError(StatusCode.unavailable, text);
    }
    return signal?.aborted ? cancelled(signal) : toRpcError(error);
  }
}

interface DuplexEnd {
  readonly done: () => void;
  readonly refusal: () => RpcError | undefined;
  readonly failure: (error: unknown) => RpcError;
}

class GrpcJsDuplexCall<Request, Response> implements DuplexCall<Request, Response> {
  readonly #call: ClientDuplexStream<Request | EncodedMessage, Response>;
  readonly responses: AsyncIterable<Response>;
  readonly #refusal: DuplexEnd["refusal"];
  #ended = false;

  constructor(
    call: ClientDuplexStream<Request | EncodedMessage, Response>,
    { done, refusal, failure }: DuplexEnd,
  ) {
    this.#call = call;
    this.#refusal = refusal;
    // Errors reach the reader by iteration; this keeps them from being unhandled before that.
    call.on("error", () => {
      this.#ended = true;
      done();
    });
    call.on("end", () => {
      this.#ended = true;
      done();
    });
    this.responses = responsesOf(call, failure);
  }

  send(request: Request | EncodedMessage): Promise<void> {
    const refusal = this.#refusal();
    if (refusal) return Promise.reject(refusal);
    if (this.#ended) {
      return Promise.reject(new RpcError(StatusCode.unavailable, "the call has ended"));
    }
    return write(this.#call, request);
  }

  end(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }
}

async function* responsesOf<Response>(
  call: AsyncIterable<Response>,
  failure: DuplexEnd["failure"],
): AsyncGenerator<Response> {
  try {
    for await (const response of call) yield response;
  } catch (error) {
    throw failure(error);
  }
}

/** A call that was never begun. */
function refusedCall<Request, Response>(error: RpcError): DuplexCall<Request, Response> {
  return {
    send: () => Promise.reject(error),
    end: () => {},
    cancel: () => {},
    responses: {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }),
    },
  };
}

type WritableEvent = "drain" | "close" | "error";

/** Resolves when flow control takes more, or the call is over. */
function write<Request>(
  call: {
    write(request: Request): boolean;
    on(event: WritableEvent, listener: () => void): unknown;
    removeListener(event: WritableEvent, listener: () => void): unknown;
  },
  request: Request,
): Promise<void> {
  if (call.write(request)) return Promise.resolve();
  return new Promise((resolve) => {
    const events: readonly WritableEvent[] = ["drain", "close", "error"];
    const done = (): void => {
      for (const event of events) call.removeListener(event, done);
      resolve();
    };
    for (const event of events) call.on(event, done);
  });
}

/** What each of grpc-js's ways to call begins with. */
function argumentsFor<Request, Response>({
  path,
  request,
  response,
}: Pick<MethodDescriptor<Request, Response>, "path" | "request" | "response">): [
  path: string,
  serialize: (message: Request | EncodedMessage) => Buffer,
  deserialize: (bytes: Buffer) => Response,
] {
  return [path, encoder(request), response.decode];
}

function encoder<T>(type: MessageType<T>): (message: T | EncodedMessage) => Buffer {
  return (message) => {
    const bytes = encodeMessage(type, message);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

function grpcOptions({ timeoutMs }: CallOptions): GrpcCallOptions {
  // grpc-js takes a point of its own clock, which is the wall clock.
  return timeoutMs === undefined ? {} : { deadline: new Date(performanceNow() + timeoutMs) };
}

function performanceNow(): number {
  return performance.timeOrigin + performance.now();
}

function closedError(): RpcError {
  return new RpcError(StatusCode.unavailable, "the channel was closed");
}

function cancelled(signal: AbortSignal): RpcError {
  return new RpcError(StatusCode.cancelled, "the call was cancelled", { cause: signal.reason });
}
