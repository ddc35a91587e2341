/**
 * HPACK's decoder as RFC 7541 tells it, without any thought of speed: what ours is compared with.
 * The static table and the Huffman code alone are shared.
 */
import { huffmanDecode } from "../../src/http2/hpack/huffman.js";
import { STATIC_TABLE } from "../../src/http2/hpack/static-table.js";

export type Line = readonly [name: string, value: string];

const TABLE_BYTES_LIMIT = 4_096;
/** As ours: more octets than that are no integer of a header block. */
const INTEGER_OCTETS_MAX = 4;

export class NaiveDecoder {
  /** The newest entry first. */
  table: Line[] = [];
  #bytesMax = TABLE_BYTES_LIMIT;

  /** Undefined where the block is a decoding error; the decoder must not be used after that. */
  decode(block: readonly number[]): Line[] | undefined {
    const rest = [...block];
    const lines: Line[] = [];
    try {
      while (rest.length > 0) this.#read(rest, lines);
      return lines;
    } catch (error) {
      if (error instanceof RangeError || (error as Error).name === "HpackError") return undefined;
      throw error;
    }
  }

  #read(rest: number[], lines: Line[]): void {
    const first = rest[0] ?? 0;
    if (first >= 0x80) return void lines.push(this.#line(integer(rest, 7)));
    if (first >= 0x40) {
      const line: Line = [this.#name(integer(rest, 6), rest), string(rest)];
      lines.push(line);
      this.table.unshift(line);
      return this.#evict();
    }
    if (first >= 0x20) {
      if (lines.length > 0) throw new RangeError("a size update after a field");
      this.#bytesMax = integer(rest, 5);
      if (this.#bytesMax > TABLE_BYTES_LIMIT) throw new RangeError("a table above the limit");
      return this.#evict();
    }
    lines.push([this.#name(integer(rest, 4), rest), string(rest)]);
  }

  #line(index: number): Line {
    const all = STATIC_TABLE.map(({ name, value }): Line => [name, value]).concat(this.table);
    const line = all[index - 1];
    if (line === undefined) throw new RangeError("an index beyond the tables");
    return line;
  }

  #name(index: number, rest: number[]): string {
    return index === 0 ? string(rest) : this.#line(index)[0];
  }

  #evict(): void {
    const bytes = (): number =>
      this.table.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    while (bytes() > this.#bytesMax) this.table.pop();
  }
}

function next(rest: number[]): number {
  const octet = rest.shift();
  if (octet === undefined) throw new RangeError("the block ends within a field");
  return octet;
}

function integer(rest: number[], prefixBits: number): number {
  const limit = 2 ** prefixBits - 1;
  let value = next(rest) & limit;
  if (value < limit) return value;
  for (let i = 0; i < INTEGER_OCTETS_MAX; i++) {
    const octet = next(rest);
    value += (octet % 128) * 128 ** i;
    if (octet < 128) return value;
  }
  throw new RangeError("an integer of too many octets");
}

function string(rest: number[]): string {
  const isHuffman = (rest[0] ?? 0) >= 0x80;
  const length = integer(rest, 7);
  if (length > rest.length) throw new RangeError("a string longer than its block");
  const octets = Uint8Array.from(rest.splice(0, length));
  if (isHuffman) return huffmanDecode(octets, 0, octets.length);
  return String.fromCharCode(...octets);
}
