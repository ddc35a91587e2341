/**
 * One segment that is being written: records go behind each other with a write that returns when it
 * is on disk, off the main thread. Zeros are written ahead, in the background: a write into a file
 * whose size and blocks do not change needs no commit of the file system's journal (measured on
 * ext4: 0.28 → 0.13 ms for 30 KB). etcd prepares its segments for the same reason.
 *
 * Z1 zeros are written only behind everything appended: an append that reaches beyond what is
 *    prepared waits for what is being prepared.
 * Z2 files are never used again: what is behind the last record is zeros, or was torn.
 * Z3 a disk without room for zeros may have room for records: nothing more is prepared then.
 */
import { bytesOf, hasCode } from "@sagong/base";
import type { LogFile, LogFiles } from "./log-files.js";

export interface SegmentFileOptions {
  readonly files: LogFiles;
  readonly name: string;
  /** Zeros are written ahead up to this size; records may go beyond it. */
  readonly sizeBytes: number;
}

/** Written ahead at a time; 5 ms of a disk that writes 1 GB/s. */
const STEP_BYTES = 4 * 1024 * 1024;
const NO_ROOM = ["ENOSPC", "EDQUOT", "EFBIG"] as const;

export class SegmentFile {
  /** Prepared up to here. */
  #sizeBytes: number;
  readonly #file: LogFile;
  #end: number;
  #preparedTo: number;
  #preparing: Promise<void> | undefined;

  private constructor(file: LogFile, at: { readonly end: number; readonly sizeBytes: number }) {
    this.#file = file;
    this.#sizeBytes = at.sizeBytes;
    this.#end = at.end;
    this.#preparedTo = file.sizeBytes;
  }

  static async create({ files, name, sizeBytes }: SegmentFileOptions): Promise<SegmentFile> {
    return new SegmentFile(await files.create(name), { end: 0, sizeBytes });
  }

  /**
   * Goes on behind the last record, at `end`: nothing but zeros may be there. Everything before it is
   * on disk when this resolves: a process that was killed may have left it in the cache only.
   */
  static async open(options: SegmentFileOptions, end: number): Promise<SegmentFile> {
    const { files, name, sizeBytes } = options;
    const file = await files.open(name);
    try {
      await file.sync();
      return new SegmentFile(file, { end, sizeBytes });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Where the next record begins. */
  get end(): number {
    return this.#end;
  }

  /** Resolves when the bytes are on disk. Calls must not overlap. */
  async append(parts: readonly Uint8Array[]): Promise<void> {
    const end = this.#end + bytesOf(parts);
    while (end > this.#preparedTo && (this.#preparing || this.#preparedTo < this.#sizeBytes)) {
      await this.#prepare();
    }
    await this.#file.writeDurably(parts, this.#end);
    this.#end = end;
    const isLow = this.#preparedTo - end < STEP_BYTES / 2 && this.#preparedTo < this.#sizeBytes;
    // A failure is met by the append that needs the room.
    if (isLow) this.#prepare().catch(() => {});
  }

  async close(): Promise<void> {
    await this.#preparing?.catch(() => {}); // Nothing will be appended there any more.
    await this.#file.close();
  }

  /** Stays rejected where it has failed for another reason than that there is no room. */
  #prepare(): Promise<void> {
    this.#preparing ??= this.#zero()
      .catch((error: unknown) => {
        if (!NO_ROOM.some((code) => hasCode(error, code))) throw error;
        this.#sizeBytes = 0;
      })
      .then(() => {
        this.#preparing = undefined;
      });
    return this.#preparing;
  }

  async #zero(): Promise<void> {
    const from = Math.max(this.#preparedTo, this.#end);
    const to = Math.min(this.#sizeBytes, from + STEP_BYTES);
    await this.#file.writeZeros(to - from, from);
    await this.#file.sync();
    this.#preparedTo = to;
  }
}
