/**
 * One gRPC call on a stream of a connection: what its handler is given, and how its answer goes
 * out. Unary calls make neither timer, signal nor stream of their own unless their handler asks or
 * answers later.
 *
 * A call ends once: with its last message and ok, with an error, or by the client. After that
 * nothing that the handler does has any effect.
 */
import type { Timer } from "@sagong/base";
import type { PeerIdentity, ServerCall } from "../handler.js";
import { MessageDecodeError } from "../message/decode-error.js";
import type { AnyMethod } from "../message/method.js";
import { type Metadata, RpcError, StatusCode } from "../status.js";
import { contentOf, contentOfAll } from "./grpc/message-writer.js";
import { metadataOf, type RequestHead } from "./grpc/request-head.js";
import { errorTrailers, OK_TRAILERS, RESPONSE_HEAD, trailersOnly } from "./grpc/response-fields.js";
import type { HeaderField } from "./hpack/header-field.js";
import type { StreamHost, StreamUser } from "./stream-user.js";

/** What all calls of one connection share. */
export interface CallHost extends StreamHost {
  readonly requestBytesMax: number;
}

export interface CallRequest {
  readonly streamId: number;
  readonly head: RequestHead;
  readonly fields: readonly HeaderField[];
  readonly method: AnyMethod;
  /** A function of the kind that `method.kind` says; the types were checked by `implement()`. */
  readonly handler: unknown;
}

export abstract class OpenCall implements ServerCall, StreamUser {
  protected readonly host: CallHost;
  protected readonly request: CallRequest;
  #abort: AbortController | undefined;
  #metadata: Metadata | undefined;
  #deadline: Timer | undefined;
  #hasHead = false;
  /** Why the call ended, where it was not by its handler's answer. */
  #error: RpcError | undefined;
  #isOver = false;

  constructor(host: CallHost, request: CallRequest) {
    this.host = host;
    this.request = request;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#error && !this.#abort.signal.aborted) this.#abort.abort(this.#error);
    return this.#abort.signal;
  }

  get metadata(): Metadata {
    this.#metadata ??= metadataOf(this.request.fields);
    return this.#metadata;
  }

  get encodedRequest(): Uint8Array | undefined {
    return undefined;
  }

  get peer(): string {
    return this.host.peer;
  }

  get peerIdentity(): PeerIdentity | undefined {
    return this.host.peerIdentity;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  abstract onData(bytes: Uint8Array): void;
  abstract onEnd(): void;
  abstract onWritable(): void;
  abstract onShutdown(): void;
  /** The call was ended by other than its handler. */
  protected abstract interrupted(error: RpcError): void;

  onCancel(error: RpcError): void {
    if (this.#isOver) return;
    this.#finish();
    this.#interrupt(error);
  }

  /** Sends `error`, and tells the handler. */
  protected stop(error: RpcError): void {
    if (this.#isOver) return;
    this.fail(error);
    this.#interrupt(error);
  }

  /** False where the handler should wait for `writable`. */
  protected sendMessage(response: unknown): boolean {
    // Encoded first: a response that cannot be is an error, and no half of an answer.
    return this.isOver || this.#send(contentOf(this.request.method.response, response));
  }

  /** As `sendMessage`, for several at once. */
  protected sendMessages(responses: readonly unknown[]): boolean {
    return this.isOver || this.#send(contentOfAll(this.request.method.response, responses));
  }

  /** Ends the call with ok. */
  protected succeed(): void {
    if (this.#isOver) return;
    this.#finish();
    const { connection } = this.host;
    const { streamId } = this.request;
    if (this.#hasHead) connection.endWithTrailers(streamId, OK_TRAILERS, { isShared: true });
    else connection.respond(streamId, [...RESPONSE_HEAD, ...OK_TRAILERS], { endStream: true });
    this.host.wake();
  }

  /** Ends the call with an error of its handler's. */
  protected fail(cause: unknown): void {
    if (this.#isOver) return;
    this.#finish();
    const error = toRpcError(cause);
    const { connection } = this.host;
    const { streamId } = this.request;
    if (this.#hasHead) {
      connection.endWithTrailers(streamId, errorTrailers(error), { isShared: false });
    } else {
      connection.respond(streamId, trailersOnly(error), { endStream: true });
    }
    this.host.wake();
  }

  /** The answer comes later than the caller's time may end. */
  protected watchDeadline(): void {
    const { timeoutMs } = this.request.head;
    if (timeoutMs === undefined || this.#isOver) return;
    this.#deadline = this.host.clock.schedule(timeoutMs, () =>
      this.stop(new RpcError(StatusCode.deadlineExceeded, "Deadline exceeded")),
    );
  }

  #send(parts: readonly Uint8Array[]): boolean {
    const { connection } = this.host;
    const { streamId } = this.request;
    if (!this.#hasHead) {
      this.#hasHead = true;
      connection.respond(streamId, RESPONSE_HEAD, { endStream: false, isShared: true });
    }
    let takesMore = true;
    for (const part of parts) takesMore = connection.send(streamId, part);
    this.host.wake();
    return takesMore;
  }

  #interrupt(error: RpcError): void {
    this.#error = error;
    this.#abort?.abort(error);
    this.interrupted(error);
  }

  #finish(): void {
    this.#isOver = true;
    this.#deadline?.cancel();
    this.host.ended(this.request.streamId);
  }
}

/** What a handler, or a decoder, threw. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof MessageDecodeError ? StatusCode.internal : StatusCode.unknown;
  return new RpcError(code, message, { cause: error });
}
