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
import type { CallOptions, Channel, DuplexCall } from "../channel.js";
import {
  type ChannelOptions,
  type Endpoint,
  KEEPALIVE_MS,
  KEEPALIVE_TIMEOUT_MS,
  parseEndpoint,
  RECONNECT_MAX_MS,
  RECONNECT_MIN_MS,
} from "../channel-options.js";
import { type EncodedMessage, encodeMessage } from "../message/encoded-message.js";
import type { MessageType } from "../message/message-type.js";
import type { MethodDescriptor } from "../message/method.js";
import { RpcError, StatusCode } from "../status.js";
import { toGrpcMetadata, toRpcError } from "./status-mapping.js";

/** Throws `TypeError` where the endpoint is not an http or https URL. */
export function createGrpcJsChannel(options: ChannelOptions): Channel {
  const endpoint = parseEndpoint(options.endpoint);
  const { authority, ipVersion, serverName } = endpoint;
  const target = ipVersion === 0 ? `dns:${authority}` : `ipv${ipVersion}:${authority}`;
  const client = new Client(target, credentialsOf(endpoint, options), {
    "grpc.max_receive_message_length": options.maxResponseBytes ?? -1,
    "grpc.max_send_message_length": -1,
    "grpc.initial_reconnect_backoff_ms": RECONNECT_MIN_MS,
    "grpc.min_reconnect_backoff_ms": RECONNECT_MIN_MS,
    "grpc.max_reconnect_backoff_ms": RECONNECT_MAX_MS,
    "grpc.keepalive_time_ms": KEEPALIVE_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.keepalive_permit_without_calls": 0,
    "grpc.enable_retries": 0,
    "grpc.enable_channelz": 0,
    "grpc.service_config_disable_resolution": 1,
    // Connections are ours alone: a closed channel must not leave a shared one open.
    "grpc.use_local_subchannel_pool": 1,
    ...(ipVersion === 0 ? {} : { "grpc.ssl_target_name_override": serverName }),
  });
  return new GrpcJsChannel(client);
}

function credentialsOf({ isTls, host }: Endpoint, { tls }: ChannelOptions): ChannelCredentials {
  if (!isTls) return credentials.createInsecure();
  const buffer = (text: string | undefined): Buffer | null =>
    text === undefined ? null : Buffer.from(text);
  return credentials.createSsl(buffer(tls?.ca), buffer(tls?.key), buffer(tls?.cert), {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  });
}

class GrpcJsChannel implements Channel {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  unary<Request, Response>(
    method: MethodDescriptor<Request, Response, "unary">,
    request: Request | EncodedMessage,
    options: CallOptions = {},
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (options.signal?.aborted) return reject(cancelled(options.signal));
      const call = this.#client.makeUnaryRequest(
        method.path,
        encoder(method.request),
        method.response.decode,
        request,
        toGrpcMetadata(options.metadata),
        grpcOptions(options),
        (error, response) => {
          options.signal?.removeEventListener("abort", cancel);
          if (error)
            reject(options.signal?.aborted ? cancelled(options.signal) : toRpcError(error));
          else if (response === undefined) reject(new RpcError(StatusCode.internal, "no response"));
          else resolve(response);
        },
      );
      const cancel = (): void => call.cancel();
      options.signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  async *serverStream<Request, Response>(
    method: MethodDescriptor<Request, Response, "server-stream">,
    request: Request | EncodedMessage,
    options: CallOptions = {},
  ): AsyncGenerator<Response> {
    if (options.signal?.aborted) throw cancelled(options.signal);
    const call = this.#client.makeServerStreamRequest(
      method.path,
      encoder(method.request),
      method.response.decode,
      request,
      toGrpcMetadata(options.metadata),
      grpcOptions(options),
    );
    const cancel = (): void => call.cancel();
    options.signal?.addEventListener("abort", cancel, { once: true });
    try {
      for await (const response of call) yield response;
    } catch (error) {
      throw options.signal?.aborted ? cancelled(options.signal) : toRpcError(error);
    } finally {
      options.signal?.removeEventListener("abort", cancel);
      call.cancel();
    }
  }

  async clientStream<Request, Response>(
    method: MethodDescriptor<Request, Response, "client-stream">,
    requests: AsyncIterable<Request | EncodedMessage>,
    options: CallOptions = {},
  ): Promise<Response> {
    let settle: { resolve(response: Response): void; reject(error: unknown): void } | undefined;
    const result = new Promise<Response>((resolve, reject) => {
      settle = { resolve, reject };
    });
    const call = this.#client.makeClientStreamRequest(
      method.path,
      encoder(method.request),
      method.response.decode,
      toGrpcMetadata(options.metadata),
      grpcOptions(options),
      (error, response) => {
        if (error) settle?.reject(toRpcError(error));
        else if (response !== undefined) settle?.resolve(response);
      },
    );
    const cancel = (): void => call.cancel();
    options.signal?.addEventListener("abort", cancel, { once: true });
    const send = async (): Promise<void> => {
      for await (const request of requests) await write(call, request);
      call.end();
    };
    try {
      const [response] = await Promise.all([result, send()]);
      return response;
    } catch (error) {
      call.cancel();
      throw toRpcError(error);
    } finally {
      options.signal?.removeEventListener("abort", cancel);
    }
  }

  duplex<Request, Response>(
    method: MethodDescriptor<Request, Response, "duplex">,
    options: CallOptions = {},
  ): DuplexCall<Request, Response> {
    const call = this.#client.makeBidiStreamRequest(
      method.path,
      encoder(method.request),
      method.response.decode,
      toGrpcMetadata(options.metadata),
      grpcOptions(options),
    );
    return new GrpcJsDuplexCall(call, options.signal);
  }

  close(): Promise<void> {
    this.#client.close();
    return Promise.resolve();
  }
}

class GrpcJsDuplexCall<Request, Response> implements DuplexCall<Request, Response> {
  readonly #call: ClientDuplexStream<Request | EncodedMessage, Response>;
  readonly responses: AsyncIterable<Response>;
  #ended = false;

  constructor(
    call: ClientDuplexStream<Request | EncodedMessage, Response>,
    signal: AbortSignal | undefined,
  ) {
    this.#call = call;
    const cancel = (): void => call.cancel();
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    // Errors reach the reader by iteration; this keeps them from being unhandled before that.
    call.on("error", () => {
      this.#ended = true;
    });
    call.on("end", () => {
      this.#ended = true;
    });
    this.responses = responsesOf(call, () => signal?.removeEventListener("abort", cancel));
  }

  send(request: Request | EncodedMessage): Promise<void> {
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
  done: () => void,
): AsyncGenerator<Response> {
  try {
    for await (const response of call) yield response;
  } catch (error) {
    throw toRpcError(error);
  } finally {
    done();
  }
}

/** Resolves when flow control takes more, or the call is over. */
function write<Request>(
  call: {
    write(request: Request): boolean;
    once(event: "drain" | "close" | "error", listener: () => void): unknown;
  },
  request: Request,
): Promise<void> {
  if (call.write(request)) return Promise.resolve();
  return new Promise((resolve) => {
    call.once("drain", resolve);
    call.once("close", resolve);
    call.once("error", resolve);
  });
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

function cancelled(signal: AbortSignal): RpcError {
  return new RpcError(StatusCode.cancelled, "the call was cancelled", { cause: signal.reason });
}
