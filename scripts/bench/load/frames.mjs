// @ts-check
/**
 * HTTP/2 frames (RFC 9113 §4, §6) as far as a client that makes load needs them: found in what a
 * socket reads, without a copy where a frame came whole, and written into a growing buffer.
 */

export const FRAME_HEAD_BYTES = 9;
const INITIAL_BYTES = 65_536;

export const FrameType = /** @type {const} */ ({
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
});

export const Flag = /** @type {const} */ ({
  endStream: 0x1,
  ack: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
});

/** @typedef {(type: number, flags: number, stream: number, bytes: Buffer, start: number, end: number) => void} OnFrame the payload is `bytes` from `start` to `end`, until the call returns */

/**
 * Cuts what a socket reads into frames. A frame that spans two reads is gathered in memory that is
 * kept for the next such one: a client that takes millions of events must not feed its collector.
 */
export class FrameReader {
  #onFrame;
  /** Start of a frame whose end has not come. */
  #partial = Buffer.allocUnsafe(INITIAL_BYTES);
  #partialLength = 0;

  /** @param {OnFrame} onFrame */
  constructor(onFrame) {
    this.#onFrame = onFrame;
  }

  /** @param {Buffer} chunk may be read into again once this returns */
  read(chunk) {
    let at = this.#partialLength === 0 ? 0 : this.#finishPartial(chunk);
    while (chunk.length - at >= FRAME_HEAD_BYTES) {
      const end = at + FRAME_HEAD_BYTES + lengthAt(chunk, at);
      if (end > chunk.length) break;
      this.#give(chunk, at, end);
      at = end;
    }
    if (at < chunk.length) this.#gather(chunk, at, chunk.length);
  }

  /** @param {Buffer} chunk @returns {number} where what is not taken begins */
  #finishPartial(chunk) {
    const headMissing = Math.max(0, FRAME_HEAD_BYTES - this.#partialLength);
    const head = Math.min(headMissing, chunk.length);
    this.#gather(chunk, 0, head);
    if (this.#partialLength < FRAME_HEAD_BYTES) return head;
    const wanted = FRAME_HEAD_BYTES + lengthAt(this.#partial, 0);
    const end = Math.min(chunk.length, head + wanted - this.#partialLength);
    this.#gather(chunk, head, end);
    if (this.#partialLength < wanted) return end;
    this.#partialLength = 0;
    this.#give(this.#partial, 0, wanted);
    return end;
  }

  /** @param {Buffer} chunk @param {number} start @param {number} end */
  #gather(chunk, start, end) {
    const length = this.#partialLength + end - start;
    if (length > this.#partial.length) {
      const larger = Buffer.allocUnsafe(2 * length);
      this.#partial.copy(larger, 0, 0, this.#partialLength);
      this.#partial = larger;
    }
    chunk.copy(this.#partial, this.#partialLength, start, end);
    this.#partialLength = length;
  }

  /** @param {Buffer} bytes @param {number} at @param {number} end of one whole frame */
  #give(bytes, at, end) {
    // The highest bit of the stream's number is reserved (RFC 9113 §4.1).
    const stream = bytes.readUInt32BE(at + 5) & 0x7fffffff;
    const type = /** @type {number} */ (bytes[at + 3]);
    const flags = /** @type {number} */ (bytes[at + 4]);
    this.#onFrame(type, flags, stream, bytes, at + FRAME_HEAD_BYTES, end);
  }
}

/** @param {Buffer} bytes @param {number} at */
function lengthAt(bytes, at) {
  // In range: the caller has seen a whole head. Faster than readUIntBE.
  return (
    (/** @type {number} */ (bytes[at]) << 16) |
    (/** @type {number} */ (bytes[at + 1]) << 8) |
    /** @type {number} */ (bytes[at + 2])
  );
}

/** Frames that leave in one write. */
export class FrameWriter {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;

  get length() {
    return this.#length;
  }

  /** What was written, in this writer's own memory: copied or sent before the next frame. */
  get written() {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Begins anew. @param {{ keepMemory: boolean }} options not kept where a socket still reads it */
  clear({ keepMemory }) {
    this.#length = 0;
    if (!keepMemory) this.#bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  }

  /**
   * @param {number} type
   * @param {number} flags
   * @param {number} stream
   * @param {Uint8Array} payload
   */
  frame(type, flags, stream, payload) {
    const at = this.#length;
    this.#reserve(FRAME_HEAD_BYTES + payload.length);
    this.#bytes.writeUIntBE(payload.length, at, 3);
    this.#bytes[at + 3] = type;
    this.#bytes[at + 4] = flags;
    this.#bytes.writeUInt32BE(stream, at + 5);
    this.#bytes.set(payload, at + FRAME_HEAD_BYTES);
  }

  /** @param {Uint8Array} bytes that are no frame: the connection's preface */
  raw(bytes) {
    const at = this.#length;
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** @param {number} bytes */
  #reserve(bytes) {
    this.#length += bytes;
    if (this.#length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * this.#length);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** @param {number} value */
export function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** @param {Readonly<Record<number, number>>} settings identifier → value (RFC 9113 §6.5.1) */
export function settingsPayload(settings) {
  return Buffer.concat(
    Object.entries(settings).map(([id, value]) => {
      const entry = Buffer.alloc(6);
      entry.writeUInt16BE(Number(id));
      entry.writeUInt32BE(value, 2);
      return entry;
    }),
  );
}
