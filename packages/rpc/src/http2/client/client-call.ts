/**
 * One call of a channel: from its beginning, through the wait for a connection, to its one end. It
 * has neither promise, timer nor closure of its own here; what kind of call it is adds what it
 * needs.
 *
 *     begin ──▶ waiting ──start──▶ on a stream ──▶ over
 *                  ▲                   │
 *                  └── never processed ┘ once
 *
 * K1. A call ends once, and after that nothing that comes has any effect.
 * K2. It is sent a second time only where the server surely has not processed it (RFC 9113 §8.7).
 */
import type { CallOptions } from "../../channel.js";
import type { EncodedMessage } from "../../message/encoded-message.js";
import type { MessageType } from "../../message/message-type.js";
import type { AnyMethod } from "../../message/method.js";
import { RpcError, StatusCode } from "../../status.js";
import { contentOf } from "../grpc/message-writer.js";
import { MessageReader, onlyMessageOf } from "../grpc/message-reader.js";
import type { HeaderField } from "../hpack/header-field.js";
import type { ClientSocket } from "./client-socket.js";
import { DeadlineHolder, type Deadlines } from "../deadlines.js";
import { inflate } from "../inflate.js";
import type { RequestFields } from "./request-fields.js";
import { errorOfReset, parseResponseEnd, parseResponseHead } from "./response-fields.js";

/** What all calls of one channel share. */
export interface CallHost {
  readonly deadlines: Deadlines;
  readonly fields: RequestFields;
  readonly responseBytesMax: number;
  monotonicMs(): number;
  /** Starts the call on a connection, now or once there is one; or ends it. */
  submit(call: ClientCall): void;
  /** The call, which waits, has ended. */
  forget(call: ClientCall): void;
}

/** A stream that the server did not process is tried once more (gRPC A6, "transparent retries"). */
const ATTEMPTS_MAX = 2;

export abstract class ClientCall extends DeadlineHolder {
  protected readonly host: CallHost;
  protected readonly method: AnyMethod;
  protected link: ClientSocket | undefined;
  protected streamId = 0;
  readonly #options: CallOptions;
  #ownFields: readonly HeaderField[] | undefined;
  #deadlineMs = 0;
  #attempts = 0;
  #isOver = false;
  #reader: MessageReader | undefined;
  #hasHead = false;
  #isGzip = false;

