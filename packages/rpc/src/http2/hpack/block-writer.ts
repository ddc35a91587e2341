/** Writes HPACK's integers and strings (RFC 7541 §5) into one header block. */
import { huffmanBytes, huffmanEncode } from "./huffman.js";

const INITIAL_BYTES = 256;
const HUFFMAN = 0x80;

export class BlockWriter {
  #bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  #length = 0;

  /** A copy of what was written; the writer begins anew. */
  take(): Uint8Array {
    const block = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return block;
  }

  /** `value` with `prefixBits` bits of its first octet beside the bits of `pattern` (§5.1). */
  integer(value: number, prefixBits: number, pattern: number): void {
    const limit = (1 << prefixBits) - 1;
    this.#reserve(8);
    if (value < limit) {
      this.#bytes[this.#length++] = pattern | value;
      return;
    }
    this.#bytes[this.#length++] = pattern | limit;
    let rest = value - limit;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Huffman-coded where that is shorter. The characters are octets. */
  string(text: string): void {
    const coded = huffmanBytes(text);
    if (coded < text.length) {
      this.integer(coded, 7, HUFFMAN);
      this.#reserve(coded);
      huffmanEncode(text, this.#bytes, this.#length);
      this.#length += coded;
      return;
    }
    this.integer(text.length, 7, 0);
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#bytes[this.#length++] = text.charCodeAt(i);
  }

  /** What has been written elsewhere. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown: Uint8Array = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
