/** Files of ours in a database's folder, on Node's file system. */
import { constants, readSync } from "node:fs";
import { type FileHandle, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { bytesOf } from "@sagong/base";
import { DirectFile, syncFolder, writeAll } from "@sagong/base/real";
import type { DatabaseFile, DatabaseFiles } from "./databases.js";

export function nodeDatabaseFiles(dir: string): DatabaseFiles {
  const path = (name: string): string => join(dir, name);
  return {
    list: () => readdir(dir),
    create: (name) => NodeDatabaseFile.open(path(name), constants.O_CREAT | constants.O_EXCL),
    open: (name) => NodeDatabaseFile.open(path(name), 0),
    remove: (name) => rm(path(name), { force: true }),
    syncNames: () => syncFolder(dir),
  };
}

/**
 * What is appended goes past the kernel's cache where the system can: a store that is written to all
 * day would take a page for each 4 KiB that it may never read. What is read comes through it.
 */
class NodeDatabaseFile implements DatabaseFile {
  readonly sizeBytes: number;
  readonly #path: string;
  readonly #handle: FileHandle;
  /** Most files are only read. */
  #direct: Promise<DirectFile | undefined> | undefined;
  /** Behind all that was written; the file may have zeros behind it, up to the end of a block. */
  #end: number;

  private constructor(path: string, handle: FileHandle, sizeBytes: number) {
    this.#path = path;
    this.#handle = handle;
    this.sizeBytes = sizeBytes;
    this.#end = sizeBytes;
  }

  static async open(path: string, how: number): Promise<NodeDatabaseFile> {
    const handle = await open(path, constants.O_RDWR | how, 0o600);
    try {
      return new NodeDatabaseFile(path, handle, (await handle.stat()).size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async write(parts: readonly Uint8Array[], position: number): Promise<void> {
    const end = position + bytesOf(parts);
    this.#direct ??= DirectFile.open(this.#path, { isDurable: false });
    const direct = await this.#direct;
    const isAtEnd = end >= this.#end;
    if (!isAtEnd || !(await direct?.write(parts, position))) {
      direct?.forget();
      await writeAll(this.#handle.fd, parts, position);
    }
    this.#end = Math.max(this.#end, end);
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  async read(parts: readonly Uint8Array[], position: number): Promise<number> {
    const { bytesRead } = await this.#handle.readv(parts, position);
    return this.#written(bytesRead, position);
  }

  readSync(bytes: Uint8Array, position: number): number {
    return this.#written(readSync(this.#handle.fd, bytes, 0, bytes.length, position), position);
  }

  /** How many of so many bytes are not the rest of a block. */
  #written(bytesRead: number, position: number): number {
    return Math.max(0, Math.min(bytesRead, this.#end - position));
  }

  /** Cuts off what is no more than the rest of a block. */
  async close(): Promise<void> {
    try {
      const direct = await this.#direct;
      if (!direct) return;
      await direct.close();
      await this.#handle.truncate(this.#end);
    } finally {
      await this.#handle.close();
    }
  }
}
