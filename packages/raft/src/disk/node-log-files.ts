/** The log's folder on Node's file system. */
import { constants } from "node:fs";
import { mkdir, open, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "@sagong/base/real";
import type { LogFile, LogFiles } from "../storage/log-files.js";
import { CachedLogFile } from "./cached-log-file.js";
import { DirectLogFile, type DirectLogFileOptions } from "./direct-log-file.js";

/** The folder need not exist. */
export function nodeLogFiles(dir: string, options: DirectLogFileOptions = {}): LogFiles {
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
    create: (name) => openLogFile(path(name), constants.O_CREAT | constants.O_EXCL, options),
    open: (name) => openLogFile(path(name), 0, options),
    truncate: (name, length) => cut(path(name), length),
    remove: (name) => rm(path(name), { force: true }),
    sync: () => syncFolder(dir),
  };
}

/** `how` is added to the flags of open(2). */
async function openLogFile(
  path: string,
  how: number,
  options: DirectLogFileOptions,
): Promise<LogFile> {
  const cached = await CachedLogFile.open(path, how);
  try {
    return (await DirectLogFile.over(cached, path, options)) ?? cached;
  } catch (error) {
    await cached.close();
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
