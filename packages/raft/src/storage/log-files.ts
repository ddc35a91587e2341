/**
 * The folder that a log lies in, as its storage sees it: files by name, and for each call what is
 * on disk when it resolves. Node's file system and the simulator's disk are behind it.
 *
 * A rejection carries the system's code (`ENOSPC`, `EIO`, …) as `code`, where it has one.
 */
export interface LogFiles {
  /** The folder's name, for messages. */
  readonly dir: string;
  /** Makes the folder where it is missing. */
  make(): Promise<void>;
  /** The names of all files, in no particular order. */
  list(): Promise<readonly string[]>;
  read(name: string): Promise<Uint8Array>;
  /** Rejects with `EEXIST` where there is one. Its name is on disk after the next `sync`. */
  create(name: string): Promise<LogFile>;
  open(name: string): Promise<LogFile>;
  /** The file's new length is on disk when this resolves. */
  truncate(name: string, length: number): Promise<void>;
  /** One that is gone already is no error. On disk after the next `sync`. */
  remove(name: string): Promise<void>;
  /** Puts the names of the files on disk, and that others are gone. */
  sync(): Promise<void>;
}

/** A file that is open for writing. Writes of the two kinds may be under way at once. */
export interface LogFile {
  /** When it was opened. */
  readonly sizeBytes: number;
  /** Writes these parts, one behind the other, from `position` on; they are on disk when it resolves. */
  writeDurably(parts: readonly Uint8Array[], position: number): Promise<void>;
  /** Zeros, on disk after the next `sync`: they take their room on the disk. */
  writeZeros(length: number, position: number): Promise<void>;
  /** All that was written is on disk when it resolves, and the file's size with it. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
