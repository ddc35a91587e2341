/** Folders whose names must survive a power loss. */
import { mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { hasCode } from "@sagong/base";

/**
 * Makes a folder with those above it, each on disk in its parent. Not by Node's recursive mkdir: that
 * never ends on a file system that answers ENOENT, such as /proc.
 */
export async function makeFolders(path: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) return;
    throw new Error(`${path} is not a directory`);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
  await makeFolders(dirname(path));
  await mkdir(path, { mode: 0o700 });
  await syncFolder(dirname(path));
}

/** A new or removed name survives a crash only once its folder is on disk. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
