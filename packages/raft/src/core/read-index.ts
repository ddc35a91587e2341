/**
 * Reads that wait for the leader to prove that it still leads (thesis §6.4). All reads of one round
 * share one heartbeat exchange; round numbers are never used twice in a term, so that an answer
 * from before a pause cannot confirm a read that came after it (etcd issue 20418).
 */
import type { LogIndex, NodeId } from "./types.js";

/** A read: of this node (`from` undefined), or forwarded by a follower. */
export interface PendingRead {
  readonly from: NodeId | undefined;
  readonly context: number;
}

interface Round {
  readonly number: number;
  /** The commit index when the round began: what its reads must see. */
  readonly index: LogIndex;
  readonly reads: readonly PendingRead[];
  readonly acks: Set<NodeId>;
}

export interface ConfirmedRead extends PendingRead {
  readonly index: LogIndex;
}

/** More are refused: a leader cut off from its quorum would collect them for ever. */
const MAX_WAITING = 100_000;

export class ReadIndexQueue {
  #waiting: PendingRead[] = [];
  #rounds: Round[] = [];
  #lastRound = 0;

  /** False where too many wait already. */
  add(read: PendingRead): boolean {
    if (this.#waiting.length >= MAX_WAITING) return false;
    this.#waiting.push(read);
    return true;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** The newest round that lacks answers; 0 where none does. Heartbeats carry it. */
  get openRound(): number {
    return this.#rounds.at(-1)?.number ?? 0;
  }

  /** Turns what waits into a round whose heartbeats must now be sent. */
  begin(self: NodeId, commit: LogIndex): number {
    const number = ++this.#lastRound;
    this.#rounds.push({ number, index: commit, reads: this.#waiting, acks: new Set([self]) });
    this.#waiting = [];
    return number;
  }

  /** Counts an answer, which confirms its round and all before it. Returns what is confirmed. */
  acknowledge(
    from: NodeId,
    round: number,
    hasQuorum: (acks: ReadonlySet<NodeId>) => boolean,
  ): ConfirmedRead[] {
    let confirmed = -1;
    for (const [i, pending] of this.#rounds.entries()) {
      if (pending.number > round) break;
      pending.acks.add(from);
      if (hasQuorum(pending.acks)) confirmed = i;
    }
    const done = this.#rounds.splice(0, confirmed + 1);
    return done.flatMap(({ reads, index }) => reads.map((read) => ({ ...read, index })));
  }

  /** Leadership ended: nothing of this can be confirmed any more. Returns what was dropped. */
  reset(): PendingRead[] {
    const dropped = [...this.#rounds.flatMap(({ reads }) => reads), ...this.#waiting];
    this.#rounds = [];
    this.#waiting = [];
    return dropped;
  }
}
