/**
 * LevelDB as `LevelBackend` uses it: databases, each in a folder of its own with files of ours beside
 * LevelDB's, and what can be done to the folders. classic-level on Node's file system is behind it, or
 * the simulator's twin.
 */

export interface Databases {
  /** Makes it where it is missing. Rejects where it is damaged or held by another process. */
  open(dir: string, options: { readonly writeBufferBytes: number }): Promise<Database>;
  /** What lies in its log and not in its tables yet: its sizes do not count that. */
  logBytes(dir: string): Promise<number>;
  exists(dir: string): Promise<boolean>;
  /** On disk after the next `syncNames`, as a removal is. */
  rename(from: string, to: string): Promise<void>;
  /** With all that is in it; none is no error. A crash may leave a part. */
  remove(dir: string): Promise<void>;
  /** All of a database that nobody has open. */
  syncContents(dir: string): Promise<void>;
  /** The names of databases that stand beside `dir`, and its own. */
  syncNames(dir: string): Promise<void>;
  /** In the folder of a database that is open: they move with it, and go with it. */
  files(dir: string): DatabaseFiles;
}

/** Files of ours in a database's folder. LevelDB leaves alone what is not named as its own are. */
export interface DatabaseFiles {
  /** LevelDB's own may be among them. */
  list(): Promise<readonly string[]>;
  /** Rejects where there is one. Its name is on disk after the next `syncNames`, as a removal is. */
  create(name: string): Promise<DatabaseFile>;
  open(name: string): Promise<DatabaseFile>;
  /** None is no error. */
  remove(name: string): Promise<void>;
  syncNames(): Promise<void>;
}

export interface DatabaseFile {
  /** When it was opened: after a crash there may be up to 4 KiB of zeros behind what was written. */
  readonly sizeBytes: number;
  /**
   * All of it, or it rejects; on disk after the next `sync`. The parts must not change meanwhile. One
   * call at a time.
   */
  write(parts: readonly Uint8Array[], position: number): Promise<void>;
  sync(): Promise<void>;
  /** Fills the parts one after the other; answers how many bytes there were. */
  read(parts: readonly Uint8Array[], position: number): Promise<number>;
  readSync(bytes: Uint8Array, position: number): number;
  close(): Promise<void>;
}

export interface Database extends DatabaseReader {
  batch(): DatabaseBatch;
  snapshot(): DatabaseSnapshot;
  /** Of the tables, roughly. */
  approximateSize(first: Uint8Array, last: Uint8Array): Promise<number>;
  /** Sorts what is in the log into a table, begins a new log, and merges the tables of the range. */
  compactRange(first: Uint8Array, last: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface DatabaseReader {
  getSync(key: Uint8Array): Uint8Array | undefined;
  /** Everything in order of keys, unaffected by later writes. */
  iterator(): DatabaseIterator;
}

/** Reaches the disk as a whole or not at all, and behind the batches that were written before it. */
export interface DatabaseBatch {
  put(key: Uint8Array, value: Uint8Array): unknown;
  del(key: Uint8Array): unknown;
  /** With `sync`, all that is in the present log is on disk when it resolves. */
  write(options?: { readonly sync?: boolean }): Promise<void>;
}

export interface DatabaseIterator {
  nextv(size: number): Promise<[key: Uint8Array, value: Uint8Array][]>;
  close(): Promise<void>;
}

/** The database as it was when this was made. */
export interface DatabaseSnapshot extends DatabaseReader {
  close(): Promise<void>;
}
