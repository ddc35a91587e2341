// @ts-check
/**
 * gRPC's length-prefixed messages, found in the DATA frames of one stream. A message that lies in
 * one frame is given where it lies; one that spans frames is gathered in memory that the stream keeps
 * for the next such one.
 */

/** gRPC puts a flag and a length before each message. */
export const MESSAGE_HEAD_BYTES = 5;
/** Above any answer that a benchmark asks for (100,000 keys are 40 MB). */
const MESSAGE_BYTES_MAX = 1 << 30;
/** Memory is taken in advance up to this. */
const KEPT_BYTES_MAX = 1 << 20;
const NOTHING = Buffer.alloc(0);

/** @typedef {{ onMessage(bytes: Buffer, start: number, end: number): void }} MessageHandler the bytes are valid until it returns */

export class MessageCutter {
  #head = Buffer.alloc(MESSAGE_HEAD_BYTES);
  #headLength = 0;
  /** Of a message whose end has not come: its first `#filled` bytes. */
  #message = NOTHING;
  #filled = 0;

  /** Whether the stream may end here. */
  get isBetweenMessages() {
    return this.#headLength === 0;
  }

  /**
   * @param {Buffer} bytes
   * @param {number} start
   * @param {number} end
   * @param {MessageHandler} handler
   */
  cut(bytes, start, end, handler) {
    let at = start;
    while (at < end) {
      if (this.#headLength === 0 && end - at >= MESSAGE_HEAD_BYTES) {
        const length = lengthOf(bytes, at);
        if (end - at - MESSAGE_HEAD_BYTES >= length) {
          at += MESSAGE_HEAD_BYTES;
          handler.onMessage(bytes, at, at + length);
          at += length;
          continue;
        }
      }
      at = this.#gather(bytes, at, end, handler);
    }
  }

  /**
   * @param {Buffer} bytes
   * @param {number} start
   * @param {number} end
   * @param {MessageHandler} handler
   */
  #gather(bytes, start, end, handler) {
    let at = start;
    while (this.#headLength < MESSAGE_HEAD_BYTES) {
      if (at === end) return at;
      this.#head[this.#headLength++] = /** @type {number} */ (bytes[at++]);
    }
    const length = lengthOf(this.#head, 0);
    if (this.#message.length < length) this.#message = this.#larger(length);
    const taken = Math.min(end - at, length - this.#filled);
    bytes.copy(this.#message, this.#filled, at, at + taken);
    this.#filled += taken;
    if (this.#filled === length) {
      this.#headLength = 0;
      this.#filled = 0;
      handler.onMessage(this.#message, 0, length);
    }
    return at + taken;
  }

  /** Only between messages: nothing has to be carried over. @param {number} length */
  #larger(length) {
    // Room for messages that are a little larger. An answer of many megabytes is one of its kind.
    return Buffer.allocUnsafe(
      length > KEPT_BYTES_MAX ? length : Math.min(KEPT_BYTES_MAX, 2 * length),
    );
  }
}

/** @param {Buffer} bytes @param {number} at */
function lengthOf(bytes, at) {
  const length = bytes.readUInt32BE(at + 1);
  // No load asks for compression, so no server may use it.
  if (bytes[at] !== 0 || length > MESSAGE_BYTES_MAX) {
    throw new Error(`Cannot read a gRPC message: flag ${bytes[at]}, ${length} bytes`);
  }
  return length;
}

/** @param {Uint8Array} message @returns {Buffer} with its head */
export function withHead(message) {
  const framed = Buffer.alloc(MESSAGE_HEAD_BYTES + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, MESSAGE_HEAD_BYTES);
  return framed;
}
