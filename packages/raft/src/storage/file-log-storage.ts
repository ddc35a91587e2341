/**
 * The log in segment files of one folder, named by sequence: `0000000000000001.wal`, … Appends go
 * to the last one: one write that returns when it is on disk a batch, off the main thread.
 * Compaction removes whole segments whose entries are all in the state machine.
 *
 * F1 a segment begins with its identity, the hard state and the snapshot mark: earlier segments
 *    may go without losing them.
 * F2 only the last record of the last segment may be torn; it is cut off on opening.
 * F3 what opening has found is on disk before anything is promised on it: the process before may
 *    have been killed between a write, or a new segment, and its sync.
 * F4 after any failed write or fsync nothing more is written by this object.
 */
import type { HardState, LogIndex, SnapshotMetadata } from "../core/types.js";
import { ENTRY_FORMAT } from "./entry-format.js";
import type { LogFiles } from "./log-files.js";
import { type LogBatch, type LogStorage, LogStorageError, type StoredLog } from "./log-storage.js";
import { hardStateToMessage, snapshotToMessage } from "./record-codec.js";
import { encodeLogRecord } from "./record-parts.js";
import { SegmentFile } from "./segment-file.js";
import { recordHead, scanRecords } from "./segment-format.js";
import { SegmentReplay } from "./segment-replay.js";

export interface FileLogStorageOptions {
  readonly files: LogFiles;
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
  readonly name: string;
  readonly sequence: number;
  /** The highest index that an entry in it has; 0 where it has none. */
  maxIndex: LogIndex;
}

/** etcd's WAL segment size. */
const SEGMENT_BYTES = 64 * 1024 * 1024;

export class FileLogStorage implements LogStorage {
  readonly stored: StoredLog;
  readonly #options: FileLogStorageOptions;
  readonly #segments: Segment[];
  #file: SegmentFile | undefined;
  #hardState: HardState;
  #snapshot: SnapshotMetadata;
  #broken: unknown;

  private constructor(
    options: FileLogStorageOptions,
    segments: Segment[],
    log: StoredLog,
    file: SegmentFile | undefined,
  ) {
    this.#options = options;
    this.#segments = segments;
    this.stored = log;
    this.#hardState = log.hardState;
    this.#snapshot = log.snapshot;
    this.#file = file;
  }

  /** Rejects with `LogStorageError` where the log is damaged, of another member or another format. */
  static async open(options: FileLogStorageOptions): Promise<FileLogStorage> {
    const { files } = options;
    await files.make();
    const names = (await files.list()).filter((name) => /^\d{16}\.wal$/.test(name)).toSorted();
    const replay = new SegmentReplay({ ...options, dir: files.dir });
    const segments: Segment[] = [];
    let end = 0;
    for (const [i, name] of names.entries()) {
      const path = `${files.dir}/${name}`;
      const sequence = Number.parseInt(name, 10);
      checkSequence(segments.at(-1), sequence, path);
      const read = await readSegment(files, { name, isLast: i === names.length - 1 });
      const segment: Segment = { name, sequence, maxIndex: 0 };
      for (const payload of read.payloads) {
        segment.maxIndex = Math.max(segment.maxIndex, replay.add(payload, path));
      }
      segments.push(segment);
      end = read.end;
    }
    const log = replay.finish();
    const last = segments.at(-1);
    const sizeBytes = options.segmentBytes ?? SEGMENT_BYTES;
    const file = last
      ? await SegmentFile.open({ files, name: last.name, sizeBytes }, end)
      : undefined;
    await files.sync();
    const storage = new FileLogStorage(options, segments, log, file);
    // A last segment whose very first record was torn off would lack what F1 promises.
    if (!last || end === 0) await storage.#guard(() => storage.#newSegment());
    return storage;
  }

  append({ hardState, entries = [] }: LogBatch): Promise<void> {
    return this.#guard(async () => {
      const { segmentBytes = SEGMENT_BYTES } = this.#options;
      if ((this.#file?.end ?? 0) >= segmentBytes) await this.#newSegment();
      const message = hardState ? hardStateToMessage(hardState) : undefined;
      await this.#write(encodeLogRecord({ hardState: message }, entries));
      if (hardState) this.#hardState = hardState;
      const segment = this.#segments.at(-1);
      const last = entries.at(-1);
      if (segment && last) segment.maxIndex = Math.max(segment.maxIndex, last.index);
    });
  }

