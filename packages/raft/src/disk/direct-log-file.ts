/**
 * A file of the log that is written past the kernel's cache: nobody reads a log but a process that
 * starts, and the cache would take a page for zeros and records of each 4 KiB of it.
 *
 * L1 only where zeros are known to follow, from a write's end to that of its block: whatever would
 *    change a byte that it was not asked to goes through the cache.
 * L2 so does what the file system refuses.
 */
import { bytesOf } from "@sagong/base";
import { DirectFile } from "@sagong/base/real";
import type { LogFile } from "../storage/log-files.js";
import type { CachedLogFile } from "./cached-log-file.js";

export interface DirectLogFileOptions {
  /** What writes past the cache are made of: a power of two. */
  readonly blockBytes?: number;
}

export class DirectLogFile implements LogFile {
  readonly sizeBytes: number;
  readonly #cached: CachedLogFile;
  readonly #durable: DirectFile;
  readonly #plain: DirectFile;
  /** The file has zeros from `from` up to `to`; `from` is never before the end of a write. */
  readonly #zeros = { from: 0, to: 0 };

  private constructor(cached: CachedLogFile, durable: DirectFile, plain: DirectFile) {
    this.sizeBytes = cached.sizeBytes;
    this.#cached = cached;
    this.#durable = durable;
    this.#plain = plain;
  }

  /** The same file as `cached`, which it closes with itself; undefined where the system has no such writes. */
  static async over(
    cached: CachedLogFile,
    path: string,
    { blockBytes }: DirectLogFileOptions = {},
  ): Promise<DirectLogFile | undefined> {
    const durable = await DirectFile.open(path, { isDurable: true, blockBytes });
    if (!durable) return undefined;
    let plain: DirectFile | undefined;
    try {
      plain = await DirectFile.open(path, { isDurable: false, blockBytes });
    } finally {
      if (!plain) await durable.close();
    }
    return plain && new DirectLogFile(cached, durable, plain);
  }

  async writeDurably(parts: readonly Uint8Array[], position: number): Promise<void> {
    const end = position + bytesOf(parts);
    const known = this.#zeros;
    const zerosFollow = known.from <= end && this.#durable.blockEnd(end) <= known.to;
    if (!zerosFollow || !(await this.#durable.write(parts, position))) {
      this.#durable.forget();
      await this.#cached.writeDurably(parts, position);
    }
    known.from = Math.max(known.from, end);
  }

  async writeZeros(length: number, position: number): Promise<void> {
    const end = position + length;
    const [from, to] = [this.#plain.blockEnd(position), this.#plain.blockStart(end)];
    if (from < to && (await this.#plain.writeZeros(from, to))) {
      await this.#cached.writeZeros(from - position, position);
      await this.#cached.writeZeros(end - to, to);
    } else {
      await this.#cached.writeZeros(length, position);
    }
    const known = this.#zeros;
    // Of what lies between those that are known and these nothing is known.
    if (position > Math.max(known.from, known.to)) known.from = position;
    known.to = Math.max(known.to, end);
  }

  sync(): Promise<void> {
    return this.#cached.sync();
  }

  async close(): Promise<void> {
    await Promise.all([this.#durable.close(), this.#plain.close(), this.#cached.close()]);
  }
}
