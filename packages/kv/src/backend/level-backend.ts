/**
 * The backend on LevelDB, with large blocks of versions in files beside it. Writes collect in memory
 * and go there in the background, whole batches at a time and in order; reads look there first. So
 * applying never waits for the disk, and a crash loses only whole batches at the end, which the raft
 * log has: each batch carries the applied mark.
 *
 *     put, delete ─▶ open ──commit──▶ waiting ──▶ writing ──▶ staged ──▶ LevelDB
 *                                                    └─ large blocks ─▶ block file
 *
 * Commits of a few milliseconds share one write: each write is a task for another thread, and costs
 * more than what it carries.
 *
 * L1 a batch reaches LevelDB in one atomic write together with its applied mark.
 * L2 batches are written in the order of their commits, one write at a time. Behind a reference to a
 *    block that is not on disk yet (D1 in database-folder.ts) all batches wait, as one, for a sync.
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
import {
  type BlockCensus,
  type BlockMove,
  type DatabaseFolder,
  LAST_KEY,
} from "./database-folder.js";
import { encodeImage } from "./image-format.js";
import {
  bufferedBytesMax,
  finishSwap,
  type FolderPlace,
  openFolder,
  writeImage,
} from "./open-folder.js";
import { PendingBatch } from "./pending-batch.js";

export interface LevelBackendOptions extends FolderPlace {
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/**
 * How long a commit waits for others to share its write, unless so many bytes wait already. The log
 * has it: nobody but a later restart, which reads that much more of the log, waits for it. A write
 * wakes two threads.
 */
const GATHER_MS = 50;
const GATHER_BYTES = 512 * 1024;

export class LevelBackend implements StateMedium {
  readonly #options: LevelBackendOptions;
  #folder: DatabaseFolder;
  /** Being filled; visible to reads, not yet committed. */
  readonly #open: PendingBatch = new PendingBatch();
  /** Committed, waiting for its write. */
  #waiting: PendingBatch = new PendingBatch();
  /** On its way to the block files and to LevelDB. */
  #writing: PendingBatch = new PendingBatch();
  /** Has a share in every batch. */
  #late: LateWriter | undefined;
  #gathering: Timer | undefined;
  #pump: Promise<void> | undefined;
  #flushWanted = false;
  /** Blocks that the next write copies to where there is less garbage. */
  #moves: readonly BlockMove[] = [];
  /** At most so much is in LevelDB's buffer, and so in its present log. */
  #bufferedBytes = 0;
  /** Under way; those asked for meanwhile come behind it. */
  #compaction: Promise<void> | undefined;
  /** Likewise: of what lives among garbage in block files. */
  #moving: Promise<void> | undefined;
  /** The database is closed, and another will be in its place. */
  #isSwapping = false;
  #isClosing = false;
  #failed: BackendError | undefined;

  private constructor(options: LevelBackendOptions, folder: DatabaseFolder) {
    this.#options = options;
    this.#folder = folder;
  }

  /** Rejects with `BackendError` where the database is damaged or held by another process. */
  static async open(options: LevelBackendOptions): Promise<LevelBackend> {
    await finishSwap(options);
    return new LevelBackend(options, await openFolder(options));
  }

