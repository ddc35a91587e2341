/**
 * Versions that lie together: one pair of the database, about 16 KiB.
 *
 *     version 0 | version 1 | …     each the wire form of an mvccpb.KeyValue
 *     entry 0 | entry 1 | …         16 bytes each: main - first main | sub | end offset | CRC-32C
 *     count | CRC-32C               of all entries and the count, begun with the key's
 *
 * All numbers are 32 bits, little-endian. Entries are in order of revisions, so a version is found by
 * halves, and is read without a look at the others. A checksum for each version, and not one for the
 * block: a read pays for what it reads.
 *
 * B1 (main, sub) grow strictly. B2 the block's key is its first version's revision. B3 a version that
 * came from the database is given out only after its checksum was found right, in whichever block it
 * lies by then.
 */
import { crc32c } from "@sagong/base";
import { DamagedDatabaseError } from "./damaged-database-error.js";
import { blockKey, type Revision } from "./revision.js";

/** Where a version's bytes lie in memory. */
export interface VersionSource {
  readonly count: number;
  /** Bytes of memory, roughly. */
  readonly byteLength: number;
  revisionAt(position: number): Revision;
  /** Position of a version; -1 where it is not here. */
  find(main: number, sub: number): number;
  /** A view, never written again. Throws `DamagedDatabaseError` where it is not what was written. */
  at(position: number): Uint8Array;
  /** The same as it lies there: for copies, which take the checksum with them. */
  uncheckedAt(position: number): Uint8Array;
  checksumAt(position: number): number;
}

export const ENTRY_BYTES = 16;
export const TRAILER_BYTES = 8;

export class VersionBlock implements VersionSource {
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly first: Revision;
  readonly #entries: number;
  /** 1 where the version's checksum was compared; undefined where we have written all of them. */
  readonly #checked: Uint8Array | undefined;

  private constructor(bytes: Uint8Array, first: Revision, isWritten: boolean) {
    this.bytes = bytes;
    this.first = first;
    this.count = u32(bytes, bytes.length - TRAILER_BYTES);
    this.#entries = bytes.length - TRAILER_BYTES - ENTRY_BYTES * this.count;
    this.#checked = isWritten ? undefined : new Uint8Array(this.count);
  }

  /** One whose versions were just written into it, and have been nowhere else. */
  static written(bytes: Uint8Array, first: Revision): VersionBlock {
    return new VersionBlock(bytes, first, true);
  }

  /** One whose versions came with their checksums from other blocks, where nobody may have read them. */
  static copied(bytes: Uint8Array, first: Revision): VersionBlock {
    return new VersionBlock(bytes, first, false);
  }

  /** One from the database. Throws `DamagedDatabaseError`. */
  static read(bytes: Uint8Array, first: Revision): VersionBlock {
    if (bytes.length < TRAILER_BYTES + ENTRY_BYTES) {
      throw damaged(first, `it has ${bytes.length} bytes`);
    }
    const block = new VersionBlock(bytes, first, false);
    const entries = block.#entries;
    if (entries < 0) throw damaged(first, `it says that it holds ${block.count} versions`);
    const actual = trailerChecksum(bytes, entries, first);
    if (block.checksum !== actual) throw damaged(first, checksumText(actual, block.checksum));
    return block;
  }

  get byteLength(): number {
    return this.bytes.length;
  }

  /** Of everything in it, and of its place. */
  get checksum(): number {
    return u32(this.bytes, this.bytes.length - 4);
  }

  mainAt(position: number): number {
    return this.first.main + u32(this.bytes, this.#entries + ENTRY_BYTES * position);
  }

  subAt(position: number): number {
    return u32(this.bytes, this.#entries + ENTRY_BYTES * position + 4);
  }

  startAt(position: number): number {
    return position === 0 ? 0 : this.endAt(position - 1);
  }

  endAt(position: number): number {
    return u32(this.bytes, this.#entries + ENTRY_BYTES * position + 8);
  }

  revisionAt(position: number): Revision {
    return { main: this.mainAt(position), sub: this.subAt(position) };
  }

  find(main: number, sub: number): number {
    // Revision by revision, each with one change: the most frequent block by far.
    const guess = main - this.first.main;
    if (guess < this.count && this.mainAt(guess) === main && this.subAt(guess) === sub) {
      return guess;
    }
    let [low, high] = [0, this.count - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const order = this.mainAt(middle) - main || this.subAt(middle) - sub;
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  at(position: number): Uint8Array {
    this.check(position);
    return this.uncheckedAt(position);
  }

  uncheckedAt(position: number): Uint8Array {
    return this.bytes.subarray(this.startAt(position), this.endAt(position));
  }

  checksumAt(position: number): number {
    return u32(this.bytes, this.#entries + ENTRY_BYTES * position + 12);
  }

  /** Throws `DamagedDatabaseError` where the version is not what was written. */
  check(position: number): void {
    const checked = this.#checked;
    if (checked === undefined || checked[position] === 1) return;
    const stored = this.checksumAt(position);
    const actual = crc32c(this.bytes, 0, this.startAt(position), this.endAt(position));
    if (stored !== actual) {
      const place = `revision ${this.mainAt(position)}.${this.subAt(position)}`;
      throw damaged(this.first, `${place} has ${checksumText(actual, stored)}`);
    }
    checked[position] = 1;
  }
}

/** A pair of the old layout: one version, and no checksum of ours. */
export class LoneVersion implements VersionSource {
  readonly #bytes: Uint8Array;
  readonly #revision: Revision;
  readonly count = 1;

  constructor(bytes: Uint8Array, revision: Revision) {
    this.#bytes = bytes;
    this.#revision = revision;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  revisionAt(_position: number): Revision {
    return this.#revision;
  }

  find(main: number, sub: number): number {
    return main === this.#revision.main && sub === this.#revision.sub ? 0 : -1;
  }

  at(_position: number): Uint8Array {
    return this.#bytes;
  }

  uncheckedAt(_position: number): Uint8Array {
    return this.#bytes;
  }

  checksumAt(_position: number): number {
    return crc32c(this.#bytes);
  }
}

/** Of entries and count; begun with the key, so that a block at another's place is no block. */
export function trailerChecksum(bytes: Uint8Array, entries: number, first: Revision): number {
  const seed = crc32c(blockKey(first.main, first.sub));
  return crc32c(bytes, seed, entries, bytes.length - 4);
}

export function u32(bytes: Uint8Array, at: number): number {
  // In range: callers have `at` from the block's own, checked, entries.
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

export function setU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

function damaged({ main, sub }: Revision, why: string): DamagedDatabaseError {
  return new DamagedDatabaseError(`the block at revision ${main}.${sub} is damaged: ${why}`);
}

function checksumText(actual: number, expected: number): string {
  return `checksum ${actual.toString(16)}, expected ${expected.toString(16)}`;
}
