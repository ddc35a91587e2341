/**
 * The responses of one call between the connection and their reader: messages wait as bytes, and
 * while they exceed a limit the stream's window stays as it is, so that the server waits too.
 */

/** Bytes of whole responses that may wait for the reader before the server must wait. */
const UNREAD_BYTES_MAX = 64 * 1024;
/** What a message that waits costs besides its bytes: of empty ones any number would else wait. */
const MESSAGE_OVERHEAD_BYTES = 128;
/** Slots of messages that were read, before the array is moved up. */
const READ_SLOTS_MAX = 1_024;

export class ResponseQueue {
  readonly #consumed: (bytes: number) => void;
  #messages: (Uint8Array | undefined)[] = [];
  #first = 0;
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
    const message = this.#messages[this.#first];
    if (message === undefined) return undefined;
    this.#messages[this.#first++] = undefined;
    if (this.#first === this.#messages.length) {
      this.#messages.length = 0;
      this.#first = 0;
    } else if (this.#first > READ_SLOTS_MAX) {
      this.#messages = this.#messages.slice(this.#first);
      this.#first = 0;
    }
    this.#unreadBytes -= message.length + MESSAGE_OVERHEAD_BYTES;
    this.#giveBack();
    return message;
  }

  /** What waits is of no interest any more. */
  clear(): void {
    this.#messages = [];
    this.#first = 0;
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