  /** Throws `BackendError` where it cannot be read. */
  get(key: Uint8Array): Uint8Array | undefined {
    const name = toBinaryString(key);
    const write = this.#open.find(name) ?? this.#waiting.find(name) ?? this.#writing.find(name);
    if (write) return write.value;
    try {
      return this.#folder.get(name, key);
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

  /**
   * Bytes that are committed, and neither in LevelDB nor in a block file. The owner takes no more work
   * above a limit.
   */
  get backlogBytes(): number {
    return this.#waitingBytes + this.#writing.bytes + this.#folder.stagedBytes;
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
      yield* this.#folder.scan();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new BackendError(`Cannot read the database: ${why}`, { cause: error });
    }
  }

  /** Of the database's tables, its own log and the block files, roughly, and what waits. */
  async sizeBytes(): Promise<number> {
    return (await this.#folder.sizeBytes()) + this.backlogBytes;
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
    const snapshot = this.#folder.openSnapshot();
    return {
      mark: snapshot.get(APPLIED_MARK_KEY),
      chunks: encodeImage(snapshot.pairs),
      close: () => snapshot.close(),
    };
  }

  /** Replaces everything by an image; a crash at any point leaves the old or the new one whole. */
  async installImage(chunks: AsyncIterable<Uint8Array>, steps: ImageSteps): Promise<void> {
    const fresh = `${this.#options.dir}.new`;
    let census: BlockCensus | undefined;
    try {
      const place = { ...this.#options, dir: fresh };
      census = await writeImage(place, { chunks, inspect: steps.inspect });
      await this.flush();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new ImageRefusedError(`Cannot take the image: ${why}`, { cause: error });
    }
    this.#isSwapping = true;
    steps.beforeSwap();
    try {
      await this.#swap(fresh, census);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  async #swap(fresh: string, census: BlockCensus | undefined): Promise<void> {
    const { dir, databases } = this.#options;
    await this.#pump;
    await this.#moving?.catch(() => {}); // Whoever asked for it is told, as for the next.
    await this.#compaction?.catch(() => {});
    await this.#folder.close();
    await databases.rename(fresh, `${dir}.ready`);
    await finishSwap(this.#options);
    this.#folder = await openFolder(this.#options, census);
    // What a clean-up of the old state still wanted to write has nothing to do with the new one.
    this.#waiting.clear();
    this.#moves = [];
    this.#late?.onReplaced();
    this.#late = undefined;
    this.#isSwapping = false;
  }

  /** Gives the space of deleted pairs back; runs beside reads and writes, off the main thread. */
  async reclaim(): Promise<void> {
    if (this.#isSwapping) return; // An image's database has no deleted pairs.
    await this.#moveLiving();
    if (this.#isSwapping || this.#isClosing) return;
    await this.#compact(Uint8Array.of(0), LAST_KEY);
  }

  /** Copies what lives among garbage in block files; the files go with the next sync. */
  #moveLiving(): Promise<void> {
    const before = this.#moving?.catch(() => {}) ?? Promise.resolve();
    const moving = before
      .then(async () => {
        await this.flush(); // What was given up last counts as well.
        for await (const moves of this.#folder.movesOutOfSparse()) {
          if (!(await this.#move(moves))) return;
        }
      })
      .finally(() => {
        if (this.#moving === moving) this.#moving = undefined;
      });
    this.#moving = moving;
    return moving;
  }

  /** False where the database is about to be closed. */
  async #move(moves: readonly BlockMove[]): Promise<boolean> {
    this.#moves = moves;
    while (this.#moves === moves) {
      this.#start();
      if (this.#failed) throw this.#failed;
      if (!this.#pump || this.#isClosing) return false;
      await this.#pump;
    }
    return !this.#isClosing;
  }

  /** LevelDB begins a new log at a moment that only it knows: meanwhile every write is synced (L4). */
  #compact(first: Uint8Array, last: Uint8Array): Promise<void> {
    const before = this.#compaction?.catch(() => {}) ?? Promise.resolve();
    const compaction = before
      .then(() => this.flush())
      .then(() => this.#folder.db.compactRange(first, last))
      .finally(() => {
        if (this.#compaction === compaction) this.#compaction = undefined;
      });
    this.#compaction = compaction;
    return compaction;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    try {
      await this.#moving?.catch(() => {}); // Whoever asked for it is told, as for the compaction.
      do {
        if (!this.#failed) await this.flush();
      } while (this.#hasWaiting && !this.#failed);
    } finally {
      await this.#compaction?.catch(() => {});
      // A failure elsewhere may have left one under way.
      while (this.#pump) await this.#pump;
      await this.#folder.close();
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
    if (!this.#hasWaiting && !this.#flushWanted && this.#moves.length === 0) return;
    this.#pump = this.#write().finally(() => {
      this.#pump = undefined;
      if (this.#flushWanted) this.#start();
      else this.#gather();
    });
  }

  async #write(): Promise<void> {
    this.#late?.onWrite((key, value) => this.#waiting.add(key, value));
    const folder = this.#folder;
    const written = this.#waiting;
    const [flush, moves] = [this.#flushWanted, this.#moves];
    this.#flushWanted = false;
    this.#moves = [];
    this.#waiting = this.#writing;
    this.#writing = written;
    try {
      await folder.stage(written, moves);
      this.#writing.clear();
      const buffered = this.#bufferedBytes + folder.bufferBytes;
      const isFull = buffered >= bufferedBytesMax(this.#options);
      const sync = flush || isFull || this.#compaction !== undefined || folder.wantsSync;
      if (folder.mustSync && !sync) return;
      await folder.write({ sync });
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
