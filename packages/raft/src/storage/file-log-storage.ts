/**
 * The log in segment files of one folder, named by sequence: `0000000000000001.wal`, … Appends go
 * to the last one: one write that returns when it is on disk a batch, off the main thread.
 * Compaction removes whole segments whose entries are all in the state machine.
 *
 * F1 a segment begins with its identity, the hard state and the snapshot mark: earlier segments
 *    may go without losing them.
 * F2 only the last record of the last segment may be torn; it is cut off on opening.
 * F3 after any failed write or fsync nothing more is written by this object.
 */
import { constants, write } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "@sagong/base/real";
import type { Entry, HardState, LogIndex, SnapshotMetadata } from "../core/types.js";
import { LogRecord } from "../gen/raft.js";
import {
  EMPTY_HARD_STATE,
  type LogBatch,
  type LogStorage,
  LogStorageError,
  overlay,
  type StoredLog,
} from "./log-storage.js";
import {
  entryFromMessage,
  entryToMessage,
  hardStateFromMessage,
  hardStateToMessage,
  snapshotFromMessage,
  snapshotToMessage,
} from "./record-codec.js";
import { encodeRecord, scanRecords } from "./segment-format.js";

export interface FileLogStorageOptions {
  readonly dir: string;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** The snapshot mark of a log that does not exist yet. */
  readonly initial: SnapshotMetadata;
  readonly segmentBytes?: number;
  /** Told how long each write and its sync took, for metrics. */
  readonly onFsync?: (seconds: number) => void;
  /** Milliseconds of a monotonic clock, for `onFsync`. */
  readonly nowMs?: () => number;
}

interface Segment {
  readonly path: string;
  readonly sequence: number;
  /** The highest index that an entry in it has; 0 where it has none. */
  maxIndex: LogIndex;
}

/** etcd's WAL segment size. */
const SEGMENT_BYTES = 64 * 1024 * 1024;

/**
 * Linux: a write with this flag is the write and its fdatasync in one (open(2)), one task for a
 * thread instead of two. Elsewhere the flag may promise less than a sync, so that is called.
 */
const DSYNC = process.platform === "linux" ? constants.O_DSYNC : 0;
const APPEND = constants.O_WRONLY | constants.O_APPEND | DSYNC;

export class FileLogStorage implements LogStorage {
  readonly stored: StoredLog;
  readonly #options: FileLogStorageOptions;
  readonly #segments: Segment[];
  #file: FileHandle | undefined;
  #fileBytes: number;
  #hardState: HardState;
  #snapshot: SnapshotMetadata;
  #broken: unknown;

  private constructor(
    options: FileLogStorageOptions,
    segments: Segment[],
    log: StoredLog,
    file: { handle: FileHandle | undefined; bytes: number },
  ) {
    this.#options = options;
    this.#segments = segments;
    this.stored = log;
    this.#hardState = log.hardState;
    this.#snapshot = log.snapshot;
    this.#file = file.handle;
    this.#fileBytes = file.bytes;
  }

  /** Rejects with `LogStorageError` where the log is damaged or of another member. */
  static async open(options: FileLogStorageOptions): Promise<FileLogStorage> {
    await mkdir(options.dir, { recursive: true, mode: 0o700 });
    const names = (await readdir(options.dir))
      .filter((name) => /^\d{16}\.wal$/.test(name))
      .toSorted();
    const records: LogRecord[] = [];
    const segments: Segment[] = [];
    let lastBytes = 0;
    for (const [i, name] of names.entries()) {
      const path = join(options.dir, name);
      const sequence = Number.parseInt(name, 10);
      checkSequence(segments.at(-1), sequence, path);
      const file = await readFile(path);
      const bytes = new Uint8Array(file.buffer, file.byteOffset, file.length);
      const { payloads, end, rest } = scanRecords(bytes);
      const isLast = i === names.length - 1;
      if (rest === "corrupt" || (rest === "torn" && !isLast)) {
        throw new LogStorageError(
          `Cannot open the raft log: ${path} is damaged at offset ${end} of ${bytes.length}, with acknowledged data behind it; restore this member from its peers`,
        );
      }
      if (rest === "torn") await cut(path, end);
      const segment: Segment = { path, sequence, maxIndex: 0 };
      for (const payload of payloads) {
        const record = LogRecord.decode(payload);
        if (record.identity) checkIdentity(record.identity, options, path);
        segment.maxIndex = Math.max(segment.maxIndex, record.entries.at(-1)?.index ?? 0);
        records.push(record);
      }
      segments.push(segment);
      lastBytes = end;
    }
    const log = replay(records, options);
    const last = segments.at(-1);
    const handle = last ? await open(last.path, APPEND) : undefined;
    const storage = new FileLogStorage(options, segments, log, { handle, bytes: lastBytes });
    // A last segment whose very first record was torn off would lack what F1 promises.
    if (!last || lastBytes === 0) await storage.#guard(() => storage.#newSegment());
    return storage;
  }

