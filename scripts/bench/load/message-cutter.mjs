// @ts-check
/**
 * gRPC's length-prefixed messages, found in the DATA frames of one stream. A message that lies in
 * one frame is given where it lies; one that spans frames is gathered once, into memory of its size.
 */

/** gRPC puts a flag and a length before each message. */
export const MESSAGE_HEAD_BYTES = 5;
/** Above any answer that a benchmark asks for (100,000 keys are 40 MB). */
const MESSAGE_BYTES_MAX = 1 << 30;

/** @typedef {{ onMessage(bytes: Buffer, start: number, end: number): void }} MessageHandler the bytes are valid until it returns */

export class MessageCutter {
  #head = Buffer.alloc(MESSAGE_HEAD_BYTES);
  #headLength = 0;
  /** A message whose end has not come. @type {Buffer | undefined} */
  #message;
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
    this.#message ??= Buffer.allocUnsafe(lengthOf(this.#head, 0));
    const message = this.#message;
    const taken = Math.min(end - at, message.length - this.#filled);
    bytes.copy(message, this.#filled, at, at + taken);
    this.#filled += taken;
    if (this.#filled === message.length) {
      this.#headLength = 0;
      this.#message = undefined;
      this.#filled = 0;
      handler.onMessage(message, 0, message.length);
    }
    return at + taken;
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
