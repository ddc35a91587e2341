/** The twin of LevelDB: `Databases` in a folder of a simulated disk, as one process has them. */
import { compareText, type Random } from "@sagong/base";
import type {
  Database,
  DatabaseBatch,
  DatabaseFiles,
  DatabaseIterator,
  Databases,
  DatabaseSnapshot,
} from "@sagong/kv/parts";
import type { DiskArea, DiskFaults } from "./disk-faults.js";
import { type DiskCall, DURATIONS } from "./disk-operations.js";
import type { DiskRoom } from "./disk-room.js";
import type { FolderNames } from "./folder-names.js";
import { SimulatedDatabaseFiles } from "./simulated-database-files.js";
import { type PairWrite, SimulatedDatabase } from "./simulated-database.js";
import type { SimulatedFile } from "./simulated-file.js";
import { SystemError } from "./system-error.js";

/** What lies beside the log: databases, and the identity record. */
export type MemberItem = SimulatedDatabase | SimulatedFile;

export interface DatabasesSurroundings {
  readonly names: FolderNames<MemberItem>;
  readonly faults: DiskFaults;
  readonly room: DiskRoom;
  readonly random: Random;
  readonly run: <T>(call: DiskCall<T>) => Promise<T>;
}

export class SimulatedDatabases implements Databases {
  readonly #around: DatabasesSurroundings;

  constructor(around: DatabasesSurroundings) {
    this.#around = around;
  }