  append(batch: LogBatch): Promise<void> {
    return this.#guard(async () => {
      const { hardState, entries = [] } = batch;
      if (this.#fileBytes >= (this.#options.segmentBytes ?? SEGMENT_BYTES))
        await this.#newSegment();
      await this.#write({
        identity: undefined,
        hardState: hardState ? hardStateToMessage(hardState) : undefined,
        snapshot: undefined,
        reset: false,
        entries: entries.map(entryToMessage),
      });
      if (hardState) this.#hardState = hardState;
      this.#note(entries);
    });
  }

  compact(snapshot: SnapshotMetadata): Promise<void> {
    return this.#guard(async () => {
      await this.#write(LogRecord.create({ snapshot: snapshotToMessage(snapshot) }));
      this.#snapshot = snapshot;
      await this.#dropSegments();
    });
  }

  reset(snapshot: SnapshotMetadata): Promise<void> {
    return this.#guard(async () => {
      this.#snapshot = snapshot;
      await this.#write(LogRecord.create({ snapshot: snapshotToMessage(snapshot), reset: true }));
      for (const segment of this.#segments) segment.maxIndex = 0;
      await this.#newSegment();
      await this.#dropSegments();
    });
  }

  async close(): Promise<void> {
    this.#broken ??= new LogStorageError("Cannot use the log: it is closed");
    await this.#file?.close();
    this.#file = undefined;
  }

  /** F3: the first failure is the last thing that happens here. */
  async #guard(action: () => Promise<void>): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    try {
      await action();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#broken = new LogStorageError(
        `Cannot write the raft log in ${this.#options.dir}: ${why}`,
        {
          cause: error,
        },
      );
      throw this.#broken;
    }
  }

  async #write(record: LogRecord): Promise<void> {
    const file = this.#file;
    if (!file) throw new LogStorageError("no segment is open");
    const bytes = encodeRecord(LogRecord.encode(record));
    const { nowMs, onFsync } = this.#options;
    const start = nowMs?.() ?? 0;
    for (let written = 0; written < bytes.length;) {
      written += await writeSome(file.fd, bytes, written);
    }
    if (DSYNC === 0) await file.datasync();
    if (nowMs) onFsync?.((nowMs() - start) / 1000);
    this.#fileBytes += bytes.length;
  }

  #note(entries: readonly Entry[]): void {
    const segment = this.#segments.at(-1);
    const last = entries.at(-1);
    if (segment && last) segment.maxIndex = Math.max(segment.maxIndex, last.index);
  }

  async #newSegment(): Promise<void> {
    await this.#file?.close();
    const sequence = (this.#segments.at(-1)?.sequence ?? 0) + 1;
    const path = join(this.#options.dir, `${String(sequence).padStart(16, "0")}.wal`);
    this.#file = await open(path, APPEND | constants.O_CREAT, 0o600);
    this.#fileBytes = 0;
    this.#segments.push({ path, sequence, maxIndex: 0 });
    const { clusterId, memberId } = this.#options;
    await this.#write(
      LogRecord.create({
        identity: { clusterId, memberId },
        hardState: hardStateToMessage(this.#hardState),
        snapshot: snapshotToMessage(this.#snapshot),
      }),
    );
    await syncFolder(this.#options.dir);
  }

  /** All but the last, from the oldest on, while everything in them is in the state machine. */
  async #dropSegments(): Promise<void> {
    let first = this.#segments[0];
    while (first && this.#segments.length > 1 && first.maxIndex <= this.#snapshot.index) {
      await rm(first.path, { force: true });
      this.#segments.shift();
      first = this.#segments[0];
    }
    await syncFolder(this.#options.dir);
  }
}

/**
 * The log that the records tell of. Only what stands behind the last mark counts: segments before
 * it may be gone, so earlier records alone can begin in the middle.
 */
function replay(records: readonly LogRecord[], options: FileLogStorageOptions): StoredLog {
  let hardState = EMPTY_HARD_STATE;
  let snapshot = options.initial;
  for (const record of records) {
    if (record.hardState) hardState = hardStateFromMessage(record.hardState);
    if (record.snapshot) snapshot = snapshotFromMessage(record.snapshot);
  }
  const entries: Entry[] = [];
  for (const record of records.slice(records.findLastIndex(({ reset }) => reset) + 1)) {
    const news = record.entries.map(entryFromMessage);
    const expected = snapshot.index + entries.length + 1;
    if (news[0] && news[0].index > expected) {
      throw new LogStorageError(
        `Cannot open the raft log in ${options.dir}: entry ${news[0].index} follows where ${expected} was expected`,
      );
    }
    overlay(entries, news, snapshot.index + 1);
  }
  return { hardState, snapshot, entries };
}

function checkIdentity(
  identity: { readonly clusterId: bigint; readonly memberId: bigint },
  options: FileLogStorageOptions,
  path: string,
): void {
  if (identity.clusterId === options.clusterId && identity.memberId === options.memberId) return;
  const text = (id: bigint): string => id.toString(16);
  throw new LogStorageError(
    `Cannot open the raft log: ${path} is of member ${text(identity.memberId)} in cluster ${text(identity.clusterId)}, expected member ${text(options.memberId)} in cluster ${text(options.clusterId)}`,
  );
}

function checkSequence(before: Segment | undefined, sequence: number, path: string): void {
  if (before && sequence !== before.sequence + 1) {
    throw new LogStorageError(
      `Cannot open the raft log: a segment is missing before ${path}, expected number ${before.sequence + 1}`,
    );
  }
}

/** Resolves with how many bytes were written. Half of what the file handle's own `write` costs. */
function writeSome(fd: number, bytes: Uint8Array, from: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, from, bytes.length - from, null, (error, written) => {
      if (error) reject(error);
      else resolve(written);
    });
  });
}

async function cut(path: string, length: number): Promise<void> {
  await truncate(path, length);
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
