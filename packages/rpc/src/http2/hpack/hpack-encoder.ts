/**
 * The encoder of one connection's header blocks (RFC 7541 §2, §6). What goes into the dynamic
 * table is the caller's choice, field by field.
 *
 * Lists that are sent over and over (the headers of every answer) go through `encodeShared`: once
 * all their fields are in a table, their block is kept and costs nothing until the table changes.
 */
import { BlockWriter } from "./block-writer.js";
import { DynamicTable } from "./dynamic-table.js";
import { fieldBytes, type HeaderField, type HeaderIndexing } from "./header-field.js";
import { DEFAULT_TABLE_BYTES } from "./hpack-decoder.js";
import { STATIC_TABLE } from "./static-table.js";

/** We use no more of a table that the peer offers: answers repeat a handful of fields. */
const TABLE_BYTES_MAX = 4_096;

// oxlint-disable-next-line no-control-regex -- all octets, controls among them
const OCTETS = /^[\0-\xff]*$/;

interface SharedBlock {
  readonly generation: number;
  readonly block: Uint8Array;
}

const STATIC_FIELDS: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.map((field, i) => [keyOf(field), i + 1] as const).reverse(),
);
/** The first row of each name, as the reversed order leaves it. */
const STATIC_NAMES: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.map(({ name }, i) => [name, i + 1] as const).reverse(),
);

export class HpackEncoder {
  readonly #writer = new BlockWriter();
  readonly #table: DynamicTable;
  /** The newest entry's number in the table, by name and value, and by name. */
  readonly #fields = new Map<string, number>();
  readonly #names = new Map<string, number>();
  readonly #shared = new WeakMap<readonly HeaderField[], SharedBlock>();
  /** Grows whenever the table changes: blocks that refer to it are then out of date. */
  #generation = 0;
  /** The smallest size since the last block, where the size changed at all (§4.2). */
  #smallestTableBytes: number | undefined;

  constructor() {
    this.#table = new DynamicTable(DEFAULT_TABLE_BYTES, (field, sequence) => {
      if (this.#fields.get(keyOf(field)) === sequence) this.#fields.delete(keyOf(field));
      if (this.#names.get(field.name) === sequence) this.#names.delete(field.name);
    });
  }

  /** The table, for tests and diagnosis. */
  get table(): Pick<DynamicTable, "at" | "bytes" | "length"> {
    return this.#table;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. The next block says what we make of it. */
  limitTable(bytes: number): void {
    const wanted = Math.min(bytes, TABLE_BYTES_MAX);
    if (wanted === this.#table.bytesMax && this.#smallestTableBytes === undefined) return;
    this.#smallestTableBytes = Math.min(wanted, this.#smallestTableBytes ?? wanted);
    this.#table.resize(wanted);
    this.#generation++;
  }

  /** Throws `RangeError` where a character of a name or value is no octet. */
  encode(fields: readonly HeaderField[]): Uint8Array {
    // Checked before anything is written: half a block would leave the two tables different.
    for (const field of fields) requireOctets(field);
    this.#writeSizeUpdates();
    for (const field of fields) this.#writeField(field);
    return this.#writer.take();
  }

  /**
   * As `encode`, for a list that is never changed and encoded often, and others behind it that are
   * not.
   */
  encodeShared(fields: readonly HeaderField[], own?: readonly HeaderField[]): Uint8Array {
    if (own !== undefined && own.length > 0) return this.#encodeWith(fields, own);
    const known = this.#shared.get(fields);
    if (known !== undefined && known.generation === this.#generation) return known.block;
    const hasUpdate = this.#smallestTableBytes !== undefined;
    const generation = this.#generation;
    const block = this.encode(fields);
    if (!hasUpdate && generation === this.#generation) {
      this.#shared.set(fields, { generation, block });
    }
    return block;
  }

  #encodeWith(fields: readonly HeaderField[], own: readonly HeaderField[]): Uint8Array {
    for (const field of own) requireOctets(field); // As in encode().
    const block = this.encodeShared(fields);
    this.#writer.raw(block);
    for (const field of own) this.#writeField(field);
    return this.#writer.take();
  }

  #writeSizeUpdates(): void {
    const smallest = this.#smallestTableBytes;
    if (smallest === undefined) return;
    this.#smallestTableBytes = undefined;
    const { bytesMax } = this.#table;
    if (smallest < bytesMax) this.#writer.integer(smallest, 5, 0x20);
    this.#writer.integer(bytesMax, 5, 0x20);
  }

  #writeField(field: HeaderField): void {
    const indexing = this.#indexingOf(field);
    if (indexing !== "never") {
      const index = this.#indexOfField(field);
      if (index !== undefined) return this.#writer.integer(index, 7, 0x80); // §6.1
    }
    switch (indexing) {
      case "incremental":
        this.#writeLiteral(field, 6, 0x40); // §6.2.1
        return this.#remember(field);
      case "without":
        return this.#writeLiteral(field, 4, 0x00); // §6.2.2
      case "never":
        return this.#writeLiteral(field, 4, 0x10); // §6.2.3
    }
  }

  /** A field that the table cannot hold would only empty it (§4.4). */
  #indexingOf(field: HeaderField): HeaderIndexing {
    const indexing = field.indexing ?? "without";
    const fits = fieldBytes(field) <= this.#table.bytesMax;
    return indexing === "incremental" && !fits ? "without" : indexing;
  }

  #writeLiteral({ name, value }: HeaderField, prefixBits: number, pattern: number): void {
    const index = this.#indexOfName(name) ?? 0;
    this.#writer.integer(index, prefixBits, pattern);
    if (index === 0) this.#writer.string(name);
    this.#writer.string(value);
  }

  #remember(field: HeaderField): void {
    this.#generation++;
    const sequence = this.#table.add(field);
    if (sequence === undefined) return;
    this.#fields.set(keyOf(field), sequence);
    this.#names.set(field.name, sequence);
  }

  #indexOfField(field: HeaderField): number | undefined {
    const key = keyOf(field);
    return STATIC_FIELDS.get(key) ?? this.#dynamicIndex(this.#fields.get(key));
  }

  #indexOfName(name: string): number | undefined {
    return STATIC_NAMES.get(name) ?? this.#dynamicIndex(this.#names.get(name));
  }

  #dynamicIndex(sequence: number | undefined): number | undefined {
    return sequence === undefined
      ? undefined
      : STATIC_TABLE.length + 1 + this.#table.indexOf(sequence);
  }
}

function requireOctets({ name, value }: HeaderField): void {
  if (OCTETS.test(name) && OCTETS.test(value)) return;
  throw new RangeError(`Cannot encode the field "${name}": expected characters up to U+00FF`);
}

/** NUL stands in no name, so that no two fields share a key. */
function keyOf({ name, value }: HeaderField): string {
  return `${name}\0${value}`;
}
