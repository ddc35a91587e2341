// @ts-check
/**
 * Walks over the fields of a protobuf message where it lies, for the one or two that a load looks
 * at: decoding a million events a second whole would make the client the bottleneck.
 */

/** The low bits of a tag. */
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 };

export class FieldReader {
  /** @type {Buffer} */
  bytes = Buffer.alloc(0);
  at = 0;
  end = 0;

  /** @param {Buffer} bytes @param {number} start @param {number} end */
  over(bytes, start, end) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    return this;
  }

  /** The next field's tag (number × 8 + wire type), 0 at the end. */
  tag() {
    return this.at < this.end ? this.varint() : 0;
  }

  /** Exact below 2^53; above it (random ids) only skipped right. */
  varint() {
    let value = 0;
    let factor = 1;
    for (;;) {
      if (this.at >= this.end) throw new Error("Cannot read a message: it ends in a number");
      const byte = /** @type {number} */ (this.bytes[this.at++]);
      if (byte < 0x80) return value + byte * factor;
      value += (byte - 0x80) * factor;
      factor *= 0x80;
    }
  }

  /** Length of the bytes that follow; `at` is their start. */
  length() {
    const length = this.varint();
    if (length > this.end - this.at) throw new Error("Cannot read a message: it is cut off");
    return length;
  }

  /** @param {number} tag */
  skip(tag) {
    const wire = tag & 7;
    if (wire === WIRE.varint) this.varint();
    else if (wire === WIRE.bytes) {
      // In two steps: `at` moves while the length is read.
      const length = this.length();
      this.at += length;
    } else if (wire === WIRE.fixed64) this.at += 8;
    else if (wire === WIRE.fixed32) this.at += 4;
    else throw new Error(`Cannot read a message: wire type ${wire}`);
  }
}

/** Tag of a field that is a number. @param {number} field */
export const varintField = (field) => field * 8 + WIRE.varint;
/** Tag of a field that is a message, text or bytes. @param {number} field */
export const bytesField = (field) => field * 8 + WIRE.bytes;
