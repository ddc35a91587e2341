/**
 * A data directory on Node's file system:
 *
 *     <data-dir>/member/identity.json   cluster, member and its fellows, written once
 *     <data-dir>/member/store/          the backend (LevelDB, files of blocks); its LOCK is the
 *                                       directory's lock
 *     <data-dir>/member/log/            raft's log
 *
 * Two processes on one directory would destroy it. The lock is LevelDB's own (an advisory lock of
 * the open file, freed by the kernel however the process ends), so the backend is opened before
 * anything else is read or written.
 */
import { open, readdir, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeFolders, syncFolder } from "@sagong/base/real";
import { hasCode } from "@sagong/base";
import { nodeLogFiles } from "@sagong/raft";
import { BackendError } from "../backend/backend-error.js";
import { LevelBackend } from "../backend/level-backend.js";
import { levelDatabases } from "../backend/level-databases.js";
import { DataDirError } from "./data-dir.js";
import type { MediumOptions, MemberDisk } from "./member-disk.js";
import type { StateMedium } from "./state-medium.js";

export function nodeMemberDisk(root: string): MemberDisk {
  const member = join(root, "member");
  const storeDir = join(member, "store");
  const logDir = join(member, "log");
  const identityFile = join(member, "identity.json");
  return {
    root,
    identityFile,
    prepare: () => prepare({ root, member, folders: [storeDir, logDir] }),
    openMedium: (options) => openMedium(options, { root, storeDir }),
    readIdentity: () => readText(identityFile),
    writeIdentity: (text) => writeDurably(identityFile, text),
    logFiles: nodeLogFiles(logDir),
  };
}

/** Makes the directories, and refuses one that belongs to the original etcd. */
async function prepare(dir: {
  readonly root: string;
  readonly member: string;
  readonly folders: readonly string[];
}): Promise<void> {
  try {
    for (const folder of dir.folders) await makeFolders(folder);
    // A process that was killed may have left names unsynced that this one builds upon.
    await syncFolder(dir.member);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DataDirError(`Cannot use the data directory ${dir.root}: ${why}`, { cause: error });
  }
  const names = await readdir(dir.member);
  if (names.includes("wal") || names.includes("snap")) {
    throw new DataDirError(
      `Cannot use the data directory ${dir.root}: it holds the files of an original etcd, ` +
        `expected an empty one or our own; choose another with --data-dir`,
    );
  }
}

async function openMedium(
  { clock, onError }: MediumOptions,
  dir: { readonly root: string; readonly storeDir: string },
): Promise<StateMedium> {
  try {
    return await LevelBackend.open({
      dir: dir.storeDir,
      databases: levelDatabases,
      clock,
      onError,
    });
  } catch (error) {
    if (!isLocked(error)) throw error;
    throw new DataDirError(
      `Cannot use the data directory ${dir.root}: another process uses it; stop that process, ` +
        `or choose another directory with --data-dir`,
      { cause: error },
    );
  }
}

/** LevelDB's refusal is two causes deep: ours, then abstract-level's, then its own. */
function isLocked(error: unknown): boolean {
  if (!(error instanceof BackendError)) return false;
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if (hasCode(cause, "LEVEL_LOCKED")) return true;
  }
  return false;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw new DataDirError(`Cannot read ${path}`, { cause: error });
  }
}

/** File and directory entry are on disk when this resolves; a crash leaves all or nothing. */
async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}
