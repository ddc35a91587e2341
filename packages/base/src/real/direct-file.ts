/**
 * A file that is written past the kernel's cache (`O_DIRECT`). In a virtual machine whose host gives
 * pages slowly, making the cache's pages for what nobody reads soon was up to a fifth of what a store
 * takes.
 *
 * Such a write takes whole blocks, from memory that begins with a page. So what is written is copied
 * behind what its first block has already, and zeros fill the last one:
 *
 *        ├──── block ────┼──── block ────┼──── block ────┤
 *        │ written before ▒▒▒▒ the parts ▒▒▒▒▒▒│  zeros  │
 *                         └ position           └ end     └ the write's end
 *
 * D1 whoever writes has nothing but zeros, or the file's end, from the end to that of the block.
 * D2 a block is written again with what it had and more. That is no more than the cache does, which
 *    writes whole pages: a sector that is written anew has what was on disk before and after.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { assert } from "../assert.js";
import { hasCode } from "../error-code.js";
import { alignedZeros, giveBackChunk, lendChunk } from "./aligned-memory.js";
import { writeAll } from "./write-all.js";

/** What every usual disk and file system takes as a whole; most take 512. */
const BLOCK_BYTES = 4_096;

export interface DirectFileOptions {
  /** Each write is on disk when it resolves (`O_DSYNC`). */
  readonly isDurable: boolean;
  /** What is written at once is a multiple of it: a power of two. */
  readonly blockBytes?: number | undefined;
}

export class DirectFile {
  readonly #handle: FileHandle;
  readonly #blockBytes: number;
  /** Once refused, always: it wants larger blocks. */
  #isRefused = false;
  /** The last write's end, and what its block has up to there; -1 where that is not known. */
  #end = -1;
  readonly #tail: Uint8Array;

  private constructor(handle: FileHandle, blockBytes: number) {
    this.#handle = handle;
    this.#blockBytes = blockBytes;
    this.#tail = new Uint8Array(blockBytes);
  }

  /** One that is there already; undefined where the system has no such writes. */
  static async open(
    path: string,
    { isDurable, blockBytes = BLOCK_BYTES }: DirectFileOptions,
  ): Promise<DirectFile | undefined> {
    const { O_DIRECT, O_DSYNC, O_RDWR } = constants;
    if (process.platform !== "linux") return undefined;
    try {
      const handle = await open(path, O_RDWR | O_DIRECT | (isDurable ? O_DSYNC : 0));
      return new DirectFile(handle, blockBytes);
    } catch (error) {
      if (isRefusal(error)) return undefined;
      throw error;
    }
  }

  /**
   * Writes the parts one behind the other, and zeros up to the end of their last block (D1). False
   * where the system refuses it, or no memory is left: then it has to be written otherwise. One call
   * at a time.
   */
  async write(parts: readonly Uint8Array[], position: number): Promise<boolean> {
    const chunk = this.#isRefused ? undefined : lendChunk();
    if (!chunk) return false;
    try {
      await this.#writeBlocks(chunk, parts, position);
      return true;
    } catch (error) {
      this.#end = -1;
      return this.#refuse(error);
    } finally {
      giveBackChunk(chunk);
    }
  }

  async #writeBlocks(
    chunk: Uint8Array,
    parts: readonly Uint8Array[],
    position: number,
  ): Promise<void> {
    let at = this.blockStart(position);
    let filled = position - at;
    if (filled > 0 && this.#end === position) chunk.set(this.#tail.subarray(0, filled));
    else if (filled > 0) await this.#readTail(chunk, { at, length: filled });
    for (const part of parts) {
      for (let from = 0; from < part.length;) {
        const to = Math.min(part.length, from + chunk.length - filled);
        chunk.set(part.subarray(from, to), filled);
        filled += to - from;
        from = to;
        if (filled < chunk.length) continue;
        await writeAll(this.#handle.fd, [chunk], at);
        at += filled;
        filled = 0;
      }
    }
    const [tail, end] = [this.blockStart(filled), this.blockEnd(filled)];
    if (end > 0) {
      chunk.fill(0, filled, end);
      await writeAll(this.#handle.fd, [chunk.subarray(0, end)], at);
    }
    this.#tail.set(chunk.subarray(tail, filled));
    this.#end = at + filled;
  }

  /** What the block at `at` has already. */
  async #readTail(
    chunk: Uint8Array,
    { at, length }: { readonly at: number; readonly length: number },
  ): Promise<void> {
    const { bytesRead } = await this.#handle.read(chunk, 0, this.#blockBytes, at);
    assert(bytesRead >= length, `the file has ${bytesRead} bytes at ${at}, expected ${length}`);
  }

  /** For whoever has written the file otherwise. */
  forget(): void {
    this.#end = -1;
  }

  /** Zeros from the beginning of a block to that of another. False as `write`; they may be under way at once. */
  async writeZeros(from: number, to: number): Promise<boolean> {
    const zeros = this.#isRefused ? undefined : alignedZeros();
    if (!zeros) return false;
    try {
      for (let at = from; at < to; at += zeros.length) {
        await writeAll(this.#handle.fd, [zeros.subarray(0, to - at)], at);
      }
      return true;
    } catch (error) {
      return this.#refuse(error);
    }
  }

  #refuse(error: unknown): boolean {
    if (!isRefusal(error)) throw error;
    this.#isRefused = true;
    return false;
  }

  /** Where the block begins that has `offset`. */
  blockStart(offset: number): number {
    return offset - (offset % this.#blockBytes);
  }

  /** Where the first block begins that is not before `offset`. */
  blockEnd(offset: number): number {
    return this.blockStart(offset + this.#blockBytes - 1);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

function isRefusal(error: unknown): boolean {
  return hasCode(error, "EINVAL") || hasCode(error, "EOPNOTSUPP");
}
