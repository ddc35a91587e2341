/**
 * All stored versions by revision, in blocks. New ones go into an open block in memory; when a batch
 * leaves for the disk (some ten milliseconds of commits), what is committed is finished and handed
 * over with it. Read blocks are kept within a budget.
 *
 *     append ─▶ open block ──(16 KiB, or a batch leaves)──▶ block ─▶ database ─▶ held, until evicted
 *
 * V1 what is handed over is exactly what was committed: a block that holds more is cut.
 * V2 a block that the database has not got yet is held, and never evicted.
 */
import { assert } from "@sagong/base";
import { BlockCopier } from "./block-copier.js";
import type { Backend, LateWriter } from "./backend.js";
import { type BlockEntry, BlockDirectory } from "./block-directory.js";
import { BLOCKS_CHECK_KEY, BlocksCheck } from "./blocks-check.js";
import { DamagedDatabaseError } from "./damaged-database-error.js";
import { deadListChecksum, decodeDeadList } from "./dead-list.js";
import { BLOCK_BYTES, BlockArena, type OpenBlock, openBlockFor } from "./open-block.js";
import { blockKey, type Revision, revisionKey } from "./revision.js";
import { LoneVersion, VersionBlock, type VersionSource } from "./version-block.js";
import { type Version, VersionHead, versionBytesMax } from "./version-bytes.js";

/**
 * Of blocks that are held in memory to be read again. Together with the index less than what etcd
 * maps of its database, at the same number of keys.
 */
const HELD_BYTES_MAX = 112 * 1024 * 1024;
/** A block that takes less is put together with its neighbours. */
export const SMALL_BYTES: number = BLOCK_BYTES / 2;
/** What a held block costs besides its bytes, roughly. */
const HELD_OVERHEAD_BYTES = 200;

/** Where a version lies: its bytes are there for whoever wants them, without another lookup. */
export interface VersionPlace {
  readonly source: VersionSource;
  readonly position: number;
}

export class VersionLog implements LateWriter {
  readonly directory: BlockDirectory = new BlockDirectory();
  /** Of what the database was given. */
  readonly check: BlocksCheck = new BlocksCheck();
  readonly #backend: Backend;
  readonly heldBytesMax: number;
  readonly #arena: BlockArena = new BlockArena();
  /** For blocks of versions that are copied: the other one may have a block that is being filled. */
  readonly copies: BlockArena = new BlockArena();
  /** Not handed over yet, in order; only the last may be open. */
  #pending: BlockEntry[] = [];
  /** How many of them are committed, as a whole but for the last, and how much of that one. */
  #committedBlocks = 0;
  #committedInLast = 0;
  #waitingBytes = 0;
  /** Small blocks that have come since they were last put together. */
  smallBlocks = 0;
  #heldBytes = 0;
  /** Where the search for blocks to evict goes on. */
  #hand = 0;