  compact(snapshot: SnapshotMetadata): Promise<void> {
    return this.#guard(async () => {
      await this.#write(encodeLogRecord({ snapshot: snapshotToMessage(snapshot) }));
      this.#snapshot = snapshot;
      await this.#dropSegments();
    });
  }

  reset(snapshot: SnapshotMetadata): Promise<void> {
    return this.#guard(async () => {
      this.#snapshot = snapshot;
      await this.#write(encodeLogRecord({ snapshot: snapshotToMessage(snapshot), reset: true }));
      for (const segment of this.#segments) segment.maxIndex = 0;
      await this.#newSegment();
      await this.#dropSegments();
    });
  }

  async close(): Promise<void> {
    this.#broken ??= new LogStorageError("Cannot use the log: it is closed");
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** F4: the first failure is the last thing that happens here. */
  async #guard(action: () => Promise<void>): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    try {
      await action();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#broken = new LogStorageError(
        `Cannot write the raft log in ${this.#options.files.dir}: ${why}`,
        { cause: error },
      );
      throw this.#broken;
    }
  }

  async #write(payload: Uint8Array[]): Promise<void> {
    const file = this.#file;
    if (!file) throw new LogStorageError("no segment is open");
    payload.unshift(recordHead(payload));
    const { nowMs, onFsync } = this.#options;
    const start = nowMs?.() ?? 0;
    await file.append(payload);
    if (nowMs) onFsync?.((nowMs() - start) / 1000);
  }

  async #newSegment(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    const sequence = (this.#segments.at(-1)?.sequence ?? 0) + 1;
    const name = `${String(sequence).padStart(16, "0")}.wal`;
    const { files, clusterId, memberId, segmentBytes: sizeBytes = SEGMENT_BYTES } = this.#options;
    this.#file = await SegmentFile.create({ files, name, sizeBytes });
    this.#segments.push({ name, sequence, maxIndex: 0 });
    await this.#write(
      encodeLogRecord({
        identity: { clusterId, memberId, format: ENTRY_FORMAT },
        hardState: hardStateToMessage(this.#hardState),
        snapshot: snapshotToMessage(this.#snapshot),
      }),
    );
    await files.sync();
  }

  /**
   * All but the last, from the oldest on, while everything in them is in the state machine. Each is
   * gone for good before the next goes: a power loss may keep any of the removals that are not synced,
   * and a log with a gap is refused.
   */
  async #dropSegments(): Promise<void> {
    const { files } = this.#options;
    let first = this.#segments[0];
    while (first && this.#segments.length > 1 && first.maxIndex <= this.#snapshot.index) {
      await files.remove(first.name);
      await files.sync();
      this.#segments.shift();
      first = this.#segments[0];
    }
  }
}

/** What the segment holds; a torn end is cut off where it may be torn (F2). */
async function readSegment(
  files: LogFiles,
  { name, isLast }: { readonly name: string; readonly isLast: boolean },
): Promise<{ readonly payloads: readonly Uint8Array[]; readonly end: number }> {
  const bytes = await files.read(name);
  const { payloads, end, rest } = scanRecords(bytes);
  if (rest === "corrupt" || (rest === "torn" && !isLast)) {
    throw new LogStorageError(
      `Cannot open the raft log: ${files.dir}/${name} is damaged at offset ${end} of ${bytes.length}, with acknowledged data behind it; restore this member from its peers`,
    );
  }
  if (rest === "torn") await files.truncate(name, end);
  return { payloads, end };
}

function checkSequence(before: Segment | undefined, sequence: number, path: string): void {
  if (before && sequence !== before.sequence + 1) {
    throw new LogStorageError(
      `Cannot open the raft log: a segment is missing before ${path}, expected number ${before.sequence + 1}; restore this member from its peers`,
    );
  }
}
