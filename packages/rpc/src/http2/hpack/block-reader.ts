/**
 * Reads HPACK's two primitives, integers and strings (RFC 7541 §5), from one header block. Never
 * reads past the block, and throws nothing but `HpackError`.
 */
import { HpackError } from "./hpack-error.js";
import { huffmanDecode } from "./huffman.js";

/**
 * Octets after the prefix. Four carry 28 bits, far above any size in a header block; §5.1 asks for
 * a limit in value and in octets (a run of 0x80 would otherwise go on for ever).
 */
const INTEGER_OCTETS_MAX = 4;
const HUFFMAN = 0x80;
/** Arguments that one call may carry on every engine's stack. */
const CHARACTERS_AT_ONCE = 4_096;

export class BlockReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  /** The next octet, which stays: the representation's pattern and the start of its integer. */
  peek(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) throw new HpackError("Cannot read a header block: it ends in a field");
    return byte;
  }

  /** An integer whose first `prefixBits` bits share the next octet with something else (§5.1). */
  integer(prefixBits: number): number {
    const limit = (1 << prefixBits) - 1;
    const prefix = this.peek() & limit;
    this.#offset++;
    if (prefix < limit) return prefix;
    let value = limit;
    for (let i = 0; i < INTEGER_OCTETS_MAX; i++) {
      const byte = this.peek();
      this.#offset++;
      value += (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    throw new HpackError(
      `Cannot read an integer of a header block: more than ${INTEGER_OCTETS_MAX} octets`,
    );
  }

  /** A string literal (§5.2), octets as characters. */
  string(): string {
    const isHuffman = (this.peek() & HUFFMAN) !== 0;
    const length = this.integer(7);
    const start = this.#offset;
    const end = start + length;
    if (end > this.#bytes.length) {
      throw new HpackError(
        `Cannot read a string of ${length} octets: the block has ${this.#bytes.length - start}`,
      );
    }
    this.#offset = end;
    return isHuffman ? huffmanDecode(this.#bytes, start, end) : this.#latin1(start, end);
  }

  #latin1(start: number, end: number): string {
    let text = "";
    for (let i = start; i < end; i += CHARACTERS_AT_ONCE) {
      text += String.fromCharCode(
        ...this.#bytes.subarray(i, Math.min(end, i + CHARACTERS_AT_ONCE)),
      );
    }
    return text;
  }
}