  constructor(backend: Backend, heldBytesMax: number = HELD_BYTES_MAX) {
    this.#backend = backend;
    this.heldBytesMax = heldBytesMax;
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────

  append(version: Version, sub: number): VersionPlace {
    const bytesMax = versionBytesMax(version);
    let entry = this.#pending.at(-1);
    let block = entry?.open;
    if (
      entry === undefined ||
      block === undefined ||
      !block.hasRoom(version.modRevision, bytesMax)
    ) {
      if (block) this.#finish(entry as BlockEntry, block); // It has one, so there is one.
      block = openBlockFor(this.#arena, version, sub);
      entry = this.#begin(block);
    }
    const before = block.byteLength;
    block.append(version, sub);
    entry.count = block.count;
    entry.bytes = block.byteLength;
    this.#waitingBytes += entry.bytes - before;
    return { source: block, position: block.count - 1 };
  }

  #begin(block: OpenBlock): BlockEntry {
    if (this.#pending.length === 0) this.#backend.join(this);
    const entry = { ...newEntry(block.first, block), open: block };
    this.directory.append(entry);
    this.#pending.push(entry);
    this.#waitingBytes += entry.bytes;
    return entry;
  }

  #finish(entry: BlockEntry, block: OpenBlock): void {
    entry.held = block.finish();
    entry.open = undefined;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  get hasCommitted(): boolean {
    return this.#committedBlocks > 0;
  }

  onCommit(): void {
    this.#committedBlocks = this.#pending.length;
    this.#committedInLast = this.#pending.at(-1)?.count ?? 0;
  }

  onWrite(put: (key: Uint8Array, value: Uint8Array) => void): void {
    const count = this.#committedBlocks;
    if (count === 0) return;
    const last = this.#pending[count - 1] as BlockEntry; // Committed blocks are pending.
    if (this.#committedInLast < last.count) this.#cut(last, this.#committedInLast);
    const leaving = this.#pending.slice(0, count);
    for (const entry of leaving) {
      if (entry.open) this.#finish(entry, entry.open);
      const block = entry.held as VersionBlock; // Held until it is handed over (V2).
      put(blockKey(entry.first.main, entry.first.sub), block.bytes);
      entry.checksum = block.checksum;
      this.check.change(block.checksum);
      this.#waitingBytes -= entry.bytes;
      if (entry.bytes < SMALL_BYTES) this.smallBlocks++;
    }
    put(BLOCKS_CHECK_KEY, this.check.encode());
    this.#pending.splice(0, count);
    this.#committedBlocks = 0;
    this.#committedInLast = 0;
    // Only now: to make room for one may evict another, which the database must have by then.
    for (const entry of leaving) this.#count(entry);
  }

  /** Hands over everything at once. Only where all of it is committed or is about to be. */
  handOver(): void {
    this.onCommit();
    this.onWrite((key, value) => this.#backend.put(key, value));
  }

  /** Parts what is committed from what is not: a transaction that broke off leaves such a block. */
  #cut(entry: BlockEntry, count: number): void {
    const source = entry.held as VersionSource; // Held until it is handed over (V2).
    const index = this.directory.find(entry.first.main, entry.first.sub);
    const at = this.#pending.indexOf(entry);
    const arena = this.copies;
    const parts = [
      copyOf(source, { from: 0, to: count, arena }),
      copyOf(source, { from: count, to: entry.count, arena }),
    ];
    for (const part of parts) this.#waitingBytes += part.bytes;
    this.#waitingBytes -= entry.bytes;
    this.directory.replace(index, index + 1, parts);
    this.#pending.splice(at, 1, ...parts);
  }

  onReplaced(): void {
    this.#pending = [];
    this.#committedBlocks = this.#committedInLast = this.#waitingBytes = 0;
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────

  /** The stored bytes of a version that is there. Throws `DamagedDatabaseError` where it is not. */
  bytesAt(main: number, sub: number): Uint8Array {
    const source = this.#sourceAt(main, sub);
    const position = source.find(main, sub);
    if (position < 0) throw missing({ main, sub });
    return source.at(position);
  }

  placeOf(main: number, sub: number): VersionPlace {
    const source = this.#sourceAt(main, sub);
    const position = source.find(main, sub);
    if (position < 0) throw missing({ main, sub });
    return { source, position };
  }

  #sourceAt(main: number, sub: number): VersionSource {
    const index = this.directory.find(main, sub);
    if (index < 0) throw missing({ main, sub });
    return this.sourceOf(this.directory.at(index));
  }

  /** A block's versions, read where they are not in memory, and kept there for a while. */
  sourceOf(entry: BlockEntry): VersionSource {
    const wasUsed = entry.isUsed;
    entry.isUsed = true;
    if (entry.held) return entry.held;
    const source = this.read(entry);
    // Where there is no room, the first of several reads does not drive others out: one that goes
    // over more than there is room for would only fill memory with what is given up at once.
    const hasRoom = this.#heldBytes + entry.bytes <= this.heldBytesMax;
    if (hasRoom || wasUsed) this.hold(entry, source);
    return source;
  }

  /** The same without keeping it. */
  read({ first, isPair }: BlockEntry): VersionSource {
    const { main, sub } = first;
    const bytes = this.#backend.get(isPair ? revisionKey(main, sub) : blockKey(main, sub));
    if (bytes === undefined) throw missing(first);
    return isPair ? new LoneVersion(bytes, first) : VersionBlock.read(bytes, first);
  }

  /** Counts a block that is held, and evicts what has not been asked for since the last round. */
  #count(entry: BlockEntry): void {
    this.#heldBytes += heldBytes(entry);
    while (this.#heldBytes > this.heldBytesMax) {
      if (this.#hand >= this.directory.size) this.#hand = 0;
      const candidate = this.directory.at(this.#hand++);
      if (this.#isPending(candidate)) continue;
      if (candidate.isUsed) candidate.isUsed = false;
      else if (candidate.held) this.release(candidate);
    }
  }

  /** Forgets the bytes of a block that the database has. */
  release(entry: BlockEntry): void {
    if (entry.held) this.#heldBytes -= heldBytes(entry);
    entry.held = undefined;
  }

  /** Takes up a block that is in memory and in the database's batch. */
  hold(entry: BlockEntry, source: VersionSource): void {
    entry.held = source;
    this.#count(entry);
  }

  #isPending(entry: BlockEntry): boolean {
    return entry.open !== undefined || this.#pending.includes(entry);
  }

  /**
   * The block that has `from`, or else the next one; undefined behind the last. For whoever goes over
   * all blocks once: what is read for that is not kept.
   */
  blockFrom({ main, sub }: Revision): VersionSource | undefined {
    for (let i = Math.max(0, this.directory.find(main, sub)); i < this.directory.size; i++) {
      const entry = this.directory.at(i);
      const source = entry.held ?? this.read(entry);
      const last = source.revisionAt(source.count - 1);
      if (last.main > main || (last.main === main && last.sub >= sub)) return source;
    }
    return undefined;
  }

  /** Calls `visit` for all versions from revision `from` up to `to`, in order; none may be dead. */
  forEachBetween(
    { from, to }: { readonly from: number; readonly to: number },
    visit: (revision: Revision, place: VersionPlace) => void,
  ): void {
    for (let i = Math.max(0, this.directory.find(from, 0)); i < this.directory.size; i++) {
      const entry = this.directory.at(i);
      if (entry.first.main > to) return;
      const source = this.sourceOf(entry);
      for (let at = firstFrom(source, from); at < source.count; at++) {
        const revision = source.revisionAt(at);
        if (revision.main > to) return;
        visit(revision, { source, position: at });
      }
    }
  }

  // ── Opening ──────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes up a block of the database, keeps it while there is room, and shows all that live in it. `list` is
   * that of its dead versions. Throws `DamagedDatabaseError`, also where a version's checksum is wrong.
   */
  restoreBlock(
    first: Revision,
    { bytes, list }: { readonly bytes: Uint8Array; readonly list: Uint8Array | undefined },
    visit: (revision: Revision, head: VersionHead) => void,
  ): void {
    const block = VersionBlock.read(bytes, first);
    const dead = list ? decodeDeadList(first, list) : [];
    const head = new VersionHead(bytes);
    const checksum = block.checksum + (list ? deadListChecksum(list) : 0);
    const entry = { ...newEntry(first, block), dead: dead.length / 2, checksum };
    this.check.change(checksum);
    this.#restored(entry);
    if (this.#heldBytes + entry.bytes <= this.heldBytesMax) this.#count(entry);
    else entry.held = undefined;
    let next = 0;
    for (let i = 0; i < block.count; i++) {
      const revision = block.revisionAt(i);
      if (dead[next] === revision.main && dead[next + 1] === revision.sub) {
        next += 2;
        continue;
      }
      block.check(i);
      head.read(block.startAt(i), block.endAt(i));
      visit(revision, head);
    }
  }

  /** Takes up a pair of the old layout. */
  restorePair(
    first: Revision,
    bytes: Uint8Array,
    visit: (revision: Revision, head: VersionHead) => void,
  ): void {
    const head = new VersionHead(bytes);
    head.read(0, bytes.length);
    const one = { ...newEntry(first, new LoneVersion(bytes, first)), held: undefined };
    this.#restored({ ...one, isPair: true });
    visit(first, head);
  }

  #restored(entry: BlockEntry): void {
    if (entry.bytes < SMALL_BYTES) this.smallBlocks++;
    this.directory.append(entry);
  }

  /** All is there: a database that is half moved to blocks gives its pairs and blocks in turn. */
  finishRestore(): void {
    this.directory.sort();
  }

  /** Index in the directory from which on blocks are still its own, and not the database's. */
  get firstPending(): number {
    const [first] = this.#pending;
    return first ? this.directory.find(first.first.main, first.first.sub) : this.directory.size;
  }
}

/** Position of the first version at or after a revision. */
function firstFrom(source: VersionSource, main: number): number {
  let [low, high] = [0, source.count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (source.revisionAt(middle).main < main) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A block of its own with the versions from `from` up to `to`. */
function copyOf(
  source: VersionSource,
  { from, to, arena }: { readonly from: number; readonly to: number; readonly arena: BlockArena },
): BlockEntry {
  const copier = new BlockCopier(arena);
  for (let i = from; i < to; i++) copier.add(source, i);
  const [block] = copier.finish();
  assert(block !== undefined, "A part of a block has no versions");
  return newEntry(block.first, block);
}

function heldBytes({ bytes }: BlockEntry): number {
  return bytes + HELD_OVERHEAD_BYTES;
}

export function newEntry(first: Revision, held: VersionSource): BlockEntry {
  return {
    first,
    count: held.count,
    dead: 0,
    bytes: held.byteLength,
    checksum: 0,
    isPair: false,
    held,
    isUsed: false,
    open: undefined,
    dying: undefined,
  };
}

export function missing({ main, sub }: Revision): DamagedDatabaseError {
  return new DamagedDatabaseError(`the value of revision ${main}.${sub} is missing`);
}
