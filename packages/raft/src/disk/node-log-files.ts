/** The log's folder on Node's file system. */
import { constants } from "node:fs";
import { mkdir, open, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "@sagong/base/real";
import type { LogFile, LogFiles } from "../storage/log-files.js";
import { CachedLogFile } from "./cached-log-file.js";
import { BLOCK_BYTES, DirectLogFile, DirectMemory } from "./direct-log-file.js";

export interface NodeLogFilesOptions {
  /** What writes past the kernel's cache are made of: a power of two. */
  readonly blockBytes?: number;
}

/** The folder need not exist. */
export function nodeLogFiles(dir: string, options: NodeLogFilesOptions = {}): LogFiles {
  const path = (name: string): string => join(dir, name);
  const opener = new Opener(options.blockBytes ?? BLOCK_BYTES);
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
    create: (name) => opener.open(path(name), constants.O_CREAT | constants.O_EXCL),
    open: (name) => opener.open(path(name), 0),
    truncate: (name, length) => cut(path(name), length),
    remove: (name) => rm(path(name), { force: true }),
    sync: () => syncFolder(dir),
  };
}

/** Opens files that are written past the kernel's cache, where the system can. */
class Opener {
  readonly #blockBytes: number;
  /** Not lent to a file: a log has one that is open, mostly. */
  readonly #memories: DirectMemory[] = [];

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  async open(path: string, how: number): Promise<LogFile> {
    const cached = await CachedLogFile.open(path, how);
    try {
      const memory = this.#memories.pop() ?? newMemory();
      if (!memory) return cached;
      const onClose = (): void => {
        this.#memories.push(memory);
      };
      const direct = await DirectLogFile.over(cached, path, {
        memory,
        onClose,
        blockBytes: this.#blockBytes,
      });
      if (!direct) onClose();
      return direct ?? cached;
    } catch (error) {
      await cached.close();
      throw error;
    }
  }
}

/** Undefined where the process has no addresses left for one: the kernel's cache does as well. */
function newMemory(): DirectMemory | undefined {
  try {
    return new DirectMemory();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
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
