/**
 * The backend on LevelDB (classic-level). Writes collect in memory and go to the database in the
 * background, whole batches at a time and in order; reads look there first. So applying never waits
 * for the disk, and a crash loses only whole batches at the end, which the raft log has: each batch
 * carries the applied mark.
 *
 * L1 a batch reaches LevelDB in one atomic write together with its applied mark.
 * L2 batches are written in the order of their commits, one write at a time.
 * L3 after a failed write nothing more is written; `onError` is told once, and the member stops.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { ClassicLevel } from "classic-level";
import { APPLIED_MARK_KEY, type Backend } from "../mvcc/backend.js";
import { toBinaryString } from "../mvcc/binary-string.js";
import { decodeImage, encodeImage } from "./image-format.js";

export interface LevelBackendOptions {
  readonly dir: string;
  readonly onError: (error: unknown) => void;
}

type Database = ClassicLevel<Uint8Array, Uint8Array>;
export type Pair = readonly [key: Uint8Array, value: Uint8Array];

interface Write {
  readonly key: Uint8Array;
  /** Undefined: delete. */
  readonly value: Uint8Array | undefined;
}

type Batch = Map<string, Write>;

/** The database cannot be opened or written; the member must stop. */
export class BackendError extends Error {
  override readonly name: string = "BackendError";
}

/** Pairs that one read of an iterator fetches. */
const SCAN_PAIRS = 1_000;
/** LevelDB's own buffers, per process. */
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024;
const BLOCK_CACHE_BYTES = 32 * 1024 * 1024;

export class LevelBackend implements Backend {
  readonly #options: LevelBackendOptions;
  #db: Database;
  /** Being filled; visible to reads, not yet committed. */
  #open: Batch = new Map();
  /** Committed, waiting for the write under way. */
  #waiting: Batch = new Map();
  /** On its way to LevelDB. */
  #writing: Batch = new Map();
  #backlogBytes = 0;
  #pump: Promise<void> | undefined;
  #flushWanted = false;
  #failed: BackendError | undefined;

  private constructor(options: LevelBackendOptions, db: Database) {
    this.#options = options;
    this.#db = db;
  }

  /** Rejects with `BackendError` where the database is damaged or held by another process. */
  static async open(options: LevelBackendOptions): Promise<LevelBackend> {
    await finishSwap(options.dir);
    return new LevelBackend(options, await openDatabase(options.dir));
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const name = toBinaryString(key);
    const write = this.#open.get(name) ?? this.#waiting.get(name) ?? this.#writing.get(name);
    return write ? write.value : this.#db.getSync(key);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#add(key, value);
  }

  delete(key: Uint8Array): void {
    this.#add(key, undefined);
  }

