/**
 * The door to a running raft member, as its owner (kv's member) sees it. The implementation is in
 * this folder: one loop that feeds the pure core and carries out what it asks for.
 */
import type { LogIndex, NodeId, Term } from "../core/types.js";
import type { RaftRole, RaftView } from "./raft-view.js";

export interface RaftStatus {
  readonly nodeId: NodeId;
  readonly role: RaftRole;
  readonly term: Term;
  readonly leaderId: NodeId | undefined;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly lastIndex: LogIndex;
}

export interface RaftNode {
  /**
   * Offers `data` to the log. All that is proposed in one turn of the event loop goes into one
   * batch; followers forward to the leader. Acceptance promises nothing: the entry may still be
   * lost with its leader, so the owner waits for it in `StateMachine.apply` with a time limit.
   * Throws `ProposalRefusedError` at once where it cannot be accepted (no leader, too much waits, node
   * closed); while leadership is handed over it waits for whoever leads then. Copies `data`.
   */
  propose(data: Uint8Array): void;
  /**
   * Resolves with an index such that a state machine that has applied it serves a linearizable
   * read (thesis §6.4, ReadIndex with a quorum round). Calls of one turn share one round. Rejects
   * with `ReadIndexRefusedError` when there is no leader, it changes, or the node closes.
   */
  readIndex(): Promise<LogIndex>;
  /** Thesis §3.10. Resolves when `target` leads; rejects after an election timeout. */
  transferLeadership(target: NodeId): Promise<void>;
  status(): RaftStatus;
  /** For observers; the same object from the member's start to its end. */
  inspect(): RaftView;
  /**
   * Called after each change of leader or term, and when a leader that could not be reached can be
   * again; synchronously from the loop.
   */
  onLeaderChange(listener: (status: RaftStatus) => void): () => void;
  /** Called once when the node stops itself: storage failed, an invariant broke. */
  onFatal(listener: (error: unknown) => void): () => void;
  close(): Promise<void>;
}
