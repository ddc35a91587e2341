/**
 * A running member's consensus state for those who judge it from outside: simulations and tests. It
 * is the live state, not a copy, so that looking costs the member nothing and tells of every change;
 * whoever holds it must only read. Each start of a member has a view of its own.
 */
import type { Entry, LogIndex, NodeId, SnapshotMetadata, Term } from "../core/types.js";

export type RaftRole = "follower" | "pre-candidate" | "candidate" | "leader";

export interface RaftView {
  readonly id: NodeId;
  readonly role: RaftRole;
  readonly term: Term;
  readonly vote: NodeId | undefined;
  readonly log: RaftLogView;
}

export interface RaftLogView {
  readonly snapshot: SnapshotMetadata;
  readonly lastIndex: LogIndex;
  readonly committed: LogIndex;
  readonly applied: LogIndex;
  /** Undefined where it is compacted or not there yet. The same object as long as it stays. */
  entryAt(index: LogIndex): Entry | undefined;
}