  commit(): void {
    if (this.#waiting.size === 0) [this.#waiting, this.#open] = [this.#open, this.#waiting];
    else {
      for (const [name, write] of this.#open) this.#waiting.set(name, write);
      this.#open.clear();
    }
    this.#start();
  }

  /** Bytes that are committed but not yet in LevelDB. The owner takes no more work above a limit. */
  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  /** Resolves when all that is committed now is on disk, fsynced. */
  async flush(): Promise<void> {
    this.#flushWanted = true;
    this.#start();
    while (this.#pump) await this.#pump;
    if (this.#failed) throw this.#failed;
  }

  /** Everything in order of keys, for opening. Only before the first write. */
  async *scan(): AsyncGenerator<readonly Pair[]> {
    yield* scan(this.#db.iterator(BINARY));
  }

  /** Size of the database's tables and its own log, roughly, and what waits to be written. */
  async sizeBytes(): Promise<number> {
    const [first, last] = [new Uint8Array(0), new Uint8Array(32).fill(0xff)];
    const tables = await this.#db.approximateSize(first, last);
    return tables + (await logBytes(this.#options.dir)) + this.#backlogBytes;
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
    const iterator = this.#db.iterator({ ...BINARY, snapshot });
    return {
      mark: this.#db.getSync(APPLIED_MARK_KEY, { snapshot }),
      chunks: encodeImage(scan(iterator)),
      close: async () => {
        await iterator.close();
        await snapshot.close();
      },
    };
  }

  /** Replaces everything by an image; a crash at any point leaves the old or the new one whole. */
  async installImage(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { dir } = this.#options;
    const fresh = `${dir}.new`;
    await rm(fresh, { recursive: true, force: true });
    const next = await openDatabase(fresh);
    try {
      for await (const pairs of decodeImage(chunks)) {
        const batch = next.batch();
        for (const [key, value] of pairs) batch.put(key, value);
        await batch.write({ sync: true });
      }
    } finally {
      await next.close();
    }
    await this.flush();
    await this.#db.close();
    await rename(fresh, `${dir}.ready`);
    await finishSwap(dir);
    this.#db = await openDatabase(dir);
  }

  /** Gives the space of deleted pairs back; runs beside reads and writes, off the main thread. */
  async reclaim(): Promise<void> {
    await this.#db.compactRange(Uint8Array.of(0), new Uint8Array(32).fill(0xff));
  }

  async close(): Promise<void> {
    try {
      if (!this.#failed) await this.flush();
    } finally {
      await this.#db.close();
    }
  }

  #add(key: Uint8Array, value: Uint8Array | undefined): void {
    this.#open.set(toBinaryString(key), { key, value });
    this.#backlogBytes += key.length + (value?.length ?? 0);
  }

  #start(): void {
    if (this.#pump || this.#failed) return;
    if (this.#waiting.size === 0 && !this.#flushWanted) return;
    this.#pump = this.#write().finally(() => {
      this.#pump = undefined;
      this.#start();
    });
  }

  async #write(): Promise<void> {
    const sync = this.#flushWanted;
    this.#flushWanted = false;
    const written = this.#waiting;
    this.#waiting = this.#writing;
    this.#writing = written;
    try {
      const batch = this.#db.batch();
      let bytes = 0;
      for (const { key, value } of written.values()) {
        if (value === undefined) batch.del(key);
        else batch.put(key, value);
        bytes += key.length + (value?.length ?? 0);
      }
      // LevelDB syncs only what is written: an empty batch would sync nothing.
      if (written.size === 0 && sync) batch.put(SYNC_KEY, SYNC_KEY);
      await batch.write({ sync });
      this.#backlogBytes = Math.max(0, this.#backlogBytes - bytes);
      this.#writing.clear();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#failed = new BackendError(`Cannot write the database in ${this.#options.dir}: ${why}`, {
      cause: error,
    });
    this.#options.onError(this.#failed);
  }
}

/** A key outside every key space, written where only a sync is wanted. */
const SYNC_KEY = Uint8Array.of(0);
const BINARY = { keyEncoding: "view", valueEncoding: "view" } as const;

async function openDatabase(dir: string): Promise<Database> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const db: Database = new ClassicLevel(dir, {
    ...BINARY,
    writeBufferSize: WRITE_BUFFER_BYTES,
    cacheSize: BLOCK_CACHE_BYTES,
  });
  try {
    await db.open();
    return db;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BackendError(`Cannot open the database in ${dir}: ${why}`, { cause: error });
  }
}

/** What LevelDB has not sorted into tables yet: its sizes do not count it. */
async function logBytes(dir: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(dir)) {
    // LevelDB removes old logs at any time: one that is gone has no size.
    if (name.endsWith(".log")) {
      bytes += await stat(`${dir}/${name}`).then(
        ({ size }) => size,
        () => 0,
      );
    }
  }
  return bytes;
}

/** Completes an installation that came as far as `<dir>.ready`: that image is whole. */
async function finishSwap(dir: string): Promise<void> {
  if (!existsSync(`${dir}.ready`)) return;
  await rm(dir, { recursive: true, force: true });
  await rename(`${dir}.ready`, dir);
}

async function* scan(iterator: {
  nextv(size: number): Promise<[Uint8Array, Uint8Array][]>;
  close(): Promise<void>;
}): AsyncGenerator<readonly Pair[]> {
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
