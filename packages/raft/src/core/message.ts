/**
 * What members say to each other. Every message carries the sender's term; a higher one makes the
 * receiver a follower of that term first (Raft §5.1), except for pre-votes, which only ask.
 */
import type { Entry, LogIndex, NodeId, SnapshotMetadata, Term } from "./types.js";

interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
}

/** Leader to follower: entries after (prevIndex, prevTerm), and how far is committed (§5.3). */
export interface Append extends Envelope {
  readonly kind: "append";
  readonly prevIndex: LogIndex;
  readonly prevTerm: Term;
  readonly entries: readonly Entry[];
  readonly commit: LogIndex;
}

/**
 * Follower to leader, after its entries are on disk. Accepted: its log agrees up to `index`.
 * Rejected: it does not at `index`; its own log may agree at (hintIndex, hintTerm), the last place
 * not above the conflicting term (§5.3, the optimization at its end).
 */
export interface AppendResponse extends Envelope {
  readonly kind: "append-response";
  readonly index: LogIndex;
  readonly rejected: boolean;
  readonly hintIndex: LogIndex;
  readonly hintTerm: Term;
}

/**
 * Leader to follower: this much is committed, told when no append is there to carry it. Holds for a
 * log that has the entry (index, logTerm). Never answered: it asks for nothing, and a heartbeat says
 * the same again.
 */
export interface Commit extends Envelope {
  readonly kind: "commit";
  readonly index: LogIndex;
  readonly logTerm: Term;
  readonly commit: LogIndex;
}

/** Leader to follower: I lead. `round` is that of the reads which wait for an answer, or 0. */
export interface Heartbeat extends Envelope {
  readonly kind: "heartbeat";
  readonly commit: LogIndex;
  readonly round: number;
}

export interface HeartbeatResponse extends Envelope {
  readonly kind: "heartbeat-response";
  readonly round: number;
  /** No client reads, writes or watches there: it may be told late (sparing.ts). */
  readonly idle: boolean;
}

/** Candidate to all (§5.2); as pre-vote it asks whether a campaign would win (thesis §9.6). */
export interface Vote extends Envelope {
  readonly kind: "vote" | "pre-vote";
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  /** The leader itself asked for this campaign: leases do not hold it up (thesis §3.10). */
  readonly transfer: boolean;
}

export interface VoteResponse extends Envelope {
  readonly kind: "vote-response" | "pre-vote-response";
  readonly granted: boolean;
}

/** Leader to its own node: this follower needs entries that are compacted; send it an image (§7). */
export interface SnapshotNeeded extends Envelope {
  readonly kind: "snapshot";
  readonly metadata: SnapshotMetadata;
}

/** Follower to leader: please append these. */
export interface Propose extends Envelope {
  readonly kind: "propose";
  /** Batches of proposals; a leader may join them to its own. */
  readonly data: readonly Uint8Array[];
}

/** Follower to leader: please confirm a read index for my request `context` (thesis §6.4). */
export interface ReadIndexRequest extends Envelope {
  readonly kind: "read-index";
  readonly context: number;
}

export interface ReadIndexResponse extends Envelope {
  readonly kind: "read-index-response";
  readonly context: number;
  readonly index: LogIndex;
}

/** Leader to the member that shall lead next: campaign at once (thesis §3.10). */
export interface TimeoutNow extends Envelope {
  readonly kind: "timeout-now";
}

export type Message =
  | Append
  | AppendResponse
  | Commit
  | Heartbeat
  | HeartbeatResponse
  | Vote
  | VoteResponse
  | SnapshotNeeded
  | Propose
  | ReadIndexRequest
  | ReadIndexResponse
  | TimeoutNow;

/** Only the leader of its term sends these. */
export function isOfLeader({ kind }: Message): boolean {
  return kind === "append" || kind === "commit" || kind === "heartbeat" || kind === "snapshot";
}
