/**
 * The backend on LevelDB. Writes collect in memory and go to the database in the
 * background, whole batches at a time and in order; reads look there first. So applying never waits
 * for the disk, and a crash loses only whole batches at the end, which the raft log has: each batch
 * carries the applied mark.
 *
 * Commits of a few milliseconds share one write: each write is a task for another thread, and costs
 * more than what it carries.
 *
 * L1 a batch reaches LevelDB in one atomic write together with its applied mark.
 * L2 batches are written in the order of their commits, one write at a time.
 * L3 after a failed write nothing more is written; `onError` is told once, and the member stops.
 * L4 LevelDB leaves one of its own logs for the next only when that log is on disk as a whole: it
 *    never syncs a log that it has left, so that otherwise a power loss could take batches out of
 *    the middle, and `flush` would promise too much.
 */
import type { Clock, Timer } from "@sagong/base";
import { ImageRefusedError } from "@sagong/raft";
import { APPLIED_MARK_KEY, type LateWriter } from "../mvcc/backend.js";
import { toBinaryString } from "../mvcc/binary-string.js";
import type { ImageSteps, Pair, StateMedium } from "../member/state-medium.js";
import { BackendError } from "./backend-error.js";
import type { Database, DatabaseIterator, Databases } from "./databases.js";
import { decodeImage, encodeImage } from "./image-format.js";
import { PendingBatch } from "./pending-batch.js";

export interface LevelBackendOptions {
  readonly dir: string;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
  readonly databases: Databases;
  /**
   * What is written before LevelDB is made to sort it into a table and to begin a new log, instead of
   * 16 MiB.
   */
  readonly bufferedBytesMax?: number;
}

/**
 * How long a commit waits for others to share its write, unless so many bytes wait already. The log
 * has it: nobody but a later restart, which reads that much more of the log, waits for it. A write
 * wakes two threads.
 */
const GATHER_MS = 50;
const GATHER_BYTES = 512 * 1024;
/** What one read of an iterator fetches at most. */
const SCAN_PAIRS = 1_000;
const BUFFERED_BYTES_MAX = 16 * 1024 * 1024;
/** What LevelDB needs for a pair besides its bytes, at most. */
const BUFFERED_PAIR_OVERHEAD_BYTES = 128;

export class LevelBackend implements StateMedium {
  readonly #options: LevelBackendOptions;
  #db: Database;
  /** Being filled; visible to reads, not yet committed. */
  readonly #open: PendingBatch = new PendingBatch();
  /** Committed, waiting for its write. */
  #waiting: PendingBatch = new PendingBatch();
  /** On its way to LevelDB. */
  #writing: PendingBatch = new PendingBatch();
  /** Has a share in every batch. */
  #late: LateWriter | undefined;
  #gathering: Timer | undefined;
  #pump: Promise<void> | undefined;
  #flushWanted = false;
  /** At most so much is in LevelDB's buffer, and so in its present log. */
  #bufferedBytes = 0;
  /** Under way; those asked for meanwhile come behind it. */
  #compaction: Promise<void> | undefined;
  /** The database is closed, and another will be in its place. */
  #isSwapping = false;
  #failed: BackendError | undefined;

  private constructor(options: LevelBackendOptions, db: Database) {
    this.#options = options;
    this.#db = db;
  }

  /** Rejects with `BackendError` where the database is damaged or held by another process. */
  static async open(options: LevelBackendOptions): Promise<LevelBackend> {
    await finishSwap(options);
    return new LevelBackend(options, await openDatabase(options));
  }

  /** Throws `BackendError` where it cannot be read. */
  get(key: Uint8Array): Uint8Array | undefined {
    const name = toBinaryString(key);
    const write = this.#open.find(name) ?? this.#waiting.find(name) ?? this.#writing.find(name);
    if (write) return write.value;
    try {
      return this.#db.getSync(key);
    } catch (error) {
      if (this.#isSwapping) throw error; // It is closed: whoever reads did not wait.
      const why = error instanceof Error ? error.message : String(error);
      throw new BackendError(`Cannot read the database in ${this.#options.dir}: ${why}`, {
        cause: error,
      });
    }
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#open.add(key, value);
  }

  delete(key: Uint8Array): void {
    this.#open.add(key, undefined);
  }

  commit(): void {
    this.#waiting.take(this.#open);
    this.#late?.onCommit();
    this.#gather();
  }

  join(writer: LateWriter): void {
    this.#late = writer;
  }

  /** Bytes that are committed but not yet in LevelDB. The owner takes no more work above a limit. */
  get backlogBytes(): number {
    return this.#waitingBytes + this.#writing.bytes;
  }

  get #hasWaiting(): boolean {
    return this.#waiting.size > 0 || this.#late?.hasCommitted === true;
  }