  constructor(host: CallHost, method: AnyMethod, options: CallOptions) {
    super();
    this.host = host;
    this.method = method;
    this.#options = options;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** To be called once, when the call is ready to be started. */
  begin(): void {
    const { signal, timeoutMs } = this.#options;
    if (signal?.aborted) return this.finish(this.#cancelled());
    try {
      this.#ownFields = this.host.fields.own(this.#options);
    } catch (error) {
      return this.finish(toRpcError(error));
    }
    if (timeoutMs !== undefined) {
      if (timeoutMs <= 0) return this.expired();
      this.#deadlineMs = this.host.monotonicMs() + timeoutMs;
      this.host.deadlines.add(this, timeoutMs);
    }
    // The call itself listens, by `handleEvent`: a closure less.
    signal?.addEventListener("abort", this);
    this.host.submit(this);
  }

  /** Opens a stream on `link`, which can open one. */
  start(link: ClientSocket, { hasWaited }: { readonly hasWaited: boolean }): void {
    const { timeoutMs } = this.#options;
    if (timeoutMs !== undefined && hasWaited) {
      const leftMs = this.#deadlineMs - this.host.monotonicMs();
      this.#ownFields = this.host.fields.own({ ...this.#options, timeoutMs: leftMs });
    }
    this.#attempts++;
    this.link = link;
    this.streamId = link.open(this, this.host.fields.head(this.method.path), this.#ownFields);
    this.sendRequest(link);
  }

  /** The call ends; `error` is left out where it ended well. */
  finish(error?: RpcError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.host.deadlines.remove(this);
    this.#options.signal?.removeEventListener("abort", this);
    if (this.link === undefined) this.host.forget(this);
    else this.link.release(this.streamId);
    this.ended(error);
  }

  // What happens to the call

  /** Its signal was aborted. */
  handleEvent(): void {
    this.interrupt(this.#cancelled());
  }

  expired(): void {
    this.interrupt(new RpcError(StatusCode.deadlineExceeded, "Deadline exceeded"));
  }

  onResponse(fields: readonly HeaderField[], endStream: boolean): void {
    if (endStream) return this.onTrailers(fields);
    const { isGzip, error } = parseResponseHead(fields);
    if (error) return this.finish(error);
    this.#hasHead = true;
    this.#isGzip = isGzip;
  }

  /** Content came, which is given back to its window by `consumed`. */
  onData(data: Uint8Array): void {
    const { responseBytesMax: messageBytesMax } = this.host;
    try {
      if (this.#reader === undefined && !this.#isGzip) {
        const only = onlyMessageOf(data, messageBytesMax);
        if (only !== undefined) return this.receiveOne(only, data.length);
      }
      this.#reader ??= new MessageReader({
        messageBytesMax,
        inflate: this.#isGzip ? inflate : undefined,
      });
      this.receive(this.#reader.push(data), data.length);
    } catch (error) {
      this.finish(toRpcError(error));
    }
  }

  /** The response ended without trailers. */
  onEnd(): void {
    const message = "The server ended its stream without a status";
    this.finish(new RpcError(StatusCode.internal, message));
  }

  onTrailers(fields: readonly HeaderField[]): void {
    const error = parseResponseEnd(fields);
    if (error === undefined && this.#reader?.isWithin) {
      const message = "Cannot read the response: it ends within a message";
      return this.finish(new RpcError(StatusCode.internal, message));
    }
    this.received(error);
  }

  onReset(errorCode: number): void {
    this.finish(errorOfReset(errorCode));
  }

  /** The server has not processed the stream, which is gone. */
  onUnprocessed(message: string): void {
    this.link = undefined;
    if (this.#attempts < ATTEMPTS_MAX && !this.#hasHead && this.canSendAgain) {
      return this.host.submit(this);
    }
    this.finish(
      new RpcError(StatusCode.unavailable, `Cannot call ${this.method.path}: ${message}`),
    );
  }

  /** The connection is gone. */
  onLost(error: RpcError): void {
    this.link = undefined;
    this.finish(error);
  }

  /** The stream takes more after it did not. */
  onWritable(): void {}

  /** The call is ended from this side. */
  protected interrupt(error: RpcError): void {
    this.finish(error);
  }

  /** Sends what there is of the request. */
  protected abstract sendRequest(link: ClientSocket): void;
  /** Whether all of the request that was sent is still there. */
  protected abstract readonly canSendAgain: boolean;
  /** Messages came with `bytes` of content. May throw. */
  protected abstract receive(messages: readonly Uint8Array[], bytes: number): void;
  /** As `receive`, for one message: what most content is. */
  protected abstract receiveOne(message: Uint8Array, bytes: number): void;
  /** The response has ended: calls `finish`, at once or once what came has been read. */
  protected abstract received(error: RpcError | undefined): void;
  protected abstract ended(error: RpcError | undefined): void;

  /** Throws `RpcError`. */
  protected encode(request: unknown): readonly Uint8Array[] {
    // The method's own message type, as the channel's signatures ask.
    const type = this.method.request as MessageType<unknown>;
    return encodeRequest(type, request);
  }

  protected consumed(bytes: number): void {
    this.link?.consume(this.streamId, bytes);
  }

  #cancelled(): RpcError {
    const cause: unknown = this.#options.signal?.reason;
    return new RpcError(StatusCode.cancelled, "the call was cancelled", { cause });
  }
}

function encodeRequest<T>(
  type: MessageType<T>,
  request: T | EncodedMessage,
): readonly Uint8Array[] {
  try {
    return contentOf(type, request);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new RpcError(StatusCode.internal, `Cannot encode a request: ${text}`, { cause: error });
  }
}

/** What reading a response threw. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new RpcError(StatusCode.internal, message, { cause: error });
}
