/** Between the core's nouns and the generated messages of proto/sagong/raft.proto. */
import { ownBytes } from "../core/own-bytes.js";
import type { Entry, HardState, SnapshotMetadata } from "../core/types.js";
import {
  HardState as HardStateMessage,
  type LogEntry,
  LogEntryType,
  Snapshot as SnapshotMessage,
} from "../gen/raft.js";

export function entryToMessage(entry: Entry): LogEntry {
  const type = entry.kind === "conf-change" ? LogEntryType.CONF_CHANGE : LogEntryType.NORMAL;
  return { index: entry.index, term: entry.term, type, data: entry.data };
}

/**
 * The entry does not keep the file or the socket's buffer in memory that it was read from. Throws
 * `RangeError` where a counter is not exact as a number or the kind is unknown.
 */
export function entryFromMessage(message: LogEntry): Entry {
  if (message.type !== LogEntryType.NORMAL && message.type !== LogEntryType.CONF_CHANGE) {
    throw new RangeError(`entry ${message.index} has the unknown type ${message.type}`);
  }
  return {
    index: counter(message.index, "entry index"),
    term: counter(message.term, "entry term"),
    kind: message.type === LogEntryType.CONF_CHANGE ? "conf-change" : "normal",
    data: ownBytes(message.data),
  };
}

export function hardStateToMessage({ term, vote, commit }: HardState): HardStateMessage {
  return HardStateMessage.create({ term, vote: vote ?? 0n, commit });
}

export function hardStateFromMessage(message: HardStateMessage): HardState {
  return {
    term: counter(message.term, "term"),
    vote: message.vote === 0n ? undefined : message.vote,
    commit: counter(message.commit, "commit index"),
  };
}

export function snapshotToMessage({ index, term, confState }: SnapshotMetadata): SnapshotMessage {
  return SnapshotMessage.create({ index, term, voters: [...confState.voters] });
}

export function snapshotFromMessage(message: SnapshotMessage): SnapshotMetadata {
  return {
    index: counter(message.index, "snapshot index"),
    term: counter(message.term, "snapshot term"),
    confState: { voters: message.voters },
  };
}

/** The check at the door: terms and indexes are exact as numbers inside. */
export function counter(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`${what} ${value} is not a whole number below 2^53`);
}
