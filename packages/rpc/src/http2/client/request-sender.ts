/**
 * The stream of requests of one call: what is sent before the call has a stream waits here, and
 * senders wait while windows or socket are full. What was sent is kept until the server answers, as
 * far as it is little: a stream that the server did not process can then be sent again.
 */
import { RpcError, StatusCode } from "../../status.js";
import type { ClientSocket } from "./client-socket.js";

/** Requests beyond this are not kept: the call is then not tried again. */
const KEPT_BYTES_MAX = 64 * 1024;
/** A sender that does not wait for its sends is stopped here. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;

const SENT: Promise<void> = Promise.resolve();

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: RpcError) => void;
}

export class RequestSender {
  #link: ClientSocket | undefined;
  #streamId = 0;
  /** All that was sent, or is to be sent once there is a stream; undefined where not kept. */
  #kept: Uint8Array[] | undefined = [];
  #keptBytes = 0;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isEnded = false;
  #error: RpcError | undefined;

  /** Everything that was sent can be sent once more. */
  get canSendAgain(): boolean {
    return this.#kept !== undefined;
  }

  /** Resolves when the connection takes more; rejects with the error of `fail`. */
  send(parts: readonly Uint8Array[]): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#isEnded) return Promise.reject(sendError("the requests have ended"));
    if (this.#waitingBytes > WAITING_BYTES_MAX) {
      return Promise.reject(
        sendError(`${this.#waitingBytes} bytes wait already, expected to be waited for`),
      );
    }
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    this.#keep(parts, bytes);
    if (this.#link !== undefined && this.#link.send(this.#streamId, parts)) return SENT;
    this.#waitingBytes += bytes;
    return new Promise((resolve, reject) => void this.#waiting.push({ resolve, reject }));
  }

  /** No more requests. No effect the second time. */
  end(): void {
    if (this.#isEnded || this.#error !== undefined) return;
    this.#isEnded = true;
    this.#link?.end(this.#streamId);
  }

  /** The call has a stream: all that was sent so far goes out on it. */
  start(link: ClientSocket, streamId: number): void {
    this.#link = link;
    this.#streamId = streamId;
    const parts = this.#kept ?? []; // Kept, as long as the call may be started.
    const takesMore = parts.length === 0 || link.send(streamId, parts);
    if (this.#keptBytes > KEPT_BYTES_MAX) this.#kept = undefined;
    if (this.#isEnded) link.end(streamId);
    if (takesMore) this.onWritable();
  }

  /** The stream that `start` named is gone, and another will come. */
  stop(): void {
    this.#link = undefined;
  }

  /** The server has answered: nothing will be sent again. */
  keepNothing(): void {
    this.#kept = undefined;
  }

  onWritable(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const { resolve } of waiting) resolve();
  }

  /** The call has ended. */
  fail(error: RpcError): void {
    this.#error = error;
    this.#kept = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(error);
  }

  #keep(parts: readonly Uint8Array[], bytes: number): void {
    if (this.#kept === undefined) return;
    // Before there is a stream it is all kept: see WAITING_BYTES_MAX.
    if (this.#link !== undefined && this.#keptBytes + bytes > KEPT_BYTES_MAX) {
      this.#kept = undefined;
      return;
    }
    for (const part of parts) this.#kept.push(part);
    this.#keptBytes += bytes;
  }
}

/** What a sender is told whose call has ended well meanwhile. */
export function overError(): RpcError {
  return new RpcError(StatusCode.unavailable, "the call has ended");
}

function sendError(reason: string): RpcError {
  return new RpcError(StatusCode.internal, `Cannot send a request: ${reason}`);
}
