/** The log's folder on Node's file system. */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder, writeAll } from "@sagong/base/real";
import type { LogFile, LogFiles } from "../storage/log-files.js";

/** The folder need not exist. */
export function nodeLogFiles(dir: string): LogFiles {
  const path = (name: string): string => join(dir, name);
  return {
    dir,
    make: async () => {
      await mkdir(dir, { recursive: true, mode: 0o700 });
    },
    list: () => readdir(dir),
    read: async (name) => {
      const file = await readFile(path(name));
      return new Uint8Array(file.buffer, file.byteOffset, file.length);
    },
    create: (name) => NodeLogFile.open(path(name), constants.O_CREAT | constants.O_EXCL),
    open: (name) => NodeLogFile.open(path(name), 0),
    truncate: (name, length) => cut(path(name), length),
    remove: (name) => rm(path(name), { force: true }),
    sync: () => syncFolder(dir),
  };
}

/**
 * Linux: a write with this flag is the write and its fdatasync in one (open(2)), one task for a
 * thread instead of two. Elsewhere the flag may promise less than a sync, so that is called.
 */
const DSYNC = process.platform === "linux" ? constants.O_DSYNC : 0;
/** Zeros are written so many at a time. */
const ZEROS_BYTES = 256 * 1024;

class NodeLogFile implements LogFile {
  readonly sizeBytes: number;
  readonly #durable: FileHandle;
  /** Without O_DSYNC. */
  readonly #plain: FileHandle;
  /** For whoever writes ahead of a log that grows by megabytes a second: made once. */
  readonly #zeros = new Uint8Array(ZEROS_BYTES);

  private constructor(
    sizeBytes: number,
    handles: { readonly durable: FileHandle; readonly plain: FileHandle },
  ) {
    this.sizeBytes = sizeBytes;
    this.#durable = handles.durable;
    this.#plain = handles.plain;
  }

  static async open(path: string, how: number): Promise<NodeLogFile> {
    const durable = await open(path, constants.O_WRONLY | DSYNC | how, 0o600);
    try {
      const plain = await open(path, constants.O_WRONLY);
      const { size } = await plain.stat();
      return new NodeLogFile(size, { durable, plain });
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
      const zeros = this.#zeros.subarray(0, length - done);
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

async function cut(path: string, length: number): Promise<void> {
  await truncate(path, length);
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
