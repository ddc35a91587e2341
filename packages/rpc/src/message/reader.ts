/**
 * Reads protobuf's wire format (protobuf.dev, "Encoding"). 64-bit fields are read as numbers, exact
 * up to 2^53 and rounded to the nearest double beyond (so that comparisons still hold), or as
 * bigints where the generator's table says that a field is a random id.
 *
 * Invariant: position <= the length; every read that would pass its end throws.
 */
import { decodeUtf8 } from "@sagong/base";
import { MessageDecodeError } from "./decode-error.js";
import type { Halves } from "./halves.js";
import type { MessageType } from "./message-type.js";

/** Deeper nesting is refused: recursion in a decoder is the sender's to choose, the stack ours. */
const MAX_DEPTH = 100;
const TWO_32 = 2 ** 32;
/**
 * Big numbers by their halves, the last of each slot: to put one together costs more than all else of
 * a short message, and the ids of cluster and members repeat. A power of two.
 */
const KNOWN_BIGS = 16;
const knownBigs: (Halves | undefined)[] = Array.from({ length: KNOWN_BIGS });

export class Reader {
  readonly #bytes: Uint8Array;
  #end: number;
  #depth = 0;
  position = 0;
  /** The two halves of the last varint, unsigned. */
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  /** Bytes that are left to read. */
  get remaining(): number {
    return this.#end - this.position;
  }

  /** Field number and wire type together, as `(field << 3) | type`. */
  tag(): number {
    const tag = this.uint32();
    if (tag >>> 3 === 0) throw new MessageDecodeError("field number 0");
    return tag;
  }

  uint32(): number {
    // One byte is by far the most frequent case: tags, small lengths, booleans.
    const first = this.#bytes[this.position];
    if (first !== undefined && first < 0x80 && this.position < this.#end) {
      this.position++;
      return first;
    }
    this.#varint();
    return this.#low;
  }

  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    this.#varint();
    return this.#low !== 0 || this.#high !== 0;
  }

  /** Signed; exact up to 2^53 either way. */
  int64(): number {
    this.#varint();
    return (this.#high | 0) * TWO_32 + this.#low;
  }

  uint64(): number {
    this.#varint();
    return this.#high * TWO_32 + this.#low;
  }

  int64Big(): bigint {
    this.#varint();
    return (BigInt(this.#high | 0) << 32n) | BigInt(this.#low);
  }

  uint64Big(): bigint {
    this.#varint();
    const slot = (this.#low ^ this.#high) & (KNOWN_BIGS - 1);
    const known = knownBigs[slot];
    if (known?.low === this.#low && known.high === this.#high) return known.value;
    const value = (BigInt(this.#high) << 32n) | BigInt(this.#low);
    knownBigs[slot] = { value, low: this.#low, high: this.#high };
    return value;
  }

  double(): number {
    const start = this.#take(8);
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + start, 8).getFloat64(0, true);
  }

  /** A view, not a copy. */
  bytes(): Uint8Array {
    const start = this.#take(this.uint32());
    return this.#bytes.subarray(start, this.position);
  }

  string(): string {
    return decodeUtf8(this.bytes());
  }

  /** A length-delimited message of `type`. */
  message<T>(type: MessageType<T>): T {
    const end = this.#open();
    const outer = this.#end;
    this.#end = end;
    const message = type.read(this, end);
    this.#close(end, outer);
    return message;
  }

  /** Calls `read` until a packed field is used up. */
  packed(read: () => void): void {
    const end = this.#open();
    const outer = this.#end;
    this.#end = end;
    while (this.position < end) read();
    this.#close(end, outer);
  }

  /** Passes over a field that the schema does not know. */
  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.#varint();
        return;
      case 1:
        this.#take(8);
        return;
      case 2:
        this.#take(this.uint32());
        return;
      case 5:
        this.#take(4);
        return;
      default:
        throw new MessageDecodeError(`wire type ${tag & 7} of field ${tag >>> 3}`);
    }
  }

  #open(): number {
    const length = this.uint32();
    if (length > this.#end - this.position) {
      throw new MessageDecodeError(
        `a field of ${length} bytes where ${this.#end - this.position} are left`,
      );
    }
    if (++this.#depth > MAX_DEPTH) {
      throw new MessageDecodeError(`messages nested more than ${MAX_DEPTH} deep`);
    }
    return this.position + length;
  }

  #close(end: number, outer: number): void {
    if (this.position !== end)
      throw new MessageDecodeError("a field that passes its message's end");
    this.#depth--;
    this.#end = outer;
  }

  #take(length: number): number {
    const start = this.position;
    if (length > this.#end - start) {
      throw new MessageDecodeError(
        `a field of ${length} bytes where ${this.#end - start} are left`,
      );
    }
    this.position = start + length;
    return start;
  }

  #varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.position >= this.#end) throw new MessageDecodeError("a number that does not end");
      const byte = this.#bytes[this.position++] as number; // Below the end, checked above.
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw new MessageDecodeError("a number of more than ten bytes");
  }
}
