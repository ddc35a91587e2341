/**
 * Our `Channel` on our own HTTP/2: one connection for all calls, made with the first of them, and
 * anew where it is lost. Calls that are begun meanwhile wait for the attempt in progress, and end
 * as unavailable where it fails; after a failure, until the next attempt is due, at once: in the next
 * turn of the event loop.
 *
 * A connection whose server says goodbye (GOAWAY) keeps the calls that it has, and another one is
 * made for new calls. A server that takes no more streams at once makes calls wait.
 *
 * H1. A call is in one place: waiting here, or on a stream of one connection.
 * H2. `#socket` is the connection that new calls go to, or wait for; no other is being made.
 */
import type { SecureContext } from "node:tls";
import { type Clock, type Random, seededRandom } from "@sagong/base";
import { backgroundClock, randomSeed } from "@sagong/base/real";
import type { CallOptions, Channel, DuplexCall } from "../../channel.js";
import {
  type ChannelOptions,
  DEFAULT_PATIENCE,
  type Endpoint,
  parseEndpoint,
  type Patience,
} from "../../channel-options.js";
import type { EncodedMessage } from "../../message/encoded-message.js";
import type { MethodDescriptor } from "../../message/method.js";
import { RpcError, StatusCode } from "../../status.js";
import { backoffMs } from "./backoff.js";
import type { CallHost, ClientCall } from "./client-call.js";
import { ClientSocket, type SocketOwner } from "./client-socket.js";
import { connectSocket, secureContextOf } from "./connect-socket.js";
import { Deadlines } from "../deadlines.js";
import { ClientStreamCall, UnaryCall } from "./one-response-call.js";
import { RequestFields } from "./request-fields.js";
import { DuplexStreamCall, ServerStreamCall } from "./response-stream-call.js";

/** Calls that wait for a connection, or for a stream; beyond it they end as resourceExhausted. */
const WAITING_CALLS_MAX = 10_000;
const NO_OPTIONS: CallOptions = {};

/**
 * Connects with its first call. Throws `TypeError` where the endpoint is no URL of http(s), and what
 * OpenSSL says where a certificate or key cannot be read.
 */
export function createHttp2Channel(
  options: ChannelOptions,
  { clock = backgroundClock(), random = seededRandom(randomSeed()) }: ChannelDependencies = {},
): Channel {
  return new Http2Channel(options, { clock, random });
}

export interface ChannelDependencies {
  /** Its timers should keep no process alive: the connection does, while calls are open. */
  readonly clock?: Clock;
  readonly random?: Random;
}

class Http2Channel implements Channel, CallHost, SocketOwner {
  readonly deadlines: Deadlines;
  readonly fields: RequestFields;
  readonly responseBytesMax: number;
  readonly #endpoint: Endpoint;
  readonly #secureContext: SecureContext | undefined;
  readonly #clock: Clock;
  readonly #patience: Patience;
  readonly #random: Random;
  readonly #waiting = new Set<ClientCall>();
  /** Connections that take no new calls any more. */
  readonly #draining = new Set<ClientSocket>();
  #socket: ClientSocket | undefined;
  #isClosed = false;
  /** The calls that wait are about to be ended. */
  #isFailing = false;
  #failures = 0;
  #lastFailure = "";
  #attemptMs = 0;
  #nextAttemptMs = Number.NEGATIVE_INFINITY;

