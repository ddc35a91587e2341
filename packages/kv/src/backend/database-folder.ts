/**
 * A database and the block files beside it, as one map of pairs: large blocks of versions go into the
 * files, LevelDB has references to them, and all else as it is.
 *
 *     stage ─▶ blocks into the file, references and the rest into memory ─▶ write ─▶ LevelDB
 *
 * D1 LevelDB never refers to a block that is not on disk: `write` with `sync` syncs the files first,
 *    and whoever has references staged writes with `sync`. (But for a database that nobody opens
 *    before all of it is synced: an image's.)
 * D2 what is staged is written as a whole, in one batch; of several writes of a key, the last.
 * D3 a file goes when the batch that took the last reference to it is synced.
 * D4 a copy takes a block's place only where the block is still what it is a copy of.
 *
 * `stage` and `write` are called one at a time.
 */
import { toBinaryString } from "../mvcc/binary-string.js";
import { SMALL_BYTES } from "../mvcc/version-log.js";
import { type BlockFiles, READ_BYTES_MAX } from "./block-files.js";
import {
  type BlockReference,
  encodeReference,
  isBlockKey,
  isSameReference,
  referenceIn,
} from "./block-reference.js";
import type { Database, DatabaseIterator, Databases } from "./databases.js";
import { LiveBytes } from "./live-bytes.js";
import type { Write } from "./pending-batch.js";
import { StagedWrites } from "./staged-writes.js";

type Pair = readonly [key: Uint8Array, value: Uint8Array];

export interface DatabasePlace {
  readonly dir: string;
  readonly databases: Databases;
  readonly blockFiles?: BlockFileLimits;
}

/** Instead of our own choice. */
export interface BlockFileLimits {
  /** A block that takes less lies in LevelDB: it will be put together with others. */
  readonly blockBytesMin?: number;
  /** So much may wait for a sync of the files, and is applied again after a crash. */
  readonly unsyncedBytesMax?: number;
  readonly fileBytesMax?: number;
}

/** A block that is copied to where the current file ends. */
export interface BlockMove {
  readonly key: Uint8Array;
  readonly from: BlockReference;
  readonly bytes: Uint8Array;
}

/** Which files are referred to how much, and the highest key of a block in a file. */
export interface BlockCensus {
  readonly live: LiveBytes;
  highest: string;
}

const UNSYNCED_BYTES_MAX = 16 * 1024 * 1024;
/** What one read of an iterator fetches at most. */
const SCAN_PAIRS = 1_000;
/** A key outside every key space, written where only a sync is wanted. */
const SYNC_KEY = Uint8Array.of(0);
/** Above every key. */
export const LAST_KEY: Uint8Array = new Uint8Array(32).fill(0xff);

export class DatabaseFolder {
  readonly db: Database;
  readonly #place: DatabasePlace;
  readonly #files: BlockFiles;
  readonly #staged = new StagedWrites();
  /** Undefined until all pairs were seen: then no file can be told to be dead. */
  #census: BlockCensus | undefined;
  #hasWritten = false;

  /** `census` is that of the same folder under another name. */
  constructor(
    place: DatabasePlace,
    parts: { readonly db: Database; readonly files: BlockFiles; readonly census?: BlockCensus },
  ) {
    this.#place = place;
    this.db = parts.db;
    this.#files = parts.files;
    this.#census = parts.census;
    // No reference leads anywhere.
    if (parts.files.count === 0) this.#census ??= { live: new LiveBytes(), highest: "" };
  }

  get census(): BlockCensus | undefined {
    return this.#census;
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────

  /** `name` is the key's. */
  get(name: string, key: Uint8Array): Uint8Array | undefined {
    const value = this.#valueOf(name, key);
    const reference = referenceIn(key, value);
    return reference ? this.#files.readSync(reference) : value;
  }

  /** As it stands in LevelDB or will. */
  #valueOf(name: string, key: Uint8Array): Uint8Array | undefined {
    const staged = this.#staged.find(name);
    return staged ? staged.value : this.db.getSync(key);
  }

