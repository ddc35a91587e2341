/** The log in memory, for tests and simulations; durable as long as the object lives. */
import type { Entry, SnapshotMetadata } from "../core/types.js";
import {
  EMPTY_HARD_STATE,
  type LogBatch,
  type LogStorage,
  LogStorageError,
  overlay,
  type StoredLog,
} from "./log-storage.js";

export class MemoryLogStorage implements LogStorage {
  #log: StoredLog;
  #closed = false;

  constructor(log: StoredLog) {
    this.#log = log;
  }

  static create(snapshot: SnapshotMetadata): MemoryLogStorage {
    return new MemoryLogStorage({ hardState: EMPTY_HARD_STATE, snapshot, entries: [] });
  }

  /** Also what a restart would find. */
  get stored(): StoredLog {
    return this.#log;
  }

  async append({ hardState, entries = [] }: LogBatch): Promise<void> {
    this.#check();
    const all = [...this.#log.entries];
    overlay(all, entries, this.#log.snapshot.index + 1);
    this.#log = { ...this.#log, ...(hardState ? { hardState } : {}), entries: all };
  }

  async compact(snapshot: SnapshotMetadata): Promise<void> {
    this.#check();
    const entries = this.#log.entries.filter((entry: Entry) => entry.index > snapshot.index);
    this.#log = { ...this.#log, snapshot, entries };
  }

  async reset(snapshot: SnapshotMetadata): Promise<void> {
    this.#check();
    this.#log = { ...this.#log, snapshot, entries: [] };
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #check(): void {
    if (this.#closed) throw new LogStorageError("Cannot use the log: it is closed");
  }
}