  open(dir: string, options: { readonly writeBufferBytes: number }): Promise<Database> {
    const { names, faults, room, run } = this.#around;
    const area = areaOf(dir);
    const effect = (): Database => {
      const found = this.#find(dir);
      if (found?.isOpen) throw new LockedError(dir);
      if (found?.damage !== undefined) throw new Error(found.damage);
      if (faults.readErrors.has(area)) throw new SystemError("EIO", "read");
      room.take(area, 1);
      const database = found ?? new SimulatedDatabase();
      if (!found) names.add(dir, database);
      database.recover({ lies: faults.lyingSyncs.has(area) });
      database.isOpen = true;
      return new OpenDatabase(database, { ...this.#around, ...options, area });
    };
    return run({ takes: DURATIONS.sync, bytes: this.#find(dir)?.usedBytes ?? 0, effect });
  }

  logBytes(dir: string): Promise<number> {
    const effect = (): number => this.#find(dir)?.logBytes ?? 0;
    return this.#around.run({ takes: DURATIONS.names, effect });
  }

  exists(dir: string): Promise<boolean> {
    const effect = (): boolean => this.#around.names.get(dir) !== undefined;
    return this.#around.run({ takes: DURATIONS.names, effect });
  }

  rename(from: string, to: string): Promise<void> {
    const effect = (): void => {
      const { names } = this.#around;
      if (!names.rename(from, to)) throw new SystemError("ENOENT", `rename '${from}' -> '${to}'`);
    };
    return this.#around.run({ takes: DURATIONS.names, effect });
  }

  remove(dir: string): Promise<void> {
    const { names, run } = this.#around;
    const database = this.#find(dir);
    return run({
      takes: DURATIONS.names,
      effect: () => {
        // Its files go before its name: should that come back, they may or may not.
        if (database && this.#around.random.nextUint32() % 2 === 0) database.damage = HALF_REMOVED;
        names.remove(dir);
      },
      interrupt: (random) => {
        if (database && random.nextUint32() % 2 === 0) database.damage = HALF_REMOVED;
      },
    });
  }

  syncContents(dir: string): Promise<void> {
    const { faults, run } = this.#around;
    const area = areaOf(dir);
    const effect = (): void => {
      if (faults.syncErrors.has(area)) throw new SystemError("EIO", "fsync");
      if (!faults.lyingSyncs.has(area)) this.#find(dir)?.syncAll();
    };
    return run({ takes: DURATIONS.sync, effect });
  }

  syncNames(dir: string): Promise<void> {
    const { faults, names, run } = this.#around;
    const effect = (): void => {
      if (faults.syncErrors.has(areaOf(dir))) throw new SystemError("EIO", "fsync");
      if (!faults.ignoresFolderSyncs) names.sync();
    };
    return run({ takes: DURATIONS.sync, effect });
  }

  files(dir: string): DatabaseFiles {
    const database = this.#find(dir);
    if (!database?.isOpen) throw new SystemError("ENOENT", `open '${dir}'`);
    return new SimulatedDatabaseFiles(database.files, { ...this.#around, area: areaOf(dir), dir });
  }

  #find(dir: string): SimulatedDatabase | undefined {
    const item = this.#around.names.get(dir);
    return item instanceof SimulatedDatabase ? item : undefined;
  }
}

const HALF_REMOVED = "Corruption: CURRENT points to a non-existent file";

/** As LevelDB names it, by which `LevelBackend`'s owner knows it. */
class LockedError extends Error {
  readonly code = "LEVEL_LOCKED";

  constructor(dir: string) {
    super(`IO error: lock ${dir}/LOCK: already held by process`);
  }
}

/** The database of an image lies beside the member's own until it takes its place. */
function areaOf(dir: string): DiskArea {
  return dir.endsWith(".new") ? "image" : "database";
}

interface OpenSurroundings extends DatabasesSurroundings {
  readonly area: DiskArea;
  /** LevelDB leaves its log by itself when so much is in it. */
  readonly writeBufferBytes: number;
}

class OpenDatabase implements Database {
  readonly #database: SimulatedDatabase;
  readonly #around: OpenSurroundings;

  constructor(database: SimulatedDatabase, around: OpenSurroundings) {
    this.#database = database;
    this.#around = around;
  }

  getSync(key: Uint8Array): Uint8Array | undefined {
    this.#checkReads();
    return this.#database.get(nameOf(key));
  }

  batch(): DatabaseBatch {
    const writes: PairWrite[] = [];
    return {
      put: (key, value) => writes.push([nameOf(key), new Uint8Array(value)]),
      del: (key) => writes.push([nameOf(key), undefined]),
      write: ({ sync = false } = {}) => this.#write(writes, sync),
    };
  }

  iterator(): DatabaseIterator {
    return this.#iterate(this.#sorted());
  }

  snapshot(): DatabaseSnapshot {
    const pairs = this.#sorted();
    const index = new Map(pairs);
    return {
      getSync: (key) => index.get(nameOf(key)),
      iterator: () => this.#iterate(pairs),
      close: async () => {},
    };
  }

  approximateSize(): Promise<number> {
    const effect = (): number => this.#database.tableBytes;
    return this.#around.run({ takes: DURATIONS.names, effect });
  }

  async compactRange(first: Uint8Array): Promise<void> {
    const { faults, area, run } = this.#around;
    const database = this.#database;
    // LevelDB leaves its log at a moment of its own.
    const log = await run({ takes: DURATIONS.table, effect: () => database.leaveLog() });
    await this.#makeTables(log);
    const isAboveAll = first[0] === 0xff;
    if (isAboveAll) return;
    const effect = (): void => {
      if (faults.writeErrors.has(area)) throw new SystemError("EIO", "write");
      this.#around.room.take(area, 1);
      database.collectGarbage();
    };
    await run({ takes: DURATIONS.sync, bytes: database.tableBytes, effect });
  }

  close(): Promise<void> {
    const effect = (): void => {
      this.#database.isOpen = false;
    };
    return this.#around.run({ takes: DURATIONS.names, effect });
  }

  #write(writes: readonly PairWrite[], sync: boolean): Promise<void> {
    let bytes = 0;
    for (const [key, value] of writes) bytes += key.length + (value?.length ?? 0);
    return this.#around.run({
      takes: sync ? DURATIONS.durableWrite : DURATIONS.cachedWrite,
      bytes,
      effect: () => this.#writeNow(writes, { bytes, sync }),
      interrupt: (random) => {
        if (random.nextUint32() % 2 === 0) this.#database.write(writes, "unsynced");
      },
    });
  }

  #writeNow(
    writes: readonly PairWrite[],
    { bytes, sync }: { readonly bytes: number; readonly sync: boolean },
  ): void {
    const { area, faults, random, room } = this.#around;
    const database = this.#database;
    if (database.logBytes >= this.#around.writeBufferBytes) {
      // A failure is met by the next write, as in LevelDB.
      this.#makeTables(database.leaveLog()).catch(() => {});
    }
    if (faults.writeErrors.has(area)) {
      // LevelDB cannot know whether it will find the batch when it is opened again.
      if (random.nextUint32() % 2 === 0) database.write(writes, "never");
      throw new SystemError("EIO", "write");
    }
    room.take(area, bytes);
    if (sync && faults.syncErrors.has(area)) {
      database.write(writes, "never");
      throw new SystemError("EIO", "fsync");
    }
    database.write(writes, "unsynced");
    if (sync && !faults.lyingSyncs.has(area)) database.syncLog();
  }

  /** Of a log that was left. */
  #makeTables(log: number): Promise<void> {
    const { area, faults, run } = this.#around;
    const effect = (): void => {
      if (faults.writeErrors.has(area)) throw new SystemError("EIO", "write");
      if (faults.syncErrors.has(area)) throw new SystemError("EIO", "fsync");
      this.#database.finishLog(log, { lies: faults.lyingSyncs.has(area) });
    };
    return run({ takes: DURATIONS.table, effect });
  }

  #sorted(): readonly (readonly [string, Uint8Array])[] {
    return [...this.#database.pairs()].toSorted(([a], [b]) => compareText(a, b));
  }

  #iterate(pairs: readonly (readonly [string, Uint8Array])[]): DatabaseIterator {
    let at = 0;
    const next = (size: number): [Uint8Array, Uint8Array][] => {
      this.#checkReads();
      const some = pairs.slice(at, at + size);
      at += some.length;
      return some.map(([name, value]) => [Buffer.from(name, "latin1"), value]);
    };
    return {
      nextv: (size) => this.#around.run({ takes: DURATIONS.read, effect: () => next(size) }),
      close: async () => {},
    };
  }

  #checkReads(): void {
    if (this.#around.faults.readErrors.has(this.#around.area)) throw new SystemError("EIO", "read");
    if (this.#database.unreadable !== undefined) throw new Error(this.#database.unreadable);
  }
}

/** In it the order of UTF-16 units is the order of bytes. */
function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}
