/**
 * A file of the log that is written past the kernel's cache (`O_DIRECT`): nobody reads a log but a
 * process that starts, and making the cache's pages, twice for each byte of the log, was up to a fifth
 * of what three members take in a virtual machine whose host gives pages slowly.
 *
 * Such a write takes whole blocks, from memory that begins with a page. So what is written is copied
 * behind what the block has already, and zeros fill its last block:
 *
 *        ├──── block ────┼──── block ────┼──── block ────┤
 *        │ acknowledged ▒▒▒▒▒ the parts ▒▒▒▒▒▒▒│ zeros   │ zeros, written ahead …
 *                       └ position             └ end     └ the write's end
 *
 * D1 only where zeros are known to follow, from the write's end to that of its block: whatever
 *    would change a byte that it was not asked to goes through the cache.
 * D2 a block may be written again with what it had and more. That is no more than the cache does,
 *    which writes whole pages: a sector that is written anew has its acknowledged bytes before and after.
 * D3 what the file system refuses (`EINVAL`: it wants larger blocks, or none) goes through the cache
 *    from then on.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { assert, bytesOf, hasCode } from "@sagong/base";
import { writeAll } from "@sagong/base/real";
import type { LogFile } from "../storage/log-files.js";
import { alignedMemory } from "./aligned-memory.js";
import { type CachedLogFile, DSYNC } from "./cached-log-file.js";

/** What every usual disk and file system takes as a whole; most take 512. */
export const BLOCK_BYTES = 4_096;
/** Written at a time. */
const CHUNK_BYTES = 1024 * 1024;

/** What one file's writes go out of, lent to one after the other. */
export class DirectMemory {
  /** What is being written. */
  readonly chunk: Uint8Array;
  /** Never written to. */
  readonly zeros: Uint8Array;

  /** Throws `RangeError` where there is no room. */
  constructor() {
    const memory = alignedMemory(2 * CHUNK_BYTES);
    this.chunk = memory.subarray(0, CHUNK_BYTES);
    this.zeros = memory.subarray(CHUNK_BYTES, 2 * CHUNK_BYTES);
  }
}

interface Handles {
  readonly durable: FileHandle;
  /** Without O_DSYNC. */
  readonly plain: FileHandle;
}

export interface DirectOptions {
  readonly memory: DirectMemory;
  /** Told when the memory may be lent to another. */
  readonly onClose: () => void;
  /** What is written at once is a multiple of it: a power of two. */
  readonly blockBytes: number;
}

export class DirectLogFile implements LogFile {
  readonly sizeBytes: number;
  readonly #cached: CachedLogFile;
  readonly #handles: Handles;
  readonly #options: DirectOptions;
  #isRefused = false;
  /** Zeros are in the file from `from` up to `to`: `from` is never before the end of a write. */
  readonly #zeros = { from: 0, to: 0 };
  /** The chunk begins with the block that ends here so far; -1 where it does not. */
  #tailEnd = -1;
  #writing: Promise<void> = Promise.resolve();

  private constructor(cached: CachedLogFile, handles: Handles, options: DirectOptions) {
    this.sizeBytes = cached.sizeBytes;
    this.#cached = cached;
    this.#handles = handles;
    this.#options = options;
  }

  /** The same file as `cached`, which it closes with itself; undefined where the system has no such writes. */
  static async over(
    cached: CachedLogFile,
    path: string,
    options: DirectOptions,
  ): Promise<DirectLogFile | undefined> {
    const { O_DIRECT, O_RDWR } = constants;
    if (O_DIRECT === undefined || DSYNC === 0) return undefined;
    let durable: FileHandle | undefined;
    try {
      durable = await open(path, O_RDWR | O_DIRECT | DSYNC);
      const plain = await open(path, O_RDWR | O_DIRECT);
      return new DirectLogFile(cached, { durable, plain }, options);
    } catch (error) {
      await durable?.close();
      if (isRefusal(error)) return undefined;
      throw error;
    }
  }

