/** The log that the records of its segments tell of. */
import type { Entry, HardState, LogIndex, SnapshotMetadata } from "../core/types.js";
import { LogRecord } from "../gen/raft.js";
import { ENTRY_FORMAT } from "./entry-format.js";
import { EMPTY_HARD_STATE, LogStorageError, overlay, type StoredLog } from "./log-storage.js";
import { entryFromMessage, hardStateFromMessage, snapshotFromMessage } from "./record-codec.js";

export interface ReplayOptions {
  readonly dir: string;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly initial: SnapshotMetadata;
}

interface ReadRecord {
  readonly entries: readonly Entry[];
  readonly isReset: boolean;
}

export class SegmentReplay {
  readonly #options: ReplayOptions;
  readonly #records: ReadRecord[] = [];
  #hardState: HardState = EMPTY_HARD_STATE;
  #snapshot: SnapshotMetadata;

  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#snapshot = options.initial;
  }

  /** Returns the highest index in the record; 0 where it has no entry. `path` is for errors. */
  add(payload: Uint8Array, path: string): LogIndex {
    const record = LogRecord.decode(payload);
    if (record.identity) this.#checkIdentity(record.identity, path);
    if (record.hardState) this.#hardState = hardStateFromMessage(record.hardState);
    if (record.snapshot) this.#snapshot = snapshotFromMessage(record.snapshot);
    const entries = record.entries.map(entryFromMessage);
    this.#records.push({ entries, isReset: record.reset });
    return entries.at(-1)?.index ?? 0;
  }

  /**
   * Only what stands behind the last mark counts: segments before it may be gone, so earlier records
   * alone can begin in the middle.
   */
  finish(): StoredLog {
    const [hardState, snapshot] = [this.#hardState, this.#snapshot];
    const entries: Entry[] = [];
    const lastReset = this.#records.findLastIndex(({ isReset }) => isReset);
    for (const { entries: news } of this.#records.slice(lastReset + 1)) {
      const expected = snapshot.index + entries.length + 1;
      if (news[0] && news[0].index > expected) {
        throw new LogStorageError(
          `Cannot open the raft log in ${this.#options.dir}: entry ${news[0].index} follows where ${expected} was expected; restore this member from its peers`,
        );
      }
      overlay(entries, news, snapshot.index + 1);
    }
    return { hardState, snapshot, entries };
  }

  #checkIdentity(identity: NonNullable<LogRecord["identity"]>, path: string): void {
    const { clusterId, memberId } = this.#options;
    const text = (id: bigint): string => id.toString(16);
    if (identity.clusterId !== clusterId || identity.memberId !== memberId) {
      throw new LogStorageError(
        `Cannot open the raft log: ${path} is of member ${text(identity.memberId)} in cluster ${text(identity.clusterId)}, expected member ${text(memberId)} in cluster ${text(clusterId)}`,
      );
    }
    if (identity.format !== ENTRY_FORMAT) {
      throw new LogStorageError(
        `Cannot open the raft log: ${path} has entries of format ${identity.format}, expected ${ENTRY_FORMAT}; it was written by another version: remove this member's data directory and let it join with an empty one, or restore it from a snapshot file`,
      );
    }
  }
}
