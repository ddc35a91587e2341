/**
 * Writes protobuf's wire format into one growing array. A nested message is written in place: one
 * byte is kept for its length, and its bytes move up in the rare case that the length needs more.
 *
 * Small messages are cut one after the other from a slab: an array buffer of its own for each costs
 * more, in allocation and collection, than all the writing (a sixth of a store's put).
 */
import { encodeUtf8 } from "@sagong/base";
import { type Halves, halvesOf } from "./halves.js";
import type { MessageType } from "./message-type.js";

const SLAB_BYTES = 65_536;
/** A slab with less left is given up: most messages fit into so much. */
const SLAB_LEFT_MIN_BYTES = 1_024;
/** Of three members a message may be from, and to, any; and the cluster. */
const KNOWN_BIGS = 4;
const TWO_32 = 2 ** 32;
const TWO_63 = 2 ** 63;

export class Writer {
  // Shared by all writers, one at a time; what was cut from it is never written again.
  static #slab: Uint8Array = new Uint8Array(0);
  static #isLent = false;
  // Some of the last big numbers: taking one apart costs more than all else of a short message, and
  // the ids of cluster and members repeat.
  static readonly #knownBigs: Halves[] = Array.from({ length: KNOWN_BIGS }, () => halvesOf(0n));
  static #nextBig = 0;

  #bytes: Uint8Array;
  #length = 0;
  #hasSlab: boolean;

  /**
   * `expectedBytes`: a large message whose size is known nearly is not moved while it grows.
   * `scratch`: memory to use where it is enough; the caller's, so what is finished lies in it until
   * it is used again.
   */
  constructor(expectedBytes = 0, scratch?: Uint8Array) {
    if (scratch !== undefined && expectedBytes <= scratch.length) {
      this.#hasSlab = false;
      this.#bytes = scratch;
      return;
    }
    this.#hasSlab = !Writer.#isLent && expectedBytes <= SLAB_LEFT_MIN_BYTES;
    if (!this.#hasSlab) {
      this.#bytes = new Uint8Array(Math.max(expectedBytes, SLAB_LEFT_MIN_BYTES));
      return;
    }
    Writer.#isLent = true;
    if (Writer.#slab.length < SLAB_LEFT_MIN_BYTES) Writer.#slab = new Uint8Array(SLAB_BYTES);
    this.#bytes = Writer.#slab;
  }

  /** What was written, as a view of exactly that length. The writer must not be used after. */
  finish(): Uint8Array {
    if (this.#hasSlab) {
      Writer.#slab = this.#bytes.subarray(this.#length);
      this.#returnSlab();
    }
    return this.#bytes.subarray(0, this.#length);
  }

  /** Gives up what was written: nothing is cut from the slab. */
  abandon(): void {
    if (this.#hasSlab) this.#returnSlab();
  }

  /** Leaves room for `bytes` zeros, for whoever has the result to fill. */
  skip(bytes: number): void {
    this.#reserve(bytes);
    this.#bytes.fill(0, this.#length, this.#length + bytes);
    this.#length += bytes;
  }

  /** An unsigned 32-bit varint; also writes tags. */
  uint32(value: number): void {
    this.#reserve(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  int32(value: number): void {
    if (value >= 0) this.uint32(value);
    else this.#varint64(value >>> 0, 0xffffffff); // Sign-extended to ten bytes, as protobuf asks.
  }

  bool(value: boolean): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value ? 1 : 0;
  }

  /** A whole number between -2^63 and 2^63 - 1; one that rounds up to 2^63 is that limit. */
  int64(value: number): void {
    if (value >= 0 && value < TWO_32) return this.uint32(value);
    if (value >= TWO_63) return this.#varint64(0xffffffff, 0x7fffffff);
    const high = Math.floor(value / TWO_32);
    this.#varint64(value - high * TWO_32, high >>> 0);
  }

  uint64(value: number): void {
    if (value < TWO_32) return this.uint32(value);
    const high = Math.min(Math.floor(value / TWO_32), 0xffffffff);
    this.#varint64((value - high * TWO_32) >>> 0, high);
  }

  int64Big(value: bigint): void {
    this.uint64Big(BigInt.asUintN(64, value));
  }

  uint64Big(value: bigint): void {
    if (value === 0n) return this.uint32(0);
    for (const known of Writer.#knownBigs) {
      if (known.value === value) return this.#varint64(known.low, known.high);
    }
    const halves = halvesOf(value);
    Writer.#knownBigs[Writer.#nextBig] = halves;
    Writer.#nextBig = (Writer.#nextBig + 1) % KNOWN_BIGS;
    this.#varint64(halves.low, halves.high);
  }

  double(value: number): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer, this.#bytes.byteOffset).setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  bytes(value: Uint8Array): void {
    this.uint32(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  string(value: string): void {
    this.bytes(encodeUtf8(value));
  }

  message<T>(type: MessageType<T>, value: T): void {
    this.#reserve(1);
    const start = ++this.#length;
    type.write(value, this);
    this.#close(start);
  }

  /** A packed field: `write` writes the values without tags. */
  packed(write: () => void): void {
    this.#reserve(1);
    const start = ++this.#length;
    write();
    this.#close(start);
  }

  /** Puts the length before what was written since `start`. */
  #close(start: number): void {
    const length = this.#length - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    const extra = length < 0x4000 ? 1 : length < 0x200000 ? 2 : length < 0x10000000 ? 3 : 4;
    this.#reserve(extra);
    this.#bytes.copyWithin(start + extra, start, this.#length);
    this.#length = start - 1;
    this.uint32(length);
    this.#length = start + extra + length;
  }

  #varint64(low: number, high: number): void {
    this.#reserve(10);
    let [lowRest, highRest] = [low >>> 0, high >>> 0];
    while (highRest > 0 || lowRest > 0x7f) {
      this.#bytes[this.#length++] = (lowRest & 0x7f) | 0x80;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    this.#bytes[this.#length++] = lowRest;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown: Uint8Array = new Uint8Array(
      Math.max(needed, this.#length * 2, SLAB_LEFT_MIN_BYTES),
    );
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    // Larger than what the slab has left: an array of its own.
    if (this.#hasSlab) this.#returnSlab();
  }

  #returnSlab(): void {
    this.#hasSlab = false;
    Writer.#isLent = false;
  }
}