  async writeDurably(parts: readonly Uint8Array[], position: number): Promise<void> {
    const end = position + bytesOf(parts);
    const { from, to } = this.#zeros;
    const zerosFollow = from <= end && this.#blockEnd(end) <= to;
    if (!zerosFollow || !(await this.#tryDirectly(() => this.#writeBlocks(parts, position)))) {
      this.#tailEnd = -1;
      await this.#cached.writeDurably(parts, position);
    }
    this.#zeros.from = Math.max(this.#zeros.from, end);
  }

  async writeZeros(length: number, position: number): Promise<void> {
    const end = position + length;
    const [from, to] = [this.#blockEnd(position), this.#blockStart(end)];
    if (from < to && (await this.#tryDirectly(() => this.#writeZeroBlocks(from, to)))) {
      await this.#cached.writeZeros(from - position, position);
      await this.#cached.writeZeros(end - to, to);
    } else {
      await this.#cached.writeZeros(length, position);
    }
    const known = this.#zeros;
    if (position > Math.max(known.from, known.to)) known.from = position;
    known.to = Math.max(known.to, end);
  }

  sync(): Promise<void> {
    return this.#cached.sync();
  }

  async close(): Promise<void> {
    await this.#writing;
    const { durable, plain } = this.#handles;
    await Promise.all([durable.close(), plain.close(), this.#cached.close()]);
    this.#options.onClose();
  }

  /** False where the system refuses such writes: then nothing was written. */
  async #tryDirectly(write: () => Promise<void>): Promise<boolean> {
    if (this.#isRefused) return false;
    const writing = write();
    // The memory is the system's to read until then.
    const settled = Promise.allSettled([this.#writing, writing]);
    this.#writing = settled.then(() => {});
    try {
      await writing;
      return true;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#isRefused = true;
      return false;
    }
  }

  async #writeBlocks(parts: readonly Uint8Array[], position: number): Promise<void> {
    const { chunk } = this.#options.memory;
    let at = this.#blockStart(position);
    let filled = position - at;
    if (filled > 0 && this.#tailEnd !== position) await this.#readTail(at, filled);
    this.#tailEnd = -1;
    for (const part of parts) {
      for (let from = 0; from < part.length;) {
        const to = Math.min(part.length, from + chunk.length - filled);
        chunk.set(part.subarray(from, to), filled);
        filled += to - from;
        from = to;
        if (filled < chunk.length) continue;
        await writeAll(this.#handles.durable.fd, [chunk], at);
        at += filled;
        filled = 0;
      }
    }
    const [tail, end] = [this.#blockStart(filled), this.#blockEnd(filled)];
    if (end > 0) {
      chunk.fill(0, filled, end);
      await writeAll(this.#handles.durable.fd, [chunk.subarray(0, end)], at);
    }
    chunk.copyWithin(0, tail, filled);
    this.#tailEnd = at + filled;
  }

  /** What the block at `at` has already, into the chunk. */
  async #readTail(at: number, length: number): Promise<void> {
    const { memory, blockBytes } = this.#options;
    const { bytesRead } = await this.#handles.plain.read(memory.chunk, 0, blockBytes, at);
    assert(bytesRead >= length, `the log's file has ${bytesRead} bytes at ${at}, not ${length}`);
  }

  async #writeZeroBlocks(from: number, to: number): Promise<void> {
    const { zeros } = this.#options.memory;
    for (let at = from; at < to; at += zeros.length) {
      await writeAll(this.#handles.plain.fd, [zeros.subarray(0, to - at)], at);
    }
  }

  #blockStart(offset: number): number {
    return offset - (offset % this.#options.blockBytes);
  }

  #blockEnd(offset: number): number {
    return this.#blockStart(offset + this.#options.blockBytes - 1);
  }
}

function isRefusal(error: unknown): boolean {
  return hasCode(error, "EINVAL") || hasCode(error, "EOPNOTSUPP");
}
