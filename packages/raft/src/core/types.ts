/**
 * The nouns of consensus (Raft §5). Terms and indexes count from 1 and are safe-integer numbers,
 * checked where they enter (message decoding, log reading); ids are random 64-bit numbers.
 */
declare const brand: unique symbol;

/** A member's id: unsigned 64 bits, never 0. */
export type NodeId = bigint & { readonly [brand]?: "NodeId" };
/** Raft §5.1: a logical clock; 0 before the first election. */
export type Term = number & { readonly [brand]?: "Term" };
/** Position in the log; 0 stands before the first entry. */
export type LogIndex = number & { readonly [brand]?: "LogIndex" };

export type EntryKind = "normal" | "conf-change";

export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly kind: EntryKind;
  /**
   * A batch of proposals (proposals.ts); empty for the entry by which a new leader commits its term
   * (Raft §8). Never changed, and never copied again: log, messages and disk share it.
   */
  readonly data: Uint8Array;
}

/** What must be on disk before any message that depends on it is sent (Raft figure 2). */
export interface HardState {
  readonly term: Term;
  /** Undefined: no vote in this term. */
  readonly vote: NodeId | undefined;
  readonly commit: LogIndex;
}

/** Who counts towards quorums. Joint and learner sets join with membership change (Raft §6). */
export interface ConfState {
  readonly voters: readonly NodeId[];
}

/** Names the state that a snapshot replaces (Raft §7). */
export interface SnapshotMetadata {
  readonly index: LogIndex;
  readonly term: Term;
  readonly confState: ConfState;
}
