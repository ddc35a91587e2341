/**
 * One gRPC call on a stream of a connection: what its handler is given, and how its answer goes
 * out. Unary calls make neither timer, signal nor stream of their own unless their handler asks or
 * answers later.
 *
 * A call ends once: with its last message and ok, with an error, or by the client. After that
 * nothing that the handler does has any effect.
 */
import { gzipSync } from "node:zlib";
import type { PeerIdentity, ServerCall } from "../handler.js";
import { MessageDecodeError } from "../message/decode-error.js";
import { EncodedMessage } from "../message/encoded-message.js";
import type { AnyMethod } from "../message/method.js";
import { type Metadata, RpcError, StatusCode } from "../status.js";
import { DeadlineHolder, type Deadlines } from "./deadlines.js";
import { inflate } from "./inflate.js";
import type { StreamEnding } from "./connection/stream.js";
import { MessageReader } from "./grpc/message-reader.js";
import { contentOf, contentOfAll, type Deflate } from "./grpc/message-writer.js";
import { GZIP, metadataOf, type RequestHead } from "./grpc/request-head.js";
import {
  errorTrailers,
  GZIP_RESPONSE_HEAD,
  OK_TRAILERS,
  RESPONSE_HEAD,
  trailersOnly,
} from "./grpc/response-fields.js";
import type { HeaderField } from "./hpack/header-field.js";
import type { ReceiveBudget } from "./receive-budget.js";
import type { StreamHost, StreamUser } from "./stream-user.js";

const OK_ENDING: StreamEnding = { kind: "trailers", fields: OK_TRAILERS, isShared: true };
/** Answers are compressed while everything else waits. */
const GZIP_LEVEL = 1;

/** What all calls of one connection share. */
export interface CallHost extends StreamHost {
  readonly requestBytesMax: number;
  readonly deadlines: Deadlines;
  readonly budget: ReceiveBudget;
  /** Answers are compressed for clients that take it. */
  readonly compresses: boolean;
  /** `then` is called once the socket has taken all of a stream that has ended; else never. */
  whenSent(streamId: number, then: () => void): void;
}

/** What calls with the same header fields share: clients repeat themselves. */
export interface CallRequest {
  readonly head: RequestHead;
  readonly fields: readonly HeaderField[];
  readonly method: AnyMethod;
  /** A function of the kind that `method.kind` says; the types were checked by `implement()`. */
  readonly handler: unknown;
}

export abstract class OpenCall extends DeadlineHolder implements ServerCall, StreamUser {
  protected readonly host: CallHost;
  protected readonly streamId: number;
  protected readonly request: CallRequest;
  #abort: AbortController | undefined;
  #metadata: Metadata | undefined;
  #hasHead = false;
  /** Why the call ended, where it was not by its handler's answer. */
  #error: RpcError | undefined;
  #isOver = false;
  #reader: MessageReader | undefined;
  /** Taken of the budget, for what the reader holds. */
  #takenBytes = 0;

  constructor(host: CallHost, streamId: number, request: CallRequest) {
    super();
    this.host = host;
    this.streamId = streamId;
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

  abstract onData(bytes: Uint8Array, isLast: boolean): void;
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

  expired(): void {
    this.stop(new RpcError(StatusCode.deadlineExceeded, "Deadline exceeded"));
  }

  /** The messages that `bytes` complete. Throws `RpcError`. */
  protected read(bytes: Uint8Array): readonly Uint8Array[] {
    this.#reader ??= new MessageReader({
      messageBytesMax: this.host.requestBytesMax,
      inflate: this.request.head.encoding === GZIP ? inflate : undefined,
    });
    const messages = this.#reader.push(bytes);
    const { heldBytes } = this.#reader;
    if (heldBytes !== this.#takenBytes) {
      this.host.budget.take(heldBytes - this.#takenBytes);
      this.#takenBytes = heldBytes;
    }
    return messages;
  }

  /** A message has begun and is not whole. */
  protected get isWithinMessage(): boolean {
    return this.#reader?.isWithin ?? false;
  }

  /** Sends `error`, and tells the handler. */
  protected stop(error: RpcError): void {
    if (this.#isOver) return;
    this.fail(error);
    this.#interrupt(error);
  }

  /** The whole answer of a call that has sent nothing yet. */
  protected answer(response: unknown): void {
    if (this.#isOver) return;
    // Encoded first: a response that cannot be is an error, and no half of an answer.
    const content = contentOf(this.request.method.response, response, this.#deflate);
    this.#finish();
    this.host.connection.answer(this.streamId, this.#head, { content, ending: OK_ENDING });
    if (response instanceof EncodedMessage && response.onSent) {
      this.host.whenSent(this.streamId, response.onSent);
    }
    this.host.wake();
  }

  /** False where the handler should wait for `writable`. */
  protected sendMessage(response: unknown): boolean {
    if (this.#isOver) return true;
    return this.#send(contentOf(this.request.method.response, response, this.#deflate));
  }

  /** As `sendMessage`, for several at once. */
  protected sendMessages(responses: readonly unknown[]): boolean {
    if (this.#isOver) return true;
    return this.#send(contentOfAll(this.request.method.response, responses, this.#deflate));
  }

  /** Ends the call with ok. */
  protected succeed(): void {
    if (this.#isOver) return;
    this.#finish();
    const { connection } = this.host;
    if (this.#hasHead) connection.endWithTrailers(this.streamId, OK_TRAILERS, { isShared: true });
    else connection.respond(this.streamId, [...this.#head, ...OK_TRAILERS], { endStream: true });
    this.host.wake();
  }

  /** Ends the call with an error of its handler's. */
  protected fail(cause: unknown): void {
    if (this.#isOver) return;
    this.#finish();
    const error = toRpcError(cause);
    const { connection } = this.host;
    if (this.#hasHead) {
      connection.endWithTrailers(this.streamId, errorTrailers(error), { isShared: false });
    } else {
      connection.respond(this.streamId, trailersOnly(error), { endStream: true });
    }
    this.host.wake();
  }

  /** The answer comes later than the caller's time may end. */
  protected watchDeadline(): void {
    const { timeoutMs } = this.request.head;
    if (timeoutMs !== undefined && !this.#isOver) this.host.deadlines.add(this, timeoutMs);
  }

  get #isCompressing(): boolean {
    return this.host.compresses && this.request.head.acceptsGzip;
  }

  get #head(): readonly HeaderField[] {
    return this.#isCompressing ? GZIP_RESPONSE_HEAD : RESPONSE_HEAD;
  }

  get #deflate(): Deflate | undefined {
    return this.#isCompressing ? deflate : undefined;
  }

  #send(parts: readonly Uint8Array[]): boolean {
    const { connection } = this.host;
    if (!this.#hasHead) {
      this.#hasHead = true;
      connection.respond(this.streamId, this.#head, { endStream: false, isShared: true });
    }
    let takesMore = true;
    for (const part of parts) takesMore = connection.send(this.streamId, part);
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
    this.host.deadlines.remove(this);
    if (this.#takenBytes > 0) this.host.budget.take(-this.#takenBytes);
    this.#reader = undefined;
    this.host.ended(this.streamId);
  }
}

function deflate(message: Uint8Array): Uint8Array {
  return gzipSync(message, { level: GZIP_LEVEL });
}

/** What a handler, or a decoder, threw. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof MessageDecodeError ? StatusCode.internal : StatusCode.unknown;
  return new RpcError(code, message, { cause: error });
}
