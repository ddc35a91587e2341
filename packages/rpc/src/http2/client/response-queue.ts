/**
 * The responses of one call between the connection and their reader: messages wait as bytes, and
 * while they exceed a limit the stream's window stays as it is, so that the server waits too.
 */
import { Fifo } from "../fifo.js";

/** Bytes of whole responses that may wait for the reader before the server must wait. */
const UNREAD_BYTES_MAX = 64 * 1024;
/** What a message that waits costs besides its bytes: of empty ones any number would else wait. */
const MESSAGE_OVERHEAD_BYTES = 128;

export class ResponseQueue {
  readonly #consumed: (bytes: number) => void;
  readonly #messages = new Fifo<Uint8Array>();
  #unreadBytes = 0;
  /** Bytes to give back to the stream's window once the reader has caught up. */
  #heldBytes = 0;

  /** `consumed` gives bytes back to the stream's window. */
  constructor(consumed: (bytes: number) => void) {
    this.#consumed = consumed;
  }

  /** Messages came with `bytes` of content. */
  push(messages: readonly Uint8Array[], bytes: number): void {
    for (const message of messages) {
      this.#messages.push(message);
      this.#unreadBytes += message.length + MESSAGE_OVERHEAD_BYTES;
    }
    this.#heldBytes += bytes;
    this.#giveBack();
  }

  /** The next message; undefined where none waits. */
  shift(): Uint8Array | undefined {
    const message = this.#messages.shift();
    if (message === undefined) return undefined;
    this.#unreadBytes -= message.length + MESSAGE_OVERHEAD_BYTES;
    this.#giveBack();
    return message;
  }

  /** What waits is of no interest any more. */
  clear(): void {
    this.#messages.clear();
    this.#unreadBytes = 0;
    this.#heldBytes = 0;
  }

  #giveBack(): void {
    if (this.#heldBytes === 0 || this.#unreadBytes > UNREAD_BYTES_MAX) return;
    const bytes = this.#heldBytes;
    this.#heldBytes = 0;
    this.#consumed(bytes);
  }
}
