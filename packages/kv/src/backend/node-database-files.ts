/** Files of ours in a database's folder, on Node's file system. */
import { constants, readSync } from "node:fs";
import { type FileHandle, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder, writeAll } from "@sagong/base/real";
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

class NodeDatabaseFile implements DatabaseFile {
  readonly sizeBytes: number;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle;
    this.sizeBytes = sizeBytes;
  }

  static async open(path: string, how: number): Promise<NodeDatabaseFile> {
    const handle = await open(path, constants.O_RDWR | how, 0o600);
    try {
      return new NodeDatabaseFile(handle, (await handle.stat()).size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  write(parts: readonly Uint8Array[], position: number): Promise<void> {
    return writeAll(this.#handle.fd, parts, position);
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  async read(parts: readonly Uint8Array[], position: number): Promise<number> {
    const { bytesRead } = await this.#handle.readv(parts, position);
    return bytesRead;
  }

  readSync(bytes: Uint8Array, position: number): number {
    return readSync(this.#handle.fd, bytes, 0, bytes.length, position);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