  get #waitingBytes(): number {
    return this.#waiting.bytes + (this.#late?.waitingBytes ?? 0);
  }

  /** Resolves when all that is committed now is on disk, fsynced. */
  async flush(): Promise<void> {
    this.#flushWanted = true;
    this.#start();
    // A write that was under way carries no sync for us: the one behind it does.
    if (this.#flushWanted) await this.#pump;
    await this.#pump;
    if (this.#failed) throw this.#failed;
  }

  /** Everything in order of keys, for opening. Only before the first write. */
  async *scan(): AsyncGenerator<readonly Pair[]> {
    try {
      yield* scan(this.#db.iterator());
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new BackendError(`Cannot read the database: ${why}`, { cause: error });
    }
  }

  /** Size of the database's tables and its own log, roughly, and what waits to be written. */
  async sizeBytes(): Promise<number> {
    const tables = await this.#db.approximateSize(new Uint8Array(0), LAST_KEY);
    return tables + (await this.#options.databases.logBytes(this.#options.dir)) + this.backlogBytes;
  }

  /**
   * An image of all that was committed when this was called, unaffected by later writes. `mark` is
   * the applied mark inside it.
   */
  async openImage(): Promise<{
    readonly mark: Uint8Array | undefined;
    readonly chunks: AsyncIterable<Uint8Array>;
    close(): Promise<void>;
  }> {
    await this.flush();
    const snapshot = this.#db.snapshot();
    const iterator = snapshot.iterator();
    return {
      mark: snapshot.getSync(APPLIED_MARK_KEY),
      chunks: encodeImage(scan(iterator)),
      close: async () => {
        await iterator.close();
        await snapshot.close();
      },
    };
  }

  /** Replaces everything by an image; a crash at any point leaves the old or the new one whole. */
  async installImage(chunks: AsyncIterable<Uint8Array>, steps: ImageSteps): Promise<void> {
    const fresh = `${this.#options.dir}.new`;
    try {
      await writeImage({ ...this.#options, dir: fresh }, { chunks, inspect: steps.inspect });
      await this.flush();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new ImageRefusedError(`Cannot take the image: ${why}`, { cause: error });
    }
    this.#isSwapping = true;
    steps.beforeSwap();
    try {
      await this.#swap(fresh);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  async #swap(fresh: string): Promise<void> {
    const { dir, databases } = this.#options;
    await this.#pump;
    await this.#compaction?.catch(() => {}); // Whoever asked for it is told.
    await this.#db.close();
    await databases.rename(fresh, `${dir}.ready`);
    await finishSwap(this.#options);
    this.#db = await openDatabase(this.#options);
    // What a clean-up of the old state still wanted to write has nothing to do with the new one.
    this.#waiting.clear();
    this.#late?.onReplaced();
    this.#late = undefined;
    this.#isSwapping = false;
  }

  /** Gives the space of deleted pairs back; runs beside reads and writes, off the main thread. */
  async reclaim(): Promise<void> {
    if (this.#isSwapping) return; // An image's database has no deleted pairs.
    await this.#compact(Uint8Array.of(0), LAST_KEY);
  }

  /** LevelDB begins a new log at a moment that only it knows: meanwhile every write is synced (L4). */
  #compact(first: Uint8Array, last: Uint8Array): Promise<void> {
    const before = this.#compaction?.catch(() => {}) ?? Promise.resolve();
    const compaction = before
      .then(() => this.flush())
      .then(() => this.#db.compactRange(first, last))
      .finally(() => {
        if (this.#compaction === compaction) this.#compaction = undefined;
      });
    this.#compaction = compaction;
    return compaction;
  }

  async close(): Promise<void> {
    try {
      do {
        if (!this.#failed) await this.flush();
      } while (this.#hasWaiting && !this.#failed);
    } finally {
      await this.#compaction?.catch(() => {}); // Whoever asked for it is told.
      await this.#db.close();
    }
  }

  /** Starts the write at once where enough waits, and soon where anything does. */
  #gather(): void {
    if (this.#waitingBytes >= GATHER_BYTES) return this.#start();
    if (!this.#hasWaiting || this.#pump) return;
    this.#gathering ??= this.#options.clock.schedule(GATHER_MS, () => {
      this.#gathering = undefined; // It has fired, whether or not a write may begin now.
      this.#start();
    });
  }

  #start(): void {
    if (this.#pump || this.#failed || this.#isSwapping) return;
    this.#gathering?.cancel();
    this.#gathering = undefined;
    if (!this.#hasWaiting && !this.#flushWanted) return;
    this.#pump = this.#write().finally(() => {
      this.#pump = undefined;
      if (this.#flushWanted) this.#start();
      else this.#gather();
    });
  }

  async #write(): Promise<void> {
    this.#late?.onWrite((key, value) => this.#waiting.add(key, value));
    const written = this.#waiting;
    const buffered =
      this.#bufferedBytes + written.bytes + written.size * BUFFERED_PAIR_OVERHEAD_BYTES;
    const isFull = buffered >= bufferedBytesMax(this.#options);
    const sync = this.#flushWanted || isFull || this.#compaction !== undefined;
    this.#flushWanted = false;
    this.#waiting = this.#writing;
    this.#writing = written;
    try {
      const batch = this.#db.batch();
      for (const { key, value } of written) {
        if (value === undefined) batch.del(key);
        else batch.put(key, value);
      }
      // LevelDB syncs only what is written: an empty batch would sync nothing.
      if (written.size === 0 && sync) batch.put(SYNC_KEY, SYNC_KEY);
      await batch.write({ sync });
      this.#writing.clear();
      this.#bufferedBytes = buffered;
      if (isFull && !this.#compaction) this.#beginNewLog();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** All that is in the present log is synced: now LevelDB may leave it. */
  #beginNewLog(): void {
    this.#bufferedBytes = 0;
    // No key is so high: nothing but the buffer is compacted.
    this.#compact(LAST_KEY, LAST_KEY).catch((error: unknown) => {
      if (!this.#failed) this.#fail(error);
    });
  }

  #fail(error: unknown): BackendError {
    const why = error instanceof Error ? error.message : String(error);
    const failed = new BackendError(`Cannot write the database in ${this.#options.dir}: ${why}`, {
      cause: error,
    });
    this.#failed = failed;
    this.#options.onError(failed);
    return failed;
  }
}

/** A key outside every key space, written where only a sync is wanted. */
const SYNC_KEY = Uint8Array.of(0);
/** LevelDB's words for files that are not as it left them. */
const DAMAGED = /^Corruption:|No such file or directory/;
/** Above every key. */
const LAST_KEY = new Uint8Array(32).fill(0xff);

type Place = Pick<LevelBackendOptions, "dir" | "databases" | "bufferedBytesMax">;

function bufferedBytesMax(options: Place): number {
  return options.bufferedBytesMax ?? BUFFERED_BYTES_MAX;
}

async function openDatabase(place: Place): Promise<Database> {
  // LevelDB's own limit, at which it would begin a new log by itself, is out of reach (L4).
  const writeBufferBytes = 2 * bufferedBytesMax(place);
  try {
    return await place.databases.open(place.dir, { writeBufferBytes });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = cause instanceof Error ? cause.message : String(cause);
    const advice = DAMAGED.test(why) ? "; restore this member from its peers or a backup" : "";
    throw new BackendError(`Cannot open the database in ${place.dir}: ${why}${advice}`, {
      cause: error,
    });
  }
}

/** An image as a database of its own, on disk when this resolves. */
async function writeImage(
  place: Place,
  image: { readonly chunks: AsyncIterable<Uint8Array>; readonly inspect: ImageSteps["inspect"] },
): Promise<void> {
  await place.databases.remove(place.dir);
  const db = await openDatabase(place);
  try {
    for await (const pairs of decodeImage(image.chunks)) {
      const batch = db.batch();
      for (const [key, value] of pairs) batch.put(key, value);
      await batch.write();
    }
    await image.inspect(scan(db.iterator()));
  } finally {
    await db.close();
  }
  await place.databases.syncContents(place.dir);
}

/** Completes an installation that came as far as `<dir>.ready`: that image is whole. */
async function finishSwap({ dir, databases }: Place): Promise<void> {
  await databases.remove(`${dir}.new`);
  if (!(await databases.exists(`${dir}.ready`))) return;
  // In this order on disk: the old database may not go before the new one's name is there to stay.
  await databases.syncNames(dir);
  await databases.remove(dir);
  await databases.rename(`${dir}.ready`, dir);
  await databases.syncNames(dir);
}

async function* scan(iterator: DatabaseIterator): AsyncGenerator<readonly Pair[]> {
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
