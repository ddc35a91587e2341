/**
 * A block that is still being filled. Versions are written straight into the bytes that the database
 * will be given; entries wait in numbers until `finish` puts them behind. Blocks are cut one behind
 * the other from a `BlockArena`: an array buffer for each costs more than the writing.
 */
import { assert, crc32c } from "@sagong/base";
import type { Revision } from "./revision.js";
import {
  ENTRY_BYTES,
  setU32,
  TRAILER_BYTES,
  trailerChecksum,
  VersionBlock,
  type VersionSource,
} from "./version-block.js";
import { type Version, versionBytesMax, writeVersion } from "./version-bytes.js";

/**
 * Bytes of versions after which a block is finished: small enough to be read for one of them, large
 * enough that what a pair costs LevelDB is shared by some fifty.
 */
export const BLOCK_BYTES: number = 16 * 1024;
/** Of an arena; the first are smaller, each twice the one before: a small store takes little. */
const ARENA_BYTES = 128 * 1024;
const FIRST_ARENA_BYTES = 32 * 1024;
/** An arena with less left is given up. */
const ARENA_LEFT_MIN_BYTES = 20 * 1024;
const TWO_32 = 2 ** 32;
/** Of an entry. */
const NUMBERS = 4;

/** Where blocks are cut from. */
export class BlockArena {
  #bytes: Uint8Array = new Uint8Array(0);
  #nextBytes = FIRST_ARENA_BYTES;

  /** Room for a block whose first version takes at most so much. */
  open(firstBytesMax: number): Uint8Array {
    const needed = firstBytesMax + ENTRY_BYTES + TRAILER_BYTES;
    if (needed > ARENA_LEFT_MIN_BYTES) return new Uint8Array(needed);
    if (this.#bytes.length < ARENA_LEFT_MIN_BYTES) {
      this.#bytes = new Uint8Array(this.#nextBytes);
      this.#nextBytes = Math.min(2 * this.#nextBytes, ARENA_BYTES);
    }
    return this.#bytes;
  }

  /** `block` is finished: what lies behind it is for the next. */
  close(block: Uint8Array): void {
    if (block.buffer !== this.#bytes.buffer) return;
    const used = block.byteOffset + block.length;
    this.#bytes = new Uint8Array(this.#bytes.buffer, used);
  }
}

export class OpenBlock implements VersionSource {
  readonly first: Revision;
  readonly #arena: BlockArena;
  readonly #bytes: Uint8Array;
  #length = 0;
  #count = 0;
  /** Some came from other blocks. */
  #hasCopies = false;
  /** Four for each version: main - first main, sub, end offset, checksum. */
  #entries: Uint32Array = new Uint32Array(NUMBERS * 64);

  /** At most one is open in an arena at a time. */
  constructor(arena: BlockArena, first: Revision, firstBytesMax: number) {
    this.#arena = arena;
    this.#bytes = arena.open(firstBytesMax);
    this.first = first;
  }

  get count(): number {
    return this.#count;
  }

  /** What its versions take. */
  get length(): number {
    return this.#length;
  }

  get byteLength(): number {
    return this.#length + ENTRY_BYTES * this.#count + TRAILER_BYTES;
  }

  /** Whether a version of at most so many bytes may still come behind the others. */
  hasRoom(main: number, bytesMax: number): boolean {
    return (
      this.#length < BLOCK_BYTES &&
      this.byteLength + ENTRY_BYTES + bytesMax <= this.#bytes.length &&
      main - this.first.main < TWO_32
    );
  }

  append(version: Version, sub: number): void {
    const start = this.#length;
    this.#length = writeVersion(version, this.#bytes, start);
    this.#addEntry(version.modRevision, sub, crc32c(this.#bytes, 0, start, this.#length));
  }

  /** A version of another block, as it lies there. */
  appendFrom(source: VersionSource, position: number): void {
    const { main, sub } = source.revisionAt(position);
    const bytes = source.uncheckedAt(position);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#addEntry(main, sub, source.checksumAt(position));
    this.#hasCopies = true;
  }

  #addEntry(main: number, sub: number, checksum: number): void {
    const at = NUMBERS * this.#count++;
    if (at === this.#entries.length) {
      const grown = new Uint32Array(2 * at);
      grown.set(this.#entries);
      this.#entries = grown;
    }
    this.#entries[at] = main - this.first.main;
    this.#entries[at + 1] = sub;
    this.#entries[at + 2] = this.#length;
    this.#entries[at + 3] = checksum;
  }

  revisionAt(position: number): Revision {
    const at = NUMBERS * position;
    return { main: this.first.main + this.#number(at), sub: this.#number(at + 1) };
  }

  find(main: number, sub: number): number {
    let [low, high] = [0, this.#count - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const at = NUMBERS * middle;
      const order = this.first.main + this.#number(at) - main || this.#number(at + 1) - sub;
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  at(position: number): Uint8Array {
    const start = position === 0 ? 0 : this.#number(NUMBERS * (position - 1) + 2);
    return this.#bytes.subarray(start, this.#number(NUMBERS * position + 2));
  }

  uncheckedAt(position: number): Uint8Array {
    return this.at(position);
  }

  checksumAt(position: number): number {
    return this.#number(NUMBERS * position + 3);
  }

  /** Puts entries and checksums behind the versions. Nothing more may be appended. */
  finish(): VersionBlock {
    assert(this.#count > 0, "Cannot finish a block without versions");
    const bytes = this.#bytes.subarray(0, this.byteLength);
    let at = this.#length;
    for (let i = 0; i < NUMBERS * this.#count; i++) {
      setU32(bytes, at, this.#number(i));
      at += 4;
    }
    setU32(bytes, at, this.#count);
    setU32(bytes, at + 4, trailerChecksum(bytes, this.#length, this.first));
    this.#arena.close(bytes);
    return this.#hasCopies
      ? VersionBlock.copied(bytes, this.first)
      : VersionBlock.written(bytes, this.first);
  }

  #number(at: number): number {
    return this.#entries[at] as number; // Callers stay below four times the count.
  }
}

/** Room for a block whose first version is this one. */
export function openBlockFor(arena: BlockArena, version: Version, sub: number): OpenBlock {
  return new OpenBlock(arena, { main: version.modRevision, sub }, versionBytesMax(version));
}