  /**
   * Everything in order of keys; only while nothing is being written. The first time it is also seen
   * to which files nothing refers: what a crash left of them goes.
   */
  async *scan(): AsyncGenerator<readonly Pair[]> {
    const census =
      this.#census || this.#hasWritten ? undefined : { live: new LiveBytes(), highest: "" };
    yield* this.#resolved(pairsOf(this.db.iterator()), (key, reference) => {
      census?.live.keep(reference);
      if (census) census.highest = toBinaryString(key);
    });
    if (!census || this.#hasWritten) return;
    this.#census = census;
    await this.#files.removeDead(census.live);
  }

  /** All that LevelDB has now; its files stay until it is closed. */
  openSnapshot(): {
    get(key: Uint8Array): Uint8Array | undefined;
    readonly pairs: AsyncIterable<readonly Pair[]>;
    close(): Promise<void>;
  } {
    const unpin = this.#files.pin();
    const snapshot = this.db.snapshot();
    const iterator = snapshot.iterator();
    return {
      get: (key) => snapshot.getSync(key),
      pairs: this.#resolved(pairsOf(iterator), () => {}),
      close: async () => {
        try {
          await iterator.close();
          await snapshot.close();
        } finally {
          unpin();
        }
      },
    };
  }

  /** With the blocks in place of references. */
  async *#resolved(
    batches: AsyncIterable<readonly Pair[]>,
    visit: (key: Uint8Array, reference: BlockReference) => void,
  ): AsyncGenerator<readonly Pair[]> {
    for await (const pairs of batches) {
      let part: Pair[] = [];
      let references: BlockReference[] = [];
      let bytes = 0;
      for (const pair of pairs) {
        const reference = referenceIn(...pair);
        part.push(pair);
        if (!reference) continue;
        visit(pair[0], reference);
        references.push(reference);
        bytes += reference.length;
        if (bytes < READ_BYTES_MAX) continue;
        yield withBlocks(part, await this.#files.read(references));
        [part, references, bytes] = [[], [], 0];
      }
      if (part.length > 0) yield withBlocks(part, await this.#files.read(references));
    }
  }

  // ── Writing ──────────────────────────────────────────────────────────────────────────────────

  get stagedBytes(): number {
    return this.#staged.bytes;
  }

  /** What LevelDB's buffer grows by with the next `write`, at most. */
  get bufferBytes(): number {
    return this.#staged.bufferBytes;
  }

  /** D1. */
  get mustSync(): boolean {
    return this.#staged.references > 0;
  }

  get wantsSync(): boolean {
    const { unsyncedBytesMax = UNSYNCED_BYTES_MAX } = this.#place.blockFiles ?? {};
    return this.#files.unsyncedBytes >= unsyncedBytesMax;
  }

  /** Takes up writes, in their order behind the moves; none of their blocks is needed afterwards. */
  async stage(writes: Iterable<Write>, moves: readonly BlockMove[] = []): Promise<void> {
    this.#hasWritten = true;
    const blocks = moves.map(({ bytes }) => bytes);
    for (const { key, value } of writes) if (value && this.#isLarge(key, value)) blocks.push(value);
    const references = blocks.length > 0 ? await this.#files.append(blocks) : [];
    let next = 0;
    const nextReference = (): Uint8Array => encodeReference(references[next++] as BlockReference); // One for each block.
    for (const { key, from } of moves) {
      const value = nextReference();
      const present = referenceIn(key, this.#valueOf(toBinaryString(key), key));
      if (present && isSameReference(present, from)) this.#set({ key, value });
    }
    for (const write of writes) {
      const { key, value } = write;
      this.#set(value && this.#isLarge(key, value) ? { key, value: nextReference() } : write);
    }
  }

  #isLarge(key: Uint8Array, { length }: Uint8Array): boolean {
    return length >= (this.#place.blockFiles?.blockBytesMin ?? SMALL_BYTES) && isBlockKey(key);
  }

  #set(write: Write): void {
    const { key, value } = write;
    const name = toBinaryString(key);
    if (this.#census && isBlockKey(key)) this.#recount(this.#census, name, write);
    this.#staged.set(name, { key, value });
  }

  #recount(census: BlockCensus, name: string, { key, value }: Write): void {
    // Nearly all blocks are new: what is above all others takes no other's place.
    const before = name > census.highest ? undefined : referenceIn(key, this.#valueOf(name, key));
    const after = referenceIn(key, value);
    if (before) census.live.drop(before);
    if (!after) return;
    census.live.keep(after);
    if (name > census.highest) census.highest = name;
  }

  /** Writes what is staged to LevelDB; with `sync`, all that was ever staged is on disk then. */
  async write({ sync }: { readonly sync: boolean }): Promise<void> {
    if (sync) await this.#files.sync();
    const batch = this.db.batch();
    for (const { key, value } of this.#staged) {
      if (value === undefined) batch.del(key);
      else batch.put(key, value);
    }
    // LevelDB syncs only what is written: an empty batch would sync nothing.
    if (this.#staged.size === 0 && sync) batch.put(SYNC_KEY, SYNC_KEY);
    await batch.write({ sync });
    this.#staged.clear();
    if (sync && this.#census) await this.#files.removeDead(this.#census.live);
  }

  // ── Space ────────────────────────────────────────────────────────────────────────────────────

  async sizeBytes(): Promise<number> {
    const { databases, dir } = this.#place;
    const tables = await this.db.approximateSize(new Uint8Array(0), LAST_KEY);
    return tables + (await databases.logBytes(dir)) + this.#files.sizeBytes;
  }

  /** What lives in files of which less than half does, a piece at a time. */
  async *movesOutOfSparse(): AsyncGenerator<readonly BlockMove[]> {
    const sparse = this.#census ? this.#files.sparse(this.#census.live) : new Set<number>();
    if (sparse.size === 0) return;
    const unpin = this.#files.pin();
    try {
      let keys: Uint8Array[] = [];
      let references: BlockReference[] = [];
      let bytes = 0;
      for await (const pairs of pairsOf(this.db.iterator())) {
        for (const [key, value] of pairs) {
          const reference = referenceIn(key, value);
          if (!reference || !sparse.has(reference.file)) continue;
          keys.push(key);
          references.push(reference);
          bytes += reference.length;
          if (bytes < READ_BYTES_MAX) continue;
          yield movesOf(keys, references, await this.#files.read(references));
          [keys, references, bytes] = [[], [], 0];
        }
      }
      if (keys.length > 0) yield movesOf(keys, references, await this.#files.read(references));
    } finally {
      unpin();
    }
  }

  async close(): Promise<void> {
    try {
      await this.#files.close();
    } finally {
      await this.db.close();
    }
  }
}

async function* pairsOf(iterator: DatabaseIterator): AsyncGenerator<readonly Pair[]> {
  try {
    for (;;) {
      const pairs = await iterator.nextv(SCAN_PAIRS);
      if (pairs.length === 0) return;
      yield pairs;
    }
  } finally {
    await iterator.close();
  }
}

/** `blocks` are those to which the pairs refer, in their order. */
function withBlocks(pairs: readonly Pair[], blocks: readonly Uint8Array[]): readonly Pair[] {
  if (blocks.length === 0) return pairs;
  let next = 0;
  return pairs.map(([key, value]): Pair => {
    const block = referenceIn(key, value) ? blocks[next++] : undefined;
    return [key, block ?? value];
  });
}

function movesOf(
  keys: readonly Uint8Array[],
  references: readonly BlockReference[],
  blocks: readonly Uint8Array[],
): readonly BlockMove[] {
  return keys.map((key, i) => ({
    key,
    from: references[i] as BlockReference, // One for each key, as the blocks are.
    bytes: blocks[i] as Uint8Array,
  }));
}
