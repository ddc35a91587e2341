/** LevelDB itself (classic-level), in folders of Node's file system. */
import { existsSync } from "node:fs";
import { link, mkdir, open, readdir, readFile, rename, rm, stat, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ClassicLevel } from "classic-level";
import type {
  Database,
  DatabaseBatch,
  DatabaseIterator,
  Databases,
  DatabaseSnapshot,
} from "./databases.js";

import { endOfSoundLog } from "./level-log.js";
import { nodeDatabaseFiles } from "./node-database-files.js";

/** LevelDB's, per process. */
const BLOCK_CACHE_BYTES = 8 * 1024 * 1024;
/** What one read of it fetches at most. */
const ITERATOR = { highWaterMarkBytes: 1024 * 1024 } as const;

export const levelDatabases: Databases = {
  open: openDatabase,
  logBytes,
  exists: async (dir) => existsSync(dir),
  rename,
  remove: (dir) => rm(dir, { recursive: true, force: true }),
  syncContents,
  syncNames: (dir) => syncPath(dirname(dir)),
  files: nodeDatabaseFiles,
};

async function openDatabase(
  dir: string,
  { writeBufferBytes }: { readonly writeBufferBytes: number },
): Promise<Database> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await cutLog(dir);
  const db = new ClassicLevel<Uint8Array, Uint8Array>(dir, {
    keyEncoding: "view",
    valueEncoding: "view",
    writeBufferSize: writeBufferBytes,
    cacheSize: BLOCK_CACHE_BYTES,
  });
  await db.open();
  return new LevelDatabase(db);
}

/**
 * Ends LevelDB's log at its first fault, so that of its batches the last are missing and never one in
 * the middle. Earlier logs were on disk as a whole before the last began: a fault in one is damage.
 */
async function cutLog(dir: string): Promise<void> {
  const names = (await readdir(dir)).filter((name) => name.endsWith(".log")).toSorted();
  for (const [i, name] of names.entries()) {
    const path = join(dir, name);
    const log = await readFile(path);
    const end = endOfSoundLog(log);
    if (end === log.length) continue;
    if (i < names.length - 1) {
      throw new Error(`${path} is damaged at offset ${end} of ${log.length}, with a log behind it`);
    }
    await exclusively(dir, async () => {
      await truncate(path, end);
      await syncPath(path);
    });
  }
}

/**
 * While no other process has the database open, or rejects as opening it would. LevelDB's lock is one
 * of the file `LOCK`, by whatever name it is opened: a database beside this one is opened with it.
 */
async function exclusively(dir: string, action: () => Promise<void>): Promise<void> {
  const probe = `${dir}.lock`;
  await rm(probe, { recursive: true, force: true });
  await mkdir(probe, { mode: 0o700 });
  try {
    await link(join(dir, "LOCK"), join(probe, "LOCK"));
    const db = new ClassicLevel(probe);
    await db.open();
    try {
      await action();
    } finally {
      await db.close();
    }
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}

class LevelDatabase implements Database {
  readonly #db: ClassicLevel<Uint8Array, Uint8Array>;

  constructor(db: ClassicLevel<Uint8Array, Uint8Array>) {
    this.#db = db;
  }

  getSync(key: Uint8Array): Uint8Array | undefined {
    return this.#db.getSync(key);
  }

  iterator(): DatabaseIterator {
    return this.#db.iterator(ITERATOR);
  }

  batch(): DatabaseBatch {
    return this.#db.batch();
  }

  snapshot(): DatabaseSnapshot {
    const snapshot = this.#db.snapshot();
    return {
      getSync: (key) => this.#db.getSync(key, { snapshot }),
      iterator: () => this.#db.iterator({ ...ITERATOR, snapshot }),
      close: () => snapshot.close(),
    };
  }

  approximateSize(first: Uint8Array, last: Uint8Array): Promise<number> {
    return this.#db.approximateSize(first, last);
  }

  compactRange(first: Uint8Array, last: Uint8Array): Promise<void> {
    return this.#db.compactRange(first, last);
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

async function logBytes(dir: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(dir)) {
    // LevelDB removes old logs at any time: one that is gone has no size.
    if (name.endsWith(".log")) {
      bytes += await stat(`${dir}/${name}`).then(
        ({ size }) => size,
        () => 0,
      );
    }
  }
  return bytes;
}

/** All files of a folder that nobody writes to, and their names. */
async function syncContents(dir: string): Promise<void> {
  for (const name of await readdir(dir)) await syncPath(join(dir, name));
  await syncPath(dir);
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
