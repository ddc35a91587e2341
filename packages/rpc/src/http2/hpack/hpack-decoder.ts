/**
 * The decoder of one connection's header blocks (RFC 7541 §3, §6). A block that cannot be decoded
 * throws `HpackError`, and the connection must end: the tables of the two sides may differ.
 *
 * A header list larger than the limit is no such error: decoding goes on, so that the table stays
 * true, but nothing more is collected ("HPACK bomb", CVE-2016-6581: one octet of a block may stand
 * for 4 KB of a list). Work and memory are thus linear in the block, whose size the caller limits.
 */
import { equalBytes } from "@sagong/base";
import { BlockReader } from "./block-reader.js";
import { DynamicTable } from "./dynamic-table.js";
import { fieldBytes, type HeaderField } from "./header-field.js";
import { HpackError } from "./hpack-error.js";
import { STATIC_TABLE } from "./static-table.js";

/** The table's size before any SETTINGS (RFC 9113 §6.5.2). */
export const DEFAULT_TABLE_BYTES = 4_096;

/**
 * Blocks that come again and again (the requests of one caller) are known by their bytes, as long
 * as the table is the same: how many of them, and how large.
 */
const KNOWN_BLOCKS_MAX = 8;
const KNOWN_BLOCK_BYTES_MAX = 256;

interface KnownBlock {
  readonly block: Uint8Array;
  readonly list: HeaderList;
}

export interface HpackDecoderOptions {
  /** Largest list collected, in bytes of names and values and 32 a field (RFC 9113 §6.5.2). */
  readonly listBytesMax: number;
}

export interface HeaderList {
  readonly fields: readonly HeaderField[];
  /** The list exceeded `listBytesMax`: `fields` are not all. */
  readonly isTooLarge: boolean;
}

export class HpackDecoder {
  readonly #table = new DynamicTable(DEFAULT_TABLE_BYTES);
  readonly #listBytesMax: number;
  /** What the peer may set the table to: our SETTINGS_HEADER_TABLE_SIZE once acknowledged. */
  #tableBytesLimit = DEFAULT_TABLE_BYTES;
  #isUpdateDue = false;
  /** Invariant: these blocks leave the table as it is, and decode to their lists with it. */
  #known: KnownBlock[] = [];
  /** Grows whenever the table changes. */
  #generation = 0;

  constructor({ listBytesMax }: HpackDecoderOptions) {
    this.#listBytesMax = listBytesMax;
  }

  /** The table, for tests and diagnosis. */
  get table(): Pick<DynamicTable, "at" | "bytes" | "length"> {
    return this.#table;
  }

  /** To be called when the peer acknowledges our SETTINGS_HEADER_TABLE_SIZE. */
  limitTable(bytes: number): void {
    this.#tableBytesLimit = bytes;
    // §4.2: the encoder must say that it follows, at the start of its next block.
    if (bytes >= this.#table.bytesMax) return;
    this.#isUpdateDue = true;
    this.#known = [];
  }

  /** Throws `HpackError`. A block that came before may give the very same list again. */
  decode(block: Uint8Array): HeaderList {
    for (const known of this.#known) if (equalBytes(known.block, block)) return known.list;
    const generation = this.#generation;
    const list = this.#decode(block);
    if (generation !== this.#generation) {
      this.#known = [];
    } else if (block.length <= KNOWN_BLOCK_BYTES_MAX) {
      if (this.#known.length === KNOWN_BLOCKS_MAX) this.#known.shift();
      this.#known.push({ block: new Uint8Array(block), list });
    }
    return list;
  }

  #decode(block: Uint8Array): HeaderList {
    const reader = new BlockReader(block);
    const fields: HeaderField[] = [];
    let bytes = 0;
    this.#readSizeUpdates(reader);
    while (!reader.isAtEnd) {
      const field = this.#readField(reader);
      bytes += fieldBytes(field);
      if (bytes <= this.#listBytesMax) fields.push(field);
    }
    return { fields, isTooLarge: bytes > this.#listBytesMax };
  }

  /** §4.2, §6.3: updates stand at the beginning of a block, and nowhere else. */
  #readSizeUpdates(reader: BlockReader): void {
    while (!reader.isAtEnd && (reader.peek() & 0xe0) === 0x20) {
      const bytes = reader.integer(5);
      if (bytes > this.#tableBytesLimit) {
        throw new HpackError(
          `Cannot resize the dynamic table to ${bytes}: expected at most ${this.#tableBytesLimit}`,
        );
      }
      this.#table.resize(bytes);
      this.#generation++;
      this.#isUpdateDue = false;
    }
    if (this.#isUpdateDue) {
      throw new HpackError(
        `Cannot decode a header block: expected a table of at most ${this.#tableBytesLimit} first`,
      );
    }
  }

  #readField(reader: BlockReader): HeaderField {
    const pattern = reader.peek();
    if (pattern & 0x80) return this.#lookup(reader.integer(7)); // §6.1
    if (pattern & 0x40) return this.#readIncremental(reader); // §6.2.1
    if (pattern & 0x20) {
      throw new HpackError("Cannot decode a header block: a table size update after a field");
    }
    const isNever = (pattern & 0x10) !== 0; // §6.2.3, otherwise §6.2.2
    const name = this.#readName(reader, 4);
    const value = reader.string();
    return isNever ? { name, value, indexing: "never" } : { name, value };
  }

  #readIncremental(reader: BlockReader): HeaderField {
    const field = { name: this.#readName(reader, 6), value: reader.string() };
    this.#table.add(field);
    this.#generation++;
    return field;
  }

  #readName(reader: BlockReader, prefixBits: number): string {
    const index = reader.integer(prefixBits);
    return index === 0 ? reader.string() : this.#lookup(index).name;
  }

  /** §2.3.3: the static table first, then the dynamic one. */
  #lookup(index: number): HeaderField {
    const field =
      index <= STATIC_TABLE.length
        ? STATIC_TABLE[index - 1]
        : this.#table.at(index - STATIC_TABLE.length - 1);
    if (field === undefined) {
      throw new HpackError(
        `Cannot look up the field ${index}: expected 1 to ${STATIC_TABLE.length + this.#table.length}`,
      );
    }
    return field;
  }
}