  constructor(
    options: ChannelOptions,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#endpoint = parseEndpoint(options.endpoint);
    if (this.#endpoint.isTls) this.#secureContext = secureContextOf(options.tls);
    this.#clock = clock;
    this.#patience = options.patience ?? DEFAULT_PATIENCE;
    this.#random = random;
    this.deadlines = new Deadlines(clock);
    this.responseBytesMax = options.maxResponseBytes ?? Number.POSITIVE_INFINITY;
    const { isTls, authority } = this.#endpoint;
    this.fields = new RequestFields({ scheme: isTls ? "https" : "http", authority });
  }

  unary<Request, Response>(
    method: MethodDescriptor<Request, Response, "unary">,
    request: Request | EncodedMessage,
    options: CallOptions = NO_OPTIONS,
  ): Promise<Response> {
    return new Promise<unknown>((resolve, reject) => {
      new UnaryCall(this, method, options, { resolve, reject }).call(request);
    }) as Promise<Response>; // What the method's own type decodes.
  }

  serverStream<Request, Response>(
    method: MethodDescriptor<Request, Response, "server-stream">,
    request: Request | EncodedMessage,
    options: CallOptions = NO_OPTIONS,
  ): AsyncIterable<Response> {
    // What the method's own type decodes.
    return new ServerStreamCall(this, method, { ...options, request }) as AsyncIterable<Response>;
  }

  clientStream<Request, Response>(
    method: MethodDescriptor<Request, Response, "client-stream">,
    requests: AsyncIterable<Request | EncodedMessage>,
    options: CallOptions = NO_OPTIONS,
  ): Promise<Response> {
    return new Promise<unknown>((resolve, reject) => {
      new ClientStreamCall(this, method, options, { resolve, reject }).call(requests);
    }) as Promise<Response>; // What the method's own type decodes.
  }

  duplex<Request, Response>(
    method: MethodDescriptor<Request, Response, "duplex">,
    options: CallOptions = NO_OPTIONS,
  ): DuplexCall<Request, Response> {
    const call = new DuplexStreamCall(this, method, options);
    call.begin();
    return call as DuplexCall<Request, Response>; // What the method's own types en- and decode.
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const error = closedError();
    for (const call of this.#waiting) call.finish(error);
    const sockets = [...this.#draining, ...(this.#socket ? [this.#socket] : [])];
    await Promise.all(sockets.map((socket) => socket.close(error)));
    this.deadlines.stop();
  }

  // What its calls ask for

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  submit(call: ClientCall): void {
    if (this.#isClosed) return call.finish(closedError());
    if (this.#socket?.canOpen && this.#waiting.size === 0) {
      return call.start(this.#socket, { hasWaited: false });
    }
    if (this.#waiting.size >= WAITING_CALLS_MAX) return call.finish(tooMany());
    this.#waiting.add(call);
    if (this.#socket !== undefined) return;
    if (this.#clock.monotonicMs() < this.#nextAttemptMs) this.#failSoon();
    else this.#connect();
  }

  forget(call: ClientCall): void {
    this.#waiting.delete(call);
  }

  // What its connections tell

  onOpenable(socket: ClientSocket): void {
    for (const call of this.#waiting) {
      if (!socket.canOpen) return;
      this.#waiting.delete(call);
      call.start(socket, { hasWaited: true });
    }
  }

  onDraining(socket: ClientSocket): void {
    if (this.#socket !== socket) return;
    this.#draining.add(socket);
    this.#leave(socket, "the server takes no calls");
  }

  onClosed(socket: ClientSocket): void {
    this.#draining.delete(socket);
    if (this.#socket === socket) this.#leave(socket, socket.closeReason);
  }

  /** New calls need another connection. One that could not be used is an attempt that failed. */
  #leave(socket: ClientSocket, reason: string): void {
    this.#socket = undefined;
    if (socket.wasUsed) {
      this.#failures = 0;
      if (this.#waiting.size > 0 && !this.#isClosed) this.#connect();
      return;
    }
    this.#failures++;
    this.#lastFailure = reason;
    this.#nextAttemptMs = this.#attemptMs + backoffMs(this.#failures, this.#random);
    this.#failWaiting();
  }

  /** In a later turn: who repeats a call without a pause would else stop the process until then. */
  #failSoon(): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    setImmediate(() => {
      this.#isFailing = false;
      if (this.#socket === undefined) this.#failWaiting();
    });
  }

  #failWaiting(): void {
    for (const call of this.#waiting) call.finish(this.#unconnected());
  }

  #connect(): void {
    this.#attemptMs = this.#clock.monotonicMs();
    const events = {
      connected: (): void => socket.connected(),
      refused: (reason: string): void => socket.refuse(reason),
    };
    const tcp = connectSocket(this.#endpoint, this.#secureContext, events);
    const socket: ClientSocket = new ClientSocket(tcp, {
      owner: this,
      clock: this.#clock,
      patience: this.#patience,
    });
    this.#socket = socket;
  }

  /** As grpc-js words it: who repeats writes looks for a call that was surely not sent. */
  #unconnected(): RpcError {
    const text = `No connection established. Last error: ${this.#lastFailure}`;
    return new RpcError(StatusCode.unavailable, text);
  }
}

function closedError(): RpcError {
  return new RpcError(StatusCode.unavailable, "the channel was closed");
}

function tooMany(): RpcError {
  const text = `Cannot begin a call: ${WAITING_CALLS_MAX} wait for the connection already`;
  return new RpcError(StatusCode.resourceExhausted, text);
}
