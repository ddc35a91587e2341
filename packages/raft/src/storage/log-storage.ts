/**
 * Where a member keeps its log: term, vote, entries and the mark up to which the state machine has
 * everything. Two implementations, files and memory, pass one suite.
 */
import type { Entry, HardState, LogIndex, SnapshotMetadata } from "../core/types.js";

export interface LogBatch {
  readonly hardState?: HardState | undefined;
  /** An index that is there already replaces it and all after it. */
  readonly entries?: readonly Entry[];
}

export interface StoredLog {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMetadata;
  /** Those after the snapshot. */
  readonly entries: readonly Entry[];
}

/**
 * Calls must not overlap. After a rejection the storage is closed for good: what is on disk is not
 * known until it is opened again, and a failed fsync must not be tried again.
 */
export interface LogStorage {
  /** What was there on opening. */
  readonly stored: StoredLog;
  /** Resolves when the batch is durable. One write and one fsync. */
  append(batch: LogBatch): Promise<void>;
  /** Everything up to `snapshot` is durable in the state machine: the log may forget it. */
  compact(snapshot: SnapshotMetadata): Promise<void>;
  /** An image replaced the state machine: all entries are void (Raft §7). Durable on return. */
  reset(snapshot: SnapshotMetadata): Promise<void>;
  close(): Promise<void>;
}

export const EMPTY_HARD_STATE: HardState = { term: 0, vote: undefined, commit: 0 };

/**
 * Puts `entries` behind or over `log`, whose first entry has index `first`. Changes `log`. Entries
 * before `first` are not kept, but what they replaced goes: all that stood behind them.
 */
export function overlay(log: Entry[], entries: readonly Entry[], first: LogIndex): void {
  const start = entries[0];
  if (!start) return;
  log.length = Math.min(log.length, Math.max(0, start.index - first));
  for (const entry of entries) if (entry.index >= first) log.push(entry);
}

/** The log cannot be trusted or written; `message` names file and offset. The member must stop. */
export class LogStorageError extends Error {
  override readonly name: string = "LogStorageError";
}
