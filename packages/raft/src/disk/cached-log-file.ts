/** A file of the log that is written through the kernel's cache. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { writeAll } from "@sagong/base/real";
import type { LogFile } from "../storage/log-files.js";

/**
 * Linux: a write with this flag is the write and its fdatasync in one (open(2)), one task for a
 * thread instead of two. Elsewhere the flag may promise less than a sync, so that is called.
 */
const DSYNC = process.platform === "linux" ? constants.O_DSYNC : 0;
/** Zeros are written so many at a time. */
const ZEROS = new Uint8Array(256 * 1024);

export class CachedLogFile implements LogFile {
  readonly sizeBytes: number;
  readonly #durable: FileHandle;
  /** Without O_DSYNC. */
  readonly #plain: FileHandle;

  private constructor(
    sizeBytes: number,
    handles: { readonly durable: FileHandle; readonly plain: FileHandle },
  ) {
    this.sizeBytes = sizeBytes;
    this.#durable = handles.durable;
    this.#plain = handles.plain;
  }

  /** `how` is added to the flags of open(2). */
  static async open(path: string, how: number): Promise<CachedLogFile> {
    const durable = await open(path, constants.O_WRONLY | DSYNC | how, 0o600);
    try {
      const plain = await open(path, constants.O_WRONLY);
      const { size } = await plain.stat();
      return new CachedLogFile(size, { durable, plain });
    } catch (error) {
      await durable.close();
      throw error;
    }
  }

  writeDurably(parts: readonly Uint8Array[], position: number): Promise<void> {
    const written = writeAll(this.#durable.fd, parts, position);
    return DSYNC === 0 ? written.then(() => this.#durable.datasync()) : written;
  }

  async writeZeros(length: number, position: number): Promise<void> {
    for (let done = 0; done < length;) {
      const zeros = ZEROS.subarray(0, length - done);
      await writeAll(this.#plain.fd, [zeros], position + done);
      done += zeros.length;
    }
  }

  sync(): Promise<void> {
    return this.#plain.datasync();
  }

  async close(): Promise<void> {
    await Promise.all([this.#durable.close(), this.#plain.close()]);
  }
}
